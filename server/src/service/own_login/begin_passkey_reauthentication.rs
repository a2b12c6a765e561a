//! Asks for a passkey to reauthenticate, for changes of the login or in an account.

use super::{require_own_password_session, signed_in};
use crate::{
    context::Services,
    service::{actors, required_factor::factors_of},
    storage::{Tx, passkey_challenges::ChallengePurpose, retried, second_factors::FactorsOf},
};
use app::{
    api::second_factors::PasskeyChallenge,
    backend::BeginPasskeyReauthentication,
    error::AppError,
    request::{SignedIn, Visitor},
};
use async_trait::async_trait;

#[async_trait]
impl BeginPasskeyReauthentication for Services {
    /// A challenge for any passkey of the user, in this session alone. Challenges name passkeys, so they are shown to no session that a
    /// provider alone vouches for, unless the provider's account asks for them.
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`] without a passkey that counts there; [`AppError::RateLimited`]; those of
    /// [`require_own_password_session`] or of [`actors::load_before_second_factor`].
    async fn begin_passkey_reauthentication(
        &self,
        visitor: &Visitor,
        account: &str,
    ) -> Result<PasskeyChallenge, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            self.require_passkeys_asked_for(&mut tx, visitor, signed_in, account).await?;
            let known = self.passkeys_of(&mut tx, signed_in.user).await?;
            let challenge = self.relying_party()?.begin_step(&known);
            self.count_passkey_challenge(&mut tx, visitor).await?;
            let subject = Some(signed_in.session.0);
            let asked = self.keep_challenge(&mut tx, ChallengePurpose::Reauthenticate, subject, challenge).await?;
            tx.commit().await?;
            Ok(asked)
        })
        .await
    }
}

impl Services {
    /// Refuses a session in which nothing asks for a passkey of the login.
    async fn require_passkeys_asked_for(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        signed_in: &SignedIn,
        account: &str,
    ) -> Result<(), AppError> {
        if account.is_empty() {
            return require_own_password_session(tx, signed_in).await;
        }
        let actor = actors::load_before_second_factor(self, tx, &visitor.caller_in(account)?).await?;
        match factors_of(tx, &actor).await? {
            Some(FactorsOf { account: None, .. }) => Ok(()),
            Some(FactorsOf { account: Some(_), .. }) | None => Err(AppError::PasskeyRefused),
        }
    }
}
