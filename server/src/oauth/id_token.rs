//! Checking an ID token (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725).

use super::{
    Asking, Kept,
    http::Http,
    keys::{Algorithm, Cache, Keys},
};
use app::domain::{
    oauth::{Configuration, Fault, OpenId},
    time::Timestamp,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// How far the provider's clock and ours may be apart, in seconds.
const LEEWAY: f64 = 60.0;
/// The longest subject (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// What a token says of itself. Keys that it names or brings (`jku`, `jwk`, `x5u`, `x5c`) are not even read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A token taken apart; nothing in it is believed yet.
struct Unverified<'a> {
    algorithm: Algorithm,
    key: Option<String>,
    message: &'a [u8],
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    fn read(token: &'a str) -> Result<Self, Fault> {
        let (message, signature) = token.rsplit_once('.').ok_or(Fault::IdToken)?;
        let (header, claims) = message.split_once('.').ok_or(Fault::IdToken)?;
        let header: Header = decoded(header)?;
        let algorithm = Algorithm::from_name(&header.alg).ok_or(Fault::Algorithm)?;
        if header.crit.is_some() {
            return Err(Fault::IdToken);
        }
        Ok(Self {
            algorithm,
            key: header.kid,
            message: message.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| Fault::IdToken)?,
            claims: decoded(claims)?,
        })
    }

    fn is_signed_by(&self, keys: &Keys) -> bool {
        keys.signed(self.key.as_deref(), self.algorithm, self.message, &self.signature)
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::IdToken)?;
    serde_json::from_slice(&bytes).map_err(|_| Fault::IdToken)
}

/// An ID token as it came, and what it must fit.
pub(super) struct Check<'a> {
    pub(super) token: &'a str,
    pub(super) configuration: &'a Configuration,
    pub(super) open_id: &'a OpenId,
    pub(super) kept: &'a Kept,
    pub(super) now: Timestamp,
}

impl Check<'_> {
    /// The claims of the token, if all is well with it.
    pub(super) async fn claims(self, http: &Http, keys: &Cache, asking: Asking) -> Result<Map<String, Value>, Fault> {
        let unverified = Unverified::read(self.token)?;
        let url = &self.open_id.jwks_url;
        let known = keys.keys(http, url, asking).await?;
        if !unverified.is_signed_by(&known) {
            match keys.newer(http, url, asking, &known).await? {
                Some(newer) if unverified.is_signed_by(&newer) => {}
                Some(_) | None => return Err(Fault::Signature),
            }
        }
        self.fits(&unverified.claims)?;
        Ok(unverified.claims)
    }

    fn fits(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(&self.open_id.issuer) {
            return Err(Fault::IdTokenIssuer);
        }
        self.fits_audience(claims)?;
        self.fits_time(claims)?;
        let subject = text("sub").ok_or(Fault::IdToken)?;
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT {
            return Err(Fault::IdToken);
        }
        match (text("nonce"), self.kept.nonce.as_deref()) {
            (Some(theirs), Some(ours)) if theirs == ours => Ok(()),
            (Some(_) | None, Some(_) | None) => Err(Fault::Nonce),
        }
    }

    /// Ours, and nobody else's who could pass it on; unless it was issued to us (`azp`), which some providers say with several audiences.
    fn fits_audience(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let us = self.configuration.client_id.as_str();
        let issued_to_us = match claims.get("azp") {
            Some(party) if party.as_str() == Some(us) => true,
            Some(_) => return Err(Fault::Audience),
            None => false,
        };
        let audiences: Vec<Option<&str>> = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
            Some(one) => vec![one.as_str()],
            None => Vec::new(),
        };
        let ours = audiences.contains(&Some(us));
        let strangers = audiences.iter().any(|audience| *audience != Some(us));
        if ours && (!strangers || issued_to_us) { Ok(()) } else { Err(Fault::Audience) }
    }

    fn fits_time(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let seconds = |name: &str| match claims.get(name) {
            Some(time) => time.as_f64().map(Some).ok_or(Fault::IdToken),
            None => Ok(None),
        };
        let now = self.now.0 as f64 / 1000.0;
        let expires = seconds("exp")?.ok_or(Fault::IdToken)?;
        let issued = seconds("iat")?.ok_or(Fault::IdToken)?;
        let begins = seconds("nbf")?.unwrap_or(issued);
        let fits = now <= expires + LEEWAY && issued <= now + LEEWAY && begins <= now + LEEWAY;
        if fits { Ok(()) } else { Err(Fault::Clock) }
    }
}
