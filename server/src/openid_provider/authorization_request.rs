//! What a platform asks for when it sends somebody to sign in (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1).

use app::domain::{name::Slug, time::Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The longest value of a parameter, in bytes: sealed, the request becomes part of an address of ours.
const MAX_PARAMETER_BYTES: usize = 1_000;

/// An error that goes back to the client (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its code")]
pub enum RequestError {
    InvalidRequest,
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
    LoginRequired,
    InteractionRequired,
    AccountSelectionRequired,
    RequestNotSupported,
    RequestUriNotSupported,
}

impl RequestError {
    /// As it stands in the answer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
        }
    }
}

/// What the client may learn, and what it must be able to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Those that Roster knows.
    pub const KNOWN: [&'static str; 4] = ["openid", "profile", "email", "roster"];

    /// Reads a list with spaces between; what Roster does not know is passed over.
    pub fn parse(raw: &str) -> Self {
        Self(raw.split(' ').filter(|scope| Self::KNOWN.contains(scope)).map(str::to_owned).collect())
    }

    /// Is it among them?
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed: Vec<_> = Self::KNOWN.into_iter().filter(|scope| self.has(scope)).collect();
        f.write_str(&listed.join(" "))
    }
}

/// What the client wants people to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Nothing: who cannot go on at once comes back with an error.
    pub none: bool,
    /// To sign in again.
    pub login: bool,
    /// Which account.
    pub select_account: bool,
}

impl Prompt {
    fn parse(raw: &str) -> Result<Self, RequestError> {
        let mut prompt = Self::default();
        for value in raw.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "select_account" => prompt.select_account = true,
                // Platforms are the operator's own, so nobody is asked for consent.
                "consent" => {}
                _ => return Err(RequestError::InvalidRequest),
            }
        }
        let alone = !prompt.login && !prompt.select_account && raw.trim() == "none";
        if prompt.none && !alone { Err(RequestError::InvalidRequest) } else { Ok(prompt) }
    }
}

/// A request that was found in order, from a client that is known, with a place to go back to that is the client's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: String,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// What comes back with it.
    pub state: Option<String>,
    /// What comes back in the ID token.
    pub nonce: Option<String>,
    /// What the code is bound to (RFC 7636, S256).
    pub code_challenge: String,
    /// The scopes, as the answer names them.
    pub scope: String,
    /// What people are to be asked.
    pub prompt: Prompt,
    /// How old the sign-in may be, in seconds.
    pub max_age: Option<i64>,
    /// The account that was chosen beforehand.
    pub account: Option<String>,
    /// When it came.
    pub asked_at: i64,
}

impl AuthorizationRequest {
    /// Reads the parameters of a request, each of which may be there once; `client_id` and `redirect_uri` were looked at before.
    ///
    /// # Errors
    /// What the client is told.
    pub fn parse(
        client_id: &str,
        redirect_uri: &str,
        parameters: &[(String, String)],
        now: Timestamp,
    ) -> Result<Self, RequestError> {
        let mut names = BTreeSet::new();
        let fits = |(name, value): &(String, String)| value.len() <= MAX_PARAMETER_BYTES && names.insert(name.clone());
        if !parameters.iter().all(fits) {
            return Err(RequestError::InvalidRequest);
        }
        let find = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        // A parameter without a value counts as none (RFC 6749, 3.1).
        let find = |name: &str| find(name).filter(|value| !value.is_empty());
        if find("request").is_some() {
            return Err(RequestError::RequestNotSupported);
        }
        if find("request_uri").is_some() {
            return Err(RequestError::RequestUriNotSupported);
        }
        match find("response_type") {
            Some("code") => {}
            Some(_) => return Err(RequestError::UnsupportedResponseType),
            None => return Err(RequestError::InvalidRequest),
        }
        if find("response_mode").is_some_and(|mode| mode != "query") {
            return Err(RequestError::InvalidRequest);
        }
        let scopes = Scopes::parse(find("scope").unwrap_or_default());
        if !scopes.has("openid") {
            return Err(RequestError::InvalidScope);
        }
        // S256 alone: whoever says nothing means `plain`.
        let challenge = find("code_challenge").filter(|challenge| is_digest(challenge));
        let (Some(code_challenge), Some("S256")) = (challenge, find("code_challenge_method")) else {
            return Err(RequestError::InvalidRequest);
        };
        let max_age = find("max_age").map(|seconds| seconds.parse::<u32>().map(i64::from)).transpose();
        let account = find("account").map(Slug::parse).transpose();
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: find("state").map(str::to_owned),
            nonce: find("nonce").map(str::to_owned),
            code_challenge: code_challenge.to_owned(),
            scope: scopes.to_string(),
            prompt: Prompt::parse(find("prompt").unwrap_or_default())?,
            max_age: max_age.map_err(|_| RequestError::InvalidRequest)?,
            account: account.map_err(|_| RequestError::InvalidRequest)?.map(|slug| slug.as_str().to_owned()),
            asked_at: now.0,
        })
    }

    /// Does a sign-in of this time do, or is a newer one asked for?
    pub fn takes_sign_in_of(&self, authenticated_at: Timestamp, now: Timestamp) -> bool {
        let since_asked = authenticated_at.0 >= self.asked_at;
        let young = self.max_age.is_none_or(|seconds| authenticated_at.0 + seconds * 1000 >= now.0);
        since_asked || (young && !self.prompt.login)
    }
}

/// A digest of SHA-256 in base64url.
fn is_digest(challenge: &str) -> bool {
    URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn parsed(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, RequestError> {
        let mut parameters: Vec<(String, String)> = [
            ("response_type", "code"),
            ("scope", "openid email unheard_of"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            parameters.push(((*name).to_owned(), (*value).to_owned()));
        }
        AuthorizationRequest::parse("bots", "https://bots.example.org/back", &parameters, Timestamp(10_000))
    }

    #[test]
    fn what_is_in_order_is_read() {
        let request = parsed(&[("state", "s"), ("nonce", "n"), ("max_age", "60"), ("account", "acme")]).unwrap();
        assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("s"), Some("n")));
        assert_eq!((request.max_age, request.account.as_deref()), (Some(60), Some("acme")));
        assert_eq!(request.scope, "openid email");
    }

    #[test]
    fn pkce_is_asked_of_everybody_and_only_by_s256() {
        for (name, value) in [
            ("code_challenge", ""),
            ("code_challenge_method", ""),
            ("code_challenge_method", "plain"),
            ("code_challenge_method", "s256"),
            ("code_challenge", "too-short"),
        ] {
            assert_eq!(parsed(&[(name, value)]).err(), Some(RequestError::InvalidRequest), "{name}={value}");
        }
    }

    #[test]
    fn what_is_not_in_order_has_its_own_error() {
        for (changes, error) in [
            ([("response_type", "token")], RequestError::UnsupportedResponseType),
            ([("response_type", "")], RequestError::InvalidRequest),
            ([("response_mode", "fragment")], RequestError::InvalidRequest),
            ([("scope", "email")], RequestError::InvalidScope),
            ([("prompt", "none login")], RequestError::InvalidRequest),
            ([("prompt", "unheard_of")], RequestError::InvalidRequest),
            ([("max_age", "-1")], RequestError::InvalidRequest),
            ([("request", "e30.e30.")], RequestError::RequestNotSupported),
            ([("request_uri", "https://x.example")], RequestError::RequestUriNotSupported),
            ([("account", "../x")], RequestError::InvalidRequest),
        ] {
            assert_eq!(parsed(&changes).err(), Some(error), "{changes:?}");
        }
        let long = "s".repeat(1_001);
        assert_eq!(parsed(&[("state", &long)]).err(), Some(RequestError::InvalidRequest));
        let twice = [("state", "a"), ("state", "b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = AuthorizationRequest::parse("bots", "https://bots.example.org/back", &twice, Timestamp(0));
        assert_eq!(read.err(), Some(RequestError::InvalidRequest));
    }

    #[test]
    fn a_new_sign_in_is_asked_for_once() {
        let now = Timestamp(100_000);
        let takes = |changes: &[(&str, &str)], at: i64| parsed(changes).unwrap().takes_sign_in_of(Timestamp(at), now);
        assert!(takes(&[], 0));
        assert!(!takes(&[("prompt", "login")], 9_999) && takes(&[("prompt", "login")], 10_000));
        assert!(takes(&[("max_age", "95")], 5_000) && !takes(&[("max_age", "94")], 5_000));
        assert!(takes(&[("max_age", "0")], 10_000), "signed in since it was asked for");
    }
}
