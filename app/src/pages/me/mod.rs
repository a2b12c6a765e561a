//! `/me`: what people see and change of their own login.

mod accounts;
mod activity;
mod address;
mod authenticator;
mod delete;
mod factors;
mod profile;
mod reauthenticate;
mod sessions;
mod sign_in;

pub use accounts::OwnAccountsRoute;
pub use activity::ActivityRoute;
pub use authenticator::AuthenticatorRoute;
pub(super) use authenticator::scan;
pub use delete::DeleteLoginRoute;
pub use profile::ProfileRoute;
pub use reauthenticate::OwnReauthenticationRoute;
pub use sessions::SessionsRoute;
pub use sign_in::SignInRoute;

use super::{
    Failed, loaded,
    shell::{Card, Shell, ShownName, first_tab, tab},
};
use crate::{
    api::session::Whoami,
    components::{Field, Kind, Note, NoteTone, problem_at},
    domain::fields,
    error::AppError,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_router::components::Outlet;

lazy_page!(OwnLoginRoute, own_login, OwnLoginLayout);

/// The frame of these pages: they belong to no account.
#[component]
fn OwnLoginLayout() -> impl IntoView {
    let locale = use_locale();
    let me = Query::new(|| Whoami {});
    loaded(move || async move {
        match me.await.and_then(|me| me.ok_or(AppError::Unauthenticated)) {
            Ok(me) => {
                provide_context(ShownName(RwSignal::new(me.name.clone())));
                view! {
                    <Shell me tabs=tabs(locale)>
                        <div class="form-page">
                            <header class="page-head">
                                <div>
                                    <h1>{text!(locale, own_login.title)}</h1>
                                    <p class="page-lead">{text!(locale, own_login.lead)}</p>
                                </div>
                            </header>
                            <Outlet />
                        </div>
                    </Shell>
                }
                .into_any()
            }
            Err(error) => view! {
                <Card>
                    <Failed error />
                </Card>
            }
            .into_any(),
        }
    })
}

fn tabs(locale: Locale) -> AnyView {
    view! {
        <nav class="tabs" aria-label=text!(locale, own_login.sections)>
            {first_tab(paths::ME.to_owned(), text!(locale, own_login.profile))}
            {tab(paths::ME_SIGN_IN.to_owned(), Vec::new(), text!(locale, own_login.sign_in))}
            {tab(paths::ME_SESSIONS.to_owned(), Vec::new(), text!(locale, own_login.sessions))}
            {tab(paths::ME_ACCOUNTS.to_owned(), Vec::new(), text!(locale, own_login.accounts))}
            {tab(paths::ME_ACTIVITY.to_owned(), Vec::new(), text!(locale, own_login.activity))}
        </nav>
    }
    .into_any()
}

/// Why a session that a provider began changes nothing here.
fn read_only(locale: Locale) -> AnyView {
    view! {
        <Note tone=NoteTone::Plain icon="lock">
            <p>{text!(locale, own_login.read_only)}</p>
            <p>
                <a class="button" href=paths::LOGIN>{text!(locale, own_login.sign_in_again)}</a>
            </p>
        </Note>
    }
    .into_any()
}

/// The field for the password that the person has, by which a form is confirmed.
fn present_password(locale: Locale, error: Signal<Option<AppError>>) -> AnyView {
    view! {
        <Field
            name="form[present_password]"
            label=text!(locale, own_login.present_password)
            kind=Kind::Password
            required=true
            problem=problem_at(error, fields::Field::PresentPassword)
        />
    }
    .into_any()
}

/// Says what was done, and is read out.
fn saved(words: impl Into<String>) -> AnyView {
    let words = words.into();
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>{words}</p>
        </Note>
    }
    .into_any()
}
