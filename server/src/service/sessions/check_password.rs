//! Is this password good enough (PW-01 to PW-05)?

use crate::{
    context::Services,
    passwords::{estimate, words_of},
};
use app::{
    domain::{
        fields::{Field, FieldErrors, Problem},
        password::{Strength, check_length},
    },
    error::AppError,
};
use std::sync::Arc;

impl Services {
    /// Checks a new password; its length is looked at beforehand, with the other fields. `own_words` are the person's and the account's:
    /// name, address, account.
    ///
    /// # Errors
    /// What is to be said at the field; [`AppError::Unavailable`] if too many are measured at once.
    pub(in crate::service) async fn check_password(&self, password: &str, own_words: &[&str]) -> Result<(), AppError> {
        match self.measure(password, own_words).await?.problem {
            Some(problem) => Err(FieldErrors::one(Field::Password, problem).into()),
            None => Ok(()),
        }
    }

    /// Is a new password neither too short nor too long? The cheap part of [`Self::check_password`].
    ///
    /// # Errors
    /// What is to be said at the field.
    pub(in crate::service) fn check_length(&self, password: &str) -> Result<(), Problem> {
        check_length(password, self.config.passwords.shortest)
    }

    /// Estimates in turn with the hashing of passwords, since it costs as much.
    pub(super) async fn measure(&self, password: &str, own_words: &[&str]) -> Result<Strength, AppError> {
        if let Err(problem) = self.check_length(password) {
            return Ok(Strength { score: 0, problem: Some(problem) });
        }
        let (refused, password, words) =
            (Arc::clone(&self.refused_passwords), password.to_owned(), words_of(own_words));
        Ok(self.hasher.in_turn(move || estimate(&refused, &password, &words)).await?)
    }
}
