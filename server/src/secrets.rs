//! Tokens, and the instance key that seals what must be readable again.

use app::domain::ids::UserId;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use std::{fmt, io::Write, path::Path};
use thiserror::Error;

/// Bytes of a token: 256 bits (INV-01).
const TOKEN_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// A random secret that opens something: an invitation, a session, the first set-up. Shown once, stored as its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one, from the operating system's generator.
    pub fn new() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>()))
    }

    /// A token as somebody presents it; `None` if it cannot be one.
    pub fn parse(raw: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(raw).ok()?;
        (bytes.len() == TOKEN_BYTES).then(|| Self(raw.to_owned()))
    }

    /// The text that travels in links and cookies.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database holds instead.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A code of eight digits, for typing. Its guesses are limited, so that it need not be long (R12, R58).
pub fn code() -> String {
    let number = u64::from_be_bytes(random()) % 100_000_000;
    format!("{number:08}")
}

/// What the database holds of a code: tied to what it is for, so that equal codes do not look alike.
pub fn code_hash(subject: uuid::Uuid, code: &str) -> Vec<u8> {
    Sha256::new().chain_update(subject.as_bytes()).chain_update(code.as_bytes()).finalize().to_vec()
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    bytes
}

/// The instance key is missing or not a key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file's content is not 32 bytes in base64.
    #[error("{path}: not a key; expected 32 random bytes in base64 (make one with: openssl rand -base64 32)")]
    NotAKey {
        /// The file.
        path: String,
    },
    /// Others on this machine can read the file (CF-02).
    #[error("{path}: others can read it; make it readable by its owner alone (chmod 600)")]
    Readable {
        /// The file.
        path: String,
    },
}

/// Something was sealed under another key, for another purpose, or was changed since.
#[derive(Debug, Error)]
#[error("cannot be opened with this instance's key")]
pub struct NotOurs;

/// Seals and opens under the instance key (XChaCha20-Poly1305).
#[derive(Clone)]
pub struct Keyring(XChaCha20Poly1305);

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// A keyring on these 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// Reads the key file; with `make`, a missing one is made, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn load(path: &Path, make: bool) -> Result<Self, KeyError> {
        let named = || path.display().to_string();
        let file = |source| KeyError::File { path: named(), source };
        if make && !path.exists() {
            use std::os::unix::fs::OpenOptionsExt;
            let text = base64::engine::general_purpose::STANDARD.encode(random::<32>());
            let mut out =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file)?;
            out.write_all(text.as_bytes()).map_err(file)?;
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        refuse_readable_by_others(path)?;
        let key = base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .filter(|key| key.iter().any(|byte| byte != &key[0]))
            .ok_or_else(|| KeyError::NotAKey { path: named() })?;
        Ok(Self::new(key))
    }

    /// Seals `plain` for one purpose; it opens for the same purpose alone.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE_BYTES>();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let mut sealed = nonce.to_vec();
        // Encrypting in memory fails for texts beyond 256 GB alone.
        sealed.extend(self.0.encrypt(&XNonce::from(nonce), payload).unwrap_or_default());
        sealed
    }

    /// Opens what [`Self::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let (nonce, cipher) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotOurs)?;
        let payload = Payload { msg: cipher, aad: purpose.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| NotOurs)
    }
}

/// What the mark of a browser is sealed for.
const KNOWN_BROWSER: &str = "known-browser";

impl Keyring {
    /// A mark that a browser signed this user in before (EN-06).
    pub fn known_browser_mark(&self, user: UserId) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(KNOWN_BROWSER, user.0.as_bytes()))
    }

    /// Is this such a mark, of this user?
    pub fn knows_browser(&self, mark: &str, user: UserId) -> bool {
        let sealed = URL_SAFE_NO_PAD.decode(mark).unwrap_or_default();
        self.open(KNOWN_BROWSER, &sealed).is_ok_and(|plain| plain == user.0.as_bytes())
    }
}

/// What invitation tokens are sealed for, while they live: retries and Copy link reveal the same link again.
const INVITATION_TOKEN: &str = "invitation-token";

impl Keyring {
    /// Seals an invitation's token for its row.
    pub fn seal_token(&self, token: &Token) -> Vec<u8> {
        self.seal(INVITATION_TOKEN, token.reveal().as_bytes())
    }

    /// Opens what [`Self::seal_token`] made.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn open_token(&self, sealed: &[u8]) -> Result<Token, NotOurs> {
        let text = String::from_utf8(self.open(INVITATION_TOKEN, sealed)?).map_err(|_| NotOurs)?;
        Token::parse(&text).ok_or(NotOurs)
    }
}

#[cfg(unix)]
fn refuse_readable_by_others(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let named = path.display().to_string();
    let meta = std::fs::metadata(path).map_err(|source| KeyError::File { path: named.clone(), source })?;
    if meta.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(KeyError::Readable { path: named }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn inv_01_tokens_are_256_random_bits() {
        let tokens: Vec<_> = (0..10_000).map(|_| Token::new()).collect();
        assert_eq!(tokens.iter().map(|token| token.reveal().to_owned()).collect::<HashSet<_>>().len(), tokens.len());
        let mut counts = [0_f64; 256];
        for token in &tokens {
            for byte in URL_SAFE_NO_PAD.decode(token.reveal()).unwrap() {
                counts[byte as usize] += 1.0;
            }
        }
        let expected = 10_000.0 * 32.0 / 256.0;
        let chi2: f64 = counts.iter().map(|n| (n - expected).powi(2) / expected).sum();
        // 255 degrees of freedom: beyond these bounds with a probability below one in a million.
        assert!((150.0..380.0).contains(&chi2), "{chi2}");
    }

    #[test]
    fn inv_01_a_token_cut_extended_or_changed_in_case_is_another_one() {
        let token = Token::new();
        let text = token.reveal().to_owned();
        assert!(Token::parse(&text[1..]).is_none());
        assert!(Token::parse(&format!("{text}A")).is_none());
        let swapped: String = text
            .chars()
            .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        assert!(Token::parse(&swapped).is_none_or(|other| other.hash() != token.hash()));
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let keyring = Keyring::new([7; 32]);
        let sealed = keyring.seal("invitation", b"secret");
        assert_eq!(keyring.open("invitation", &sealed).unwrap(), b"secret");
        assert!(keyring.open("session", &sealed).is_err());
        assert!(Keyring::new([8; 32]).open("invitation", &sealed).is_err());
        assert!(keyring.open("invitation", &sealed[..20]).is_err());
    }

    #[test]
    fn cf_02_a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        assert!(Keyring::load(&path, false).is_err());
        Keyring::load(&path, true).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keyring::load(&path, true), Err(KeyError::Readable { .. })));
    }
}
