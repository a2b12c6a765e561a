//! The address of an account, proposed from its name.

use super::Field;
use crate::{
    domain::{
        fields::Problem,
        name::{MAX_SLUG_CHARS, Slug},
    },
    flash::old_input,
    i18n::{text, use_locale},
};
use leptos::{html, prelude::*};

/// The field of an account's address: follows the account's name until somebody edits it. Left empty, the server proposes.
#[component]
pub fn ProposedSlug(
    /// The name in the form.
    name: &'static str,
    /// The account's name as it is typed.
    #[prop(into)]
    of: Signal<String>,
    /// What the server says of it.
    #[prop(into)]
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let locale = use_locale();
    let input = NodeRef::<html::Input>::new();
    // One that came back with an error was chosen.
    let edited = RwSignal::new(old_input(name).is_some_and(|slug| !slug.is_empty()));
    Effect::new(move || {
        let proposed = of.with(|name| Slug::propose(name));
        if let (false, Some(input)) = (edited.get_untracked() || proposed.is_empty(), input.get_untracked()) {
            input.set_value(&proposed);
        }
    });
    view! {
        <Field
            name
            label=text!(locale, session.slug)
            hint=text!(locale, session.slug_hint)
            optional=true
            most=MAX_SLUG_CHARS
            check=check
            problem
            on_input=move |text: String| edited.set(!text.is_empty())
            node_ref=input
        />
    }
}

fn check(text: &str) -> Result<(), Problem> {
    Slug::parse(text).map(drop)
}
