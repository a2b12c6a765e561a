//! Choosing a password: the rules in words, a look at what was typed, and how hard it is to guess.

use super::{
    FieldProblem, Icon,
    field::{max_length, show_later, shown_problem, too_long},
    field_id,
};
use crate::{
    api::session::{MeasurePassword, StrengthForm},
    domain::{
        fields::Problem,
        password::{MAX_CHARS, Strength, check_length},
    },
    i18n::{Locale, text, use_locale},
    rpc::call,
};
use leptos::{ev, html, prelude::*, task::spawn_local};
use std::time::Duration;

/// A pause in typing after which the server is asked.
const STRENGTH_DEBOUNCE: Duration = Duration::from_millis(300);

/// A field for a new password.
#[component]
pub fn NewPasswordField(
    /// The name in the form, such as `form[password]`.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// The fewest characters (PW-01).
    shortest: u32,
    /// What the server says of it.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// Words of the person's own, which it is not to be built from (PW-05).
    #[prop(optional, into)]
    own_words: Signal<Vec<String>>,
) -> impl IntoView {
    let locale = use_locale();
    let id = field_id(name);
    let input = NodeRef::<html::Input>::new();
    let (visible, set_visible) = signal(false);
    // The button needs scripting; it is not there without.
    let (live, set_live) = signal(false);
    Effect::new(move || set_live.set(true));

    let shown = shown_problem(problem);
    let strength = RwSignal::new(None::<Strength>);
    let mut measure = debounce(STRENGTH_DEBOUNCE, move |password: String| {
        // The form may be gone by then, and again when the answer comes.
        let Some(own_words) = own_words.try_get_untracked() else { return };
        let form = StrengthForm { password: password.clone(), own_words };
        spawn_local(async move {
            let answer = call(MeasurePassword { form }).await;
            let still = input.try_get_untracked().flatten().is_some_and(|input| input.value() == password);
            if let (true, Ok(measured)) = (still, answer) {
                strength.try_set(Some(measured));
            }
        });
    });
    let typed = move |event: ev::Targeted<ev::Event, leptos::web_sys::HtmlInputElement>| {
        let password = event.target().value();
        shown.set(too_long(&password, MAX_CHARS));
        if check_length(&password, shortest).is_ok() {
            measure(password);
        } else {
            strength.set(None);
        }
    };
    let left = move |password: String| {
        let measured = strength.with_untracked(|strength| strength.as_ref().and_then(|strength| strength.problem));
        if !password.is_empty() {
            show_later(shown, check_length(&password, shortest).err().or(measured));
        }
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <p class="field-hint" id=format!("{id}-hint")>{text!(locale, common.password_rules, least = shortest)}</p>
            <div class="field-with-button">
                <input
                    node_ref=input
                    id=id.clone()
                    name=name
                    type=move || if visible.get() { "text" } else { "password" }
                    autocomplete="new-password"
                    autocapitalize="none"
                    spellcheck="false"
                    maxlength=max_length(MAX_CHARS)
                    required
                    aria-describedby=format!("{id}-hint {id}-strength {id}-problem")
                    aria-invalid=move || shown.get().map(|_| "true")
                    on:input:target=typed
                    on:change:target=move |event| left(event.target().value())
                />
                <button
                    type="button"
                    class="button button-icon"
                    hidden=move || !live.get()
                    aria-pressed=move || if visible.get() { "true" } else { "false" }
                    aria-label=text!(locale, common.show_password)
                    title=move || {
                        if visible.get() { text!(locale, common.hide_password) } else { text!(locale, common.show_password) }
                    }
                    on:click=move |_| set_visible.update(|visible| *visible = !*visible)
                >
                    {move || view! { <Icon name=if visible.get() { "eye-off" } else { "eye" } /> }}
                </button>
            </div>
            <div class="strength" id=format!("{id}-strength") aria-live="polite">
                {move || strength.get().map(|strength| view! { <Meter locale score=strength.score /> })}
            </div>
            <FieldProblem id=format!("{id}-problem") problem=shown />
        </div>
    }
}

/// Four bars and a word.
#[component]
fn Meter(locale: Locale, score: u8) -> impl IntoView {
    let word = match score {
        0 => text!(locale, common.strength_0),
        1 => text!(locale, common.strength_1),
        2 => text!(locale, common.strength_2),
        3 => text!(locale, common.strength_3),
        _ => text!(locale, common.strength_4),
    };
    view! {
        <div class="strength-bars" data-score=score.to_string() aria-hidden="true">
            <i></i>
            <i></i>
            <i></i>
            <i></i>
        </div>
        <span>{text!(locale, common.strength, word = word)}</span>
    }
}
