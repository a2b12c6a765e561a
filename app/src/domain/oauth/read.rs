//! Reading the form of a provider's set-up.

use super::{
    ClaimPath, ClientAuthentication, Configuration, ConfigurationForm, EmailPolicy, IssuerPart, MAX_TEXT_CHARS, OpenId,
    Preset,
};
use crate::domain::{
    fields::{Field, FieldErrors, Problem},
    name::parse_name,
};
use std::fmt;

/// Parameters of the authorization URL that the flow itself sets (RFC 6749, 7636, OpenID Connect).
const RESERVED_PARAMETERS: [&str; 10] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "max_age",
    "code_challenge",
    "code_challenge_method",
];

/// What a form says, in order; for OpenID Connect, the endpoints are yet to be discovered.
#[derive(Clone)]
pub struct Read {
    /// The configuration.
    pub configuration: Configuration,
    /// Another secret; `None` to keep the one there is.
    pub secret: Option<String>,
    /// Were there blanks or characters that cannot be seen around it? They are left out.
    pub secret_was_trimmed: bool,
}

impl fmt::Debug for Read {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("configuration", &self.configuration).finish_non_exhaustive()
    }
}

impl ConfigurationForm {
    /// Reads the form. `has_secret`: is one kept already?
    ///
    /// # Errors
    /// The problems by field.
    pub fn parse(&self, has_secret: bool) -> Result<Read, FieldErrors> {
        let mut errors = FieldErrors::default();
        let preset = Preset::from_key(&self.preset).unwrap_or(Preset::OAuth);
        let open_id = preset.is_open_id();
        let name = errors.keep(Field::MethodName, parse_name(&self.name));
        let issuer = match (open_id, preset.issuer_parts()) {
            (false, _) => Some(String::new()),
            (true, parts) if !parts.is_empty() && self.issuer.trim().is_empty() => {
                let read = parts.iter().map(|part| errors.keep(part.field(), issuer_part(*part, part.of(self))));
                let parts: Vec<Option<String>> = read.collect();
                parts.into_iter().collect::<Option<Vec<_>>>().map(|parts| preset.issuer_of(&parts))
            }
            (true, _) => errors.keep(Field::Issuer, issuer(&self.issuer)),
        };
        let elsewhere = match self.discovery_url.trim() {
            none if none.is_empty() || !open_id => Ok(None),
            url => https(url).map(Some),
        };
        let discovery_url = errors.keep(Field::DiscoveryUrl, elsewhere);
        let endpoint = |raw: &str| if open_id { Ok(String::new()) } else { https(raw) };
        let authorization_url = errors.keep(Field::AuthorizationUrl, endpoint(&self.authorization_url));
        let token_url = errors.keep(Field::TokenUrl, endpoint(&self.token_url));
        let user_info_url = errors.keep(Field::UserInfoUrl, endpoint(&self.user_info_url));
        let client_id = errors.keep(Field::ClientId, required(&self.client_id));
        let client_authentication = errors.keep(
            Field::ClientAuthentication,
            ClientAuthentication::from_key(&self.client_authentication).ok_or(Problem::NotOffered),
        );
        let trimmed = self.client_secret.trim_matches(is_blank);
        let secret_was_trimmed = trimmed != self.client_secret;
        let secret = (!trimmed.is_empty()).then(|| trimmed.to_owned());
        if client_authentication.is_some_and(ClientAuthentication::needs_secret) && secret.is_none() && !has_secret {
            errors.keep::<()>(Field::ClientSecret, Err(Problem::Required));
        }
        if secret.as_ref().is_some_and(|secret| secret.chars().count() > MAX_TEXT_CHARS as usize) {
            errors.keep::<()>(Field::ClientSecret, Err(Problem::TooLong { most: MAX_TEXT_CHARS }));
        }
        let scopes = errors.keep(Field::Scopes, scopes(&self.scopes, open_id));
        // A provider that wants its scopes in another form than the standard's gets them as a parameter.
        let own_scope = !open_id && scopes.as_ref().is_some_and(Vec::is_empty);
        let parameters = errors.keep(Field::Parameters, parameters(&self.parameters, own_scope));
        let identifier = errors.keep(Field::IdentifierPath, ClaimPath::parse(&self.identifier));
        let email = errors.keep(Field::EmailPath, optional_path(&self.email));
        let first_name = errors.keep(Field::FirstNamePath, optional_path(&self.first_name));
        let last_name = errors.keep(Field::LastNamePath, optional_path(&self.last_name));
        let email_policy = EmailPolicy::from_key(&self.email_policy).unwrap_or_default();
        let first_sign_in = self.first_sign_in == "yes";
        if first_sign_in && email == Some(None) {
            // Without the provider's word for the address, nobody would ever be let in (R67).
            errors.keep::<()>(Field::EmailPath, Err(Problem::Required));
        }

        let read = || {
            Some(Read {
                configuration: Configuration {
                    name: name?,
                    preset,
                    open_id: issuer.filter(|_| open_id).map(|issuer| OpenId {
                        issuer,
                        discovery_url: discovery_url.clone().flatten(),
                        jwks_url: String::new(),
                        names_itself: false,
                        lacks_s256: false,
                    }),
                    authorization_url: authorization_url?,
                    token_url: token_url?,
                    user_info_url: user_info_url.filter(|_| !open_id),
                    client_id: client_id?,
                    client_authentication: client_authentication?,
                    scopes: scopes?,
                    parameters: parameters?,
                    identifier: identifier?,
                    email: email?,
                    first_name: first_name?,
                    last_name: last_name?,
                    email_policy,
                    first_sign_in,
                },
                secret,
                secret_was_trimmed,
            })
        };
        match read() {
            Some(read) if errors == FieldErrors::default() => Ok(read),
            _ => Err(errors),
        }
    }
}

impl From<(&str, &Configuration)> for ConfigurationForm {
    /// The form of what is saved, under the method's name; the secret stays where it is.
    fn from((name, saved): (&str, &Configuration)) -> Self {
        let path = |path: &Option<ClaimPath>| path.as_ref().map(ClaimPath::to_string).unwrap_or_default();
        let mut form = Self {
            method: String::new(),
            preset: saved.preset.key().to_owned(),
            name: if saved.name.is_empty() { name.to_owned() } else { saved.name.clone() },
            discovery_url: saved.open_id.as_ref().and_then(|open_id| open_id.discovery_url.clone()).unwrap_or_default(),
            authorization_url: saved.authorization_url.clone(),
            token_url: saved.token_url.clone(),
            user_info_url: saved.user_info_url.clone().unwrap_or_default(),
            client_id: saved.client_id.clone(),
            client_secret: String::new(),
            client_authentication: saved.client_authentication.key().to_owned(),
            scopes: saved.scopes.join(" "),
            parameters: saved.parameters.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
            identifier: saved.identifier.to_string(),
            email: path(&saved.email),
            first_name: path(&saved.first_name),
            last_name: path(&saved.last_name),
            email_policy: saved.email_policy.key().to_owned(),
            first_sign_in: if saved.first_sign_in { "yes" } else { "no" }.to_owned(),
            ..Self::default()
        };
        if let Some(open_id) = &saved.open_id {
            saved.preset.fill_in_issuer(&mut form, &open_id.issuer);
        }
        form
    }
}

fn required(raw: &str) -> Result<String, Problem> {
    let text = raw.trim();
    match text.chars().count() {
        0 => Err(Problem::Required),
        count if count <= MAX_TEXT_CHARS as usize => Ok(text.to_owned()),
        _ => Err(Problem::TooLong { most: MAX_TEXT_CHARS }),
    }
}

/// Blanks, and what is pasted along without being seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}

/// An issuer. People paste the address of its discovery document: what that adds is left out.
fn issuer(raw: &str) -> Result<String, Problem> {
    let documents = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    let issuer = documents.into_iter().find_map(|document| raw.split_once(document)).map_or(raw, |(issuer, _)| issuer);
    https(issuer)
}

/// A part of an issuer. People paste an address where its host is asked for: what does not belong to it is left out.
fn issuer_part(part: IssuerPart, raw: &str) -> Result<String, Problem> {
    let text = required(raw)?;
    let text = text.strip_prefix("https://").unwrap_or(&text).trim_end_matches('/');
    let may_have_a_path = match part {
        IssuerPart::Domain | IssuerPart::Server => true,
        IssuerPart::Tenant | IssuerPart::Realm => false,
    };
    let fits = |c: char| c.is_alphanumeric() || "-._~%".contains(c) || may_have_a_path && ":/".contains(c);
    if text.is_empty() || !text.chars().all(fits) || https(&format!("https://{text}")).is_err() {
        return Err(Problem::MoreThanThePart);
    }
    Ok(text.to_owned())
}

/// An https address; whether it may be reached, the guarded client decides when it connects (OA-15).
pub(in crate::domain) fn https(raw: &str) -> Result<String, Problem> {
    let url = required(raw)?;
    if url.contains(['{', '}']) {
        return Err(Problem::StillATemplate);
    }
    let parsed: http::Uri = url.parse().map_err(|_| Problem::NotAnHttpsUrl)?;
    let authority = parsed.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let right =
        parsed.scheme_str() == Some("https") && !authority.is_empty() && !authority.contains('@') && !url.contains('#');
    if right { Ok(url) } else { Err(Problem::NotAnHttpsUrl) }
}

/// For OpenID Connect, `openid` is always among them.
fn scopes(raw: &str, open_id: bool) -> Result<Vec<String>, Problem> {
    if raw.chars().count() > MAX_TEXT_CHARS as usize {
        return Err(Problem::TooLong { most: MAX_TEXT_CHARS });
    }
    let mut scopes: Vec<String> =
        raw.split([' ', ',', '\n', '\r', '\t']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    if open_id && !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    Ok(scopes)
}

fn parameters(raw: &str, own_scope: bool) -> Result<Vec<(String, String)>, Problem> {
    if raw.chars().count() > MAX_TEXT_CHARS as usize {
        return Err(Problem::TooLong { most: MAX_TEXT_CHARS });
    }
    raw.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=').ok_or(Problem::NotParameters)?;
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() || RESERVED_PARAMETERS.contains(&name) && !(own_scope && name == "scope") {
                return Err(Problem::NotParameters);
            }
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

fn optional_path(raw: &str) -> Result<Option<ClaimPath>, Problem> {
    if raw.trim().is_empty() { Ok(None) } else { ClaimPath::parse(raw).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_in(preset: Preset) -> ConfigurationForm {
        let mut form = preset.form();
        for text in [&mut form.issuer_tenant, &mut form.issuer_domain, &mut form.issuer_server, &mut form.issuer_realm]
        {
            "acme".clone_into(text);
        }
        form.client_id = "client".to_owned();
        form.client_secret = "secret".to_owned();
        if preset == Preset::OAuth || preset == Preset::OpenId {
            form.name = "Acme".to_owned();
            form.issuer = "https://id.acme.example".to_owned();
            form.authorization_url = "https://id.acme.example/authorize".to_owned();
            form.token_url = "https://id.acme.example/token".to_owned();
            form.user_info_url = "https://id.acme.example/me".to_owned();
        }
        form
    }

    #[test]
    fn every_preset_becomes_a_configuration_and_a_form_again() {
        for preset in Preset::ALL {
            let read = filled_in(preset).parse(false).unwrap();
            assert_eq!(read.configuration.open_id.is_some(), preset.is_open_id(), "{preset:?}");
            assert_eq!(read.secret.as_deref(), Some("secret"));
            let again = ConfigurationForm::from(("", &read.configuration));
            assert_eq!(again.client_secret, "", "the secret is write-only (OA-17)");
            assert_eq!(again.parse(true).unwrap().configuration, read.configuration);
        }
    }

    #[test]
    fn oa_15_addresses_are_https_and_no_templates() {
        for (issuer, problem) in [
            ("", Problem::Required),
            ("http://id.acme.example", Problem::NotAnHttpsUrl),
            ("https://user@id.acme.example", Problem::NotAnHttpsUrl),
            ("https://id.acme.example/#x", Problem::NotAnHttpsUrl),
            ("id.acme.example", Problem::NotAnHttpsUrl),
            ("https://", Problem::NotAnHttpsUrl),
            ("https://{tenant}.auth0.com/", Problem::StillATemplate),
            ("https://id.acme.example/}", Problem::StillATemplate),
            ("https://id acme.example", Problem::NotAnHttpsUrl),
        ] {
            let form = ConfigurationForm { issuer: issuer.to_owned(), ..filled_in(Preset::OpenId) };
            assert_eq!(form.parse(false).unwrap_err(), FieldErrors::one(Field::Issuer, problem), "{issuer}");
        }
    }

    #[test]
    fn oa_17_neither_form_nor_what_was_read_shows_the_secret_in_debug_output() {
        let form = ConfigurationForm { client_secret: "s3cret".to_owned(), ..filled_in(Preset::Okta) };
        let (typed, read) = (format!("{form:?}"), format!("{:?}", form.parse(false).unwrap()));
        assert!(typed.contains("okta") && read.contains("Okta"), "{typed} {read}");
        assert!(!typed.contains("s3cret") && !read.contains("s3cret"), "{typed} {read}");
    }

    #[test]
    fn claims_that_may_be_missing_are_kept_where_they_are_named() {
        let named = ConfigurationForm {
            email: " mail ".to_owned(),
            first_name: "names[0]".to_owned(),
            last_name: " ".to_owned(),
            ..filled_in(Preset::OAuth)
        };
        let read = named.parse(false).unwrap().configuration;
        assert_eq!(read.email, Some(ClaimPath::parse("mail").unwrap()));
        assert_eq!(read.first_name, Some(ClaimPath::parse("names[0]").unwrap()));
        assert_eq!(read.last_name, None);
        let wrong = ConfigurationForm { last_name: "a..b".to_owned(), ..filled_in(Preset::OAuth) };
        assert_eq!(wrong.parse(false).unwrap_err(), FieldErrors::one(Field::LastNamePath, Problem::NotAClaimPath));
    }

    #[test]
    fn texts_have_at_most_2000_characters() {
        let parsed = |form: ConfigurationForm| form.parse(false).map(drop);
        let too_long = |field| Err(FieldErrors::one(field, Problem::TooLong { most: 2000 }));
        let (most, more) = ("ä".repeat(2000), "ä".repeat(2001));
        let long = |client_id: &str, client_secret: &str, scopes: &str| ConfigurationForm {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            scopes: scopes.to_owned(),
            ..filled_in(Preset::OpenId)
        };
        assert_eq!(parsed(long(&most, &most, &most)), Ok(()));
        assert_eq!(parsed(long(&more, "s", "")), too_long(Field::ClientId));
        assert_eq!(parsed(long("c", &more, "")), too_long(Field::ClientSecret));
        assert_eq!(parsed(long("c", "s", &more)), too_long(Field::Scopes));
        let with = |parameters: String| parsed(ConfigurationForm { parameters, ..filled_in(Preset::OpenId) });
        assert_eq!(with(format!("p={}", "ä".repeat(1998))), Ok(()));
        assert_eq!(with(format!("p={}", "ä".repeat(1999))), too_long(Field::Parameters));
        assert_eq!(parsed(long(" ", "s", "")), Err(FieldErrors::one(Field::ClientId, Problem::Required)));
    }

    #[test]
    fn a_method_keeps_its_own_name_and_older_ones_get_that_of_the_list() {
        let mut configuration = filled_in(Preset::OAuth).parse(false).unwrap().configuration;
        assert_eq!(ConfigurationForm::from(("Listed", &configuration)).name, "Acme");
        configuration.name = String::new();
        assert_eq!(ConfigurationForm::from(("Listed", &configuration)).name, "Listed");
    }

    #[test]
    fn what_the_flow_sets_is_no_parameter_of_the_accounts() {
        let with = |parameters: &str| {
            ConfigurationForm { parameters: parameters.to_owned(), ..filled_in(Preset::OpenId) }.parse(false)
        };
        let kept = with("prompt=select_account\r\n\n hd = acme.example ").unwrap().configuration.parameters;
        assert_eq!(
            kept,
            [("prompt".to_owned(), "select_account".to_owned()), ("hd".to_owned(), "acme.example".to_owned())]
        );
        for bad in ["state=x", "redirect_uri=https://evil.example", "prompt", "=x"] {
            assert_eq!(with(bad).unwrap_err(), FieldErrors::one(Field::Parameters, Problem::NotParameters), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_asked_for_once() {
        let form = ConfigurationForm { client_secret: String::new(), ..filled_in(Preset::OpenId) };
        assert_eq!(form.parse(false).unwrap_err(), FieldErrors::one(Field::ClientSecret, Problem::Required));
        assert!(form.parse(true).unwrap().secret.is_none());
        let public = ConfigurationForm { client_authentication: "none".to_owned(), ..form };
        assert!(public.parse(false).is_ok());
    }

    #[test]
    fn a_secret_pasted_with_blanks_loses_them_and_keeps_those_within() {
        for (typed, kept, trimmed) in [
            ("s3cret", "s3cret", false),
            ("s3cret ", "s3cret", true),
            (" s3cret\n", "s3cret", true),
            ("\u{200B}s3cret\u{FEFF}", "s3cret", true),
            ("s3cret\u{A0}", "s3cret", true),
            ("s3 cret", "s3 cret", false),
        ] {
            let form = ConfigurationForm { client_secret: typed.to_owned(), ..filled_in(Preset::OpenId) };
            let read = form.parse(false).unwrap();
            assert_eq!((read.secret.as_deref(), read.secret_was_trimmed), (Some(kept), trimmed), "{typed:?}");
        }
        let blank = ConfigurationForm { client_secret: " \u{200B}".to_owned(), ..filled_in(Preset::OpenId) };
        assert_eq!(blank.parse(false).unwrap_err(), FieldErrors::one(Field::ClientSecret, Problem::Required));
    }

    #[test]
    fn oa_20_the_address_of_a_document_is_taken_for_its_issuer() {
        for pasted in [
            "https://id.example/realms/a",
            "https://id.example/realms/a/.well-known/openid-configuration",
            " https://id.example/realms/a/.well-known/openid-configuration?x=1 ",
            "https://id.example/realms/a/.well-known/oauth-authorization-server",
        ] {
            let form = ConfigurationForm { issuer: pasted.to_owned(), ..filled_in(Preset::OpenId) };
            let read = form.parse(false).unwrap().configuration.open_id.unwrap();
            assert_eq!((read.issuer.as_str(), read.discovery_url), ("https://id.example/realms/a", None), "{pasted}");
        }
        let elsewhere = "https://b2c.example/contoso/policy/v2.0/.well-known/openid-configuration";
        let form = ConfigurationForm { discovery_url: elsewhere.to_owned(), ..filled_in(Preset::OpenId) };
        let configuration = form.parse(false).unwrap().configuration;
        assert_eq!(configuration.open_id.as_ref().unwrap().discovery_url.as_deref(), Some(elsewhere));
        assert_eq!(ConfigurationForm::from(("", &configuration)).discovery_url, elsewhere);
        let wrong = ConfigurationForm { discovery_url: "http://b2c.example".to_owned(), ..form };
        assert_eq!(wrong.parse(false).unwrap_err(), FieldErrors::one(Field::DiscoveryUrl, Problem::NotAnHttpsUrl));
    }

    #[test]
    fn scopes_in_another_form_than_the_standards_go_as_a_parameter_where_there_are_no_others() {
        let with = |preset, scopes: &str, parameters: &str| {
            let (scopes, parameters) = (scopes.to_owned(), parameters.to_owned());
            ConfigurationForm { scopes, parameters, ..filled_in(preset) }.parse(false)
        };
        let read = with(Preset::OAuth, "", "scope=read,profile:read_all").unwrap().configuration;
        assert_eq!(read.parameters, [("scope".to_owned(), "read,profile:read_all".to_owned())]);
        let refused = FieldErrors::one(Field::Parameters, Problem::NotParameters);
        assert_eq!(with(Preset::OAuth, "read", "scope=a,b").unwrap_err(), refused);
        assert_eq!(with(Preset::OpenId, "", "scope=openid,email").unwrap_err(), refused);
    }

    #[test]
    fn openid_is_among_the_scopes() {
        let form = ConfigurationForm { scopes: "email,profile".to_owned(), ..filled_in(Preset::OpenId) };
        assert_eq!(form.parse(false).unwrap().configuration.scopes, ["openid", "email", "profile"]);
    }
}
