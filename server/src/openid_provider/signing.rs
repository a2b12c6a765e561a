//! The keys that Roster signs tokens with, and the tokens (RFC 7515, 7517, 7518).
//!
//! No JOSE library makes them: there are two algorithms, ring has both, and a token of ours is three texts with dots between them.

use crate::config::SigningAlgorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    rsa as ring_rsa,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    },
};
use rsa::pkcs8::EncodePrivateKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use uuid::Uuid;

const RSA_BITS: usize = 2048;

/// A key cannot be made or used.
#[derive(Debug, Error)]
#[error("the signing key cannot be {0}")]
pub struct SigningError(&'static str);

/// A key that was just made: what is sealed, and what is published.
pub struct NewSigningKey {
    /// Its id.
    pub id: Uuid,
    /// The private key (PKCS #8).
    pub private: Vec<u8>,
    /// The public key as a member of a JWK set.
    pub public_jwk: Value,
}

impl fmt::Debug for NewSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewSigningKey({})", self.id)
    }
}

impl NewSigningKey {
    /// Makes a key. One of RSA takes a moment of a processor.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn make(id: Uuid, algorithm: SigningAlgorithm) -> Result<Self, SigningError> {
        let failed = SigningError("made");
        let private = match algorithm {
            SigningAlgorithm::Es256 => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
                document.map_err(|_| failed)?.as_ref().to_vec()
            }
            SigningAlgorithm::Rs256 => {
                let key = rsa::PrivateKey::new(&mut rand::rng(), RSA_BITS).map_err(|_| SigningError("made"))?;
                key.to_pkcs8_der().map_err(|_| failed)?.as_bytes().to_vec()
            }
        };
        let public_jwk = SigningKey::read(id, algorithm, &private)?.public_jwk();
        Ok(Self { id, private, public_jwk })
    }
}

enum Pair {
    Es256(Box<EcdsaKeyPair>),
    Rs256(Box<ring_rsa::KeyPair>),
}

/// A key that signs.
pub struct SigningKey {
    id: Uuid,
    pair: Pair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

impl SigningKey {
    /// Reads a private key.
    ///
    /// # Errors
    /// It is none.
    pub fn read(id: Uuid, algorithm: SigningAlgorithm, private: &[u8]) -> Result<Self, SigningError> {
        let pair = match algorithm {
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private, &SystemRandom::new())
                    .map(|pair| Pair::Es256(Box::new(pair)))
            }
            SigningAlgorithm::Rs256 => ring_rsa::KeyPair::from_pkcs8(private).map(|pair| Pair::Rs256(Box::new(pair))),
        };
        Ok(Self { id, pair: pair.map_err(|_| SigningError("read"))? })
    }

    fn public_jwk(&self) -> Value {
        let id = self.id.to_string();
        match &self.pair {
            Pair::Es256(pair) => {
                // An uncompressed point: 4, and both coordinates.
                let (x, y) = pair.public_key().as_ref().split_at_checked(33).unwrap_or_default();
                let x = x.get(1..).unwrap_or_default();
                json!({ "kty": "EC", "use": "sig", "alg": "ES256", "kid": id, "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Rs256(pair) => {
                let public = ring_rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": encoded(&public.n), "e": encoded(&public.e) })
            }
        }
    }

    /// A token of this type with these claims.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn sign(&self, kind: &str, claims: &Map<String, Value>) -> Result<String, SigningError> {
        let failed = SigningError("used");
        let algorithm = match &self.pair {
            Pair::Es256(_) => SigningAlgorithm::Es256,
            Pair::Rs256(_) => SigningAlgorithm::Rs256,
        };
        let header = json!({ "alg": algorithm.name(), "kid": self.id.to_string(), "typ": kind });
        let claims = serde_json::to_string(claims).unwrap_or_default();
        let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.as_bytes()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, signed.as_bytes()).map_err(|_| failed)?.as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).map_err(|_| failed)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", encoded(&signature)))
    }
}

/// The claims of a token that one of these public keys signed, whatever its age; `None` for any other text.
pub fn verified_claims(token: &str, keys: &[Value]) -> Option<Map<String, Value>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Map<String, Value> = serde_json::from_slice(&decoded(header)?).ok()?;
    let key = keys.iter().find(|key| key.get("kid") == header.get("kid") && key.get("alg") == header.get("alg"))?;
    let part = |name: &str| decoded(key.get(name)?.as_str()?);
    let (signature, message) = (decoded(signature)?, signed.as_bytes());
    match SigningAlgorithm::from_name(key.get("alg")?.as_str()?)? {
        SigningAlgorithm::Es256 => {
            let point = [vec![4], part("x")?, part("y")?].concat();
            UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, &signature).ok()?;
        }
        SigningAlgorithm::Rs256 => {
            let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
            key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, &signature).ok()?;
        }
    }
    serde_json::from_slice(&decoded(claims)?).ok()
}

/// Whom a token is about, by its own words alone.
pub fn unverified_subject(token: &str) -> Option<String> {
    let claims: Map<String, Value> = serde_json::from_slice(&decoded(token.split('.').nth(1)?)?).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// What an ID token says of the access token beside it (OpenID Connect Core, 3.1.3.6).
pub fn at_hash(access_token: &str) -> String {
    let digest = Sha256::digest(access_token.as_bytes());
    encoded(digest.get(..16).unwrap_or_default())
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_verified_by_its_own_key_and_as_it_was_signed() {
        let claims = Map::from_iter([("sub".to_owned(), json!("somebody"))]);
        for algorithm in SigningAlgorithm::ALL {
            let made = NewSigningKey::make(Uuid::now_v7(), algorithm).unwrap();
            let other = NewSigningKey::make(Uuid::now_v7(), algorithm).unwrap();
            let key = SigningKey::read(made.id, algorithm, &made.private).unwrap();
            let token = key.sign("JWT", &claims).unwrap();
            let keys = [other.public_jwk.clone(), made.public_jwk.clone()];
            assert_eq!(verified_claims(&token, &keys), Some(claims.clone()));

            assert_eq!(verified_claims(&token, &[other.public_jwk]), None, "signed by another key");
            let (head, signature) = token.rsplit_once('.').unwrap();
            let (header, _) = head.split_once('.').unwrap();
            let forged = format!("{header}.{}.{signature}", encoded(br#"{"sub":"somebody else"}"#));
            assert_eq!(verified_claims(&forged, &keys), None);
            let none = encoded(format!(r#"{{"alg":"none","kid":"{}"}}"#, made.id).as_bytes());
            assert_eq!(verified_claims(&format!("{none}.{}.", encoded(b"{}")), &keys), None);
            assert!(!made.public_jwk.to_string().contains("\"d\""), "nothing private is published");
        }
    }

    #[test]
    fn the_hash_of_an_access_token_is_the_left_half_of_its_digest() {
        // The example of OpenID Connect Core, A.3 and A.4.
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
