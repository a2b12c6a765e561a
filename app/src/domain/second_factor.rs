//! Second factors: what somebody proves besides a password.

use super::{
    role_key::RoleKey,
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Of whom an account requires a second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredOf {
    /// Of every member.
    Everybody,
    /// Of the members with one of these roles.
    Roles(BTreeSet<RoleKey>),
}

/// That an account requires a second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Of whom.
    pub required_of: RequiredOf,
    /// When that was decided.
    pub set: Timestamp,
    /// From when on nobody of them gets in without one.
    pub starts: Timestamp,
}

impl Requirement {
    /// The days until it begins, a part of one counted whole; 0 once it has begun.
    pub fn days_left(&self, now: Timestamp) -> u32 {
        let left = (self.starts - now).0.max(0);
        u32::try_from((left + Span::days(1).0 - 1) / Span::days(1).0).unwrap_or(MAX_GRACE_DAYS)
    }
}

/// The longest value by which a provider says that somebody brought a second factor, in characters: `acr` is often a URL.
pub const MAX_FACTOR_VALUE_CHARS: u32 = 200;
/// The most such values of a login method.
pub const MAX_FACTOR_VALUES: u32 = 20;

/// The most days that an account gives its members to set a second factor up.
pub const MAX_GRACE_DAYS: u32 = 30;

/// What a second factor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorKind {
    /// An app that shows a code of six digits every thirty seconds (TOTP, RFC 6238).
    Totp,
    /// A passkey (WebAuthn): a key on a device or in a password manager.
    Passkey,
}

impl SecondFactorKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Totp, Self::Passkey];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// The digits of a code of an app, however they were grouped.
pub fn digits_of_code(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

/// Days for which a browser is remembered in which the second factor is not asked for.
pub const REMEMBERED_BROWSER_DAYS: i64 = 30;

/// How many recovery codes there are in a set.
pub const RECOVERY_CODES: usize = 10;
/// The characters of a recovery code: letters and digits that are not mistaken for each other (Crockford's base 32).
pub const RECOVERY_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How many characters a recovery code has, without hyphens: 80 bits.
pub const RECOVERY_CHARS: usize = 16;
/// How many characters stand between two hyphens.
const RECOVERY_GROUP: usize = 4;

/// A recovery code as it is shown: in groups.
pub fn grouped_recovery_code(code: &str) -> String {
    let mut grouped = String::new();
    for (at, c) in code.chars().enumerate() {
        if at > 0 && at % RECOVERY_GROUP == 0 {
            grouped.push('-');
        }
        grouped.push(c);
    }
    grouped
}

/// A recovery code as it is compared, from what was typed: without groups, in small letters, with what looks alike made alike.
pub fn plain_recovery_code(typed: &str) -> String {
    let plain = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    plain
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lt_09_the_days_that_are_left_count_a_part_of_one_whole() {
        let day = |days| Timestamp(0) + Span::days(days);
        let requirement = Requirement { required_of: RequiredOf::Everybody, set: day(0), starts: day(7) };
        let late = day(6) + Span::seconds(1);
        for (now, left) in [(day(0), 7), (day(6), 1), (late, 1), (day(7), 0), (day(9), 0)] {
            assert_eq!(requirement.days_left(now), left, "{now:?}");
        }
    }

    #[test]
    fn lt_07_a_recovery_code_is_known_however_it_was_copied() {
        let code = "0123456789abcdef";
        assert_eq!(grouped_recovery_code(code), "0123-4567-89ab-cdef");
        for typed in ["0123-4567-89ab-cdef", "O123 4567 89AB CDEF", " ol23456789abcdef\n"] {
            assert_eq!(plain_recovery_code(typed), code, "{typed}");
        }
        assert_eq!(RECOVERY_CHARS % RECOVERY_GROUP, 0);
    }

    #[test]
    fn a_code_of_an_app_is_typed_in_groups_or_not() {
        assert_eq!(digits_of_code(" 123 456 "), "123456");
        assert_eq!(digits_of_code("123-456"), "123456");
    }
}
