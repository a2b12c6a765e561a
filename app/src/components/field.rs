//! One line of a form: label, hint, input, problem.

use crate::{
    domain::{email, fields::Problem, name, password},
    flash::old_input,
    i18n::{problem_text, text, use_locale},
};
use leptos::{html, prelude::*};
use std::time::Duration;

/// What is typed into a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    #[default]
    Text,
    /// An email address.
    Email,
    /// A password that exists already.
    Password,
    /// A mailed code.
    Code,
    /// Something to look for.
    Search,
    /// Text that counts to the letter.
    Verbatim,
    /// A whole number.
    Whole,
}

impl Kind {
    /// The `type` of the input. Addresses are checked by us, not by the browser, whose idea of them differs.
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::Code | Self::Verbatim | Self::Whole => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Search => "search",
        }
    }

    const fn autocomplete(self) -> &'static str {
        match self {
            Self::Text | Self::Search | Self::Verbatim | Self::Whole => "off",
            Self::Email => "email",
            Self::Password => "current-password",
            Self::Code => "one-time-code",
        }
    }

    const fn input_mode(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::Password | Self::Search | Self::Verbatim => None,
            Self::Email => Some("email"),
            Self::Code | Self::Whole => Some("numeric"),
        }
    }

    /// How many characters are taken, unless the field says otherwise.
    const fn most(self) -> u32 {
        match self {
            Self::Text | Self::Search | Self::Verbatim => name::MAX_CHARS,
            Self::Email => email::MAX_BYTES as u32,
            Self::Password => password::MAX_CHARS,
            Self::Code | Self::Whole => 40,
        }
    }

    /// Are capitals and spelling corrections in the way?
    const fn is_verbatim(self) -> bool {
        match self {
            Self::Text | Self::Search => false,
            Self::Email | Self::Password | Self::Code | Self::Verbatim | Self::Whole => true,
        }
    }
}

/// Checks what was typed.
pub type Check = fn(&str) -> Result<(), Problem>;

/// Says that a text is too long, while it is typed.
pub(super) fn too_long(text: &str, most: u32) -> Option<Problem> {
    (text.trim().chars().count() > most as usize).then_some(Problem::TooLong { most })
}

/// The `maxlength` of a field that takes so many characters: twice as many. The browser counts units of 16 bits, of which a character has two at
/// most; so all that is allowed fits in, what is too long is said rather than cut off, and a form always comes back whole (`flash`).
pub(super) fn max_length(most: u32) -> String {
    most.saturating_mul(2).to_string()
}

/// The `id` that goes with a field's name: `form[email]` is `form-email`.
pub fn field_id(name: &str) -> String {
    name.split(['[', ']']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// One line of a form. The input belongs to the browser; what was typed before hydration stays.
#[component]
pub fn Field(
    /// The name in the form, such as `form[email]`.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// What is typed.
    #[prop(optional)]
    kind: Kind,
    /// A sentence below the label.
    #[prop(optional, into)]
    hint: String,
    /// The text at first.
    #[prop(optional, into)]
    initial: String,
    /// How many characters are taken; a sensible number follows from `kind`.
    #[prop(optional)]
    most: Option<u32>,
    /// What the browser may fill in; a sensible one follows from `kind`.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// Must it be filled in?
    #[prop(optional)]
    required: bool,
    /// Says "optional" beside the label.
    #[prop(optional)]
    optional: bool,
    /// Shown, not to be changed.
    #[prop(optional)]
    readonly: bool,
    /// Has the cursor when the page or dialog opens.
    #[prop(optional)]
    autofocus: bool,
    /// What the server says of it.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// Checks the text when the person leaves the field.
    #[prop(optional)]
    check: Option<Check>,
    /// Called at every change of the text.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
    /// The `id` of a `<datalist>` that completes what is typed.
    #[prop(optional)]
    list: &'static str,
    /// To reach the input from outside.
    #[prop(optional)]
    node_ref: NodeRef<html::Input>,
    /// What stands beneath the input.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let locale = use_locale();
    let id = field_id(name);
    let initial = if readonly { initial } else { old_input(name).unwrap_or(initial) };
    let shown = shown_problem(problem);
    let most = most.unwrap_or(kind.most());
    if let Some(on_input) = on_input {
        let made = initial.clone();
        // What was typed before hydration.
        node_ref.on_load(move |input| {
            let typed = input.value();
            if typed != made {
                on_input.run(typed);
            }
        });
    }
    let left = move |value: String| {
        // An untouched empty field is not a mistake yet, and one that is too long was told so while it was typed.
        if let (Some(check), false, None) = (check, value.is_empty(), too_long(&value, most)) {
            show_later(shown, check(&value).err());
        }
    };
    view! {
        <div class="field">
            <label for=id.clone()>
                {label}
                {optional.then(|| view! { " " <span class="field-optional">{text!(locale, common.optional)}</span> })}
            </label>
            {(!hint.is_empty()).then(|| view! { <p class="field-hint" id=format!("{id}-hint")>{hint}</p> })}
            <input
                node_ref=node_ref
                id=id.clone()
                name=name
                type=kind.input_type()
                value=initial
                autocomplete=autocomplete.unwrap_or(kind.autocomplete())
                inputmode=kind.input_mode()
                autocapitalize=kind.is_verbatim().then_some("none")
                spellcheck=kind.is_verbatim().then_some("false")
                maxlength=(!readonly).then(|| max_length(most))
                required=required
                readonly=readonly
                list=(!list.is_empty()).then_some(list)
                data-autofocus=autofocus.then_some("")
                aria-describedby=format!("{id}-hint {id}-problem")
                aria-invalid=move || shown.get().map(|_| "true")
                on:input:target=move |event| {
                    let text = event.target().value();
                    shown.set(too_long(&text, most));
                    if let Some(on_input) = on_input {
                        on_input.run(text);
                    }
                }
                on:change:target=move |event| left(event.target().value())
            />
            {children.map(|children| children())}
            <FieldProblem id=format!("{id}-problem") problem=shown />
        </div>
    }
}

/// Several lines of a form.
#[component]
pub fn TextArea(
    /// The name in the form, such as `form[addresses]`.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// A sentence below the label.
    #[prop(into)]
    hint: String,
    /// How many lines are in sight.
    rows: u8,
    /// How many characters are taken; as many as a form may have, if this does not say.
    #[prop(optional)]
    most: Option<u32>,
    /// The text at first.
    #[prop(optional, into)]
    initial: String,
    /// Says "optional" beside the label.
    #[prop(optional)]
    optional: bool,
    /// Has the cursor when the page or dialog opens.
    #[prop(optional)]
    autofocus: bool,
    /// What the server says of it.
    #[prop(into)]
    problem: Signal<Option<Problem>>,
    /// Called at every change of the text.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
) -> impl IntoView {
    let locale = use_locale();
    let id = field_id(name);
    let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
    let described_by = format!("{hint_id} {problem_id}");
    let text = old_input(name).unwrap_or(initial);
    let typed = move |event| {
        if let Some(on_input) = on_input {
            on_input.run(event_target_value(&event));
        }
    };
    view! {
        <div class="field">
            <label for=id.clone()>
                {label}
                {optional.then(|| view! { " " <span class="field-optional">{text!(locale, common.optional)}</span> })}
            </label>
            <p class="field-hint" id=hint_id>{hint}</p>
            <textarea
                id=id
                name=name
                rows=rows.to_string()
                maxlength=most.map(max_length)
                spellcheck="false"
                autocomplete="off"
                data-autofocus=autofocus.then_some("")
                aria-describedby=described_by
                aria-invalid=move || problem.get().is_some().then_some("true")
                inner_html=text_area_content(&text)
                on:input=typed
            ></textarea>
            <FieldProblem id=problem_id problem />
        </div>
    }
}

/// The text of a `<textarea>`, for its `inner_html`: tachys writes the children of this element as they are, whatever they hold. A line
/// break at the very beginning of a page's text would be taken away by the browser, so one stands before it there; in a field that the browser
/// itself makes, it would stay.
fn text_area_content(text: &str) -> String {
    let first = if cfg!(feature = "ssr") { "\n" } else { "" };
    format!("{first}{}", html_escape::encode_text(text))
}

/// The problem of a field, beneath it. Give the field `aria-describedby` with the same id.
#[component]
pub fn FieldProblem(
    /// The `id` that the field is described by.
    #[prop(into)]
    id: String,
    /// What is wrong.
    #[prop(into)]
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <p class="field-problem" id=id aria-live="polite">
            {move || problem.get().map(|problem| problem_text(locale, problem))}
        </p>
    }
}

/// Shows a problem found when a field is left. A moment later, as leaving is often the first half of a click on the button below:
/// what appeared at once would push the button away from under the pointer.
pub(super) fn show_later(shown: RwSignal<Option<Problem>>, problem: Option<Problem>) {
    if problem.is_some() {
        let show = move || {
            shown.try_set(problem);
        };
        set_timeout(show, Duration::from_millis(200));
    }
}

/// The server's problem, until the text changes.
pub(super) fn shown_problem(problem: Signal<Option<Problem>>) -> RwSignal<Option<Problem>> {
    let shown = RwSignal::new(problem.get_untracked());
    Effect::new(move || shown.set(problem.get()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_03_what_is_too_long_is_said_before_it_is_cut_off() {
        assert_eq!(too_long(&"é".repeat(100), 100), None);
        assert_eq!(too_long(&format!(" {} ", "é".repeat(100)), 100), None, "blanks around it do not count");
        assert_eq!(too_long(&"é".repeat(101), 100), Some(Problem::TooLong { most: 100 }));
        // Outside of the first plane of Unicode, a character is two units for the browser.
        assert!("🦀".repeat(100).encode_utf16().count() <= max_length(100).parse().unwrap());
    }

    #[test]
    fn in_13_the_text_of_a_text_area_is_never_markup() {
        let area = view! { <textarea inner_html=text_area_content("a=</textarea><b id=x>&amp;")></textarea> }.to_html();
        assert_eq!(area, "<textarea>\na=&lt;/textarea&gt;&lt;b id=x&gt;&amp;amp;</textarea>");
    }
}
