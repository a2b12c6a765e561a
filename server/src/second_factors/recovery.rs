//! Recovery codes. Each is 80 random bits, so that a fast hash keeps it: nobody guesses one from a stolen database, as nobody guesses a
//! token. A slow hash, as for passwords, would protect nothing more, and make each try cost ten of them.

use crate::secrets::{code_hash, random};
use app::domain::{
    ids::UserId,
    second_factor::{RECOVERY_ALPHABET, RECOVERY_CHARS, RECOVERY_CODES, plain_recovery_code},
};

/// A new set, as the codes are compared.
pub fn new_recovery_codes() -> Vec<String> {
    (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect()
}

fn new_recovery_code() -> String {
    // Thirty-two characters divide a byte's values evenly.
    let character = |byte: u8| RECOVERY_ALPHABET.get(usize::from(byte) % RECOVERY_ALPHABET.len());
    random::<RECOVERY_CHARS>().into_iter().filter_map(character).map(|c| char::from(*c)).collect()
}

/// What the database holds of a code, tied to its user.
pub fn recovery_code_hash(user: UserId, typed: &str) -> Vec<u8> {
    code_hash(user.0, &plain_recovery_code(typed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn lt_07_recovery_codes_are_ten_times_eighty_random_bits() {
        let codes: Vec<_> = (0..1000).flat_map(|_| new_recovery_codes()).collect();
        assert_eq!(codes.len(), 10_000);
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
        assert!(codes.iter().all(|code| code.len() == 16 && *code == plain_recovery_code(code)));
        let characters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(characters.len(), 32);
    }
}
