//! Begins to add a passkey.

use super::signed_in;
use crate::{
    context::Services,
    storage::{passkey_challenges::ChallengePurpose, retried},
};
use app::{api::second_factors::PasskeyChallenge, backend::BeginPasskey, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl BeginPasskey for Services {
    /// A challenge for a new passkey, in this session alone.
    ///
    /// # Errors
    /// Those of [`Services::require_recent_own_authentication`]; [`AppError::NotFound`] where passkeys cannot be.
    async fn begin_passkey(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            self.require_recent_own_authentication(&mut tx, signed_in).await?;
            let known = self.passkeys_of(&mut tx, signed_in.user).await?;
            let party = self.relying_party()?;
            let challenge = party.begin_registration(signed_in.user, &signed_in.email, &signed_in.name, &known);
            let subject = Some(signed_in.session.0);
            let asked = self.keep_challenge(&mut tx, ChallengePurpose::Register, subject, challenge).await?;
            tx.commit().await?;
            Ok(asked)
        })
        .await
    }
}
