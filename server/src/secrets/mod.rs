//! Tokens, and the instance keys that seal what must be readable again.

mod api_key;
mod key_file;
mod keyring;
mod webhook_secret;

pub use api_key::ApiKey;
pub use key_file::{KeyError, KeyFile};
pub(crate) use key_file::{OPEN_TO_OTHERS, is_private};
pub use keyring::{KeyId, Keyring, OpenError, SealedFor};
pub use webhook_secret::WebhookSecret;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{rand_core::UnwrapErr, rngs::SysRng};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a token: 256 bits (INV-01).
const TOKEN_BYTES: usize = 32;

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

/// Random bytes of the operating system, asked each time: a generator of our own would go on with the same ones in a copy of a virtual
/// machine (INV-01). A system that has none to give cannot run a server; there is nothing better to do than to stop what asked.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::Rng::fill_bytes(&mut UnwrapErr(SysRng), &mut bytes);
    bytes
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
}
