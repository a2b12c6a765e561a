//! Reads the claims of a person from JSON. Whoever runs the provider chooses how much it sends, so only what counts is kept while it is
//! parsed, and never a tree of everything (OA-22).

use app::domain::oauth::{ClaimPath, Configuration, Step};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::{collections::HashSet, fmt};

/// Claims that are always kept, because they are checked or because others depend on them.
const CHECKED_CLAIMS: [&str; 9] = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time"];
/// The most values that are kept of all that is not wanted by name, and of each that is.
const MAX_VALUES: usize = 200;
/// How deep they may lie.
const MAX_DEPTH: usize = 12;
/// The most characters that are kept of a text: one more than any that counts, so that none is cut down to one that does.
const MAX_TEXT_CHARS: usize = 256;
/// The longest name of a claim, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Which claims are kept.
pub(super) struct WantedClaims {
    names: HashSet<String>,
    /// Is the rest kept as well, as far as it can be shown to somebody who sets the provider up?
    everything: bool,
}

impl WantedClaims {
    /// The claims that a sign-in with this configuration looks at.
    pub(super) fn of(configuration: &Configuration, everything: bool) -> Self {
        let paths = [&configuration.email, &configuration.first_name, &configuration.last_name];
        let paths: Vec<&ClaimPath> = paths.into_iter().flatten().chain([&configuration.identifier]).collect();
        let first = paths.iter().filter_map(|path| match path.steps().first() {
            Some(Step::Member(name)) => Some(name.clone()),
            Some(Step::Element(_)) | None => None,
        });
        let whole = paths.iter().map(|path| path.to_string());
        let fixed = CHECKED_CLAIMS.into_iter().chain(["email", "email_verified", "amr", "acr"]).map(str::to_owned);
        Self { names: first.chain(whole).chain(fixed).collect(), everything }
    }
}

/// Reads the members of a JSON object.
pub(super) fn read(document: &[u8], wanted: &WantedClaims) -> Result<Map<String, Value>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(document);
    let members = json.deserialize_map(ClaimsVisitor(wanted))?;
    json.end()?;
    Ok(members)
}

struct ClaimsVisitor<'a>(&'a WantedClaims);

impl<'de> Visitor<'de> for ClaimsVisitor<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        let mut left = MAX_VALUES;
        while let Some(name) = members.next_key::<String>()? {
            let value = if self.0.names.contains(&name) {
                members.next_value_seed(BoundedValue { left: &mut MAX_VALUES.clone(), depth: MAX_DEPTH })?
            } else if self.0.everything && left > 0 && name.len() <= MAX_NAME_BYTES {
                members.next_value_seed(BoundedValue { left: &mut left, depth: MAX_DEPTH })?
            } else {
                members.next_value::<IgnoredAny>()?;
                None
            };
            if let Some(value) = value {
                kept.insert(name, value);
            }
        }
        Ok(kept)
    }
}

/// Reads a value with at most `left` values within it, at most `depth` levels deep; what is beyond is skipped.
struct BoundedValue<'a> {
    left: &'a mut usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for BoundedValue<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if *self.left == 0 || self.depth == 0 {
            return json.deserialize_ignored_any(IgnoredAny).map(|_| None);
        }
        *self.left -= 1;
        json.deserialize_any(self).map(Some)
    }
}

impl<'de> Visitor<'de> for BoundedValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.chars().take(MAX_TEXT_CHARS).collect::<String>().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        let Self { left, depth } = self;
        while let Some(element) = elements.next_element_seed(BoundedValue { left: &mut *left, depth: depth - 1 })? {
            // What is left out keeps its place, so that the elements after it keep theirs.
            if *left > 0 || element.is_some() {
                kept.push(element.unwrap_or_default());
            }
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        let Self { left, depth } = self;
        while let Some(name) = members.next_key::<String>()? {
            if name.len() > MAX_NAME_BYTES {
                members.next_value::<IgnoredAny>()?;
            } else if let Some(value) = members.next_value_seed(BoundedValue { left: &mut *left, depth: depth - 1 })? {
                kept.insert(name, value);
            }
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted(everything: bool) -> WantedClaims {
        WantedClaims { names: ["sub", "user"].map(str::to_owned).into(), everything }
    }

    fn kept(document: &Value, everything: bool) -> Value {
        Value::Object(read(document.to_string().as_bytes(), &wanted(everything)).unwrap())
    }

    #[test]
    fn oa_22_only_what_counts_is_kept_of_what_a_provider_tells() {
        let document =
            json!({ "sub": "1", "user": { "id": [7, 1.5, null, true] }, "picture": "x".repeat(9), "more": [{}] });
        assert_eq!(kept(&document, false), json!({ "sub": "1", "user": { "id": [7, 1.5, null, true] } }));
        assert_eq!(kept(&document, true), document);
        assert!(read(b"[1]", &wanted(true)).is_err() && read(b"{} x", &wanted(true)).is_err());
    }

    #[test]
    fn oa_22_what_is_kept_is_bounded_and_nothing_is_cut_down_to_what_counts() {
        let many: Vec<Value> = (0..10_000).map(|n| json!({ "n": n })).collect();
        let document = json!({ "a": many, "sub": "1", "user": many, "z": "\u{10348}".repeat(300) });
        let bounded = kept(&document, true);
        assert_eq!(bounded["sub"], "1");
        assert!(bounded.to_string().len() < 10_000, "{}", bounded.to_string().len());
        assert!(bounded["user"].as_array().unwrap().len() <= MAX_VALUES);
        let long = kept(&json!({ "sub": "\u{10348}".repeat(300) }), false);
        assert_eq!(long["sub"].as_str().unwrap().chars().count(), 256, "longer than any identifier");
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let deep = read(format!("{{\"sub\":{deep}}}").as_bytes(), &wanted(false)).unwrap();
        assert!(Value::Object(deep).to_string().len() < 100);
        assert_eq!(kept(&json!({ "user": [[[[[[[[[[[[1]]]]]]]]]]]], "sub": [2] }), false)["sub"], json!([2]));
    }
}
