//! Who is asking: what the HTTP layer finds out once for each request, and what answers carry back beside their body.

use crate::{
    domain::{
        ids::{AccountId, SessionId, UserId},
        language::Language,
        name::Slug,
        theme::Theme,
        time::Timestamp,
        time_zone::TimeZone,
    },
    error::AppError,
};
use std::net::IpAddr;

/// The signed-in user of a request, as authentication found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: UserId,
    /// The user's address, as typed.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The user's language, if one was chosen.
    pub language: Option<Language>,
    /// The zone of the user's times, if one was chosen.
    pub time_zone: Option<TimeZone>,
    /// Light or dark, if the user chose.
    pub theme: Option<Theme>,
    /// When the login is deleted, if the user asked for that.
    pub delete_at: Option<Timestamp>,
}

/// Who is asking, before it is known what for: made once for each request by the HTTP layer.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The signed-in user, if any.
    pub signed_in: Option<SignedIn>,
    /// The invitation token in this browser's cookie.
    pub invitation: Option<String>,
    /// The set-up token in this browser's cookie.
    pub setup: Option<String>,
    /// The token of a reset link in this browser's cookie.
    pub password_reset: Option<String>,
    /// The token of the link of a change of address in this browser's cookie.
    pub address_change: Option<String>,
    /// The mark of this browser on its ways to providers (OA-03).
    pub oauth: Option<String>,
    /// The token of a sign-in that waits for a second factor, in this browser's cookie.
    pub pending_sign_in: Option<String>,
    /// The token of a browser that is remembered for a user.
    pub remembered_browser: Option<String>,
    /// What a platform asked for before somebody signed in here, in this browser's cookie, sealed.
    pub authorization: Option<String>,
    /// The mark of an earlier sign-in in this browser's cookie (EN-06).
    pub known_browser: Option<String>,
    /// The client's address, by the trusted proxies alone (EN-07).
    pub ip: IpAddr,
    /// The client's name for itself, cut to 200 characters.
    pub user_agent: String,
    /// The language of this request's pages.
    pub language: Language,
    /// Whether its pages are light or dark; `None` leaves it to the system.
    pub theme: Option<Theme>,
    /// The id that logs and error messages carry.
    pub request_id: String,
    /// Does the page ask by itself, and nobody do anything? Then it is no use of the session and no activity of a member.
    pub in_background: bool,
}

impl Visitor {
    /// This visitor, who is signed in, asking something of the account with this slug. No right of theirs has been looked at yet.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`]; [`AppError::NotFound`] for what can be the slug of no account.
    pub fn caller_in(&self, account: &str) -> Result<Caller, AppError> {
        let signed_in = self.signed_in.clone().ok_or(AppError::Unauthenticated)?;
        let account = Slug::parse(account).map_err(|_| AppError::NotFound)?;
        let (ip, language, in_background) = (self.ip, self.language, self.in_background);
        Ok(Caller { credential: Credential::Session(signed_in), account, ip, language, in_background })
    }
}

/// How a caller shows who they are. Either way the same operations, policy, limits and audit events follow.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A session of a signed-in user.
    Session(SignedIn),
    /// An API key, by its hash; whether it is live, and whose, is read with the rights (LT-01).
    ApiKey(Vec<u8>),
    /// A key of the host's operator, by its hash; it belongs to nobody in the account that it acts in, and opens a few operations alone.
    OperatorKey {
        /// The hash.
        hash: Vec<u8>,
        /// The account, whatever its slug is meanwhile.
        account: AccountId,
    },
}

/// Somebody asking something of one account. Rights are read later, inside the transaction.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub credential: Credential,
    /// The account, as the URL or form names it.
    pub account: Slug,
    /// The client's address.
    pub ip: IpAddr,
    /// The language of this request's pages.
    pub language: Language,
    /// Does the page ask by itself, and nobody do anything?
    pub in_background: bool,
}

impl Caller {
    /// Is it a program with a key of the host's operator?
    pub const fn is_operator(&self) -> bool {
        matches!(self.credential, Credential::OperatorKey { .. })
    }

    /// The session; `None` for a program with a key.
    pub const fn session(&self) -> Option<&SignedIn> {
        match &self.credential {
            Credential::Session(signed_in) => Some(signed_in),
            Credential::ApiKey(_) | Credential::OperatorKey { .. } => None,
        }
    }
}

/// An answer that also changes the browser's cookies.
#[derive(Clone, Debug)]
pub struct WithCookies<T> {
    /// The answer.
    pub answer: T,
    /// Values of `Set-Cookie` headers.
    pub cookies: Vec<String>,
}

/// Does the browser want a page? So it does where somebody sees the answer: after an address, a link or a form of its own.
#[cfg(feature = "ssr")]
pub fn accepts_html(headers: &http::HeaderMap) -> bool {
    headers
        .get(http::header::ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}
