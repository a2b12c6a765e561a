//! Asks for a passkey in the second step of signing in.

use crate::{
    context::Services,
    storage::{passkey_challenges::ChallengePurpose, retried},
};
use app::{api::second_factors::PasskeyChallenge, backend::BeginPasskeyStep, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl BeginPasskeyStep for Services {
    /// A challenge for the sign-in that waits in this browser, for any passkey of its user.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if none waits any more; [`AppError::PasskeyRefused`] without a passkey; [`AppError::RateLimited`].
    async fn begin_passkey_step(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let pending = self.presented_sign_in(&mut tx, visitor).await?.ok_or(AppError::Unauthenticated)?;
            let known = self.passkeys_of(&mut tx, pending.user).await?;
            drop(tx);
            let challenge = self.relying_party()?.begin_step(&known);
            let mut tx = self.database.begin_write().await?;
            self.count_passkey_challenge(&mut tx, visitor).await?;
            let asked = self.keep_challenge(&mut tx, ChallengePurpose::SecondStep, Some(pending.id), challenge).await?;
            tx.commit().await?;
            Ok(asked)
        })
        .await
    }
}
