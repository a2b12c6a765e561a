//! Asks for a passkey to reauthenticate, for changes of the login or for an account that requires a second factor.

use super::signed_in;
use crate::{
    context::Services,
    storage::{passkey_challenges::ChallengePurpose, retried},
};
use app::{
    api::second_factors::PasskeyChallenge, backend::BeginPasskeyReauthentication, error::AppError, request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl BeginPasskeyReauthentication for Services {
    /// A challenge for any passkey of the user, in this session alone.
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`] without a passkey.
    async fn begin_passkey_reauthentication(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            let known = self.passkeys_of(&mut tx, signed_in.user).await?;
            let challenge = self.relying_party()?.begin_step(&known);
            let subject = Some(signed_in.session.0);
            let asked = self.keep_challenge(&mut tx, ChallengePurpose::Reauthenticate, subject, challenge).await?;
            tx.commit().await?;
            Ok(asked)
        })
        .await
    }
}
