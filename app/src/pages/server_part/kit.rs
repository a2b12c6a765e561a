//! What the pages made on the server are made of: the same classes as the components of the browser's half, without its signals.

use crate::{
    api::login_methods::{Notice, ShownClaim},
    components::{Icon, field_id, in_utc, iso},
    domain::{
        fields::{Field, FieldErrors},
        name::Slug,
        oauth::{Failure, Fault},
        time::Timestamp,
    },
    i18n::{Locale, fault_text, problem_text, text},
    paths,
};
use leptos::{prelude::*, server_fn::ServerFn};

/// A form to this server function, for this account.
pub(super) fn form<S: ServerFn>(slug: &Slug, class: &'static str, fields: impl IntoView) -> AnyView {
    view! {
        <form method="post" action=S::PATH class=class>
            <input type="hidden" name="account" value=slug.to_string() />
            {fields.into_any()}
        </form>
    }
    .into_any()
}

/// A value that goes with a form.
pub(super) fn hidden(name: &'static str, value: impl ToString) -> AnyView {
    view! { <input type="hidden" name=name value=value.to_string() /> }.into_any()
}

/// One line of a form.
pub(super) struct Line<'a> {
    pub(super) field: Field,
    pub(super) name: &'static str,
    pub(super) label: &'a str,
    pub(super) hint: &'a str,
    pub(super) value: &'a str,
    pub(super) optional: bool,
}

impl Line<'_> {
    /// A line of text.
    pub(super) fn text(self, locale: Locale, errors: &FieldErrors) -> AnyView {
        self.input(locale, errors, "text", None)
    }

    /// A secret: never shown again (OA-17).
    pub(super) fn secret(self, locale: Locale, errors: &FieldErrors) -> AnyView {
        self.input(locale, errors, "password", None)
    }

    /// The path of a claim. Where a test has just shown claims, they complete what is typed, and what it leads to stands below.
    pub(super) fn claim(self, locale: Locale, errors: &FieldErrors, received: Option<&[ShownClaim]>) -> AnyView {
        self.input(locale, errors, "text", received)
    }

    fn input(
        self,
        locale: Locale,
        errors: &FieldErrors,
        kind: &'static str,
        received: Option<&[ShownClaim]>,
    ) -> AnyView {
        let id = field_id(self.name);
        let problem = errors.of(self.field);
        let preview_id = format!("{id}-preview");
        let preview = received.map(|claims| {
            let nothing = text!(locale, methods.nothing);
            let found = claims.iter().find(|claim| claim.path == self.value).map(|claim| claim.value.clone());
            view! {
                <p class="field-preview">
                    {text!(locale, methods.preview)} " "
                    <output id=preview_id.clone() for=id.clone() data-nothing=nothing>
                        {found.unwrap_or_else(|| nothing.to_owned())}
                    </output>
                </p>
            }
        });
        view! {
            <div class="field">
                <label for=id.clone()>
                    {self.label.to_owned()}
                    {self.optional.then(|| view! { " " <span class="field-optional">{text!(locale, common.optional)}</span> })}
                </label>
                {(!self.hint.is_empty()).then(|| view! { <p class="field-hint" id=format!("{id}-hint")>{self.hint.to_owned()}</p> })}
                <input
                    id=id.clone()
                    name=self.name
                    type=kind
                    value=self.value.to_owned()
                    autocomplete=if kind == "password" { "new-password" } else { "off" }
                    autocapitalize="none"
                    spellcheck="false"
                    list=received.map(|_| "claims")
                    data-preview=received.map(|_| preview_id)
                    aria-describedby=format!("{id}-hint {id}-problem")
                    aria-invalid=problem.map(|_| "true")
                />
                {preview}
                <p class="field-problem" id=format!("{id}-problem")>
                    {problem.map(|problem| problem_text(locale, problem))}
                </p>
            </div>
        }
        .into_any()
    }
}

/// The text of a `<textarea>`, for its `inner_html`: tachys writes the children of this element as they are, whatever they hold. A line
/// break at the very beginning would be taken away by the browser, so one stands before it.
pub(super) fn text_area_content(text: &str) -> String {
    format!("\n{}", html_escape::encode_text(text))
}

/// A choice of a few, each with a word.
pub(super) fn choice(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    chosen: &str,
    of: &[(&'static str, &'static str)],
) -> AnyView {
    let id = field_id(name);
    let options: Vec<_> =
        of.iter().map(|(key, words)| view! { <option value=*key selected=*key == chosen>{*words}</option> }).collect();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="field-hint" id=format!("{id}-hint")>{hint}</p> })}
            <select id=id.clone() name=name aria-describedby=format!("{id}-hint")>
                {options}
            </select>
        </div>
    }
    .into_any()
}

/// A button that sends its form.
pub(super) fn button(class: &'static str, words: impl Into<String>, enabled: bool) -> AnyView {
    let words: String = words.into();
    view! { <button type="submit" class=class disabled=!enabled><span class="button-text">{words}</span></button> }
        .into_any()
}

/// A note: what it means to the reader is in its icon and its words.
pub(super) fn note(class: &'static str, icon: &'static str, content: impl IntoView) -> AnyView {
    let role = match class {
        "note note-bad" => Some("alert"),
        "note note-good" => Some("status"),
        _ => None,
    };
    view! {
        <div class=class role=role tabindex=role.map(|_| "-1")>
            <Icon name=icon />
            <div>{content.into_any()}</div>
        </div>
    }
    .into_any()
}

/// Something is wrong with what was typed: said at the top, and at the fields.
pub(super) fn refused(locale: Locale, errors: &FieldErrors) -> Option<AnyView> {
    let words = text!(locale, errors.invalid);
    (*errors != FieldErrors::default()).then(|| note("note note-bad", "alert", view! { <p>{words}</p> }))
}

/// What came of the last form.
pub(super) fn notice(locale: Locale, notice: Option<Notice>) -> Option<AnyView> {
    let good = |words: &'static str| note("note note-good", "check", view! { <p>{words}</p> });
    let bad = |words: String| note("note note-bad", "alert", view! { <p>{words}</p> });
    Some(match notice? {
        Notice::LastWayIn => bad(text!(locale, methods.last_way_in).into()),
        Notice::InUse => bad(text!(locale, methods.in_use).into()),
        Notice::Failed(failure) => {
            let words = fault_text(locale, failure.fault);
            note(
                "note note-bad",
                "alert",
                view! { <p>{words}</p> {values(locale, &failure)} {more(locale, failure.fault)} },
            )
        }
        Notice::TestGone => bad(text!(locale, methods.test_gone).into()),
        Notice::IdentifierTaken => bad(text!(locale, methods.identifier_taken).into()),
        Notice::DecidedBefore => bad(text!(locale, methods.decided_before).into()),
        Notice::Saved => good(text!(locale, methods.saved)),
        Notice::SavedTrimmed => good(text!(locale, methods.saved_trimmed)),
        Notice::Live => good(text!(locale, methods.made_live)),
        Notice::UsedForMe => good(text!(locale, methods.used_for_me)),
        Notice::SwitchedOn => good(text!(locale, methods.switched_on)),
        Notice::SwitchedOff => good(text!(locale, methods.switched_off)),
        Notice::Removed => good(text!(locale, methods.removed)),
        Notice::Discarded => good(text!(locale, methods.discarded)),
        Notice::CodeMailed => good(text!(locale, methods.prove_code_mailed)),
        Notice::Decided => good(text!(locale, methods.decided)),
    })
}

/// What was to stand there, and what the provider sent.
pub(super) fn values(locale: Locale, failure: &Failure) -> Option<AnyView> {
    let line = |words: &'static str, value: &Option<String>| {
        value.clone().map(|value| view! { <dt>{words}</dt> <dd><code>{value}</code></dd> })
    };
    let lines = (
        line(text!(locale, methods.fault_expected), &failure.expected),
        line(text!(locale, methods.fault_received), &failure.received),
    );
    (failure.expected.is_some() || failure.received.is_some())
        .then(|| view! { <dl class="facts">{lines}</dl> }.into_any())
}

/// The section of the guide about a fault.
pub(super) fn more(locale: Locale, fault: Fault) -> AnyView {
    view! {
        <p>
            <a href=paths::login_methods_guide(fault.key()) rel="external" target="_blank">
                {text!(locale, methods.fault_more)}
            </a>
            " " <code>{fault.key()}</code>
        </p>
    }
    .into_any()
}

/// Changes ask for a fresh sign-in (AZ-16): said before anybody types.
pub(super) fn sign_in_again(locale: Locale, slug: &Slug, here: &str) -> AnyView {
    let href = paths::reauthenticate(slug.as_str(), here);
    note(
        "note note-warn",
        "lock",
        view! {
            <p>{text!(locale, methods.not_fresh)}</p>
            <p><a class="button" href=href>{text!(locale, errors.sign_in_again)}</a></p>
        },
    )
}

/// A point in time, in UTC: these pages do not know the reader's zone. Without signals: nothing here lives on after it was written down.
pub(super) fn time(at: Timestamp) -> AnyView {
    view! { <time datetime=iso(at)>{in_utc(at)}</time> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_13_the_text_of_a_text_area_is_never_markup() {
        let area = view! { <textarea inner_html=text_area_content("a=</textarea><b id=x>&amp;")></textarea> }.to_html();
        assert_eq!(area, "<textarea>\na=&lt;/textarea&gt;&lt;b id=x&gt;&amp;amp;</textarea>");
    }
}
