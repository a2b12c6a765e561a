//! A browser with an authenticator: keys of the three algorithms, and answers as the standard has them, or wrong in one way.

use super::{Browser, PASSWORD, World};
use app::{
    api::second_factors::{PasskeyChallenge, SecondFactorAdded},
    error::AppError,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

const ORIGIN: &str = "http://localhost:3000";
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;
const ATTESTED: u8 = 64;

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<rsa::PrivateKey>),
}

/// An algorithm of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    EdDsa,
    Rs256,
}

/// A passkey in an authenticator.
pub struct Passkey {
    pub id: Vec<u8>,
    key: Key,
    user: Vec<u8>,
    /// The counter of the next answer; zero where it does not count.
    pub counter: u32,
    /// What is different from what a good authenticator answers.
    pub twist: Twist,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, Default)]
pub struct Twist {
    pub origin: Option<String>,
    pub rp_id: Option<String>,
    pub kind: Option<&'static str>,
    pub challenge: Option<String>,
    pub cross_origin: bool,
    pub absent: bool,
    pub unverified: bool,
    pub flips_signature: bool,
    pub user: Option<Vec<u8>>,
    pub id: Option<Vec<u8>>,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// A head of CBOR: the major type with its length or value.
fn head(major: u8, value: usize) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..24 => vec![major | value as u8],
        24..256 => vec![major | 24, value as u8],
        _ => vec![major | 25, (value >> 8) as u8, value as u8],
    }
}

fn integer(value: i64) -> Vec<u8> {
    if value < 0 { head(1, (-1 - value) as usize) } else { head(0, value as usize) }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len()), value.to_vec()].concat()
}

fn text(value: &str) -> Vec<u8> {
    [head(3, value.len()), value.as_bytes().to_vec()].concat()
}

fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut all = head(5, entries.len());
    for (key, value) in entries {
        all.extend_from_slice(key);
        all.extend_from_slice(value);
    }
    all
}

impl Key {
    fn new(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Es256 => {
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
                Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap())
            }
            Algorithm::EdDsa => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
            Algorithm::Rs256 => Self::Rs256(Box::new(super::provider::signing_key())),
        }
    }

    /// As COSE has it.
    fn public(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                map(&[
                    (integer(1), integer(2)),
                    (integer(3), integer(-7)),
                    (integer(-1), integer(1)),
                    (integer(-2), bytes(&point[1..33])),
                    (integer(-3), bytes(&point[33..])),
                ])
            }
            Self::EdDsa(key) => map(&[
                (integer(1), integer(1)),
                (integer(3), integer(-8)),
                (integer(-1), integer(6)),
                (integer(-2), bytes(key.public_key().as_ref())),
            ]),
            Self::Rs256(key) => map(&[
                (integer(1), integer(3)),
                (integer(3), integer(-257)),
                (integer(-1), bytes(&key.n_bytes())),
                (integer(-2), bytes(&key.e_bytes())),
            ]),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Rs256(key) => key.pkcs1v15_sign::<rsa::sha2::Sha256>(message).unwrap().to_vec(),
        }
    }
}

impl Passkey {
    /// Makes one, as a browser is asked to.
    pub fn made(options: &Value, algorithm: Algorithm) -> Self {
        Self {
            id: sha256(options["challenge"].as_str().unwrap().as_bytes()),
            key: Key::new(algorithm),
            user: URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap(),
            counter: 1,
            twist: Twist::default(),
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let twist = &self.twist;
        let challenge = twist.challenge.as_deref().or(options["challenge"].as_str()).unwrap();
        let mut data = json!({
            "type": twist.kind.unwrap_or(kind),
            "challenge": challenge,
            "origin": twist.origin.as_deref().unwrap_or(ORIGIN),
            "crossOrigin": twist.cross_origin,
        });
        if twist.cross_origin {
            data["topOrigin"] = json!("https://evil.example");
        }
        data.to_string().into_bytes()
    }

    fn data(&self, attested: Option<Vec<u8>>) -> Vec<u8> {
        let twist = &self.twist;
        let mut flags = 0;
        if !twist.absent {
            flags |= USER_PRESENT;
        }
        if !twist.unverified {
            flags |= USER_VERIFIED;
        }
        if attested.is_some() {
            flags |= ATTESTED;
        }
        let rp_id = twist.rp_id.as_deref().unwrap_or("localhost");
        let mut data = sha256(rp_id.as_bytes());
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data.extend_from_slice(&attested.unwrap_or_default());
        data
    }

    /// The answer to `navigator.credentials.create()`, as `toJSON()` writes it.
    pub fn registration(&self, options: &Value) -> String {
        let id = self.twist.id.as_ref().unwrap_or(&self.id);
        let attested = [vec![0; 16], (id.len() as u16).to_be_bytes().to_vec(), id.clone(), self.key.public()].concat();
        let data = self.data(Some(attested));
        let object = map(&[(text("fmt"), text("none")), (text("attStmt"), map(&[])), (text("authData"), bytes(&data))]);
        json!({
            "id": encoded(id),
            "rawId": encoded(id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(self.client_data("webauthn.create", options)),
                "attestationObject": encoded(object),
                "transports": ["internal"],
            },
        })
        .to_string()
    }

    /// The answer to `navigator.credentials.get()`, as `toJSON()` writes it.
    pub fn assertion(&self, options: &Value) -> String {
        let data = self.data(None);
        let client_data = self.client_data("webauthn.get", options);
        let mut signature = self.key.sign(&[data.clone(), sha256(&client_data)].concat());
        if self.twist.flips_signature {
            *signature.last_mut().unwrap() ^= 1;
        }
        let id = encoded(self.twist.id.as_ref().unwrap_or(&self.id));
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(client_data),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": encoded(self.twist.user.as_ref().unwrap_or(&self.user)),
            },
        })
        .to_string()
    }
}

/// What a browser is asked.
pub fn asked(challenge: &PasskeyChallenge) -> Value {
    serde_json::from_str(&challenge.options).unwrap()
}

impl Browser {
    /// Sends an answer to a challenge.
    pub async fn answers<T: serde::de::DeserializeOwned>(
        &self,
        function: &str,
        challenge: &PasskeyChallenge,
        answer: &str,
    ) -> Result<T, AppError> {
        let id = challenge.id.to_string();
        self.call(function, &[("form[challenge]", id.as_str()), ("form[credential]", answer)]).await
    }

    /// Adds a passkey.
    pub async fn adds_passkey(&self, algorithm: Algorithm) -> Result<Passkey, AppError> {
        let challenge: PasskeyChallenge = self.call("second-factors/begin-passkey", &[]).await?;
        let options = asked(&challenge);
        let mut passkey = Passkey::made(&options, algorithm);
        self.answers::<SecondFactorAdded>("second-factors/add-passkey", &challenge, &passkey.registration(&options))
            .await?;
        passkey.counter += 1;
        Ok(passkey)
    }

    /// Asks with one function, answers by the passkey with the other.
    pub async fn uses_passkey(&self, begin: &str, finish: &str, passkey: &mut Passkey) -> Result<String, AppError> {
        let challenge: PasskeyChallenge = self.call(begin, &[]).await?;
        let answer = passkey.assertion(&asked(&challenge));
        let done = self.answers(finish, &challenge, &answer).await;
        passkey.counter += 1;
        done
    }

    /// Signs in by a passkey alone.
    pub async fn signs_in_by_passkey(&self, passkey: &mut Passkey) -> Result<String, AppError> {
        self.uses_passkey("session/begin-passkey-sign-in", "session/sign-in-by-passkey", passkey).await
    }

    /// Signs in by the password and a passkey.
    pub async fn signs_in_with_passkey(&self, email: &str, passkey: &mut Passkey) -> Result<String, AppError> {
        assert_eq!(self.sign_in(email, PASSWORD).await?, "/second-factor");
        self.uses_passkey("session/begin-passkey-step", "session/finish-by-passkey", passkey).await
    }
}

/// The owner of the first account, in a deployment that has a host name.
pub async fn owner_at_host(world: &World, email: &str) -> (World, Browser) {
    let ana = world.owner(email).await;
    let named = world.with_host_name();
    let ana = ana.at(&named);
    (named, ana)
}
