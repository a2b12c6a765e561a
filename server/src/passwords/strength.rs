//! Measures whether a password is hard enough to guess (PW-04, PW-05).

use app::domain::{fields::Problem, password::Strength};
use std::{collections::HashSet, path::Path};

/// Guesses (as powers of ten, by zxcvbn) below which a password counts as common: the 3 000 most used are below 10^4.
const TOO_FEW_GUESSES_LOG10: f64 = 8.0;
/// Words shorter than this say nothing about a person.
const MIN_WORD_CHARS: usize = 4;

/// The operator's list of passwords that are refused, in lower case.
#[derive(Debug, Default)]
pub struct RefusedPasswords(HashSet<String>);

impl RefusedPasswords {
    /// Reads the list, one password a line.
    ///
    /// # Errors
    /// The file's.
    pub fn load(path: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self(text.lines().map(|line| line.trim().to_lowercase()).filter(|line| !line.is_empty()).collect()))
    }
}

/// How hard a password is to guess for somebody who knows these words, and what stands against it. Takes its time.
pub fn estimate(refused: &RefusedPasswords, password: &str, words: &[String]) -> Strength {
    let inputs: Vec<&str> = words.iter().map(String::as_str).collect();
    // The time of the estimate grows with the length; characters beyond 100 add nothing to it.
    let start: String = password.chars().take(100).collect();
    let estimate = zxcvbn::zxcvbn(&start, &inputs);
    let problem = if refused.0.contains(&password.to_lowercase()) || estimate.guesses_log10() < TOO_FEW_GUESSES_LOG10 {
        Some(Problem::TooCommon)
    } else if is_built_from(password, words) {
        Some(Problem::FromYourWords)
    } else {
        None
    };
    Strength { score: u8::from(estimate.score()), problem }
}

/// The words of names and addresses, in lower case, with the product's own.
pub fn words_of(texts: &[&str]) -> Vec<String> {
    texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .chain(["roster"])
        .filter(|word| word.chars().count() >= MIN_WORD_CHARS)
        .map(str::to_lowercase)
        .collect()
}

/// Is less than half the shortest length left when the person's own words are taken out?
fn is_built_from(password: &str, words: &[String]) -> bool {
    let lower = password.to_lowercase();
    let left = words.iter().fold(lower.clone(), |left, word| left.replace(word.as_str(), ""));
    left.len() != lower.len() && left.chars().filter(|c| c.is_alphabetic()).count() < 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_05_a_password_of_own_words_is_told_from_one_that_holds_one() {
        let words = words_of(&["Ana Kowalska", "ana.k@acme-widgets.example"]);
        assert!(is_built_from("kowalskaacme2026!", &words));
        assert!(is_built_from("RosterRoster12345", &words));
        assert!(!is_built_from("kowalska rides a purple bicycle", &words));
        assert!(!is_built_from("correct horse battery", &words));
    }
}
