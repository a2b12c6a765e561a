//! Server functions, one file per subject: who is asking, one call on a port, a typed answer. Raw strings in, parsed by the
//! domain, so that errors land at their field. What they take and answer is shared by page and server.

pub mod accounts;
pub mod invitations;
pub mod joining;
pub mod login_methods;
pub mod members;
pub mod outbox;
pub mod session;
pub mod setup;

#[cfg(feature = "ssr")]
mod context {
    use crate::{
        domain::name::Slug,
        error::AppError,
        ports::{Caller, Ports, SignedIn, Visitor, WithCookies},
    };
    use axum::http::{HeaderName, HeaderValue, header, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    /// The server's ports.
    pub(super) fn ports() -> Result<Ports, AppError> {
        use_context().ok_or(AppError::Unavailable)
    }

    /// Who is asking.
    pub(super) fn visitor() -> Result<Visitor, AppError> {
        use_context::<Parts>().and_then(|parts| parts.extensions.get::<Visitor>().cloned()).ok_or(AppError::Unavailable)
    }

    /// The signed-in user.
    pub(super) fn signed_in(visitor: &Visitor) -> Result<SignedIn, AppError> {
        visitor.signed_in.clone().ok_or(AppError::Unauthenticated)
    }

    /// The signed-in user, asking something of the account with this slug.
    pub(super) fn caller_in(account: &str) -> Result<Caller, AppError> {
        let visitor = visitor()?;
        let signed_in = signed_in(&visitor)?;
        let account = Slug::parse(account).map_err(|_| AppError::NotFound)?;
        Ok(Caller { signed_in, account, ip: visitor.ip, language: visitor.language })
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

    /// Tells the browser to forget what it kept of our pages (SE-05). Its cookies stay: an invitation's link outlives signing out (R14).
    pub(super) fn forget_pages() {
        if let Some(response) = use_context::<ResponseOptions>() {
            let header = HeaderName::from_static("clear-site-data");
            response.insert_header(header, HeaderValue::from_static("\"cache\", \"storage\""));
        }
    }

    /// Sends a browser without scripting to the page that shows the outcome; with scripting, the page itself goes on.
    pub(super) fn go_on_without_scripting(path: &str) {
        let posted_by_form = use_context::<Parts>()
            .and_then(|parts| Some(parts.headers.get(header::ACCEPT)?.to_str().ok()?.contains("text/html")))
            .unwrap_or(false);
        if posted_by_form {
            leptos_axum::redirect(path);
        }
    }

    /// An id of a form or URL; one that is not an id names nothing.
    pub(super) fn id<T: std::str::FromStr>(raw: &str) -> Result<T, AppError> {
        raw.parse().map_err(|_| AppError::NotFound)
    }
}
#[cfg(feature = "ssr")]
use context::*;
