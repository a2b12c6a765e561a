//! Names of people and accounts, and the slug in an account's address.

use super::fields::{Field, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name, in code points (IN-03).
pub const LONGEST: u32 = 100;

/// Reads a person's or an account's name: trimmed, inner white space folded, at most 100 code points, no control or direction
/// characters (IN-03).
///
/// # Errors
/// [`Problem::Required`], [`Problem::TooLong`] or [`Problem::NotAName`].
pub fn parse_name(raw: &str) -> Result<String, Problem> {
    if raw.chars().any(|c| c.is_control() && !c.is_whitespace() || is_direction(c)) {
        return Err(Problem::NotAName);
    }
    let name = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return Err(Problem::Required);
    }
    if name.chars().count() > LONGEST as usize {
        return Err(Problem::TooLong { most: LONGEST });
    }
    Ok(name)
}

/// Reads first and last name as one; `None` if there is neither (R50).
///
/// # Errors
/// As [`parse_name`], by the part that is wrong.
pub fn parse_names(first: &str, last: &str) -> Result<Option<String>, (Field, Problem)> {
    for (field, part) in [(Field::FirstName, first), (Field::LastName, last)] {
        match parse_name(part) {
            Ok(_) | Err(Problem::Required) => {}
            Err(problem) => return Err((field, problem)),
        }
    }
    match parse_name(&format!("{first} {last}")) {
        Ok(name) => Ok(Some(name)),
        Err(Problem::Required) => Ok(None),
        Err(problem) => Err((Field::LastName, problem)),
    }
}

/// Bidirectional controls, zero-width characters and the like: they change how the text around them reads.
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// The account's part of a URL: `/a/{slug}`. 2 to 40 of `a-z`, `0-9` and inner `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug as typed, or as it stands in a URL.
    ///
    /// # Errors
    /// [`Problem::Required`] or [`Problem::NotASlug`].
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Problem::Required);
        }
        let fine = (2..=40).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !raw.starts_with('-')
            && !raw.ends_with('-');
        if fine { Ok(Self(raw.to_owned())) } else { Err(Problem::NotASlug) }
    }

    /// The slug that a name suggests: its ASCII letters and digits in lower case, the rest as single hyphens.
    pub fn propose(name: &str) -> String {
        let mut slug = String::new();
        for c in name.chars() {
            let plain = match c {
                'ä' | 'Ä' => "ae",
                'ö' | 'Ö' => "oe",
                'ü' | 'Ü' => "ue",
                'ß' => "ss",
                'é' | 'è' | 'ê' | 'É' | 'È' => "e",
                'á' | 'à' | 'â' | 'Á' => "a",
                'ç' | 'Ç' => "c",
                'ñ' | 'Ñ' => "n",
                _ => "",
            };
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !plain.is_empty() {
                slug.push_str(plain);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(40);
        slug.trim_matches('-').to_owned()
    }

    /// The text of the slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn in_03_names_hold_no_control_or_direction_characters() {
        assert_eq!(parse_name("  Ana  María "), Ok("Ana María".to_owned()));
        for bad in ["Ana\u{202E}x", "Ana\0", "A\u{200B}na", "\u{1b}[31mAna"] {
            assert_eq!(parse_name(bad), Err(Problem::NotAName), "{bad:?}");
        }
        assert_eq!(parse_name("Ana\r\nBcc: x"), Ok("Ana Bcc: x".to_owned()));
        assert_eq!(parse_name(&"é".repeat(101)), Err(Problem::TooLong { most: 100 }));
        assert!(parse_name(&"é".repeat(100)).is_ok());
        assert_eq!(parse_name(" \t"), Err(Problem::Required));
    }

    #[test]
    fn r50_first_and_last_name_are_one_and_may_be_blank() {
        assert_eq!(parse_names(" Ana ", "Silva"), Ok(Some("Ana Silva".to_owned())));
        assert_eq!(parse_names("", "Silva"), Ok(Some("Silva".to_owned())));
        assert_eq!(parse_names(" ", ""), Ok(None));
        assert_eq!(parse_names("Ana\0", "Silva"), Err((Field::FirstName, Problem::NotAName)));
        assert_eq!(
            parse_names(&"é".repeat(60), &"é".repeat(60)),
            Err((Field::LastName, Problem::TooLong { most: 100 }))
        );
    }

    #[test]
    fn a_slug_is_proposed_from_the_name() {
        assert_eq!(Slug::propose("Müller & Söhne GmbH"), "mueller-soehne-gmbh");
        assert_eq!(Slug::propose("  Acme, Inc. "), "acme-inc");
        assert_eq!(Slug::propose("日本"), "");
    }

    proptest! {
        #[test]
        fn a_proposed_slug_is_a_slug_or_too_short(name in "\\PC{0,80}") {
            let slug = Slug::propose(&name);
            prop_assert!(slug.len() < 2 || Slug::parse(&slug).is_ok(), "{slug:?}");
        }
    }
}
