//! What the pages of login methods, of decisions and of reauthentication have in common.

use crate::{
    api::login_methods::Notice,
    components::{ErrorBox, Note, NoteTone, field_id, focus_first_soon},
    domain::{
        fields::FieldErrors,
        name::Slug,
        oauth::{Failure, Fault},
    },
    error::AppError,
    i18n::{Locale, fault_text, text},
    paths,
    rpc::{ActionForm, FormAction, ServerCall, flashed_error},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};

/// Where the focus goes once the page shows what came of a form, best first: to the first wrong field, to what is said at the top, or to
/// the page.
const AFTER_FORM: &[&str] = &["main [aria-invalid=true]", "main .note[tabindex]", "main"];

/// The forms of a page. Each answers the page to go on to, which says what came of it.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Forms {
    locale: Locale,
    slug: Memo<String>,
    error: RwSignal<Option<AppError>>,
    navigate: Callback<String>,
    /// Was a form sent whose outcome is still to be shown?
    is_sent: StoredValue<bool>,
}

impl Forms {
    /// The forms of a page of this account.
    pub(in crate::pages) fn new(locale: Locale, slug: Memo<String>) -> Self {
        let navigate = use_navigate();
        Self {
            locale,
            slug,
            error: RwSignal::new(flashed_error()),
            navigate: Callback::new(move |path: String| navigate(&path, Default::default())),
            is_sent: StoredValue::new(false),
        }
    }

    /// The language of the page.
    pub(in crate::pages) const fn locale(self) -> Locale {
        self.locale
    }

    /// The account of the page.
    pub(in crate::pages) fn slug(self) -> String {
        self.slug.get_untracked()
    }

    /// What went wrong with the last form, if nothing came of it that the page could show.
    pub(in crate::pages) fn error_box(self) -> impl IntoView {
        view! { <ErrorBox error=self.error /> }
    }

    /// The page was loaded: if a form led there, the focus goes to what came of it.
    pub(in crate::pages) fn loaded(self) {
        if self.is_sent.try_get_value() == Some(true) {
            self.is_sent.set_value(false);
            focus_first_soon(AFTER_FORM);
        }
    }

    /// A form to this server function, for this account. Its fields learn whether it is being sent.
    pub(in crate::pages) fn form<S: ServerCall<Output = String>>(
        self,
        class: &'static str,
        fields: impl FnOnce(Signal<bool>) -> AnyView + Send + 'static,
    ) -> AnyView {
        let post = FormAction::<S>::new();
        post.on_success(move |path| {
            self.error.set(None);
            self.is_sent.set_value(true);
            window().scroll_to_with_x_and_y(0.0, 0.0);
            self.navigate.run(path);
        });
        let error = post.error();
        Effect::new(move |began: Option<()>| {
            let error = error.get();
            if began.is_some() && error.is_some() {
                self.error.set(error);
                window().scroll_to_with_x_and_y(0.0, 0.0);
                focus_first_soon(AFTER_FORM);
            }
        });
        view! {
            <ActionForm action=post class=class>
                <input type="hidden" name="account" value=self.slug() />
                {fields(post.pending())}
            </ActionForm>
        }
        .into_any()
    }
}

/// The value of a parameter of the page's address; empty without it.
pub(in crate::pages) fn use_query(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|map| map.get(name).unwrap_or_default()))
}

/// A value that goes with a form.
pub(in crate::pages) fn hidden(name: &'static str, value: impl ToString) -> AnyView {
    view! { <input type="hidden" name=name value=value.to_string() /> }.into_any()
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

/// Something is wrong with what was typed: said at the top, and at the fields.
pub(in crate::pages) fn refused(locale: Locale, errors: &FieldErrors) -> Option<AnyView> {
    (*errors != FieldErrors::default()).then(|| bad(text!(locale, errors.invalid)))
}

fn good(words: &'static str) -> AnyView {
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>{words}</p>
        </Note>
    }
    .into_any()
}

fn bad(words: &'static str) -> AnyView {
    view! {
        <Note tone=NoteTone::Bad icon="alert">
            <p>{words}</p>
        </Note>
    }
    .into_any()
}

/// What came of the last form.
pub(in crate::pages) fn notice(locale: Locale, notice: Option<Notice>) -> Option<AnyView> {
    Some(match notice? {
        Notice::LastWayIn => bad(text!(locale, methods.last_way_in)),
        Notice::InUse => bad(text!(locale, methods.in_use)),
        Notice::Failed(failure) => {
            let (fault, values) = (failure.fault, values(locale, &failure));
            view! {
                <Note tone=NoteTone::Bad icon="alert">
                    <p>{fault_text(locale, fault)}</p>
                    {values}
                    {more(locale, fault)}
                </Note>
            }
            .into_any()
        }
        Notice::TestGone => bad(text!(locale, methods.test_gone)),
        Notice::IdentifierTaken => bad(text!(locale, methods.identifier_taken)),
        Notice::DecidedBefore => bad(text!(locale, methods.decided_before)),
        Notice::Saved => good(text!(locale, methods.saved)),
        Notice::SavedTrimmed => good(text!(locale, methods.saved_trimmed)),
        Notice::Live => good(text!(locale, methods.made_live)),
        Notice::UsedForMe => good(text!(locale, methods.used_for_me)),
        Notice::SwitchedOn => good(text!(locale, methods.switched_on)),
        Notice::SwitchedOff => good(text!(locale, methods.switched_off)),
        Notice::Removed => good(text!(locale, methods.removed)),
        Notice::Discarded => good(text!(locale, methods.discarded)),
        Notice::CodeMailed => good(text!(locale, methods.reauthenticate_code_mailed)),
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
    view! {
        <Note tone=NoteTone::Warn icon="lock">
            <p>{text!(locale, methods.not_fresh)}</p>
            <p>
                <a class="button" href=href>{text!(locale, errors.sign_in_again)}</a>
            </p>
        </Note>
    }
    .into_any()
}
