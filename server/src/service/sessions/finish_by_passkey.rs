//! Finishes a sign-in by a passkey.

use super::passkeys::CheckedPasskey;
use crate::{
    context::Services,
    metrics::Proved,
    storage::{passkey_challenges::ChallengePurpose, retried},
};
use app::{
    api::second_factors::PasskeyForm,
    backend::FinishByPasskey,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl FinishByPasskey for Services {
    /// Begins the session of a sign-in that waits in this browser, if the answer is that of a passkey of its user.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if none waits any more; [`AppError::PasskeyRefused`].
    async fn finish_by_passkey(&self, visitor: &Visitor, form: PasskeyForm) -> Result<WithCookies<String>, AppError> {
        let result = self.finish_with(visitor, &form).await;
        self.count_sign_in(Proved::SecondFactor, &result);
        result
    }
}

impl Services {
    async fn finish_with(&self, visitor: &Visitor, form: &PasskeyForm) -> Result<WithCookies<String>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let pending = self.presented_sign_in(&mut tx, visitor).await?.ok_or(AppError::Unauthenticated)?;
        drop(tx);
        let state = self.use_challenge(&form.challenge, ChallengePurpose::SecondStep, Some(pending.id)).await?;
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            match self.check_passkey(&mut tx, visitor, pending.user, &state, &form.credential).await? {
                CheckedPasskey::Right => {}
                CheckedPasskey::Copied => {
                    tx.commit().await?;
                    return Err(AppError::PasskeyRefused);
                }
            }
            self.refund_passkey_challenge(&mut tx, visitor).await?;
            let mut finished = self.begin_whole_session(&mut tx, visitor, &pending).await?;
            if !form.remember.is_empty() {
                finished.cookies.push(self.remember_browser(&mut tx, visitor, pending.user).await?);
            }
            tx.commit().await?;
            Ok(finished)
        })
        .await
    }
}
