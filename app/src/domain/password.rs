//! What a password must be, as far as it can be told without lists and hashes (PW-01 to PW-04).

use super::fields::Problem;
use serde::{Deserialize, Serialize};

/// The fewest code points while a password is the only factor (PW-01; NIST SP 800-63B-4).
pub const MIN_CHARS: u32 = 15;
/// The most code points; nothing is cut off below it (PW-02).
pub const MAX_CHARS: u32 = 256;

/// Checks the length, in code points. `shortest` is [`MIN_CHARS`] unless the operator set another.
///
/// # Errors
/// [`Problem::Required`], [`Problem::TooShort`] or [`Problem::TooLong`].
pub fn check_length(password: &str, shortest: u32) -> Result<(), Problem> {
    match password.chars().count() {
        0 => Err(Problem::Required),
        n if n < shortest as usize => Err(Problem::TooShort { least: shortest }),
        n if n > MAX_CHARS as usize => Err(Problem::TooLong { most: MAX_CHARS }),
        _ => Ok(()),
    }
}

/// How hard a password is to guess, and what stands against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strength {
    /// 0 (guessed at once) to 4 (very hard to guess), as zxcvbn counts.
    pub score: u8,
    /// What would be said at the field if it were sent now.
    pub problem: Option<Problem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_01_length_counts_code_points() {
        assert_eq!(check_length("", MIN_CHARS), Err(Problem::Required));
        assert_eq!(check_length(&"ü".repeat(14), MIN_CHARS), Err(Problem::TooShort { least: 15 }));
        assert_eq!(check_length(&"ü".repeat(15), MIN_CHARS), Ok(()));
    }

    #[test]
    fn pw_02_256_are_taken_and_more_refused() {
        assert_eq!(check_length(&"a".repeat(256), MIN_CHARS), Ok(()));
        assert_eq!(check_length(&"a".repeat(257), MIN_CHARS), Err(Problem::TooLong { most: 256 }));
    }
}
