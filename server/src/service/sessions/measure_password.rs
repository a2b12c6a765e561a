//! How hard a password is to guess, for the meter (PW-04, PW-05).

use crate::{context::Services, storage::rate_buckets};
use app::{
    api::session::StrengthForm, backend::MeasurePassword, domain::password::Strength, error::AppError, request::Visitor,
};
use async_trait::async_trait;

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
