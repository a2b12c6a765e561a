//! The one email type (R1, IN-01): the address as typed, and its canonical form, which is stored, compared and mailed.

use super::{
    fields::Problem,
    text::{is_invisible, is_joiner},
};
use serde::{Deserialize, Serialize};

/// The longest address, in bytes of its canonical form (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const MAX_BYTES: usize = 254;
/// The longest local part, in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_PART_BYTES: usize = 64;

/// An email address. Equality is that of the canonical form; `+tag` and dots are never stripped (R1).
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
    /// The address as its owner or inviter typed it, trimmed, an international domain in its own letters; for display only.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The canonical form: the one that is stored, compared and mailed.
    pub fn key(&self) -> &str {
        &self.key
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
    /// Reads a typed address: without what cannot be part of one ([`tidy`]), NFC, lower case, domain by IDNA to ASCII (R1, IN-01).
    ///
    /// # Errors
    /// [`Problem::Required`] for an empty text, [`Problem::TooLong`], [`Problem::NotAnEmail`] for anything but one plain address.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        use unicode_normalization::UnicodeNormalization;

        let raw: String = raw.nfc().collect();
        // The text is composed once more, since what was left out may have stood between a letter and its accent.
        let typed: String = tidy(&raw).nfc().collect();
        let too_long = Problem::TooLong { most: MAX_BYTES as u32 };
        if typed.chars().count() > MAX_BYTES {
            return Err(too_long);
        }
        check_shape(&typed)?;
        let (local, domain) = typed.rsplit_once('@').ok_or(Problem::NotAnEmail)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| Problem::NotAnEmail)?;
        let key = format!("{}@{}", local.to_ascii_lowercase(), domain);
        if key.len() > MAX_BYTES {
            return Err(too_long);
        }
        if !is_dot_atom(local) || !domain.contains('.') {
            return Err(Problem::NotAnEmail);
        }
        Ok(Self { typed: shown(&typed, &key), key })
    }

    /// Reads an address that a provider vouches for, in which nothing is left out: another address by one character is another address.
    ///
    /// # Errors
    /// As [`Email::parse`].
    pub fn parse_exactly(raw: &str) -> Result<Self, Problem> {
        if tidy(raw) == raw.trim() { Self::parse(raw) } else { Err(Problem::NotAnEmail) }
    }

    /// An address read back from storage, where it was put in canonical form.
    pub fn from_storage(typed: String, key: String) -> Self {
        Self { typed: shown(&typed, &key), key }
    }
}

/// How an address is shown: as it was typed, but an international domain always in its own letters, never as `xn--`.
#[cfg(feature = "ssr")]
fn shown(typed: &str, key: &str) -> String {
    let (Some((_, domain)), false) = (key.rsplit_once('@'), typed.is_ascii() && !key.contains("xn--")) else {
        return typed.to_owned();
    };
    let tidied = tidy(typed);
    let local = tidied.rsplit_once('@').map_or(tidied.as_str(), |(local, _)| local);
    match idna::domain_to_unicode(domain) {
        (letters, Ok(())) => format!("{local}@{letters}"),
        (_, Err(_)) => format!("{local}@{domain}"),
    }
}

/// What was pasted, without what cannot be part of an address: white space around it, `mailto:`, the point, comma or semicolon of the
/// sentence or list that it stood in, and characters that show nothing. Only a joiner between letters of a domain has a meaning there.
fn tidy(raw: &str) -> String {
    let mut tidied = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    let mut previous = None;
    while let Some(c) = rest.next() {
        let is_letter = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_invisible(c));
        if !is_invisible(c)
            || is_joiner(c) && tidied.contains('@') && is_letter(previous) && is_letter(rest.peek().copied())
        {
            tidied.push(c);
        }
        previous = Some(c);
    }
    let trimmed = tidied.trim();
    let start = trimmed.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).map_or(0, str::len);
    let address = trimmed.get(start..).unwrap_or_default();
    address
        .trim_matches(|c: char| c.is_whitespace())
        .trim_end_matches(|c: char| ".,;".contains(c) || c.is_whitespace())
        .to_owned()
}

/// The check that the browser can make before anything is sent: one `@`, something on either side, no spaces.
///
/// # Errors
/// [`Problem::Required`] or [`Problem::NotAnEmail`].
pub fn check_shape(raw: &str) -> Result<(), Problem> {
    let raw = tidy(raw);
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
        && local.len() <= MAX_LOCAL_PART_BYTES
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
        assert_eq!(key("\u{200B} ;"), Err(Problem::Required));
        assert_eq!(key(&format!("{}@example.org", "a".repeat(65))), Err(Problem::NotAnEmail));
        assert_eq!(key(&format!("a@{}.org", "b.".repeat(130))), Err(Problem::TooLong { most: 254 }));
    }

    #[test]
    fn in_01_an_address_of_254_bytes_is_taken_and_a_longer_one_refused() {
        let domain = format!("{0}.{0}.{0}.example.org", "d".repeat(60));
        let longest = format!("{}@{domain}", "a".repeat(MAX_BYTES - 1 - domain.len()));
        assert_eq!((longest.len(), key(&longest)), (254, Ok(longest.clone())));
        assert_eq!(key(&format!("a{longest}")), Err(Problem::TooLong { most: 254 }));
    }

    #[test]
    fn in_01_the_browser_refuses_what_it_can_see_to_be_no_address() {
        for bad in [
            "ben",
            "@example.org",
            "a b@example.org",
            "bén@example.org",
            "ben@example",
            "ben@.example.org",
            "ben@exa mple.org",
            "ben@exa\u{7}mple.org",
            "ben@exa<mple.org",
        ] {
            assert_eq!(check_shape(bad), Err(Problem::NotAnEmail), "{bad:?}");
        }
        assert_eq!(check_shape(" \u{200B}"), Err(Problem::Required));
    }

    #[test]
    fn in_01_of_invisible_characters_joiners_alone_mean_something_between_letters() {
        for pasted in ["ana@caf\u{AD}é.example", "ana@é\u{200B}é.example", "ana@caf\u{200D}é.example"] {
            assert!(Email::parse(pasted).is_ok(), "{pasted:?}");
            assert_eq!(Email::parse_exactly(pasted), Err(Problem::NotAnEmail), "{pasted:?}");
        }
    }

    #[test]
    fn in_01_what_cannot_be_part_of_an_address_is_left_out() {
        for pasted in [
            "\u{200B}Ben@example.org",
            "Ben@example.org\u{200B}",
            "\u{FEFF}Ben@example.org",
            "\u{202A}Ben@example.org\u{202C}",
            "Ben@exam\u{AD}ple.org",
            "\u{A0}Ben@example.org\u{A0}",
            "\u{3000}Ben@example.org\u{2003}",
            "Be\u{2060}n@example.org",
            "B\u{200D}en@example.org\u{200C}",
            "Ben@exa\u{200D}mple.org",
            "Ben@exam\u{3164}ple.org\u{2800}",
            "\u{2066}Ben@\u{180E}example.org\u{FE0F}\u{E0020}",
            "mailto:Ben@example.org",
            "MailTo: Ben@example.org",
            "Ben@example.org;",
            " Ben@example.org ,",
            "Ben@example.org.",
            "Ben@example.org\u{200B};\r\n",
        ] {
            let email = Email::parse(pasted).unwrap();
            assert_eq!((email.key(), email.typed()), ("ben@example.org", "Ben@example.org"), "{pasted:?}");
            assert_eq!(check_shape(pasted), Ok(()), "{pasted:?}");
            assert_eq!(Email::parse_exactly(pasted).is_ok(), pasted.trim() == email.typed(), "{pasted:?}");
        }
        // Part of the name of a domain, which is another one without it.
        let joined = Email::parse("ana@نامه\u{200C}ای.example").unwrap();
        assert_eq!(joined.key(), "ana@xn--mgba3gch31f060k.example");
        assert_ne!(Email::parse("ana@نامهای.example"), Ok(joined));
    }

    #[test]
    fn r01_an_international_domain_is_shown_in_its_own_letters() {
        for typed in
            ["Ana@bücher.example", "Ana@BÜCHER.example", "Ana@xn--bcher-kva.example", "Ana@XN--BCHER-KVA.Example"]
        {
            let email = Email::parse(typed).unwrap();
            assert_eq!(email.typed(), "Ana@bücher.example", "{typed}");
            let stored = Email::from_storage(typed.to_owned(), email.key().to_owned());
            assert_eq!(stored.typed(), "Ana@bücher.example", "{typed}");
        }
        assert_eq!(Email::parse("Ana@Example.ORG").unwrap().typed(), "Ana@Example.ORG");
        let stored = Email::from_storage("ana@exam\u{AD}ple.org\u{200B}".to_owned(), "ana@example.org".to_owned());
        assert_eq!(stored.typed(), "ana@example.org", "nothing invisible that was stored before is shown");
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
        fn in_01_an_address_with_invisible_characters_is_the_one_without(
            raw in "[a-z\u{200B}-\u{200F}\u{AD}\u{FEFF}.+ ]{1,12}@[a-zü\u{200B}-\u{200F}\u{AD}\u{2060}.]{1,12}\\.[a-z]{2}[;,. \u{A0}\u{200B}]{0,3}"
        ) {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(check_shape(&raw), Ok(()));
                prop_assert!(email.key().is_ascii() && !email.typed().chars().any(|c| is_invisible(c) && !is_joiner(c)), "{:?}", email);
                prop_assert_eq!(Email::parse(email.typed()), Ok(email.clone()));
                prop_assert_eq!(Email::parse(email.key()), Ok(email.clone()));
                let stored = Email::from_storage(email.typed().to_owned(), email.key().to_owned());
                prop_assert_eq!(stored.typed(), email.typed());
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
