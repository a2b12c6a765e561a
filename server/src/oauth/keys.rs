//! The keys that providers sign with (RFC 7517), and checking a signature with them.
//!
//! No JOSE library reads them, because the provider chooses what a set holds: it is read within bounds, and a key that cannot be read is
//! passed over instead of failing the whole set (OA-06).

use super::{RequestContext, http::Http};
use app::domain::{
    ids::AccountId,
    oauth::{Failure, Fault},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, timeout_at},
};

/// How long keys are kept.
const KEYS_TTL: Duration = Duration::from_secs(60 * 60);
/// How long to wait before keys are read again because a signature fits none of them.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(60);
/// The most keys of one provider.
const MAX_KEYS: usize = 100;
/// The largest key, in bytes: RSA of 8192 bits with its exponent. The longest id of one, in characters.
const MAX_KEY_BYTES: usize = 1024 + 8;
const MAX_KEY_ID_CHARS: usize = 256;
/// The longest text of a key, in bytes: the largest number in base64.
const MAX_TEXT_BYTES: usize = 2 * MAX_KEY_BYTES;
/// How many providers' keys are cached; beyond that, the cache is cleared.
const MAX_CACHED_PROVIDERS: usize = 1_000;

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

impl Material {
    fn bytes(&self) -> usize {
        match self {
            Self::Rsa { n, e } => n.len() + e.len(),
            Self::Curve { point, .. } => point.len(),
        }
    }
}

/// A key as it is written; each member that is no text counts as missing, and all others are read over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: Text,
    kid: Text,
    #[serde(rename = "use")]
    usage: Text,
    alg: Text,
    n: Text,
    e: Text,
    crv: Text,
    x: Text,
    y: Text,
}

/// A text of a key, where it is one.
#[derive(Default)]
enum Text {
    #[default]
    Missing,
    /// Something else stands there, or a text that is longer than any of a key.
    Wrong,
    Is(String),
}

impl Text {
    fn get(&self) -> Option<&str> {
        match self {
            Self::Missing | Self::Wrong => None,
            Self::Is(text) => Some(text),
        }
    }
}

/// Reads a `T` where there is one, and reads over whatever else may stand there, without keeping it.
macro_rules! reads_over {
    ($visitor:ty, $wrong:expr, $($kind:ident: $of:ty),*) => {$(
        fn $kind<E: serde::de::Error>(self, _: $of) -> Result<Self::Value, E> {
            Ok($wrong)
        }
    )*};
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(if text.len() <= MAX_TEXT_BYTES { Text::Is(text.to_owned()) } else { Text::Wrong })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Text, E> {
        Ok(Text::Missing)
    }

    reads_over!(TextVisitor, Text::Wrong, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Text, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::Wrong)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(TextVisitor)
    }
}

/// One element of a set: a key, or something else.
struct Element(Option<Key>);

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Element, A::Error> {
        Jwk::deserialize(MapAccessDeserializer::new(members)).map(|jwk| Element(Key::read(&jwk)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Element, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element(None))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Element, E> {
        Ok(Element(None))
    }

    reads_over!(ElementVisitor, Element(None), visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ElementVisitor)
    }
}

/// A set of keys, of which [`MAX_KEYS`] are read at most.
struct Set(Vec<Key>);

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = Set;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Set, A::Error> {
        let (mut keys, mut seen) = (Vec::new(), 0);
        while let Some(Element(key)) = elements.next_element()? {
            seen += 1;
            if seen > MAX_KEYS {
                return Err(serde::de::Error::custom("more keys than any provider has"));
            }
            keys.extend(key);
        }
        Ok(Set(keys))
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_seq(SetVisitor)
    }
}

impl Key {
    /// `None` for a key that is of no use here: for encryption, shared, or of a kind that is not known.
    fn read(jwk: &Jwk) -> Option<Self> {
        let bytes = |text: &Text| URL_SAFE_NO_PAD.decode(text.get()?).ok();
        let material = match (jwk.kty.get()?, jwk.crv.get()) {
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
        let usage = match &jwk.usage {
            Text::Missing => "sig",
            Text::Wrong => return None,
            Text::Is(usage) => usage,
        };
        let id = match &jwk.kid {
            Text::Missing => None,
            Text::Wrong => return None,
            Text::Is(id) => Some(id.clone()),
        };
        let algorithm = match &jwk.alg {
            Text::Missing => None,
            Text::Wrong => return None,
            Text::Is(name) => Some(Algorithm::from_name(name)?),
        };
        let fits = usage == "sig"
            && material.bytes() <= MAX_KEY_BYTES
            && id.as_ref().is_none_or(|id| id.len() <= MAX_KEY_ID_CHARS);
        fits.then_some(Self { id, algorithm, material })
    }

    /// Is this the signature of the message?
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
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
        struct Document {
            keys: Set,
        }
        let Document { keys: Set(keys) } = serde_json::from_slice(document).map_err(|_| Fault::Keys)?;
        if keys.is_empty() { Err(Fault::Keys) } else { Ok(Self(keys)) }
    }

    /// Is this a valid signature by one of the keys? A token that names no key may be signed by any, since all are the provider's.
    pub(super) fn verify(&self, id: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.0
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .any(|key| key.verifies(algorithm, message, signature))
    }
}

/// The keys of all providers, by their URL and for each account by itself, so that the tokens of one account's people make no other account
/// wait.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<CacheKey, Cached>>);

type CacheKey = (AccountId, String);

#[derive(Debug)]
struct Cached {
    keys: Arc<Keys>,
    read: Instant,
    /// When they were last read again because a signature fitted none.
    refreshed: Option<Instant>,
    /// Held by the request that reads them again.
    refresh_lock: Arc<AsyncMutex<()>>,
}

impl Cache {
    /// The keys at this URL, kept or read now.
    pub(super) async fn keys(&self, http: &Http, url: &str, context: RequestContext) -> Result<Arc<Keys>, Failure> {
        let cache_key = (context.account, url.to_owned());
        let kept = self
            .lock()
            .get(&cache_key)
            .filter(|cached| cached.read.elapsed() < KEYS_TTL)
            .map(|cached| cached.keys.clone());
        match kept {
            Some(keys) => Ok(keys),
            None => self.read(http, cache_key, context).await,
        }
    }

    /// Reads the keys at this URL again, since `than` do not fit: the provider may have changed them. `None` if that was done lately.
    pub(super) async fn refresh(
        &self,
        http: &Http,
        url: &str,
        context: RequestContext,
        than: &Arc<Keys>,
    ) -> Result<Option<Arc<Keys>>, Failure> {
        let cache_key = (context.account, url.to_owned());
        let Some(refresh_lock) = self.lock().get(&cache_key).map(|cached| cached.refresh_lock.clone()) else {
            return Ok(None);
        };
        // Of several people who sign in after a change, one reads the keys for all.
        let _refreshing = timeout_at(context.until, refresh_lock.lock()).await.map_err(|_| Fault::TimedOut)?;
        if let Some(cached) = self.lock().get_mut(&cache_key) {
            if !Arc::ptr_eq(&cached.keys, than) {
                return Ok(Some(cached.keys.clone()));
            }
            if cached.refreshed.is_some_and(|last| last.elapsed() < MIN_REFRESH_INTERVAL) {
                return Ok(None);
            }
            cached.refreshed = Some(Instant::now());
        }
        self.read(http, cache_key, context).await.map(Some)
    }

    async fn read(&self, http: &Http, cache_key: CacheKey, context: RequestContext) -> Result<Arc<Keys>, Failure> {
        let answer = http.get_up_to(super::http::MAX_KEYS_BYTES, &cache_key.1, context).await?;
        if answer.status() != StatusCode::OK {
            return Err(Failure::received(Fault::Keys, answer.status().as_str()));
        }
        let keys = Arc::new(Keys::read(answer.body())?);
        let mut known = self.lock();
        if let Some(cached) = known.get_mut(&cache_key) {
            cached.keys = keys.clone();
            cached.read = Instant::now();
            return Ok(keys);
        }
        known.retain(|_, cached| cached.read.elapsed() < KEYS_TTL);
        if known.len() >= MAX_CACHED_PROVIDERS {
            known.clear();
        }
        let cached = Cached { keys: keys.clone(), read: Instant::now(), refreshed: None, refresh_lock: Arc::default() };
        known.insert(cache_key, cached);
        Ok(keys)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Cached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        },
    };
    use rsa::{
        PrivateKey,
        sha2::{Sha256, Sha384, Sha512},
        traits::PublicKeyParts,
    };
    use serde_json::{Value, json};

    const MESSAGE: &[u8] = b"header.claims";

    fn text(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn keys(written: Value) -> Keys {
        Keys::read(json!({ "keys": [written] }).to_string().as_bytes()).unwrap()
    }

    /// The names of all algorithms by which this is a good signature.
    fn signed_by(keys: &Keys, signature: &[u8]) -> Vec<&'static str> {
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
            .into_iter()
            .filter(|name| keys.verify(None, Algorithm::from_name(name).unwrap(), MESSAGE, signature))
            .collect()
    }

    #[test]
    fn oa_06_rsa_signatures_count_by_their_own_algorithm_alone() {
        let key = PrivateKey::new(&mut rand::rng(), 2048).unwrap();
        let jwk = json!({ "kty": "RSA", "n": text(&key.n_bytes()), "e": text(&key.e_bytes()) });
        let signatures = [
            ("RS256", key.pkcs1v15_sign::<Sha256>(MESSAGE)),
            ("RS384", key.pkcs1v15_sign::<Sha384>(MESSAGE)),
            ("RS512", key.pkcs1v15_sign::<Sha512>(MESSAGE)),
            ("PS256", key.pss_sign::<Sha256>(MESSAGE)),
            ("PS384", key.pss_sign::<Sha384>(MESSAGE)),
            ("PS512", key.pss_sign::<Sha512>(MESSAGE)),
        ];
        for (name, signature) in signatures {
            let signature = signature.unwrap();
            assert_eq!(signed_by(&keys(jwk.clone()), &signature), [name]);
            assert!(!keys(jwk.clone()).verify(None, Algorithm::from_name(name).unwrap(), b"other", &signature));
            let mut bound = jwk.clone();
            bound["alg"] = json!("ES256");
            assert!(signed_by(&keys(bound), &signature).is_empty(), "the key is for another algorithm");
        }
        let mut padded = jwk;
        padded["n"] = json!(text(&[&[0], &*key.n_bytes()].concat()));
        assert_eq!(signed_by(&keys(padded), &key.pkcs1v15_sign::<Sha256>(MESSAGE).unwrap()), ["RS256"]);
    }

    #[test]
    fn oa_06_a_short_rsa_key_signs_nothing() {
        let key = PrivateKey::new(&mut rand::rng(), 1024).unwrap();
        let jwk = json!({ "kty": "RSA", "n": text(&key.n_bytes()), "e": text(&key.e_bytes()) });
        assert!(signed_by(&keys(jwk), &key.pkcs1v15_sign::<Sha256>(MESSAGE).unwrap()).is_empty());
    }

    #[test]
    fn oa_06_signatures_of_curves_count() {
        let random = SystemRandom::new();
        for (crv, name, how) in
            [("P-256", "ES256", &ECDSA_P256_SHA256_FIXED_SIGNING), ("P-384", "ES384", &ECDSA_P384_SHA384_FIXED_SIGNING)]
        {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
            let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
            let jwk = json!({ "kty": "EC", "crv": crv, "x": text(x), "y": text(y) });
            assert_eq!(signed_by(&keys(jwk), key.sign(&random, MESSAGE).unwrap().as_ref()), [name]);
        }
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": text(key.public_key().as_ref()) });
        assert_eq!(signed_by(&keys(jwk), key.sign(MESSAGE).as_ref()), ["EdDSA"]);
        assert_eq!(Algorithm::from_name("Ed25519"), Algorithm::from_name("EdDSA"));
    }

    #[test]
    fn oa_06_algorithms_without_a_key_of_the_providers_own_are_not_known() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "RS1", "rs256", "ES256K", "dir", ""] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn oa_06_keys_that_cannot_be_read_are_passed_over_and_a_set_without_any_other_is_refused() {
        let good = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&[9; 32]) });
        let bad = [
            json!({ "kty": "oct", "k": "AAAA" }),
            json!(7),
            json!(["kty", { "kty": "RSA" }]),
            json!(null),
            json!({ "kty": ["OKP"], "crv": "Ed25519", "x": text(&[9; 32]) }),
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": 7, "x": text(&[9; 32]) }),
            json!({ "kty": "OKP", "crv": "Ed25519", "use": false, "x": text(&[9; 32]) }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(100_000) }),
            json!({ "kty": "RSA", "n": "AQAB" }),
            json!({ "kty": "RSA", "n": "not base64!", "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "enc", "x": text(&[9; 32]) }),
            json!({ "kty": "RSA", "n": text(&[9; MAX_KEY_BYTES + 1]), "e": "AQAB" }),
            json!({ "kid": "k".repeat(MAX_KEY_ID_CHARS + 1), "kty": "OKP", "crv": "Ed25519", "x": text(&[9; 32]) }),
            json!({ "kid": 7, "kty": "OKP", "crv": "Ed25519", "x": text(&[9; 32]) }),
            json!("x"),
            json!(null),
        ];
        let read =
            |keys: Vec<Value>| Keys::read(json!({ "keys": keys }).to_string().as_bytes()).map(|keys| keys.0.len());
        assert_eq!(read([&bad[..], std::slice::from_ref(&good)].concat()), Ok(1));
        assert_eq!(read(bad.to_vec()), Err(Fault::Keys));
        assert_eq!(read(vec![good.clone(); MAX_KEYS]), Ok(MAX_KEYS));
        assert_eq!(read(vec![good; MAX_KEYS + 1]), Err(Fault::Keys));
        for none in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(matches!(Keys::read(none.as_bytes()), Err(Fault::Keys)), "{none}");
        }
    }
}
