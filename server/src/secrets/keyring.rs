//! The keyring: seals with the first of the instance keys, opens with any of them.

use super::{
    Token,
    key_file::{Bytes, KeyError, KeyFile, Stamp},
    random,
};
use app::domain::ids::{AccountId, AttemptId, FlashId, LoginMethodId, SecondFactorId, SessionId, UserId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ring::hmac;
use sha2::{Digest, Sha256};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use thiserror::Error;
use uuid::Uuid;

const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;

/// A sealed value cannot be opened: its key is not in the key file, it was sealed for another purpose, or it was changed.
#[derive(Debug, Error)]
#[error("sealed under a key that is not in the key file, or changed since")]
pub struct OpenError;

/// The purpose and row that a value is sealed for. It opens for the same purpose and row only.
#[derive(Clone, Copy, Debug)]
pub enum SealedFor {
    /// The client secret of a login method. It is carried on from one configuration of the method to the next.
    ClientSecret {
        /// The account.
        account: AccountId,
        /// The method.
        method: LoginMethodId,
    },
    /// The token of this row of `invitation_tokens`.
    InvitationToken(Uuid),
    /// A code on its way to whom this invitation invites, or to this member.
    MailedCode(Uuid),
    /// The pending authorization or the result of an attempt.
    OAuthAttempt(AttemptId),
    /// A flash.
    Flash(FlashId),
    /// The seed of an authenticator app.
    TotpSeed(SecondFactorId),
    /// The private part of this key, which signs tokens for platforms.
    SigningKey(Uuid),
    /// What this row of `webhook_secrets` signs with.
    WebhookSecret(Uuid),
    /// What a platform asked for, on its way through pages of ours. It holds the time itself.
    AuthorizationRequest,
    /// Where somebody wanted to go behind a proxy, on their way through pages of ours. It holds the time itself.
    ForwardRequest,
    /// The mark of a browser, which holds its user itself.
    KnownBrowser,
    /// A secret that was typed into a form of this session, until the form is in order. It holds the time itself, and which form it was.
    TypedSecret(SessionId),
    /// A question of `roster doctor`, which holds the time itself.
    DoctorQuestion,
    /// Where a page of an account's Users list ended.
    ListCursor {
        /// The account.
        account: AccountId,
        /// The hash of the view: its search, filters and order.
        view: [u8; 32],
    },
}

impl fmt::Display for SealedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret { account, method } => write!(f, "client-secret:{account}:{method}"),
            Self::InvitationToken(id) => write!(f, "invitation-token:{id}"),
            Self::MailedCode(id) => write!(f, "mailed-code:{id}"),
            Self::OAuthAttempt(id) => write!(f, "oauth-attempt:{id}"),
            Self::Flash(id) => write!(f, "flash:{id}"),
            Self::TotpSeed(id) => write!(f, "totp-seed:{id}"),
            Self::SigningKey(id) => write!(f, "signing-key:{id}"),
            Self::WebhookSecret(id) => write!(f, "webhook-secret:{id}"),
            Self::AuthorizationRequest => f.write_str("authorization-request"),
            Self::ForwardRequest => f.write_str("forward-request"),
            Self::KnownBrowser => f.write_str("known-browser"),
            Self::TypedSecret(session) => write!(f, "typed-secret:{session}"),
            Self::DoctorQuestion => f.write_str("doctor-question"),
            Self::ListCursor { account, view } => {
                write!(f, "list-cursor:{account}:")?;
                view.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl SealedFor {
    /// The same, for values written before they carried the id of their key: not everything was tied to its row.
    fn before_key_ids(self) -> String {
        match self {
            Self::ClientSecret { account, .. } => format!("client-secret:{account}"),
            Self::InvitationToken(_) => "invitation-token".to_owned(),
            Self::MailedCode(_) => "mailed-code".to_owned(),
            Self::OAuthAttempt(_)
            | Self::Flash(_)
            | Self::TotpSeed(_)
            | Self::SigningKey(_)
            | Self::WebhookSecret(_)
            | Self::AuthorizationRequest
            | Self::ForwardRequest
            | Self::KnownBrowser
            | Self::TypedSecret(_)
            | Self::DoctorQuestion
            | Self::ListCursor { .. } => self.to_string(),
        }
    }
}

/// Names a key without telling anything of it; every sealed value begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    fn of(key: &Bytes) -> Self {
        let digest = Sha256::new().chain_update("roster instance key").chain_update(key).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(digest).for_each(|(id, byte)| *id = byte);
        Self(id)
    }

    /// As it stands before a sealed value.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
    /// The key of the pseudonyms in the log.
    pseudonyms: hmac::Key,
}

impl From<&Bytes> for Key {
    fn from(key: &Bytes) -> Self {
        Self {
            id: KeyId::of(key),
            cipher: XChaCha20Poly1305::new(&(*key).into()),
            pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }
}

impl Key {
    fn open(&self, tied_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (nonce, cipher) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        let payload = Payload { msg: cipher, aad: tied_to };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError)
    }

    /// The id belongs to what is authenticated, so that a value without it is not one of those that never had one.
    fn tie(&self, to: SealedFor) -> Vec<u8> {
        [self.id.bytes(), to.to_string().as_bytes()].concat()
    }
}

/// The keys of one content of the key file.
struct Keys {
    stamp: Option<Stamp>,
    current: Key,
    others: Vec<Key>,
}

impl Keys {
    fn read(path: &Path) -> Result<Self, KeyError> {
        let (file, stamp) = KeyFile::read_stamped(path)?;
        let others = file.next.iter().chain(&file.older).map(Key::from).collect();
        Ok(Self { stamp: Some(stamp), current: Key::from(&file.current), others })
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        [&self.current].into_iter().chain(&self.others)
    }
}

/// Seals and opens under the instance keys (XChaCha20-Poly1305).
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

struct Shared {
    file: Option<PathBuf>,
    keys: RwLock<Arc<Keys>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// A keyring on these 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        let keys = Keys { stamp: None, current: Key::from(&key), others: Vec::new() };
        Self(Arc::new(Shared { file: None, keys: RwLock::new(Arc::new(keys)) }))
    }

    /// Reads the key file; with `make`, a missing one is made, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn load(path: &Path, make: bool) -> Result<Self, KeyError> {
        if make && !path.exists() {
            KeyFile::make(path)?;
        }
        let keys = RwLock::new(Arc::new(Keys::read(path)?));
        Ok(Self(Arc::new(Shared { file: Some(path.to_owned()), keys })))
    }

    /// The keys as they are in the file now. Checking whether the file was replaced costs one system call, and saves running servers a
    /// restart: once a rotation has written the file, nothing is sealed with an older key any more.
    fn keys(&self) -> Arc<Keys> {
        let kept = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(path) = &self.0.file else { return kept };
        if Stamp::of(path).is_ok_and(|stamp| kept.stamp == Some(stamp)) {
            return kept;
        }
        match Keys::read(path) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
                tracing::info!(seals = %keys.current.id, others = keys.others.len(), "the key file was read again");
                keys
            }
            Err(error) => {
                tracing::error!(%error, "the key file cannot be read again; the earlier keys stay in use");
                kept
            }
        }
    }

    /// The key that seals now.
    pub fn current(&self) -> KeyId {
        self.keys().current.id
    }

    /// Seals `plain`: the id of the key, the nonce, and what is encrypted.
    pub fn seal(&self, purpose: SealedFor, plain: &[u8]) -> Vec<u8> {
        let keys = self.keys();
        let key = &keys.current;
        let nonce = random::<NONCE_BYTES>();
        let payload = Payload { msg: plain, aad: &key.tie(purpose) };
        // Encrypting in memory fails for texts beyond 256 GB alone.
        let encrypted = key.cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        [key.id.bytes(), &nonce, &encrypted].concat()
    }

    /// Opens what [`Self::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, purpose: SealedFor, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let keys = self.keys();
        if let Some((id, rest)) = sealed.split_first_chunk::<KEY_ID_BYTES>()
            && let Some(key) = keys.all().find(|key| key.id.0 == *id)
        {
            return key.open(&key.tie(purpose), rest);
        }
        // Sealed before values carried the id of their key.
        let purpose = purpose.before_key_ids();
        keys.all().find_map(|key| key.open(purpose.as_bytes(), sealed).ok()).ok_or(OpenError)
    }
}

impl Keyring {
    /// A mark that a browser signed this user in before (EN-06). One under a key that has retired counts no more: the browser gets
    /// another when it next signs in.
    pub fn known_browser_mark(&self, user: UserId) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(SealedFor::KnownBrowser, user.0.as_bytes()))
    }

    /// Is this such a mark, of this user?
    pub fn knows_browser(&self, mark: &str, user: UserId) -> bool {
        let sealed = URL_SAFE_NO_PAD.decode(mark).unwrap_or_default();
        self.open(SealedFor::KnownBrowser, &sealed).is_ok_and(|plain| plain == user.0.as_bytes())
    }

    /// What the log calls somebody whose address or identifier it must not hold (LG-01): the same each time, and nobody can try out whose
    /// it is without the key.
    pub fn pseudonym(&self, of: &str) -> String {
        let tag = hmac::sign(&self.keys().current.pseudonyms, format!("log:{of}").as_bytes());
        tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals an invitation's token for its row: retries and Copy link reveal the same link again.
    pub fn seal_token(&self, row: Uuid, token: &Token) -> Vec<u8> {
        self.seal(SealedFor::InvitationToken(row), token.reveal().as_bytes())
    }

    /// Opens what [`Self::seal_token`] made.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_token(&self, row: Uuid, sealed: &[u8]) -> Result<Token, OpenError> {
        let text = String::from_utf8(self.open(SealedFor::InvitationToken(row), sealed)?).map_err(|_| OpenError)?;
        Token::parse(&text).ok_or(OpenError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_ROW: SealedFor = SealedFor::InvitationToken(Uuid::from_u128(1));
    const ANOTHER_ROW: SealedFor = SealedFor::InvitationToken(Uuid::from_u128(2));
    const ANOTHER_USE: SealedFor = SealedFor::MailedCode(Uuid::from_u128(1));

    /// Sealed as it was before values carried the id of their key.
    fn sealed_before(key: Bytes, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let (nonce, payload) = (random::<NONCE_BYTES>(), Payload { msg: plain, aad: purpose.as_bytes() });
        let encrypted = Key::from(&key).cipher.encrypt(&XNonce::from(nonce), payload).unwrap();
        [nonce.as_slice(), &encrypted].concat()
    }

    #[test]
    fn cf_03_what_is_sealed_opens_for_its_use_and_row_alone_and_unchanged() {
        let keyring = Keyring::new([7; 32]);
        let sealed = keyring.seal(A_ROW, b"secret");
        assert_eq!(keyring.open(A_ROW, &sealed).unwrap(), b"secret");
        assert!(keyring.open(ANOTHER_ROW, &sealed).is_err());
        assert!(keyring.open(ANOTHER_USE, &sealed).is_err());
        assert!(Keyring::new([8; 32]).open(A_ROW, &sealed).is_err());
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert!(keyring.open(A_ROW, &changed).is_err(), "byte {n}");
            assert!(keyring.open(A_ROW, &sealed[..n]).is_err(), "cut to {n}");
        }
        assert!(
            keyring.open(A_ROW, &sealed[KEY_ID_BYTES..]).is_err(),
            "without its id it is not one that never had one"
        );
    }

    #[test]
    fn cf_03_a_sealed_value_begins_with_the_id_of_its_key_which_tells_nothing_of_it() {
        let key: Bytes = random();
        let keyring = Keyring::new(key);
        let sealed = keyring.seal(A_ROW, b"secret");
        assert_eq!(&sealed[..KEY_ID_BYTES], keyring.current().bytes());
        assert_ne!(keyring.current().bytes(), &key[..KEY_ID_BYTES]);
        assert_ne!(keyring.current().bytes(), &Sha256::digest(key)[..KEY_ID_BYTES]);
        assert!(KeyId::of(&key) == keyring.current() && KeyId::of(&random()) != keyring.current());
    }

    #[test]
    fn cf_03_what_was_sealed_before_there_were_ids_still_opens() {
        let (account, method) = (AccountId(Uuid::from_u128(3)), LoginMethodId(Uuid::from_u128(4)));
        let keyring = Keyring::new([7; 32]);
        for (purpose, before) in [
            (SealedFor::ClientSecret { account, method }, format!("client-secret:{account}")),
            (A_ROW, "invitation-token".to_owned()),
            (ANOTHER_USE, "mailed-code".to_owned()),
            (SealedFor::Flash(FlashId(Uuid::nil())), format!("flash:{}", Uuid::nil())),
            (SealedFor::OAuthAttempt(AttemptId(Uuid::nil())), format!("oauth-attempt:{}", Uuid::nil())),
            (SealedFor::KnownBrowser, "known-browser".to_owned()),
        ] {
            assert_eq!(keyring.open(purpose, &sealed_before([7; 32], &before, b"secret")).unwrap(), b"secret");
            assert!(keyring.open(purpose, &sealed_before([7; 32], "another", b"secret")).is_err());
            assert!(keyring.open(purpose, &sealed_before([8; 32], &before, b"secret")).is_err());
        }
    }

    #[test]
    fn cf_03_a_running_keyring_follows_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(Keyring::load(&path, false).is_err());
        let keyring = Keyring::load(&path, true).unwrap();
        let (before, sealed) = (keyring.current(), keyring.seal(A_ROW, b"secret"));

        let mut keys = KeyFile::read(&path).unwrap();
        keys.prepare();
        keys.write(&path).unwrap();
        assert_eq!(keyring.current(), before, "a prepared key does not seal yet");
        keys.rotate();
        let elsewhere = folder.path().join("elsewhere.key");
        std::fs::copy(&path, &elsewhere).unwrap();
        keys.write(&path).unwrap();
        assert_ne!(keyring.current(), before);
        assert_eq!(keyring.open(A_ROW, &sealed).unwrap(), b"secret");
        let anew = keyring.seal(A_ROW, b"secret");
        assert!(anew.starts_with(keyring.current().bytes()));
        let prepared = Keyring::load(&elsewhere, false).unwrap();
        assert_eq!(prepared.open(A_ROW, &anew).unwrap(), b"secret", "who has the prepared key opens what it seals");

        keys.retire();
        keys.write(&path).unwrap();
        assert!(keyring.open(A_ROW, &sealed).is_err());

        // A file that cannot be read stops nobody who runs.
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(keyring.open(A_ROW, &anew).unwrap(), b"secret");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(keyring.open(A_ROW, &anew).unwrap(), b"secret");
    }
}
