//! The keys that providers sign with (RFC 7517), and checking a signature with them.

use super::http::Http;
use app::domain::oauth::Fault;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long keys are kept.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How often keys may be read again before that, because a signature fits none of them.
const READ_AGAIN: Duration = Duration::from_secs(60);
/// The most keys of one provider.
const MOST: usize = 100;
/// The most providers whose keys are kept.
const REMEMBERED: usize = 1_000;

/// An algorithm of signatures that is accepted: none of a shared secret, and never `none` (RFC 8725).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Ed25519,
}

impl Algorithm {
    /// The algorithm of this name (RFC 7518, RFC 8037, RFC 9864).
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            "PS256" => Some(Self::Ps256),
            "PS384" => Some(Self::Ps384),
            "PS512" => Some(Self::Ps512),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "EdDSA" | "Ed25519" => Some(Self::Ed25519),
            _ => None,
        }
    }

    /// How it is checked: with a key of RSA or with one of a curve. RSA below 2048 bits is refused.
    fn method(self) -> Method {
        match self {
            Self::Rs256 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Method::Curve(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Method::Curve(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Ed25519 => Method::Curve(Curve::Ed25519, &signature::ED25519),
        }
    }
}

enum Method {
    Rsa(&'static RsaParameters),
    Curve(Curve, &'static dyn VerificationAlgorithm),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    Ed25519,
}

/// One key of a provider.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve { curve: Curve, point: Vec<u8> },
}

/// A key as it is written.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// `None` for a key that is of no use here: for encryption, shared, or of a kind that is not known.
    fn read(written: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(written).ok()?;
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: without_zeros(bytes(&jwk.n)?), e: without_zeros(bytes(&jwk.e)?) },
            ("EC", Some("P-256")) => {
                Material::Curve { curve: Curve::P256, point: point(&bytes(&jwk.x)?, &bytes(&jwk.y)?) }
            }
            ("EC", Some("P-384")) => {
                Material::Curve { curve: Curve::P384, point: point(&bytes(&jwk.x)?, &bytes(&jwk.y)?) }
            }
            ("OKP", Some("Ed25519")) => Material::Curve { curve: Curve::Ed25519, point: bytes(&jwk.x)? },
            _ => return None,
        };
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let algorithm = match jwk.alg {
            Some(name) => Some(Algorithm::from_name(&name)?),
            None => None,
        };
        Some(Self { id: jwk.kid, algorithm, material })
    }

    /// Is this the signature of the message?
    fn fits(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        match (&self.material, algorithm.method()) {
            (Material::Rsa { n, e }, Method::Rsa(how)) => {
                RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok()
            }
            (Material::Curve { curve, point }, Method::Curve(of, how)) if *curve == of => {
                UnparsedPublicKey::new(how, point).verify(message, signature).is_ok()
            }
            (Material::Rsa { .. } | Material::Curve { .. }, Method::Rsa(_) | Method::Curve(..)) => false,
        }
    }
}

/// Some providers write numbers with leading zeros, though they should not.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A point of a curve, not compressed (SEC 1).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// The keys of one provider.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    fn read(document: &[u8]) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(document).map_err(|_| Fault::Keys)?;
        if set.keys.len() > MOST {
            return Err(Fault::Keys);
        }
        let keys: Vec<Key> = set.keys.iter().filter_map(Key::read).collect();
        if keys.is_empty() { Err(Fault::Keys) } else { Ok(Self(keys)) }
    }

    /// Has one of the keys signed this? A token that does not say which may be any's, since all are the provider's.
    pub(super) fn signed(&self, id: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.0
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .any(|key| key.fits(algorithm, message, signature))
    }
}

/// The keys of all providers, by their URL.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<String, Cached>>);

#[derive(Clone, Debug)]
struct Cached {
    keys: Arc<Keys>,
    read: Instant,
    /// When they were last read because a signature fitted none.
    read_again: Option<Instant>,
}

impl Cache {
    /// The keys at this URL, kept or read now.
    pub(super) async fn keys(&self, http: &Http, url: &str, until: Instant) -> Result<Arc<Keys>, Fault> {
        let kept = self.lock().get(url).cloned().filter(|cached| cached.read.elapsed() < KEPT);
        match kept {
            Some(cached) => Ok(cached.keys),
            None => self.read(http, url, until, None).await,
        }
    }

    /// Other keys than these at this URL, since these do not fit: the provider may have changed them. `None` if that was asked lately.
    pub(super) async fn newer(
        &self,
        http: &Http,
        url: &str,
        until: Instant,
        than: &Arc<Keys>,
    ) -> Result<Option<Arc<Keys>>, Fault> {
        let now = Instant::now();
        let meanwhile = {
            let mut known = self.lock();
            match known.get_mut(url) {
                Some(cached) if !Arc::ptr_eq(&cached.keys, than) => Some(Arc::clone(&cached.keys)),
                Some(Cached { read_again: Some(last), .. }) if now < *last + READ_AGAIN => return Ok(None),
                Some(cached) => {
                    cached.read_again = Some(now);
                    None
                }
                None => None,
            }
        };
        match meanwhile {
            Some(keys) => Ok(Some(keys)),
            None => self.read(http, url, until, Some(now)).await.map(Some),
        }
    }

    async fn read(
        &self,
        http: &Http,
        url: &str,
        until: Instant,
        read_again: Option<Instant>,
    ) -> Result<Arc<Keys>, Fault> {
        let answer = http.get(url, until).await?;
        if answer.status() != StatusCode::OK {
            return Err(Fault::Keys);
        }
        let keys = Arc::new(Keys::read(answer.body())?);
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, cached| cached.read.elapsed() < KEPT);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(url.to_owned(), Cached { keys: Arc::clone(&keys), read: Instant::now(), read_again });
        Ok(keys)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Cached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
