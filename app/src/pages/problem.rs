//! What went wrong on the way to a provider and back, for the person: few words, since the details are the admins' (OA-16).

use crate::{
    components::Icon,
    i18n::{Locale, text, use_locale},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Says what the address brought back under `problem`; a word that Roster did not put there says nothing of its own.
pub(super) fn problem_note() -> impl IntoView {
    let locale = use_locale();
    let query = use_query_map();
    move || {
        let key = query.with(|map| map.get("problem"))?;
        let words = words(locale, &key);
        Some(view! {
            <div class="note note-bad" role="alert">
                <Icon name="alert" />
                <p>{words}</p>
            </div>
        })
    }
}

fn words(locale: Locale, key: &str) -> String {
    match key {
        "interaction-required" => text!(locale, session.problem_interaction).to_owned(),
        "off" => text!(locale, session.problem_off).to_owned(),
        "denied" => text!(locale, session.problem_denied).to_owned(),
        "attempt" => text!(locale, session.problem_attempt).to_owned(),
        "not-a-member" => text!(locale, session.problem_not_a_member).to_owned(),
        "somebody-else" => text!(locale, session.problem_somebody_else).to_owned(),
        "admin-confirms" => text!(locale, session.problem_admin_confirms).to_owned(),
        "signed-in-as-another" => text!(locale, session.problem_signed_in_as_another).to_owned(),
        "sign-in-first" => text!(locale, session.problem_sign_in_first).to_owned(),
        "unreachable" | "timed-out" | "circuit-open" | "provider-error" => {
            text!(locale, session.problem_away).to_owned()
        }
        other => {
            // Anybody can make such an address: only the shape of our own words is shown.
            let code: String = other.chars().filter(|c| c.is_ascii_lowercase() || *c == '-').take(30).collect();
            text!(locale, session.problem_other, code = code)
        }
    }
}
