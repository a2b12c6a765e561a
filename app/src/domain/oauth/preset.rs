//! The providers that people really use: where they are, and which claim of theirs never changes.

use super::{ClientAuthentication, ConfigurationForm};
use serde::{Deserialize, Serialize};

/// A provider that Roster knows its way around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each variant is the provider's name")]
pub enum Preset {
    Google,
    Microsoft,
    GitHub,
    GitLab,
    Okta,
    Auth0,
    Keycloak,
    /// Any other with OpenID Connect.
    OpenId,
    /// Any other with OAuth 2.0 and a user-info endpoint.
    OAuth,
}

impl Preset {
    /// All of them, in the order of the chooser.
    pub const ALL: [Self; 9] = [
        Self::Google,
        Self::Microsoft,
        Self::GitHub,
        Self::GitLab,
        Self::Okta,
        Self::Auth0,
        Self::Keycloak,
        Self::OpenId,
        Self::OAuth,
    ];

    /// The text in URLs, forms and storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Okta => "okta",
            Self::Auth0 => "auth0",
            Self::Keycloak => "keycloak",
            Self::OpenId => "openid",
            Self::OAuth => "oauth",
        }
    }

    /// The preset with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.key() == key)
    }

    /// The provider's own name, the same in every language; `None` for the two that stand for any other.
    pub const fn brand(self) -> Option<&'static str> {
        match self {
            Self::Google => Some("Google"),
            Self::Microsoft => Some("Microsoft Entra ID"),
            Self::GitHub => Some("GitHub"),
            Self::GitLab => Some("GitLab"),
            Self::Okta => Some("Okta"),
            Self::Auth0 => Some("Auth0"),
            Self::Keycloak => Some("Keycloak"),
            Self::OpenId | Self::OAuth => None,
        }
    }

    /// Does it speak OpenID Connect?
    pub const fn is_open_id(self) -> bool {
        match self {
            Self::Google
            | Self::Microsoft
            | Self::GitLab
            | Self::Okta
            | Self::Auth0
            | Self::Keycloak
            | Self::OpenId => true,
            Self::GitHub | Self::OAuth => false,
        }
    }

    /// The shape of the issuer, with `{…}` for what the account fills in.
    pub const fn issuer(self) -> &'static str {
        match self {
            Self::Google => "https://accounts.google.com",
            Self::Microsoft => "https://login.microsoftonline.com/{tenant}/v2.0",
            Self::GitLab => "https://gitlab.com",
            Self::Okta => "https://{organization}.okta.com",
            Self::Auth0 => "https://{tenant}.auth0.com/",
            Self::Keycloak => "https://{host}/realms/{realm}",
            Self::GitHub | Self::OpenId | Self::OAuth => "",
        }
    }

    /// The form as it is first shown.
    pub fn form(self) -> ConfigurationForm {
        let text = str::to_owned;
        let (scopes, identifier, first_name, last_name) = match self {
            // `sub` is another for each client at Microsoft; `oid` is the Object ID that admins see.
            Self::Microsoft => ("openid email profile", "oid", "given_name", "family_name"),
            Self::GitHub => ("read:user user:email", "id", "name", ""),
            Self::GitLab => ("openid email profile", "sub", "name", ""),
            Self::Google | Self::Okta | Self::Auth0 | Self::Keycloak | Self::OpenId => {
                ("openid email profile", "sub", "given_name", "family_name")
            }
            Self::OAuth => ("", "id", "", ""),
        };
        let mut form = ConfigurationForm {
            preset: text(self.key()),
            name: self.brand().map(text).unwrap_or_default(),
            issuer: text(self.issuer()),
            client_authentication: text(ClientAuthentication::Basic.key()),
            scopes: text(scopes),
            identifier: text(identifier),
            email: text("email"),
            first_name: text(first_name),
            last_name: text(last_name),
            ..ConfigurationForm::default()
        };
        if self == Self::GitHub {
            form.authorization_url = text("https://github.com/login/oauth/authorize");
            form.token_url = text("https://github.com/login/oauth/access_token");
            form.user_info_url = text("https://api.github.com/user");
            form.client_authentication = text(ClientAuthentication::Post.key());
        }
        form
    }
}
