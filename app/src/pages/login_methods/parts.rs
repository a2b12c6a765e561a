//! What the pages of login methods, of decisions and of reauthentication have in common.

use crate::{
    api::login_methods::{NextPage, Notice},
    components::{ErrorBox, Note, NoteTone, field_id, focus_first_soon},
    domain::{
        name::Slug,
        oauth::{Failure, Fault},
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, fault_text, text},
    paths,
    rpc::{ActionForm, FormAction, ServerCall, flashed_error, flashed_success},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};

/// Where the focus goes once the page shows what came of a form, best first: to the first wrong field, to what is said at the top, or to
/// the page.
const AFTER_FORM: &[&str] = &["main [aria-invalid=true]", "main .note[tabindex]", "main"];

/// The forms of a page. Each answers the page to go on to, and what is said there.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Forms {
    locale: Locale,
    slug: Memo<String>,
    error: RwSignal<Option<AppError>>,
    notice: RwSignal<Option<Notice>>,
    next: Callback<NextPage>,
    /// Was a form sent whose outcome is still to be shown?
    is_sent: StoredValue<bool>,
}

/// What is to be said on the page that a form leads to, with its path: the page of the form, and with it its own notice, is gone by then.
#[derive(Clone, Copy)]
struct HandedOver(StoredValue<Option<(String, Notice)>>);

/// Lets notices go from page to page; once, at the root.
pub fn provide_handed_over() {
    provide_context(HandedOver(StoredValue::new(None)));
}

impl HandedOver {
    /// What is to be said on the page with this path; said once.
    fn take(self, path: &str) -> Option<Notice> {
        let (to, notice) = self.0.try_update_value(Option::take).flatten()?;
        (to == path).then_some(notice)
    }
}

/// The sending of a form, as its fields show it.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Sending {
    /// Is it under way?
    pub(in crate::pages) busy: Signal<bool>,
    /// What went wrong with the last one.
    pub(in crate::pages) error: Signal<Option<AppError>>,
}

impl Forms {
    /// The forms of a page of this account; `refetch` loads again what the page shows.
    pub(in crate::pages) fn new(
        locale: Locale,
        slug: Memo<String>,
        refetch: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let (navigate, location) = (use_navigate(), use_location());
        let handed_over = expect_context::<HandedOver>();
        let arrived = handed_over.take(&location.pathname.get_untracked());
        let is_sent = StoredValue::new(arrived.is_some());
        let notice = RwSignal::new(arrived.or_else(flashed_notice));
        let next = move |NextPage { path, notice: said }: NextPage| {
            let page = path.split('?').next().unwrap_or_default();
            let stays = page == location.pathname.get_untracked();
            match stays {
                true => notice.set(said),
                false => handed_over.0.set_value(said.map(|said| (page.to_owned(), said))),
            }
            navigate(&path, Default::default());
            if stays {
                refetch();
            }
        };
        Self { locale, slug, error: RwSignal::new(flashed_error()), notice, next: Callback::new(next), is_sent }
    }

    /// The language of the page.
    pub(in crate::pages) const fn locale(self) -> Locale {
        self.locale
    }

    /// The account of the page.
    pub(in crate::pages) fn slug(self) -> String {
        self.slug.get_untracked()
    }

    /// What went wrong with the last form.
    pub(in crate::pages) fn error_box(self) -> impl IntoView {
        let (locale, error) = (self.locale, self.error);
        let of_provider = move || {
            let AppError::ProviderFailed { failure, .. } = error.get()? else { return None };
            Some(provider_failed(locale, &failure))
        };
        let other = move || error.get().filter(|error| !matches!(error, AppError::ProviderFailed { .. }));
        view! {
            {of_provider}
            <ErrorBox error=Signal::derive(other) />
        }
    }

    /// What the last form achieved, or why it achieved nothing.
    pub(in crate::pages) fn notice(self) -> AnyView {
        let (locale, notice) = (self.locale, self.notice);
        (move || notice.get().map(|notice| words_of(locale, &notice))).into_any()
    }

    /// Did the last form achieve this?
    pub(in crate::pages) fn achieved(self, what: &Notice) -> bool {
        self.notice.with(|notice| notice.as_ref() == Some(what))
    }

    /// Is there something to say of the last form?
    pub(in crate::pages) fn has_notice(self) -> bool {
        self.notice.with(Option::is_some)
    }

    /// The page was loaded: if a form led there, the focus goes to what came of it.
    pub(in crate::pages) fn loaded(self) {
        if self.is_sent.try_get_value() == Some(true) {
            self.is_sent.set_value(false);
            focus_first_soon(AFTER_FORM);
        }
    }

    /// A form to this server function, for this account.
    pub(in crate::pages) fn form<S: ServerCall<Output = NextPage>>(
        self,
        class: &'static str,
        fields: impl FnOnce(Sending) -> AnyView + Send + 'static,
    ) -> AnyView {
        let action = FormAction::<S>::new();
        action.on_success(move |next| {
            self.error.set(None);
            self.is_sent.set_value(true);
            window().scroll_to_with_x_and_y(0.0, 0.0);
            self.next.run(next);
        });
        let error = action.error();
        Effect::new(move |began: Option<()>| {
            let error = error.get();
            if began.is_some()
                && error.is_none()
                && self.error.with_untracked(|error| matches!(error, Some(AppError::Invalid(_))))
            {
                self.error.set(None);
            } else if began.is_some() && error.is_some() {
                self.notice.set(None);
                self.error.set(error);
                window().scroll_to_with_x_and_y(0.0, 0.0);
                focus_first_soon(AFTER_FORM);
            }
        });
        view! {
            <ActionForm action class=class>
                <input type="hidden" name="account" value=self.slug() />
                {fields(Sending { busy: action.pending(), error })}
            </ActionForm>
        }
        .into_any()
    }
}

/// What a form that the browser itself sent achieved.
fn flashed_notice() -> Option<Notice> {
    flashed_success::<NextPage>()?.notice
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
    let chosen = old_input(name).unwrap_or_else(|| chosen.to_owned());
    let options: Vec<_> = of
        .iter()
        .map(|(key, words)| view! { <option value=*key selected=**key == *chosen>{*words}</option> })
        .collect();
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

fn words_of(locale: Locale, notice: &Notice) -> AnyView {
    match notice {
        Notice::LastOwner => bad(text!(locale, methods.last_owner_signs_in)),
        Notice::InUse => bad(text!(locale, methods.in_use)),
        Notice::TestGone => bad(text!(locale, methods.test_gone)),
        Notice::IdentifierTaken => bad(text!(locale, methods.identifier_taken)),
        Notice::DecidedBefore => bad(text!(locale, methods.decided_before)),
        Notice::RequestGranted => good(text!(locale, methods.request_granted)),
        Notice::RequestRefused => good(text!(locale, methods.request_refused)),
        Notice::RequestInTheList => bad(text!(locale, methods.request_in_the_list)),
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
        Notice::OwnershipOffered => good(text!(locale, settings.ownership_offered)),
        Notice::OfferOpen => bad(text!(locale, settings.offer_open)),
        Notice::OwnershipWithdrawn => good(text!(locale, settings.ownership_withdrawn)),
        Notice::OwnershipAccepted => good(text!(locale, settings.ownership_accepted)),
        Notice::OwnershipDeclined => good(text!(locale, settings.ownership_declined)),
        Notice::OfferGone => bad(text!(locale, settings.offer_gone)),
        Notice::AccountAddressChanged => good(text!(locale, settings.address_changed)),
        Notice::AccountDeletionAsked => good(text!(locale, settings.deletion_asked)),
        Notice::AccountKept => good(text!(locale, settings.account_kept)),
        Notice::AccountSaved => good(text!(locale, settings.saved)),
        Notice::RequirementSaved => good(text!(locale, methods.requirement_saved)),
        Notice::ApiKeyRevoked => good(text!(locale, api_keys.revoked)),
        Notice::ApiKeyTakenOver => good(text!(locale, api_keys.taken_over)),
        Notice::ApiKeyGone => bad(text!(locale, api_keys.gone)),
        Notice::WebhookSaved => good(text!(locale, webhooks.saved)),
        Notice::WebhookSwitchedOn => good(text!(locale, webhooks.switched_on)),
        Notice::WebhookSwitchedOff => good(text!(locale, webhooks.switched_off)),
        Notice::WebhookRemoved => good(text!(locale, webhooks.removed)),
        Notice::WebhookGone => bad(text!(locale, webhooks.not_there)),
        Notice::WebhookOff => bad(text!(locale, webhooks.is_off)),
        Notice::WebhookTested => good(text!(locale, webhooks.tested)),
        Notice::Redelivered => good(text!(locale, webhooks.redelivered)),
        Notice::DeliveryGone => bad(text!(locale, webhooks.delivery_gone)),
        Notice::ProviderFactorsSaved => good(text!(locale, methods.provider_factors_saved)),
    }
}

/// What failed at a provider, and where the guide speaks of it.
fn provider_failed(locale: Locale, failure: &Failure) -> AnyView {
    let (fault, values) = (failure.fault, values(locale, failure));
    view! {
        <Note tone=NoteTone::Bad icon="alert">
            <p>{fault_text(locale, fault)}</p>
            {values}
            {more(locale, fault)}
        </Note>
    }
    .into_any()
}

/// The address that was asked, what was to stand there, and what the provider sent.
pub(super) fn values(locale: Locale, failure: &Failure) -> Option<AnyView> {
    let line = |words: &'static str, value: &Option<String>| {
        value.clone().map(|value| view! { <dt>{words}</dt> <dd><code>{value}</code></dd> })
    };
    let lines = (
        line(text!(locale, methods.fault_asked), &failure.asked),
        line(text!(locale, methods.fault_expected), &failure.expected),
        line(text!(locale, methods.fault_received), &failure.received),
    );
    [&failure.asked, &failure.expected, &failure.received]
        .into_iter()
        .any(Option::is_some)
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
pub(in crate::pages) fn sign_in_again(locale: Locale, slug: &Slug, here: &str) -> AnyView {
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
