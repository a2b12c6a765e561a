//! Checking an ID token (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725).
//!
//! The `openidconnect` crate is not used: it would add five crates of cryptography and a second library of time, where `ring`, which TLS
//! needs anyway, checks the signatures.

use super::{
    PendingAuthorization, RequestContext,
    claims_json::{self, WantedClaims},
    http::Http,
    keys::{Algorithm, Cache, Keys},
};
use app::domain::{
    oauth::{Configuration, Failure, Fault, OpenId},
    time::Timestamp,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// How far the provider's clock and ours may be apart, in seconds.
const CLOCK_LEEWAY_S: f64 = 60.0;
/// The longest subject (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT_CHARS: usize = 255;

/// What a token says of itself. Keys that it names or brings (`jku`, `jwk`, `x5u`, `x5c`) are not even read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// How it is encrypted, if it is (RFC 7516).
    enc: Option<String>,
    crit: Option<IgnoredAny>,
}

/// A token taken apart; nothing in it is believed yet.
pub(super) struct UnverifiedToken<'a> {
    algorithm: Algorithm,
    key: Option<String>,
    message: &'a [u8],
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> UnverifiedToken<'a> {
    pub(super) fn read(token: &'a str, wanted: &WantedClaims) -> Result<Self, Failure> {
        let (header, _) = token.split_once('.').ok_or(Fault::IdToken)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Fault::IdToken)?;
        if let Some(enc) = header.enc {
            return Err(Failure::received(Fault::Encrypted, &format!("alg {}, enc {enc}", header.alg)));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Fault::IdToken)?;
        let (_, claims) = message.split_once('.').ok_or(Fault::IdToken)?;
        let known = Algorithm::from_name(&header.alg);
        let algorithm = known.ok_or_else(|| Failure::received(Fault::Algorithm, &header.alg))?;
        if header.crit.is_some() {
            return Err(Fault::IdToken.into());
        }
        Ok(Self {
            algorithm,
            key: header.kid,
            message: message.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| Fault::IdToken)?,
            claims: claims_json::read(&decoded(claims)?, wanted).map_err(|_| Fault::IdToken)?,
        })
    }

    /// Its claims, if one of the provider's keys has signed it.
    pub(super) async fn verify(
        self,
        http: &Http,
        keys: &Cache,
        url: &str,
        context: RequestContext,
    ) -> Result<Map<String, Value>, Failure> {
        let known = keys.keys(http, url, context).await?;
        if !self.is_signed_by(&known) {
            match keys.refresh(http, url, context, &known).await? {
                Some(refreshed) if self.is_signed_by(&refreshed) => {}
                Some(_) | None => {
                    return Err(Failure { received: self.key.clone(), ..Fault::Signature.into() });
                }
            }
        }
        Ok(self.claims)
    }

    fn is_signed_by(&self, keys: &Keys) -> bool {
        keys.verify(self.key.as_deref(), self.algorithm, self.message, &self.signature)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::IdToken)
}

/// An ID token as it arrived, and what it is checked against.
pub(super) struct Check<'a> {
    pub(super) token: &'a str,
    pub(super) configuration: &'a Configuration,
    pub(super) open_id: &'a OpenId,
    pub(super) pending: &'a PendingAuthorization,
    pub(super) wanted: &'a WantedClaims,
    pub(super) now: Timestamp,
}

impl Check<'_> {
    /// The claims of the token, if all is well with it.
    pub(super) async fn claims(
        self,
        http: &Http,
        keys: &Cache,
        context: RequestContext,
    ) -> Result<Map<String, Value>, Failure> {
        let unverified = UnverifiedToken::read(self.token, self.wanted)?;
        let claims = unverified.verify(http, keys, &self.open_id.jwks_url, context).await?;
        self.check(&claims)?;
        Ok(claims)
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(&self.open_id.issuer) {
            return Err(Failure::differs(Fault::IdTokenIssuer, &self.open_id.issuer, text("iss")));
        }
        check_audience(&self.configuration.client_id, claims)?;
        self.check_times(claims)?;
        if text("sub").is_none_or(|subject| subject.is_empty() || subject.chars().count() > MAX_SUBJECT_CHARS) {
            return Err(Failure {
                received: claims.get("sub").map(|sub| format!("sub: {sub}")),
                ..Fault::IdToken.into()
            });
        }
        match (text("nonce"), self.pending.nonce.as_deref()) {
            (Some(theirs), Some(ours)) if theirs == ours => Ok(()),
            (Some(_) | None, Some(_) | None) => Err(Fault::Nonce.into()),
        }
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        let seconds = |name: &str| match claims.get(name) {
            Some(time) => match time.as_f64() {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(Failure::received(Fault::IdToken, &format!("{name}: {time}"))),
            },
            None => Ok(None),
        };
        let now = self.now.0 as f64 / 1000.0;
        let expires = seconds("exp")?.ok_or(Fault::IdToken)?;
        let issued = seconds("iat")?.ok_or(Fault::IdToken)?;
        let begins = seconds("nbf")?.unwrap_or(issued);
        let fits = now <= expires + CLOCK_LEEWAY_S && issued <= now + CLOCK_LEEWAY_S && begins <= now + CLOCK_LEEWAY_S;
        if fits {
            return Ok(());
        }
        let received = format!("iat {issued}, nbf {begins}, exp {expires}");
        Err(Failure::differs(Fault::Clock, &now.floor().to_string(), Some(&received)))
    }
}

/// The token must be for us, and for no other audience that could pass it on; unless it was issued to us (`azp`), which some providers say
/// with several audiences.
pub(super) fn check_audience(us: &str, claims: &Map<String, Value>) -> Result<(), Failure> {
    let said = |name: &str| claims.get(name).map(Value::to_string);
    let issued_to_us = match claims.get("azp") {
        Some(party) if party.as_str() == Some(us) => true,
        Some(_) => return Err(Failure::differs(Fault::Audience, us, said("azp").as_deref())),
        None => false,
    };
    let audiences: Vec<Option<&str>> = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
        Some(one) => vec![one.as_str()],
        None => Vec::new(),
    };
    let ours = audiences.contains(&Some(us));
    let strangers = audiences.iter().any(|audience| *audience != Some(us));
    let fits = ours && (!strangers || issued_to_us);
    if fits { Ok(()) } else { Err(Failure::differs(Fault::Audience, us, said("aud").as_deref())) }
}
