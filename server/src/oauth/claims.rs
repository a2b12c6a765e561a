//! The claims of a person, and which of them count.

use app::domain::{
    name::normalize_name,
    oauth::{ClaimPath, Configuration, Fault, Person, Recency, Step, Warning},
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The longest identifier, in characters.
const MAX_IDENTIFIER_CHARS: usize = 255;
/// The longest address, in characters (RFC 5321).
const MAX_EMAIL_CHARS: usize = 254;
/// The most claims that are shown, how deep they may lie, and how much of each is shown.
const MAX_SHOWN_CLAIMS: usize = 60;
const MAX_SHOWN_DEPTH: usize = 5;
const MAX_SHOWN_CHARS: usize = 200;
/// How far the provider's clock may be ahead of ours.
const CLOCK_LEEWAY: Span = Span::seconds(60);

/// The claim that says when the person signed in at the provider (OpenID Connect Core 1.0, section 2).
const AUTH_TIME: &str = "auth_time";
/// The claims that say how the person signed in at the provider (RFC 8176; OpenID Connect Core 1.0, section 2).
const METHODS: &str = "amr";
const CONTEXT: &str = "acr";
/// The most values that are read of them, and the longest.
const MAX_METHODS: usize = 20;
/// Claims that are about the ID token, not about the person.
const TOKEN_CLAIMS: [&str; 11] =
    ["iss", "aud", "exp", "iat", "nbf", "nonce", "azp", "jti", "at_hash", "c_hash", "s_hash"];

/// Names of claims that people choose, or that pass from one to another.
const MUTABLE_CLAIMS: [&str; 16] = [
    "email",
    "mail",
    "emails",
    "upn",
    "unique_name",
    "preferred_username",
    "username",
    "user_name",
    "login",
    "nickname",
    "name",
    "given_name",
    "family_name",
    "display_name",
    "displayName",
    "phone_number",
];

/// The claims about a person: the ID token's, filled up with those of the user-info endpoint.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(Value);

/// One claim, for somebody who sets a login method up and looks for the right one (OA-23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownClaim {
    /// Its path, as [`ClaimPath`] reads it.
    pub path: String,
    /// Its value, shortened.
    pub value: String,
    /// Can it change hands, so that it is no User identifier (R45)?
    pub mutable: bool,
    /// Is it text or a whole number, as a User identifier must be?
    pub names_somebody: bool,
}

impl Claims {
    /// The claims of an ID token, if there is one, and of the user-info endpoint. What is signed comes first.
    pub(super) fn of(signed: Option<Map<String, Value>>, mut unsigned: Map<String, Value>) -> Self {
        let mut claims = signed.unwrap_or_default();
        if claims.get("email").is_some_and(|email| unsigned.get("email") != Some(email)) {
            // The user-info endpoint speaks of another address: whether that is checked says nothing of this one (OA-10).
            unsigned.remove("email_verified");
        }
        // Unsigned claims do not count for when and how somebody signed in.
        for name in [AUTH_TIME, METHODS, CONTEXT] {
            unsigned.remove(name);
        }
        for (name, value) in unsigned {
            claims.entry(name).or_insert(value);
        }
        claims.retain(|name, _| !TOKEN_CLAIMS.contains(&name.as_str()));
        Self(Value::Object(claims))
    }

    /// The person whom the claims name, by the paths of the configuration (OA-09).
    ///
    /// # Errors
    /// [`Fault::NoIdentifier`].
    pub fn person(&self, configuration: &Configuration) -> Result<Person, Fault> {
        let identifier = self.at(&configuration.identifier).and_then(identifier).ok_or(Fault::NoIdentifier)?;
        let email = configuration.email.as_ref();
        let name = |path: &Option<ClaimPath>| normalize_name(self.at(path.as_ref()?)?.as_str()?);
        Ok(Person {
            identifier,
            email: email.and_then(|path| self.at(path)).and_then(address),
            email_verified: email.is_some_and(|path| self.is_verified(path)),
            first_name: name(&configuration.first_name),
            last_name: name(&configuration.last_name),
        })
    }

    /// The same for a test sign-in. Where identifiers may be fixed at the first sign-in, it shows as well that the provider says what that needs: an
    /// address that it checked (R67). Whoever is invited would learn it otherwise, and could do nothing about it.
    ///
    /// # Errors
    /// [`Fault::NoIdentifier`], [`Fault::EmailUnverified`].
    pub fn person_of_test(&self, configuration: &Configuration) -> Result<Person, Fault> {
        let person = self.person(configuration)?;
        let is_confirmed = person.email.is_some() && person.email_verified;
        if configuration.first_sign_in && !is_confirmed { Err(Fault::EmailUnverified) } else { Ok(person) }
    }

    /// How recently the person signed in at the provider, as far as it says so (ASVS 6.8.4). Any JSON number is a time, fractions of
    /// seconds too; with 0, providers say that they do not know.
    pub fn recency(&self, configuration: &Configuration, window: Span, now: Timestamp) -> Recency {
        if configuration.open_id.is_none() {
            return Recency::Unsupported;
        }
        let (said, seconds) = match self.0.get(AUTH_TIME) {
            None | Some(Value::Null) => return Recency::Missing,
            Some(said @ Value::Number(number)) => (said, number.as_f64()),
            Some(said @ (Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_))) => (said, None),
        };
        let latest = (now + CLOCK_LEEWAY).0 as f64 / 1000.0;
        match seconds {
            Some(0.0) => Recency::Unknown,
            Some(seconds) if seconds > 0.0 && seconds <= latest => {
                let at = Timestamp((seconds * 1000.0) as i64).min(now);
                if at + window > now { Recency::Recent(at) } else { Recency::Stale(at) }
            }
            Some(_) | None => Recency::Implausible(shortened(&said.to_string())),
        }
    }

    /// How the person signed in at the provider, as far as the ID token says so: the values of `amr` and of `acr`.
    pub fn sign_in_values(&self) -> Vec<String> {
        let methods = match self.0.get(METHODS) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(value)) => vec![value.as_str()],
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        };
        let context = self.0.get(CONTEXT).and_then(Value::as_str);
        let values = methods.into_iter().take(MAX_METHODS).chain(context);
        values.map(shortened).filter(|value| !value.is_empty()).collect()
    }

    /// All claims that a path leads to, flattened; bounded in number, depth and length.
    pub fn shown(&self) -> Vec<ShownClaim> {
        let mut shown = Vec::new();
        for (name, value) in self.0.as_object().into_iter().flatten().filter(|(name, _)| *name != AUTH_TIME) {
            self.flatten(vec![Step::Member(name.clone())], value, MAX_SHOWN_DEPTH, &mut shown);
        }
        shown.truncate(MAX_SHOWN_CLAIMS);
        shown
    }

    /// The warnings about a sign-in that succeeded.
    pub fn warnings(&self, configuration: &Configuration, person: &Person) -> Vec<Warning> {
        let mutable = is_mutable(&configuration.identifier) || person.email.as_ref() == Some(&person.identifier);
        [
            (mutable, Warning::MutableIdentifier),
            (person.email.is_none(), Warning::NoEmail),
            (person.email.is_some() && !person.email_verified, Warning::EmailNotVerified),
            (configuration.open_id.as_ref().is_some_and(|open_id| open_id.lacks_s256), Warning::NoPkce),
        ]
        .into_iter()
        .filter_map(|(so, warning)| so.then_some(warning))
        .collect()
    }

    /// The value at a path. A path with dots may as well be the whole name of a claim, such as `https://acme.example/employee_id`; where both
    /// lead to a value, it must be the same.
    fn at(&self, path: &ClaimPath) -> Option<&Value> {
        let (nested, named) = (follow(&self.0, path.steps()), self.0.get(path.to_string()));
        match (nested, named) {
            (Some(nested), Some(named)) => (nested == named).then_some(nested),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        }
    }

    /// When and how the person signed in at the provider, and no other claim.
    pub fn without_person(&self) -> Self {
        let kept = |name: &str| self.0.get(name).map(|value| (name.to_owned(), value.clone()));
        Self(Value::Object([AUTH_TIME, METHODS, CONTEXT].into_iter().filter_map(kept).collect()))
    }

    fn flatten(&self, steps: Vec<Step>, value: &Value, depth: usize, shown: &mut Vec<ShownClaim>) {
        if depth == 0 || shown.len() >= MAX_SHOWN_CLAIMS {
            return;
        }
        let within = |step| [&steps[..], &[step]].concat();
        let text = match value {
            Value::Object(members) => {
                for (name, inner) in members {
                    self.flatten(within(Step::Member(name.clone())), inner, depth - 1, shown);
                }
                return;
            }
            Value::Array(elements) => {
                for (number, inner) in elements.iter().enumerate() {
                    self.flatten(within(Step::Element(number)), inner, depth - 1, shown);
                }
                return;
            }
            Value::Null => return,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        // A name with dots is shown as it is where that leads to it.
        let plain = match steps.as_slice() {
            [Step::Member(name)] => ClaimPath::parse(name).ok().filter(|path| self.at(path) == Some(value)),
            _ => None,
        };
        let path = plain.unwrap_or(ClaimPath::of(steps));
        // A name that is too long, or that another claim has as well, cannot be chosen.
        let Ok(path) = ClaimPath::parse(&path.to_string()) else { return };
        if self.at(&path) == Some(value) {
            let (mutable, names_somebody) = (is_mutable(&path), identifier(value).is_some());
            shown.push(ShownClaim { path: path.to_string(), value: shortened(&text), mutable, names_somebody });
        }
    }

    /// Does `email_verified` beside the claim `email` say JSON `true` (OA-10)? It says nothing of a claim of another name.
    fn is_verified(&self, email: &ClaimPath) -> bool {
        let Some((Step::Member(last), before)) = email.steps().split_last() else { return false };
        let verified = follow(&self.0, before).and_then(|beside| beside.get("email_verified"));
        last == "email" && verified == Some(&Value::Bool(true))
    }
}

impl fmt::Debug for Claims {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.as_object().into_iter().flat_map(Map::keys)).finish()
    }
}

fn follow<'a>(from: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(from, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(number) => value.get(number),
    })
}

/// Text as it is, or a whole number in its decimal form.
fn identifier(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let fine = (1..=MAX_IDENTIFIER_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fine.then_some(text)
}

/// An address, if it can be one at all. What exactly is one, the comparison with the invited address decides (R43).
fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fine = (1..=MAX_EMAIL_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fine.then(|| text.to_owned())
}

/// Does the path end in a name that people choose?
fn is_mutable(path: &ClaimPath) -> bool {
    path.steps().iter().any(|step| match step {
        // The last part of a name that is an address.
        Step::Member(name) => {
            name.rsplit(['/', '.', ':', '#']).next().is_some_and(|name| MUTABLE_CLAIMS.contains(&name))
        }
        Step::Element(_) => false,
    })
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(MAX_SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const WINDOW: Span = Span::minutes(10);

    fn recency(auth_time: Value) -> Recency {
        let mut claims = Map::new();
        claims.insert(AUTH_TIME.to_owned(), auth_time);
        let open_id = json!({ "issuer": "", "jwks_url": "", "names_itself": false });
        let configuration = Configuration { open_id: serde_json::from_value(open_id).unwrap(), ..example() };
        Claims::of(Some(claims), Map::new()).recency(&configuration, WINDOW, NOW)
    }

    fn example() -> Configuration {
        Configuration {
            name: String::new(),
            preset: app::domain::oauth::Preset::OAuth,
            open_id: None,
            authorization_url: String::new(),
            token_url: String::new(),
            user_info_url: None,
            client_id: String::new(),
            client_authentication: app::domain::oauth::ClientAuthentication::Basic,
            scopes: Vec::new(),
            parameters: Vec::new(),
            identifier: ClaimPath::parse("sub").unwrap(),
            email: None,
            first_name: None,
            last_name: None,
            email_policy: app::domain::oauth::EmailPolicy::Strict,
            first_sign_in: false,
        }
    }

    #[test]
    fn oa_09_a_claim_with_dots_in_its_name_is_found_shown_and_never_mistaken() {
        let claims = |json: Value| Claims::of(None, json.as_object().unwrap().clone());
        let at = |claims: &Claims, path: &str| claims.at(&ClaimPath::parse(path).unwrap()).cloned();
        let some = claims(json!({
            "https://acme.example/employee_id": "e7", "user.id": "u7", "acme/id": "a7", "employee no": 7,
            "deep": { "a.b": "d7" }, "https://acme.example/email": "x@example.org",
        }));
        for (path, value) in [
            ("https://acme.example/employee_id", json!("e7")),
            ("['https://acme.example/employee_id']", json!("e7")),
            ("user.id", json!("u7")),
            ("acme/id", json!("a7")),
            ("['employee no']", json!(7)),
            ("deep['a.b']", json!("d7")),
        ] {
            assert_eq!(at(&some, path), Some(value), "{path}");
        }
        let shown = some.shown();
        let paths: Vec<_> = shown.iter().map(|claim| claim.path.as_str()).collect();
        for path in ["https://acme.example/employee_id", "user.id", "acme/id", "['employee no']", "deep['a.b']"] {
            assert!(paths.contains(&path), "{path}: {paths:?}");
        }
        assert!(shown.iter().any(|claim| claim.path.ends_with("/email") && claim.mutable), "{shown:?}");
        // One written path that leads to two people names nobody.
        let both = claims(json!({ "user.id": "u7", "user": { "id": "other" } }));
        assert_eq!(at(&both, "user.id"), None);
        assert_eq!(at(&both, "['user.id']"), Some(json!("u7")));
        assert!(both.shown().iter().any(|claim| claim.path == "['user.id']"), "{:?}", both.shown());
    }

    #[test]
    fn az_16_the_time_of_the_sign_in_is_any_number_that_it_could_have_been() {
        let seconds = NOW.0 / 1000;
        for (said, read) in [
            (json!(seconds - 5), Recency::Recent(Timestamp(NOW.0 - 5_000))),
            (json!(seconds as f64 - 0.5), Recency::Recent(Timestamp(NOW.0 - 500))),
            (json!(seconds + 60), Recency::Recent(NOW)),
            (json!(seconds - 599), Recency::Recent(Timestamp(NOW.0 - 599_000))),
            (json!(seconds - 600), Recency::Stale(Timestamp(NOW.0 - 600_000))),
            (json!(0.001), Recency::Stale(Timestamp(1))),
            (json!(0), Recency::Unknown),
            (json!(0.0), Recency::Unknown),
            (json!(-0.0), Recency::Unknown),
            (json!(null), Recency::Missing),
            (json!(seconds + 61), Recency::Implausible((seconds + 61).to_string())),
            (json!(NOW.0), Recency::Implausible(NOW.0.to_string())),
            (json!(-3), Recency::Implausible("-3".to_owned())),
            (json!(1e300), Recency::Implausible("1e+300".to_owned())),
            (json!(seconds.to_string()), Recency::Implausible(format!("\"{seconds}\""))),
            (json!(true), Recency::Implausible("true".to_owned())),
            (json!([seconds]), Recency::Implausible(format!("[{seconds}]"))),
        ] {
            assert_eq!(recency(said.clone()), read, "{said}");
        }
        assert_eq!(Claims::of(None, Map::new()).recency(&example(), WINDOW, NOW), Recency::Unsupported);
    }
}
