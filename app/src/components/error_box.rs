//! What went wrong, in words.

use super::Icon;
use crate::{
    domain::{name::Slug, policy::Refusal, role::Roles},
    error::AppError,
    i18n::{error_text, refusal_text, text, use_locale},
    paths,
};
use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Url};

/// An error in words, announced at once. Shows nothing while there is none.
#[component]
pub fn ErrorBox(
    /// The error to show; `None` shows nothing.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The roles, to put the permissions of a refusal in words.
    #[prop(optional, into)]
    roles: Signal<Option<Roles>>,
) -> impl IntoView {
    let locale = use_locale();
    move || {
        error.get().map(|error| {
            let words = if let AppError::Refused(refusal) = &error {
                roles.with(|roles| refusal_text(locale, refusal, roles.as_ref()))
            } else {
                error_text(locale, &error)
            };
            // What was typed stays, while the sign-in is done beside it.
            let link = if error == AppError::ReauthenticationRequired {
                Some((text!(locale, errors.reauthenticate_beside), sign_in_and_back(true), Some("_blank")))
            } else if error == AppError::SecondFactorRequired {
                let page = account_here().map(|slug| paths::required_factor(slug.as_str(), ""));
                page.map(|page| (text!(locale, errors.prove_second_factor), page, Some("_blank")))
            } else {
                (error == AppError::Unauthenticated)
                    .then(|| (text!(locale, errors.sign_in_again), sign_in_and_back(false), None))
            };
            let sign_in = link.map(|(words, href, target)| {
                view! { <a href=href rel="external" target=target>{words}</a> }
            });
            view! {
                <div class="note note-bad" role="alert">
                    <Icon name="alert" />
                    <p>{words} " " {sign_in}</p>
                </div>
            }
        })
    }
}

/// Where one signs in to the account, `anew` while one is signed in, and comes back here.
fn sign_in_and_back(anew: bool) -> String {
    let path = use_location().pathname.get_untracked();
    if anew && path.starts_with(paths::ME) {
        return paths::reauthenticate_own_login(&path);
    }
    let slug = account_of(&path);
    if let Some(slug) = slug.as_ref().filter(|_| anew) {
        return paths::reauthenticate(slug.as_str(), &path);
    }
    let login = slug.map_or_else(|| paths::LOGIN.to_owned(), |slug| paths::login(slug.as_str()));
    format!("{login}?next={}", Url::escape(&path))
}

/// The account that the page with this path belongs to.
fn account_of(path: &str) -> Option<Slug> {
    path.strip_prefix("/a/").and_then(|rest| Slug::parse(rest.split('/').next()?).ok())
}

/// The account of this page, if it belongs to one.
fn account_here() -> Option<Slug> {
    account_of(&use_location().pathname.get_untracked())
}

/// Why something is refused, before anybody tries.
#[component]
pub fn RefusalNote(
    /// The policy's reason.
    refusal: Refusal,
    /// The roles, to put its permissions in words.
    #[prop(optional)]
    roles: Option<Roles>,
) -> impl IntoView {
    let words = refusal_text(use_locale(), &refusal, roles.as_ref());
    view! {
        <div class="note note-warn">
            <Icon name="lock" />
            <p>{words}</p>
        </div>
    }
}
