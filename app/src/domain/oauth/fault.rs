//! What can go wrong between Roster and a provider: each has its own message with what to do. A provider's own text is never among it
//! (OA-16).

use serde::{Deserialize, Serialize};

/// Why a sign-in by a provider did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The address is not https, or leads into a network that is not open to providers (OA-15).
    AddressRefused,
    /// Nobody answers there: no such name, no connection.
    Unreachable,
    /// The certificate is not good for the name.
    Tls,
    /// No answer in time.
    TimedOut,
    /// The provider failed several times in a row and is left alone for a while (OA-22).
    CircuitOpen,
    /// An answer larger than any real one.
    TooLarge,
    /// A redirect where there must be none (OA-15).
    Redirected,
    /// The discovery document is not there, or is none.
    Discovery,
    /// The discovery document names another issuer (OA-20).
    DiscoveryIssuer,
    /// The discovery document names an address that is not https: its provider does not know that it stands behind a proxy.
    DiscoveryEndpoint,
    /// The keys are not there, or none of them can be read.
    Keys,
    /// The browser brought no attempt back that it had begun here, or one that is used up or too old (OA-03).
    Attempt,
    /// Nobody came back from a test: most often the redirect URI is not registered, and the provider says so to the person alone.
    NoReturn,
    /// The person said no at the provider.
    Denied,
    /// The provider wants the person to sign in or to agree there first: `login_required`, `consent_required` and the like.
    InteractionRequired,
    /// The provider does not let this client ask: `unauthorized_client`, `unsupported_response_type`, `invalid_request`.
    ClientRefused,
    /// The provider does not know a scope.
    Scope,
    /// The provider has a fault of its own: `server_error`, `temporarily_unavailable` and whatever else it says.
    ProviderError,
    /// The answer names another issuer, or none though the provider announced that it would (RFC 9207, OA-05).
    ResponseIssuer,
    /// The token endpoint refuses id and secret: `invalid_client`.
    ClientAuthentication,
    /// The token endpoint refuses the code: `invalid_grant`, most often the redirect URI, PKCE or a code used twice.
    Grant,
    /// The token endpoint answers something else: not JSON, no token, an error of another kind.
    TokenAnswer,
    /// The token endpoint gives a token of another kind than `Bearer`.
    TokenType,
    /// There is no ID token, though `openid` was asked for.
    NoIdToken,
    /// The ID token cannot be read, or lacks what it must have (`sub`, `iat`).
    IdToken,
    /// The ID token is encrypted.
    Encrypted,
    /// The ID token is not signed in a way that is accepted (`none`, a symmetric key).
    Algorithm,
    /// The ID token's signature is not the provider's.
    Signature,
    /// The ID token is another issuer's.
    IdTokenIssuer,
    /// The ID token is meant for another client (`aud`, `azp`).
    Audience,
    /// The ID token does not answer this attempt (OA-04).
    Nonce,
    /// The ID token is too old or from the future: one of the two clocks is wrong.
    Clock,
    /// The user-info endpoint refuses, or answers something else than a JSON object.
    UserInfo,
    /// The user-info endpoint answers signed, and that cannot be checked.
    UserInfoSigned,
    /// User-info endpoint and ID token name different people (OA-07).
    UserInfoSubject,
    /// There is no text or number where the User identifier should be.
    NoIdentifier,
    /// The identifier may be fixed at the first sign-in, and the provider does not say that it checked the address (R67).
    EmailUnverified,
}

/// A fault with the values behind it, for whoever sets the provider up: a name, an address, a code, never a text for people (OA-16).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The fault.
    pub fault: Fault,
    /// What was to stand there.
    pub expected: Option<String>,
    /// What the provider sent.
    pub received: Option<String>,
    /// The address that was asked, where it was not the answer but getting one that failed.
    #[serde(default)]
    pub asked: Option<String>,
}

/// The most characters of a value that are shown.
const MAX_VALUE_CHARS: usize = 200;

impl Failure {
    /// The fault, with what was received.
    pub fn received(fault: Fault, received: &str) -> Self {
        Self { received: Some(shown(received)), ..fault.into() }
    }

    /// The failure, with the address that was asked.
    pub fn at(self, asked: &str) -> Self {
        Self { asked: Some(shown(asked)), ..self }
    }

    /// The fault, with what was to stand there and what was received.
    pub fn differs(fault: Fault, expected: &str, received: Option<&str>) -> Self {
        Self { expected: Some(shown(expected)), received: received.map(shown), ..fault.into() }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, expected: None, received: None, asked: None }
    }
}

fn shown(value: &str) -> String {
    value.chars().take(MAX_VALUE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 37] = [
        Self::AddressRefused,
        Self::Unreachable,
        Self::Tls,
        Self::TimedOut,
        Self::CircuitOpen,
        Self::TooLarge,
        Self::Redirected,
        Self::Discovery,
        Self::DiscoveryIssuer,
        Self::DiscoveryEndpoint,
        Self::Keys,
        Self::Attempt,
        Self::NoReturn,
        Self::Denied,
        Self::InteractionRequired,
        Self::ClientRefused,
        Self::Scope,
        Self::ProviderError,
        Self::ResponseIssuer,
        Self::ClientAuthentication,
        Self::Grant,
        Self::TokenAnswer,
        Self::TokenType,
        Self::NoIdToken,
        Self::IdToken,
        Self::Encrypted,
        Self::Algorithm,
        Self::Signature,
        Self::IdTokenIssuer,
        Self::Audience,
        Self::Nonce,
        Self::Clock,
        Self::UserInfo,
        Self::UserInfoSigned,
        Self::UserInfoSubject,
        Self::NoIdentifier,
        Self::EmailUnverified,
    ];

    /// The code in logs, URLs and on pages, by which admins find it in the guide.
    pub const fn key(self) -> &'static str {
        match self {
            Self::AddressRefused => "address-refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut => "timed-out",
            Self::CircuitOpen => "circuit-open",
            Self::TooLarge => "too-large",
            Self::Redirected => "redirected",
            Self::Discovery => "discovery",
            Self::DiscoveryIssuer => "discovery-issuer",
            Self::DiscoveryEndpoint => "discovery-endpoint",
            Self::Keys => "keys",
            Self::Attempt => "attempt",
            Self::NoReturn => "no-return",
            Self::Denied => "denied",
            Self::InteractionRequired => "interaction-required",
            Self::ClientRefused => "client-refused",
            Self::Scope => "scope",
            Self::ProviderError => "provider-error",
            Self::ResponseIssuer => "response-issuer",
            Self::ClientAuthentication => "client-authentication",
            Self::Grant => "grant",
            Self::TokenAnswer => "token-answer",
            Self::TokenType => "token-type",
            Self::NoIdToken => "no-id-token",
            Self::IdToken => "id-token",
            Self::Encrypted => "encrypted",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::IdTokenIssuer => "id-token-issuer",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Clock => "clock",
            Self::UserInfo => "user-info",
            Self::UserInfoSigned => "user-info-signed",
            Self::UserInfoSubject => "user-info-subject",
            Self::NoIdentifier => "no-identifier",
            Self::EmailUnverified => "email-unverified",
        }
    }

    /// The fault with this code.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.key() == key)
    }
}

/// What a test sign-in that succeeded still warns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The identifier can change hands: an address or a name that people choose (R45).
    MutableIdentifier,
    /// The provider gives no address: nothing can be compared with the invited one (R42).
    NoEmail,
    /// The provider does not say that it checked the address (OA-10).
    EmailNotVerified,
    /// The provider says that it does not know PKCE with S256, so that it ignores what Roster sends (OA-02).
    NoPkce,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn oa_16_a_providers_values_are_shown_cut_and_on_one_line() {
        let failure = Failure::differs(Fault::IdTokenIssuer, "https://id.example", Some("https://\nevil\u{1b}"));
        assert_eq!((failure.fault, failure.expected.as_deref()), (Fault::IdTokenIssuer, Some("https://id.example")));
        assert_eq!(failure.received.as_deref(), Some("https:// evil "));
        assert_eq!(Failure::differs(Fault::ResponseIssuer, "a", None).received, None);
        let long = Failure::received(Fault::TokenType, &"ä".repeat(201));
        assert_eq!((long.fault, long.expected, long.received), (Fault::TokenType, None, Some("ä".repeat(200))));
        let bare = Failure { fault: Fault::Tls, expected: None, received: None, asked: None };
        assert_eq!(Failure::from(Fault::Tls), bare);
    }

    #[test]
    fn codes_are_distinct_and_read_back() {
        let keys: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.key()).collect();
        assert_eq!(keys.len(), Fault::ALL.len());
        assert!(Fault::ALL.into_iter().all(|fault| Fault::from_key(fault.key()) == Some(fault)));
    }
}
