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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_stored_and_addressed_by_these_words() {
        let keys = ["google", "microsoft", "github", "gitlab", "okta", "auth0", "keycloak", "openid", "oauth"];
        assert_eq!(Preset::ALL.map(Preset::key), keys);
        assert_eq!(keys.map(Preset::from_key), Preset::ALL.map(Some));
        assert_eq!(Preset::from_key(""), None);
    }

    #[test]
    fn r45_each_preset_begins_with_the_claim_that_never_changes() {
        let identifiers = ["sub", "oid", "id", "sub", "sub", "sub", "sub", "sub", "id"];
        assert_eq!(Preset::ALL.map(|preset| preset.form().identifier), identifiers);
    }

    #[test]
    fn oa_21_each_preset_begins_with_the_scopes_for_the_claims_that_it_names() {
        let of = |preset: Preset| {
            let form = preset.form();
            [form.scopes, form.email, form.first_name, form.last_name]
        };
        assert_eq!(of(Preset::Microsoft), ["openid email profile", "email", "given_name", "family_name"]);
        assert_eq!(of(Preset::GitHub), ["read:user user:email", "email", "name", ""]);
        assert_eq!(of(Preset::GitLab), ["openid email profile", "email", "name", ""]);
        assert_eq!(of(Preset::OAuth), ["", "email", "", ""]);
    }

    #[test]
    fn a_brand_is_named_and_what_stands_for_any_other_is_not() {
        for preset in Preset::ALL {
            let form = preset.form();
            let is_a_brand = preset != Preset::OpenId && preset != Preset::OAuth;
            assert_eq!((preset.brand().is_some(), form.name.is_empty()), (is_a_brand, !is_a_brand), "{preset:?}");
            assert_eq!(preset.issuer().starts_with("https://"), is_a_brand && preset.is_open_id(), "{preset:?}");
            assert_eq!((form.preset.as_str(), form.issuer.as_str()), (preset.key(), preset.issuer()));
            assert_eq!(form.authorization_url.is_empty(), preset != Preset::GitHub, "{preset:?}");
            assert_eq!(form.client_authentication, if preset == Preset::GitHub { "post" } else { "basic" });
        }
        assert_eq!(Preset::Google.brand(), Some("Google"));
        assert_eq!(Preset::ALL.map(Preset::is_open_id), [true, true, false, true, true, true, true, true, false]);
    }
}
