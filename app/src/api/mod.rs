//! Server functions, one file per subject: who is asking, one operation of the backend, a typed answer. Raw strings in, parsed by the
//! domain, so that errors land at their field. What they take and answer is shared by page and server.

pub mod account_settings;
pub mod accounts;
pub mod address;
pub mod api_keys;
pub mod audit;
pub mod invitations;
pub mod joining;
pub mod login_methods;
pub mod members;
pub mod outbox;
pub mod own_login;
pub mod ownership;
pub mod person;
pub mod recovery;
pub mod required_factor;
pub mod roles;
pub mod second_factors;
pub mod security;
pub mod session;
pub mod setup;
pub mod webhooks;

#[cfg(feature = "ssr")]
mod context {
    use crate::{
        backend::Backend,
        domain::list::ListQuery,
        error::AppError,
        flash::FLASH_RESPONSE,
        paths,
        request::{Caller, Visitor, WithCookies, accepts_html},
    };
    use axum::http::{HeaderName, HeaderValue, header, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;
    use std::{collections::BTreeMap, sync::Arc};

    /// What the server does.
    pub(super) fn backend() -> Result<Arc<dyn Backend>, AppError> {
        use_context().ok_or(AppError::Unavailable)
    }

    /// Who is asking.
    pub(super) fn visitor() -> Result<Visitor, AppError> {
        use_context::<Parts>().and_then(|parts| parts.extensions.get::<Visitor>().cloned()).ok_or(AppError::Unavailable)
    }

    /// The signed-in user, asking something of the account with this slug.
    pub(super) fn caller_in(account: &str) -> Result<Caller, AppError> {
        visitor()?.caller_in(account)
    }

    /// Sets the cookies that come with an answer.
    pub(super) fn set_cookies<T>(with: WithCookies<T>) -> T {
        if let Some(response) = use_context::<ResponseOptions>() {
            for cookie in with.cookies {
                if let Ok(value) = HeaderValue::from_str(&cookie) {
                    response.append_header(header::SET_COOKIE, value);
                }
            }
        }
        with.answer
    }

    /// Tells the browser to delete what it cached of our pages (SE-05). Its cookies stay: an invitation's link outlives signing out (R14).
    pub(super) fn clear_site_data() {
        if let Some(response) = use_context::<ResponseOptions>() {
            let header = HeaderName::from_static("clear-site-data");
            response.insert_header(header, HeaderValue::from_static("\"cache\", \"storage\""));
        }
    }

    /// Redirects a form that the browser itself sent to the page that follows; with scripting, the page itself goes there. What is no path
    /// of ours leads home: the framework panics at one that cannot be a header.
    #[allow(clippy::disallowed_methods, reason = "the one place that makes it safe")]
    pub(super) fn redirect_form_post(path: &str) {
        if is_posted_by_browser() {
            leptos_axum::redirect(&paths::local_or(path, "/"));
        }
    }

    /// Answers the page; a form that the browser itself sent is redirected to `path`, where the answer is shown.
    pub(super) fn redirect_with_flash<T>(path: &str, answer: T) -> Result<T, AppError> {
        redirect_form_post(path);
        with_flash(answer)
    }

    /// Answers the page; a form that the browser itself sent is shown again, with the answer and the old input.
    pub(super) fn with_flash<T>(answer: T) -> Result<T, AppError> {
        if let Some(response) = use_context::<ResponseOptions>().filter(|_| is_posted_by_browser()) {
            response.insert_header(FLASH_RESPONSE, HeaderValue::from_static("yes"));
        }
        Ok(answer)
    }

    fn is_posted_by_browser() -> bool {
        use_context::<Parts>().is_some_and(|request| accepts_html(&request.headers))
    }

    fn header_of_request(name: HeaderName) -> Option<String> {
        use_context::<Parts>()?.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// The address of an account's Users list, as it lay behind the form that was sent.
    pub(super) fn users_list(account: &str) -> String {
        let list = paths::users(account);
        let form = header_of_request(header::REFERER).filter(|page| page.contains(&list)).unwrap_or_default();
        let query = form.split_once('?').map_or("", |(_, query)| query);
        let query: BTreeMap<String, String> = serde_qs::from_str(query).unwrap_or_default();
        paths::with_view(list, &ListQuery::from_url(|name| query.get(name).cloned()))
    }

    /// An id of a form or URL; one that is not an id names nothing.
    pub(super) fn id<T: std::str::FromStr>(raw: &str) -> Result<T, AppError> {
        raw.parse().map_err(|_| AppError::NotFound)
    }
}
#[cfg(feature = "ssr")]
use context::*;
