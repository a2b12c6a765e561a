//! The one e-mail type (R1, IN-01): the address as typed, and its canonical form, which is stored, compared and mailed.

use super::fields::Problem;
use serde::{Deserialize, Serialize};

/// The longest address, in bytes of its canonical form (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const LONGEST: usize = 254;
/// The longest local part, in bytes (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// An e-mail address. Equality is that of the canonical form; `+tag` and dots are never stripped (R1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Email {
    typed: String,
    key: String,
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Email {}

impl Email {
    /// The address as its owner or inviter typed it, trimmed; for display only.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The canonical form: the one that is stored, compared and mailed.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// An address read back from storage, where it was put in canonical form.
    pub fn from_storage(typed: String, key: String) -> Self {
        Self { typed, key }
    }

    /// The key of limits: the canonical form without a `+tag` (EN-05). Used for nothing else.
    pub fn rate_key(&self) -> String {
        match self.key.split_once('@') {
            Some((local, domain)) => {
                let base = local.split_once('+').map_or(local, |(base, _)| base);
                format!("{base}@{domain}")
            }
            None => self.key.clone(),
        }
    }
}

#[cfg(feature = "ssr")]
impl Email {
    /// Reads a typed address: trim, NFC, lower case, domain by IDNA to ASCII (R1, IN-01).
    ///
    /// # Errors
    /// [`Problem::Required`] for an empty text, [`Problem::NotAnEmail`] for anything but one plain address.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        use unicode_normalization::UnicodeNormalization;

        let typed: String = raw.trim().nfc().collect();
        check_shape(&typed)?;
        let (local, domain) = typed.rsplit_once('@').ok_or(Problem::NotAnEmail)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| Problem::NotAnEmail)?;
        let key = format!("{}@{}", local.to_ascii_lowercase(), domain);
        if !is_dot_atom(local) || !domain.contains('.') || key.len() > LONGEST {
            return Err(Problem::NotAnEmail);
        }
        Ok(Self { typed, key })
    }
}

/// The check that the browser can make before anything is sent: one `@`, something on either side, no spaces.
///
/// # Errors
/// [`Problem::Required`] or [`Problem::NotAnEmail`].
pub fn check_shape(raw: &str) -> Result<(), Problem> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Err(Problem::Required);
    }
    let (local, domain) = raw.rsplit_once('@').ok_or(Problem::NotAnEmail)?;
    let fine = is_dot_atom(local)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c));
    if fine { Ok(()) } else { Err(Problem::NotAnEmail) }
}

/// RFC 5322 `dot-atom-text`, ASCII only, at most 64 bytes.
fn is_dot_atom(local: &str) -> bool {
    !local.is_empty()
        && local.len() <= LONGEST_LOCAL
        && local.split('.').all(|atom| {
            !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(raw: &str) -> Result<String, Problem> {
        Email::parse(raw).map(|email| email.key().to_owned())
    }

    #[test]
    fn r01_the_canonical_form_is_trimmed_lower_case_and_punycode() {
        assert_eq!(key("  Ben.Doe+News@Example.ORG "), Ok("ben.doe+news@example.org".to_owned()));
        assert_eq!(key("ana@Bücher.example"), Ok("ana@xn--bcher-kva.example".to_owned()));
        assert_eq!(key("ana@bu\u{308}cher.example"), Ok("ana@xn--bcher-kva.example".to_owned()));
    }

    #[test]
    fn in_01_letters_that_are_other_letters_by_nfc_are_those_letters() {
        assert_eq!(key("\u{212A}im@example.org"), Ok("kim@example.org".to_owned()), "the Kelvin sign is a K");
    }

    #[test]
    fn r01_tags_and_dots_are_never_stripped() {
        assert_ne!(key("ben+a@example.org"), key("ben@example.org"));
        assert_ne!(key("b.en@example.org"), key("ben@example.org"));
    }

    #[test]
    fn in_01_anything_but_one_plain_address_is_refused() {
        for bad in [
            "ben",
            "ben@",
            "@example.org",
            "ben@example",
            "ben@@example.org",
            "a b@example.org",
            "ben@exa mple.org",
            "\"ben\"@example.org",
            "Ben <ben@example.org>",
            "a@example.org,b@example.org",
            "ben.@example.org",
            ".ben@example.org",
            "b..en@example.org",
            "ben@example.org\r\nBcc: x@example.org",
            "bén@example.org",
            "ben@-example.org",
            "ben@example..org",
            "ben@[127.0.0.1]",
            "ben@exam_ple.org",
        ] {
            assert_eq!(key(bad), Err(Problem::NotAnEmail), "{bad:?}");
        }
        assert_eq!(key("   "), Err(Problem::Required));
        assert_eq!(key(&format!("{}@example.org", "a".repeat(65))), Err(Problem::NotAnEmail));
        assert_eq!(key(&format!("a@{}.org", "b.".repeat(130))), Err(Problem::NotAnEmail));
    }

    #[test]
    fn en_05_the_rate_key_drops_the_tag_alone() {
        let email = Email::parse("Ben+x@example.org").map(|e| e.rate_key());
        assert_eq!(email, Ok("ben@example.org".to_owned()));
    }

    proptest! {
        #[test]
        fn in_01_canonical_form_is_idempotent(raw in "\\PC{0,40}@\\PC{0,40}") {
            if let Ok(email) = Email::parse(&raw) {
                let again = Email::parse(email.key()).map(|e| e.key().to_owned());
                prop_assert_eq!(again, Ok(email.key().to_owned()));
            }
        }

        #[test]
        fn in_01_the_browser_never_refuses_what_the_server_takes(raw in "[a-zA-Z0-9.+_-]{1,12}@[a-zA-Z0-9.ü-]{1,16}") {
            if Email::parse(&raw).is_ok() {
                prop_assert_eq!(check_shape(&raw), Ok(()));
            }
        }
    }
}
