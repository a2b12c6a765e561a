//! What an account says of its provider, and whom the provider names.

use super::{ClaimPath, Preset};
use serde::{Deserialize, Serialize};

/// How Roster proves to the token endpoint that it is the client (RFC 6749, section 2.3; RFC 7636 for `none`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthentication {
    /// Id and secret in the `Authorization` header.
    Basic,
    /// Id and secret in the body.
    Post,
    /// A public client: PKCE alone.
    None,
}

impl ClientAuthentication {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Post, Self::None];

    /// The text in forms.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Post => "post",
            Self::None => "none",
        }
    }

    /// The way with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.key() == key)
    }

    /// Is there a secret to send?
    pub const fn needs_secret(self) -> bool {
        match self {
            Self::Basic | Self::Post => true,
            Self::None => false,
        }
    }
}

/// What counts when the provider's address for a person is not the invited one (R43).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailPolicy {
    /// An admin decides.
    #[default]
    Strict,
    /// The identifier alone counts.
    Identifier,
}

impl EmailPolicy {
    /// The text in forms.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Identifier => "identifier",
        }
    }

    /// The policy with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Strict, Self::Identifier].into_iter().find(|policy| policy.key() == key)
    }
}

/// What is particular to OpenID Connect: there is an ID token, and keys to check it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenId {
    /// The issuer, exactly as its discovery document says it (OA-20).
    pub issuer: String,
    /// Where its discovery document is, if not under the issuer: Azure AD B2C and others with several policies have it elsewhere.
    #[serde(default)]
    pub discovery_url: Option<String>,
    /// Where the keys of its signatures are.
    pub jwks_url: String,
    /// Does the provider name itself in its answers (RFC 9207, OA-05)?
    pub names_itself: bool,
    /// Does the provider say that it knows other ways of PKCE alone than Roster's, S256 (OA-02)?
    #[serde(default)]
    pub lacks_s256: bool,
}

/// Everything about a provider but the client secret, which is sealed and kept beside it (OA-17). Only what passed
/// [`super::ConfigurationForm::parse`] is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The text on the button. Like everything else it counts once a test has passed.
    #[serde(default)]
    pub name: String,
    /// The preset it began as: its guide and its words.
    pub preset: Preset,
    /// Set for OpenID Connect; `None` for plain OAuth 2.0, whose user-info endpoint alone tells who somebody is.
    pub open_id: Option<OpenId>,
    /// Where people are sent.
    pub authorization_url: String,
    /// Where codes are exchanged.
    pub token_url: String,
    /// Where a person's claims are; plain OAuth 2.0 always has it.
    pub user_info_url: Option<String>,
    /// The client's id at the provider.
    pub client_id: String,
    /// How the client proves itself.
    pub client_authentication: ClientAuthentication,
    /// The scopes asked for (OA-21).
    pub scopes: Vec<String>,
    /// More parameters for the authorization URL, such as `prompt=select_account`.
    pub parameters: Vec<(String, String)>,
    /// The claim that identifies a person: the User identifier.
    pub identifier: ClaimPath,
    /// The claim with the address.
    pub email: Option<ClaimPath>,
    /// The claim with the first name, or with the whole name.
    pub first_name: Option<ClaimPath>,
    /// The claim with the last name.
    pub last_name: Option<ClaimPath>,
    /// What counts when the address is another (R43).
    pub email_policy: EmailPolicy,
    /// Can people be invited without an identifier, which is then fixed at their first sign-in (R67)?
    #[serde(default)]
    pub first_sign_in: bool,
}

impl Configuration {
    /// Would people known by `self` be other people under `new`? Then their links are no longer good (R45).
    pub fn names_people_differently(&self, new: &Self) -> bool {
        // An ID token is the issuer's word. Without one, it is the token URL that says whose token the user-info URL is asked with.
        let source = |configuration: &Self| match &configuration.open_id {
            Some(open_id) => (open_id.issuer.clone(), None),
            None => (configuration.token_url.clone(), configuration.user_info_url.clone()),
        };
        // Behind one issuer, Microsoft's `sub` differs for each client; no preset but that one has such identifiers.
        source(self) != source(new) || self.identifier != new.identifier
    }
}

/// Whom a provider named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The User identifier: exact, case-sensitive (R42, OA-09).
    pub identifier: String,
    /// The address that the provider gave, as it gave it; never proof of a mailbox.
    pub email: Option<String>,
    /// Did the provider say that it checked the address? Only JSON `true` says so (OA-10).
    pub email_verified: bool,
    /// The first name, or the whole name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
}

impl Person {
    /// First and last name together; `None` if the provider gave neither.
    pub fn name(&self) -> Option<String> {
        let names: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }
}

/// An identifier with more hidden than shown, for somebody who may not be its owner (R44); `None` for one too short to show any of.
pub fn masked(identifier: &str) -> Option<String> {
    let letters: Vec<char> = identifier.chars().collect();
    let part = [3, 2, 1].into_iter().find(|part| letters.len() > 4 * part)?;
    let (start, end) = (letters.iter().take(part), letters.iter().skip(letters.len() - part));
    Some(start.chain([&'…']).chain(end).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r45_another_issuer_address_or_claim_means_other_people_and_another_client_the_same() {
        let parsed =
            |preset: Preset, issuer: &str, token_url: &str, user_info_url: &str, identifier: &str, client: &str| {
                let text = str::to_owned;
                let form = crate::domain::oauth::ConfigurationForm {
                    name: text("Acme"),
                    issuer: text(issuer),
                    authorization_url: text("https://id.example.org/authorize"),
                    token_url: text(token_url),
                    user_info_url: text(user_info_url),
                    identifier: text(identifier),
                    client_id: text(client),
                    client_secret: text("secret"),
                    ..preset.form()
                };
                form.parse(false).unwrap().configuration
            };
        let (issuer, token, user_info) =
            ("https://id.example.org", "https://id.example.org/token", "https://id.example.org/me");
        let openid = |issuer, identifier, client| parsed(Preset::OpenId, issuer, token, user_info, identifier, client);
        let live = openid(issuer, "sub", "a");
        assert!(!live.names_people_differently(&openid(issuer, "sub", "b")));
        assert!(live.names_people_differently(&openid("https://id.example.com", "sub", "a")));
        assert!(live.names_people_differently(&openid(issuer, "oid", "a")));

        let plain =
            |token, user_info, identifier, client| parsed(Preset::OAuth, "", token, user_info, identifier, client);
        let live = plain(token, user_info, "id", "a");
        assert!(!live.names_people_differently(&plain(token, user_info, "id", "b")));
        assert!(live.names_people_differently(&plain("https://evil.example/token", user_info, "id", "a")));
        assert!(live.names_people_differently(&plain(token, "https://id.example.com/me", "id", "a")));
        assert!(live.names_people_differently(&plain(token, user_info, "login", "a")));
        assert!(live.names_people_differently(&openid(issuer, "id", "a")));
    }

    #[test]
    fn what_is_chosen_in_the_form_is_read_by_these_words() {
        for (policy, key) in [(EmailPolicy::Strict, "strict"), (EmailPolicy::Identifier, "identifier")] {
            assert_eq!((policy.key(), EmailPolicy::from_key(key)), (key, Some(policy)));
        }
        let ways = [
            (ClientAuthentication::Basic, "basic", true),
            (ClientAuthentication::Post, "post", true),
            (ClientAuthentication::None, "none", false),
        ];
        for (way, key, secret) in ways {
            assert_eq!((way.key(), ClientAuthentication::from_key(key)), (key, Some(way)));
            assert_eq!(way.needs_secret(), secret, "{key}");
        }
        assert_eq!((EmailPolicy::from_key(""), ClientAuthentication::from_key("")), (None, None));
    }

    #[test]
    fn the_name_of_a_person_is_of_as_many_parts_as_the_provider_gave() {
        let named = |first: Option<&str>, last: Option<&str>| {
            let (first_name, last_name) = (first.map(str::to_owned), last.map(str::to_owned));
            Person { identifier: "1".to_owned(), email: None, email_verified: false, first_name, last_name }.name()
        };
        assert_eq!(named(Some("Ana"), Some("Silva")).as_deref(), Some("Ana Silva"));
        assert_eq!(named(Some("Ana Silva"), None).as_deref(), Some("Ana Silva"));
        assert_eq!(named(None, Some("Silva")).as_deref(), Some("Silva"));
        assert_eq!(named(None, None), None);
    }

    #[test]
    fn r44_a_masked_identifier_shows_less_than_it_hides() {
        for (identifier, shown) in [
            ("00u1a2b3c4d5e", Some("00u…d5e")),
            ("00u1a2b3c4d5", Some("00…d5")),
            ("12345678", Some("1…8")),
            ("12345", Some("1…5")),
            ("1234", None),
            ("", None),
        ] {
            assert_eq!(masked(identifier).as_deref(), shown, "{identifier}");
        }
    }
}
