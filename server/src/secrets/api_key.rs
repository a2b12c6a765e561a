//! The text of an API key: `roster_`, thirty random characters, and a checksum of them. Scanners of code and logs know it by its beginning,
//! and nobody has to ask the database whether what was cut or mistyped is a key (LT-01).

use super::random;
use sha2::{Digest, Sha256};
use std::fmt;

const PREFIX: &str = "roster_";
/// Keys of the host's operator, which open every account, are known at first sight.
const OPERATORS_PREFIX: &str = "roster_operator_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of chance: 178 bits.
const SECRET_CHARS: usize = 30;
/// Characters of the checksum: CRC 32 in base 62.
const CHECKSUM_CHARS: usize = 6;
/// Characters after the prefix by which people know a key again; the rest is secret enough.
const HINT_CHARS: usize = 4;

/// An API key. It is shown once; the database holds its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A new one for a member, from the operating system's generator.
    pub fn new() -> Self {
        Self::beginning_with(PREFIX)
    }

    /// A new one for the host's operator.
    pub fn new_for_operator() -> Self {
        Self::beginning_with(OPERATORS_PREFIX)
    }

    fn beginning_with(prefix: &str) -> Self {
        let mut secret = String::with_capacity(SECRET_CHARS);
        while secret.len() < SECRET_CHARS {
            // Of the 256 bytes, 248 are four times the alphabet; the others would prefer its beginning.
            let fair = random::<64>().into_iter().filter(|byte| *byte < 248);
            let characters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
            secret.extend(characters.take(SECRET_CHARS - secret.len()).map(|byte| char::from(*byte)));
        }
        let checksum = checksum(&secret);
        Self(format!("{prefix}{secret}{checksum}"))
    }

    /// A key as somebody presents it; `None` if it cannot be one.
    pub fn parse(raw: &str) -> Option<Self> {
        let rest = raw.strip_prefix(OPERATORS_PREFIX).or_else(|| raw.strip_prefix(PREFIX))?;
        let rest = Some(rest).filter(|rest| rest.len() == SECRET_CHARS + CHECKSUM_CHARS)?;
        let (secret, claimed) = rest.split_at_checked(SECRET_CHARS)?;
        (secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) && checksum(secret) == claimed)
            .then(|| Self(raw.to_owned()))
    }

    /// Is it one of the host's operator?
    pub fn is_operators(&self) -> bool {
        self.0.starts_with(OPERATORS_PREFIX)
    }

    /// The text that a program sends.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database holds instead.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// Its first characters, for people who look for it in a list.
    pub fn hint(&self) -> String {
        let prefix = if self.is_operators() { OPERATORS_PREFIX } else { PREFIX };
        self.0.chars().take(prefix.len() + HINT_CHARS).collect()
    }
}

impl Default for ApiKey {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

fn checksum(secret: &str) -> String {
    let mut rest = crc32fast::hash(secret.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn lt_01_a_key_is_recognised_and_another_one_each_time() {
        let keys: Vec<_> = (0..2_000).map(|_| ApiKey::new()).collect();
        let texts: HashSet<_> = keys.iter().map(|key| key.reveal().to_owned()).collect();
        assert_eq!(texts.len(), keys.len());
        for key in &keys {
            assert_eq!(ApiKey::parse(key.reveal()).as_ref(), Some(key));
            assert_eq!(key.reveal().len(), 43);
            assert!(key.reveal().starts_with(&key.hint()) && key.hint().len() == 11);
            assert_eq!(format!("{key:?}"), "ApiKey(…)");
        }
    }

    #[test]
    fn lt_01_a_key_of_the_operator_is_known_by_its_beginning() {
        let key = ApiKey::new_for_operator();
        assert_eq!(ApiKey::parse(key.reveal()).as_ref(), Some(&key));
        assert!(key.is_operators() && !ApiKey::new().is_operators());
        assert!(key.hint().starts_with("roster_operator_") && key.hint().len() == 20);
        // Neither prefix makes the one of the other.
        let rest = key.reveal().strip_prefix(OPERATORS_PREFIX).unwrap();
        assert!(ApiKey::parse(&format!("{PREFIX}{rest}")).is_some_and(|member| !member.is_operators()));
        assert_eq!(ApiKey::parse(&format!("{PREFIX}operator_{}", &rest[1..])), None);
    }

    #[test]
    fn lt_01_the_characters_of_a_key_are_equally_likely() {
        let mut counts = [0_f64; 62];
        for _ in 0..4_000 {
            for byte in ApiKey::new().reveal()[PREFIX.len()..PREFIX.len() + SECRET_CHARS].bytes() {
                counts[ALPHABET.iter().position(|known| *known == byte).unwrap()] += 1.0;
            }
        }
        let expected = 4_000.0 * 30.0 / 62.0;
        let chi2: f64 = counts.iter().map(|n| (n - expected).powi(2) / expected).sum();
        // 61 degrees of freedom: beyond these bounds with a probability below one in a million.
        assert!((20.0..130.0).contains(&chi2), "{chi2}");
    }

    #[test]
    fn lt_01_what_was_cut_or_mistyped_is_no_key() {
        let key = ApiKey::new();
        let text = key.reveal();
        for n in PREFIX.len()..text.len() {
            let other = if &text[n..=n] == "A" { "B" } else { "A" };
            assert_eq!(ApiKey::parse(&format!("{}{other}{}", &text[..n], &text[n + 1..])), None, "character {n}");
        }
        for none in ["", "roster_", &text[1..], &text[..42], &format!("{text}0"), &text.to_uppercase(), "roster_ü"] {
            assert_eq!(ApiKey::parse(none), None, "{none}");
        }
        // The checksum is the one that others can compute.
        assert_eq!(checksum("000000000000000000000000000000").len(), CHECKSUM_CHARS);
        assert_eq!(checksum(""), "000000");
    }
}
