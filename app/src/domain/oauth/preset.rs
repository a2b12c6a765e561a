//! The providers that people really use: where they are, and which claim of theirs never changes.

use super::{ClientAuthentication, ConfigurationForm};
use crate::domain::fields::Field;
use serde::{Deserialize, Serialize};

/// A part of an issuer that differs from one customer of the provider to the next: what the form asks for in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerPart {
    /// The ID of a directory.
    Tenant,
    /// The host of an organization.
    Domain,
    /// The host of a server of one's own, with a path if it has one.
    Server,
    /// One of the server's realms.
    Realm,
}

impl IssuerPart {
    /// How the template of an issuer has it.
    const fn placeholder(self) -> &'static str {
        match self {
            Self::Tenant => "{tenant}",
            Self::Domain => "{domain}",
            Self::Server => "{server}",
            Self::Realm => "{realm}",
        }
    }

    /// Its field in the form.
    pub const fn field(self) -> Field {
        match self {
            Self::Tenant => Field::IssuerTenant,
            Self::Domain => Field::IssuerDomain,
            Self::Server => Field::IssuerServer,
            Self::Realm => Field::IssuerRealm,
        }
    }

    /// Its text in the form.
    pub fn of(self, form: &ConfigurationForm) -> &str {
        match self {
            Self::Tenant => &form.issuer_tenant,
            Self::Domain => &form.issuer_domain,
            Self::Server => &form.issuer_server,
            Self::Realm => &form.issuer_realm,
        }
    }

    fn set(self, form: &mut ConfigurationForm, text: &str) {
        let field = match self {
            Self::Tenant => &mut form.issuer_tenant,
            Self::Domain => &mut form.issuer_domain,
            Self::Server => &mut form.issuer_server,
            Self::Realm => &mut form.issuer_realm,
        };
        text.clone_into(field);
    }
}

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

    /// The shape of the issuer, with a placeholder for each of its [`Self::issuer_parts`].
    const fn issuer_template(self) -> &'static str {
        match self {
            Self::Google => "https://accounts.google.com",
            Self::Microsoft => "https://login.microsoftonline.com/{tenant}/v2.0",
            Self::GitLab => "https://gitlab.com",
            Self::Okta => "https://{domain}",
            Self::Auth0 => "https://{domain}/",
            Self::Keycloak => "https://{server}/realms/{realm}",
            Self::GitHub | Self::OpenId | Self::OAuth => "",
        }
    }

    /// What the form asks for in place of the whole issuer.
    pub const fn issuer_parts(self) -> &'static [IssuerPart] {
        match self {
            Self::Microsoft => &[IssuerPart::Tenant],
            Self::Okta | Self::Auth0 => &[IssuerPart::Domain],
            Self::Keycloak => &[IssuerPart::Server, IssuerPart::Realm],
            Self::Google | Self::GitHub | Self::GitLab | Self::OpenId | Self::OAuth => &[],
        }
    }

    /// The issuer with these parts, in the order of [`Self::issuer_parts`].
    pub fn issuer_of(self, parts: &[String]) -> String {
        let named = self.issuer_parts().iter().zip(parts);
        named.fold(self.issuer_template().to_owned(), |issuer, (part, text)| issuer.replace(part.placeholder(), text))
    }

    /// Puts the issuer into the form: by its parts, or whole if it is not of the provider's shape.
    pub fn fill_in_issuer(self, form: &mut ConfigurationForm, issuer: &str) {
        let Some(parts) = self.parts_of(issuer) else {
            issuer.clone_into(&mut form.issuer);
            return;
        };
        for (part, text) in self.issuer_parts().iter().zip(parts) {
            part.set(form, text);
        }
    }

    /// The parts of this issuer; `None` if there are none, or it is of another shape.
    fn parts_of(self, issuer: &str) -> Option<Vec<&str>> {
        let mut parts = Vec::new();
        let (mut template, mut issuer) = (self.issuer_template(), issuer);
        for part in self.issuer_parts() {
            let (before, after) = template.split_once(part.placeholder())?;
            let rest = issuer.strip_prefix(before)?;
            let end = match after.split_once('{') {
                Some((separator, _)) => rest.rfind(separator)?,
                None => rest.strip_suffix(after)?.len(),
            };
            let (text, rest) = rest.split_at_checked(end)?;
            parts.push(text);
            (template, issuer) = (after, rest);
        }
        let whole = !parts.is_empty() && parts.iter().all(|part| !part.is_empty()) && issuer == template;
        whole.then_some(parts)
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
            issuer: if self.issuer_parts().is_empty() { text(self.issuer_template()) } else { String::new() },
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
    fn an_issuer_is_asked_for_by_its_parts_and_shown_by_them_again() {
        for (preset, parts, issuer) in [
            (Preset::Microsoft, &["1b2f-22"][..], "https://login.microsoftonline.com/1b2f-22/v2.0"),
            (Preset::Okta, &["acme.okta.com/oauth2/default"], "https://acme.okta.com/oauth2/default"),
            (Preset::Auth0, &["acme.eu.auth0.com"], "https://acme.eu.auth0.com/"),
            (Preset::Keycloak, &["id.acme.example/auth", "staff"], "https://id.acme.example/auth/realms/staff"),
        ] {
            let owned: Vec<_> = parts.iter().map(|&part| part.to_owned()).collect();
            assert_eq!(preset.issuer_of(&owned), issuer);
            assert_eq!(preset.parts_of(issuer).as_deref(), Some(parts), "{preset:?}");
            let mut form = preset.form();
            preset.fill_in_issuer(&mut form, issuer);
            let shown: Vec<_> = preset.issuer_parts().iter().map(|part| part.of(&form)).collect();
            assert_eq!((shown.as_slice(), form.issuer.as_str()), (parts, ""));
        }
        for (preset, other) in [
            (Preset::Microsoft, "https://sts.windows.net/1b2f-22/"),
            (Preset::Auth0, "https://login.acme.example"),
            (Preset::Keycloak, "https://id.acme.example/staff"),
            (Preset::Keycloak, "https:///realms/staff"),
            (Preset::Google, "https://accounts.google.com"),
        ] {
            let mut form = preset.form();
            preset.fill_in_issuer(&mut form, other);
            assert_eq!((preset.parts_of(other), form.issuer.as_str()), (None, other), "{preset:?}");
        }
    }

    #[test]
    fn a_brand_is_named_and_what_stands_for_any_other_is_not() {
        for preset in Preset::ALL {
            let form = preset.form();
            let is_a_brand = preset != Preset::OpenId && preset != Preset::OAuth;
            assert_eq!((preset.brand().is_some(), form.name.is_empty()), (is_a_brand, !is_a_brand), "{preset:?}");
            assert_eq!(
                preset.issuer_template().starts_with("https://"),
                is_a_brand && preset.is_open_id(),
                "{preset:?}"
            );
            assert_eq!(form.preset, preset.key());
            assert!(!form.issuer.contains('{') && (form.issuer.is_empty() || preset.issuer_parts().is_empty()));
            assert_eq!(form.authorization_url.is_empty(), preset != Preset::GitHub, "{preset:?}");
            assert_eq!(form.client_authentication, if preset == Preset::GitHub { "post" } else { "basic" });
        }
        assert_eq!(Preset::Google.brand(), Some("Google"));
        assert_eq!(Preset::ALL.map(Preset::is_open_id), [true, true, false, true, true, true, true, true, false]);
    }
}
