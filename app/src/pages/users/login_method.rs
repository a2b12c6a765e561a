//! How somebody signs in, as the dialogs for inviting and editing offer it: the login method, and who the person is at the provider.

use super::words::{method_line, method_name};
use crate::{
    components::{Field, FieldProblem, problem_at},
    domain::{
        fields,
        member::{LoginMethod, LoginMethodKind, MAX_IDENTIFIER_CHARS},
        name,
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, text},
};
use leptos::prelude::*;

/// The login method that the person has so far.
#[derive(Clone, Default)]
pub(super) struct CurrentMethod {
    /// The id of the login method; empty for the first one on offer.
    pub(super) method: String,
    /// The User identifier.
    pub(super) identifier: String,
    /// Does the row of an invited person have no name yet (R50)?
    pub(super) asks_for_names: bool,
    /// Has the person joined, so that there is no first sign-in to come (R67)?
    pub(super) has_joined: bool,
}

/// The login methods that are available and fully set up, no other; and, to stand below, what the chosen one has to know of the person. A
/// provider's fields are there without scripting too: the style sheet shows them while such a method is chosen.
pub(super) fn login_method_fields(
    locale: Locale,
    methods: Vec<LoginMethod>,
    present: CurrentMethod,
    error: Signal<Option<AppError>>,
) -> (AnyView, Option<AnyView>) {
    let first = methods.first().map(|method| method.id.to_string()).unwrap_or_default();
    let present_method = if present.method.is_empty() { first } else { present.method.clone() };
    let chosen = RwSignal::new(old_input("form[method]").unwrap_or(present_method));
    let cards: Vec<_> = methods.iter().map(|method| card(locale, method, chosen).into_any()).collect();
    let none =
        cards.is_empty().then(|| view! { <p class="note note-warn">{text!(locale, users.invite_no_methods)}</p> });
    let by_provider = methods
        .iter()
        .any(|method| method.kind == LoginMethodKind::OAuth)
        .then(|| by_provider(locale, methods, chosen, present, error).into_any());
    let choice = view! {
        <fieldset class="methods">
            <legend>{text!(locale, users.invite_method)}</legend>
            {cards}
            {none}
            <FieldProblem id="form-method-problem" problem=problem_at(error, fields::Field::LoginMethod) />
        </fieldset>
    };
    (choice.into_any(), by_provider)
}

fn card(locale: Locale, method: &LoginMethod, chosen: RwSignal<String>) -> impl IntoView + use<> {
    let id = method.id.to_string();
    let (title, line) = (format!("method-{id}-title"), format!("method-{id}"));
    let class = match method.kind {
        LoginMethodKind::Password => None,
        LoginMethodKind::OAuth => Some("is-provider"),
    };
    let checked = untrack(|| chosen.with(|chosen| *chosen == id));
    view! {
        <label class="card-choice">
            <input
                type="radio"
                name="form[method]"
                class=class
                value=id.clone()
                checked=checked
                aria-labelledby=title.clone()
                aria-describedby=line.clone()
                on:change=move |_| chosen.set(id.clone())
            />
            <span class="card-title" id=title>{method_name(locale, method)}</span>
            <span class="card-line" id=line>{method_line(locale, method)}</span>
        </label>
    }
}

/// Who the person is at the provider.
fn by_provider(
    locale: Locale,
    methods: Vec<LoginMethod>,
    chosen: RwSignal<String>,
    present: CurrentMethod,
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    // What was typed stays while one provider's words take the place of another's.
    let kept = RwSignal::new(old_input("form[identifier]").unwrap_or(present.identifier));
    let identifier = move || {
        let method = chosen.with(|id| methods.iter().find(|method| method.id.to_string() == *id).cloned());
        let optional = !present.has_joined && method.as_ref().is_some_and(LoginMethod::fixes_identifiers);
        let hint = method.as_ref().and_then(|method| identifier_hint(locale, method, optional));
        view! {
            <Field
                name="form[identifier]"
                label=text!(locale, users.identifier)
                hint=hint.unwrap_or_else(|| text!(locale, users.identifier_hint).to_owned())
                kind=crate::components::Kind::Verbatim
                most=MAX_IDENTIFIER_CHARS
                initial=kept.get_untracked()
                optional
                problem=problem_at(error, fields::Field::Identifier)
                check=check_identifier
                on_input=move |text| kept.set(text)
            />
        }
    };
    let names = present.asks_for_names.then(|| {
        view! {
            <div class="field-row">
                <Field
                    name="form[first_name]"
                    label=text!(locale, users.first_name)
                    optional=true
                    problem=problem_at(error, fields::Field::FirstName)
                    check=check_name
                />
                <Field
                    name="form[last_name]"
                    label=text!(locale, users.last_name)
                    optional=true
                    problem=problem_at(error, fields::Field::LastName)
                    check=check_name
                />
            </div>
        }
    });
    view! { <div class="by-provider">{identifier} {names}</div> }
}

/// What the method means by User identifier, with the one that the last test received.
fn identifier_hint(locale: Locale, method: &LoginMethod, optional: bool) -> Option<String> {
    let hint = method.hint.as_ref()?;
    let (claim, name) = (hint.claim.clone(), method_name(locale, method));
    let what = match hint.example.clone() {
        Some(example) => text!(locale, users.identifier_example, claim = claim, method = name, example = example),
        None => text!(locale, users.identifier_of, claim = claim, method = name),
    };
    Some(if optional { format!("{what} {}", text!(locale, users.identifier_at_first_sign_in)) } else { what })
}

fn check_identifier(text: &str) -> Result<(), fields::Problem> {
    LoginMethodKind::OAuth.parse_identifier(text).map(drop)
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}
