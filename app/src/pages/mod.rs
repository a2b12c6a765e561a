//! The pages, one file each, and what they share.

#[macro_use]
mod lazy;

mod access;
mod account_home;
mod account_settings;
mod accounts;
mod address;
mod api_keys;
mod audit;
mod decision;
mod forgotten_password;
mod home;
mod invitation;
mod live;
mod login;
mod login_methods;
mod me;
mod not_found;
mod outbox;
mod problem;
mod reauthenticate;
mod required_factor;
mod reset_password;
mod roles;
mod second_step;
mod security;
mod setup;
mod shared_stream;
mod shell;
mod users;
mod webhooks;

pub use access::AccessRoute;
pub use account_home::AccountHomeRoute;
pub use account_settings::AccountSettingsRoute;
pub use accounts::AccountsRoute;
pub use address::AddressRoute;
pub use api_keys::ApiKeysRoute;
pub use audit::AuditRoute;
pub use decision::DecisionRoute;
pub use forgotten_password::ForgottenPasswordRoute;
pub use home::HomePage;
pub use invitation::InvitationRoute;
#[cfg(feature = "ssr")]
pub use lazy::NamedInHead;
pub use lazy::{Prefetch, prefetch_on_approach};
pub use login::LoginPage;
pub use login_methods::{LoginMethodRoute, LoginMethodsRoute, provide_handed_over};
pub use me::{
    ActivityRoute, AuthenticatorRoute, DeleteLoginRoute, OwnAccountsRoute, OwnLoginRoute, OwnReauthenticationRoute,
    ProfileRoute, SessionsRoute, SignInRoute,
};
pub use not_found::NotFoundPage;
pub use outbox::OutboxRoute;
pub use reauthenticate::ReauthenticationRoute;
pub use required_factor::RequiredFactorRoute;
pub use reset_password::ResetPasswordRoute;
pub use roles::{NewRoleRoute, RoleRoute, RolesRoute};
pub use second_step::SecondStepRoute;
pub use security::SecurityRoute;
pub use setup::SetUpRoute;
pub use shell::AccountLayout;
pub use users::{ChangeSeveralRoute, EditRoute, InviteRoute, InviteSeveralRoute, PersonRoute, RemoveRoute, UsersRoute};
pub use webhooks::{NewWebhookRoute, WebhookRoute, WebhooksRoute};

use crate::{
    components::ErrorBox,
    domain::name::Slug,
    error::AppError,
    i18n::{text, use_locale},
    paths,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    components::Redirect,
    hooks::{use_location, use_params_map, use_query_map},
    location::Url,
};
use std::pin::Pin;

/// Sets the status of the page that the server answers; does nothing in the browser.
fn set_status(status: http::StatusCode) {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}

/// The account in the address, empty where there is none, and where what stands there could be the slug of none: the rest of the
/// address bar is never shown or followed.
fn use_slug() -> Memo<String> {
    let parameters = use_params_map();
    Memo::new(move |_| {
        let written = parameters.with(|map| map.get("slug").unwrap_or_default());
        Slug::parse(&written).map_or_else(|_| String::new(), |slug| slug.to_string())
    })
}

/// The path in `?next=`, if it is one of ours.
fn use_next() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| paths::local_or(&query.with(|map| map.get("next").unwrap_or_default()), ""))
}

/// `path?next={next}`.
fn with_next(path: &str, next: &str) -> String {
    format!("{path}?next={}", Url::escape(next))
}

/// The address of this page, for `?next=`.
fn here() -> Signal<String> {
    let location = use_location();
    Signal::derive(move || match location.search.get() {
        search if search.is_empty() => location.pathname.get(),
        search => format!("{}?{search}", location.pathname.get()),
    })
}

/// Leads on to a path of ours, and home from anything else: the framework's redirect takes any text, and panics at one that cannot be a
/// header.
#[component]
#[allow(clippy::disallowed_methods, reason = "the one place that makes it safe")]
fn RedirectWithin(
    /// Where to.
    path: String,
    /// Has the page moved there for good? Then the browser's way back leads past this one.
    #[prop(optional)]
    moved: bool,
) -> impl IntoView {
    let options = NavigateOptions { replace: moved, ..NavigateOptions::default() };
    let redirect = view! { <Redirect path=paths::local_or(&path, "/") options /> };
    if moved {
        set_status(http::StatusCode::PERMANENT_REDIRECT);
    }
    redirect
}

/// Leaves the single-page app, so that the next page is the server's: after signing in or out everything may be different,
/// the language as well.
fn full_page_load(path: &str) {
    let _ = window().location().set_href(path);
}

/// What stands in place of a page that could not be loaded; a page for signed-in people leads to signing in.
#[component]
fn Failed(
    /// What went wrong.
    error: AppError,
    /// The account in question.
    #[prop(optional, into)]
    account: String,
) -> impl IntoView {
    let locale = use_locale();
    set_status(error.status());
    match error {
        AppError::Unauthenticated => {
            let page = if account.is_empty() { paths::LOGIN.to_owned() } else { paths::login(&account) };
            view! { <RedirectWithin path=with_next(&page, &here().get_untracked()) /> }.into_any()
        }
        AppError::SecondFactorRequired => {
            view! { <RedirectWithin path=paths::required_factor(&account, &here().get_untracked()) /> }.into_any()
        }
        AppError::NotFound => view! {
            <section class="page-narrow">
                <not_found::NothingHere />
            </section>
        }
        .into_any(),
        AppError::NoLongerAMember { account } => {
            let title = text!(locale, common.gone_title, account = account);
            view! {
                <Title text=title.clone() />
                <section class="page-narrow">
                    <h1>{title}</h1>
                    <p class="page-lead">{text!(locale, common.gone_text)}</p>
                    <p>
                        <a class="button" href=paths::ACCOUNTS>{text!(locale, session.go_to_accounts)}</a>
                    </p>
                </section>
            }
            .into_any()
        }
        error @ (AppError::WrongCredentials
        | AppError::PasskeyRefused
        | AppError::ReauthenticationRequired
        | AppError::Refused(_)
        | AppError::Invalid(_)
        | AppError::ProviderFailed { .. }
        | AppError::ChangedMeanwhile { .. }
        | AppError::OpenTheLinkAgain
        | AppError::RateLimited { .. }
        | AppError::Unavailable
        | AppError::Internal { .. }
        | AppError::BadRequest(_)
        | AppError::Transport) => {
            let title = if matches!(error, AppError::Refused(_)) {
                text!(locale, common.forbidden_title)
            } else {
                text!(locale, common.failed_title)
            };
            view! {
                <Title text=title />
                <section class="page-narrow">
                    <h1>{title}</h1>
                    <ErrorBox error=Signal::stored(Some(error)) />
                </section>
            }
            .into_any()
        }
    }
}

/// What waits for the server, boxed: so the browser carries one copy of the machinery around it, not one for each page.
type Waiting = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Shows what the server answered, and goes on showing it while it is fetched again.
fn loaded<F>(view: impl Fn() -> F + Send + 'static) -> AnyView
where
    F: Future<Output = AnyView> + Send + 'static,
{
    fn boxed(view: Box<dyn Fn() -> Waiting + Send>) -> AnyView {
        view! { <Transition fallback=Loading>{move || Suspend::new(view())}</Transition> }.into_any()
    }
    boxed(Box::new(move || Box::pin(view())))
}

/// Shows what the server answered first; what it says later must not take a form away that somebody fills in.
fn loaded_once(view: impl Future<Output = AnyView> + Send + 'static) -> AnyView {
    fn boxed(view: Waiting) -> AnyView {
        // A `Suspense` would take it out of the page while the server is asked again, and a dialog with it.
        view! { <Transition fallback=|| ()>{Suspend::new(view)}</Transition> }.into_any()
    }
    boxed(Box::pin(view))
}

/// Stands in for a page that is on its way.
#[component]
fn Loading() -> impl IntoView {
    view! { <p class="loading" role="status">{text!(use_locale(), common.loading)}</p> }
}
