//! Is this password good enough (PW-01 to PW-05)?

use super::{Services, StartError};
use crate::storage::rate_buckets;
use app::{
    api::session::StrengthForm,
    backend::MeasurePassword,
    domain::{
        fields::{Field, FieldErrors, Problem},
        password::{Strength, check_length},
    },
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;
use std::{collections::HashSet, path::Path, sync::Arc};

/// Guesses (as powers of ten, by zxcvbn) below which a password counts as common: the 3 000 most used are below 10^4.
const TOO_FEW_GUESSES_LOG10: f64 = 8.0;
/// Words shorter than this say nothing about a person.
const SHORTEST_WORD: usize = 4;

/// The operator's list of passwords that are refused, in lower case.
#[derive(Debug, Default)]
pub struct RefusedPasswords(HashSet<String>);

impl RefusedPasswords {
    /// Reads the list, one password a line.
    ///
    /// # Errors
    /// [`StartError::BreachedFile`].
    pub fn load(path: Option<&Path>) -> Result<Self, StartError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| StartError::BreachedFile { path: path.display().to_string(), source })?;
        Ok(Self(text.lines().map(|line| line.trim().to_lowercase()).filter(|line| !line.is_empty()).collect()))
    }
}

#[async_trait]
impl MeasurePassword for Services {
    /// How hard a password is to guess, for the meter. Limited by address, never logged.
    async fn measure_password(&self, visitor: &Visitor, form: StrengthForm) -> Result<Strength, AppError> {
        let mut tx = self.database.begin_write().await?;
        let limit = self.measure_limit();
        let taken =
            rate_buckets::take(&mut tx, &super::sign_in::ip_key("measure", visitor.ip), limit, self.now()).await?;
        tx.commit().await?;
        taken.map_err(|wait| AppError::RateLimited { retry_after_s: wait.as_seconds() })?;
        let words: Vec<&str> = form.own_words.iter().map(String::as_str).take(10).collect();
        self.measure(&form.password, &words).await
    }
}

impl Services {
    /// Checks a new password; its length is looked at beforehand, with the other fields. `own_words` are the person's and the account's:
    /// name, address, account.
    ///
    /// # Errors
    /// What is to be said at the field; [`AppError::Unavailable`] if too many are measured at once.
    pub(super) async fn check_password(&self, password: &str, own_words: &[&str]) -> Result<(), AppError> {
        match self.measure(password, own_words).await?.problem {
            Some(problem) => Err(FieldErrors::one(Field::Password, problem).into()),
            None => Ok(()),
        }
    }

    /// Is a new password neither too short nor too long? The cheap part of [`Self::check_password`].
    ///
    /// # Errors
    /// What is to be said at the field.
    pub(super) fn check_length(&self, password: &str) -> Result<(), Problem> {
        check_length(password, self.config.passwords.shortest)
    }

    /// Estimates in turn with the hashing of passwords, since it costs as much.
    async fn measure(&self, password: &str, own_words: &[&str]) -> Result<Strength, AppError> {
        if let Err(problem) = self.check_length(password) {
            return Ok(Strength { score: 0, problem: Some(problem) });
        }
        let (refused, password, words) =
            (Arc::clone(&self.refused_passwords), password.to_owned(), words_of(own_words));
        Ok(self.hasher.in_turn(move || estimate(&refused, &password, &words)).await?)
    }
}

fn estimate(refused: &RefusedPasswords, password: &str, words: &[String]) -> Strength {
    let inputs: Vec<&str> = words.iter().map(String::as_str).collect();
    // The estimate's time grows with the length; what is beyond 100 characters adds nothing to it.
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
fn words_of(texts: &[&str]) -> Vec<String> {
    texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .chain(["roster"])
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
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
