//! Asks for a passkey to sign in by it alone.

use crate::{
    context::Services,
    storage::{passkey_challenges::ChallengePurpose, retried},
};
use app::{api::second_factors::PasskeyChallenge, backend::BeginPasskeySignIn, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl BeginPasskeySignIn for Services {
    /// A challenge that names nobody, so that it is the same for everybody (EN-01).
    ///
    /// # Errors
    /// [`AppError::NotFound`] where passkeys cannot be; [`AppError::RateLimited`].
    async fn begin_passkey_sign_in(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError> {
        retried(|| async {
            let challenge = self.relying_party()?.begin_sign_in();
            let mut tx = self.database.begin_write().await?;
            self.count_passkey_challenge(&mut tx, visitor).await?;
            let asked = self.keep_challenge(&mut tx, ChallengePurpose::SignIn, None, challenge).await?;
            tx.commit().await?;
            Ok(asked)
        })
        .await
    }
}
