//! Is this password good enough (PW-01 to PW-05)?

use super::Services;
use crate::{
    passwords::{estimate, words_of},
    storage::rate_buckets,
};
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
use std::sync::Arc;

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
