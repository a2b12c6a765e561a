//! Logs every denied request (AZ-17, LG-01): who asked for what, by ids and slugs only, and nothing else that was typed.

use crate::metrics::{Denial, Metrics};
use app::{
    domain::{
        ids::{SessionId, UserId},
        name::Slug,
    },
    error::AppError,
    request::Visitor,
};
use axum::http::StatusCode;
use std::net::IpAddr;
use tracing::field::display;
use url::form_urlencoded;
use uuid::Uuid;

/// The form fields that name the target of a change.
const TARGETS: [&str; 7] =
    ["member", "form[member]", "decision", "method", "form[method]", "invitation", "form[invitation]"];

/// Who asked for what, in ids and slugs.
pub(super) struct RequestSummary {
    what: String,
    user: Option<UserId>,
    session: Option<SessionId>,
    ip: Option<IpAddr>,
    account: Option<Slug>,
    target: Option<Uuid>,
}

impl RequestSummary {
    /// For a call of a server function.
    pub(super) fn of_function(visitor: Option<&Visitor>, path: &str, body: &[u8]) -> Self {
        let field = |names: &[&str]| {
            form_urlencoded::parse(body).find(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| value)
        };
        let account = field(&["account"]).and_then(|slug| Slug::parse(&slug).ok());
        let target = field(&TARGETS).and_then(|id| id.parse().ok());
        Self { target, ..Self::by(visitor, path, account) }
    }

    /// For a page of an account; `None` for other pages. `route` is its template, since a path may hold anything.
    pub(super) fn of_page(visitor: Option<&Visitor>, route: Option<&str>, path: &str) -> Option<Self> {
        let account = path.strip_prefix("/a/")?.split('/').next().and_then(|slug| Slug::parse(slug).ok());
        Some(Self::by(visitor, route.unwrap_or("(none)"), account))
    }

    fn by(visitor: Option<&Visitor>, what: &str, account: Option<Slug>) -> Self {
        let signed_in = visitor.and_then(|visitor| visitor.signed_in.as_ref());
        Self {
            what: what.to_owned(),
            user: signed_in.map(|signed_in| signed_in.user),
            session: signed_in.map(|signed_in| signed_in.session),
            ip: visitor.map(|visitor| visitor.ip),
            account,
            target: None,
        }
    }

    /// Logs the error of a function if it denies something.
    pub(super) fn log_error(&self, error: &AppError, metrics: &Metrics) {
        let (denial, reason) = match error {
            // Permissions, by their keys.
            AppError::Refused(refusal) => (Denial::Refused, &*format!("{refusal:?}")),
            AppError::NotFound => (Denial::NotFound, "not found"),
            AppError::NoLongerAMember { .. } => (Denial::NoLongerAMember, "no longer a member"),
            AppError::Unauthenticated => (Denial::NotSignedIn, "not signed in"),
            AppError::ReauthenticationRequired => (Denial::NotProvedRecently, "not proved recently"),
            AppError::SecondFactorRequired => (Denial::NoSecondFactor, "no second factor"),
            AppError::OpenTheLinkAgain => (Denial::WrongLink, "another link or none"),
            AppError::RateLimited { .. } => (Denial::OverALimit, "over a limit"),
            // Wrong credentials and passkeys are logged elsewhere; the others do not deny anything.
            AppError::WrongCredentials
            | AppError::PasskeyRefused
            | AppError::Invalid(_)
            | AppError::ProviderFailed { .. }
            | AppError::ChangedMeanwhile { .. }
            | AppError::Unavailable
            | AppError::Internal { .. }
            | AppError::BadRequest(_)
            | AppError::Transport => return,
        };
        metrics.denied(denial);
        self.log(reason);
    }

    /// Logs the status of a page if it denies something.
    pub(super) fn log_status(&self, status: StatusCode, metrics: &Metrics) {
        if status == StatusCode::NOT_FOUND || status == StatusCode::FORBIDDEN {
            metrics.denied(if status == StatusCode::FORBIDDEN { Denial::Refused } else { Denial::NotFound });
            self.log(status.canonical_reason().unwrap_or_default());
        }
    }

    fn log(&self, reason: &str) {
        let Self { what, user, session, ip, account, target } = self;
        let (user, session, ip) = (user.map(display), session.map(display), ip.map(display));
        let (account, target) = (account.as_ref().map(display), target.map(display));
        tracing::warn!(what, user, session, ip, account, target, reason, "denied");
    }
}
