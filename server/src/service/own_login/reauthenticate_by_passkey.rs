//! Reauthenticates by a passkey, for changes of the login or for an account that requires a second factor.

use super::{signed_in, view_own_reauthentication::next_page};
use crate::{
    context::Services,
    service::sessions::passkeys::CheckedPasskey,
    storage::{passkey_challenges::ChallengePurpose, retried, sessions},
};
use app::{
    api::second_factors::PasskeyForm,
    backend::ReauthenticateByPasskey,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ReauthenticateByPasskey for Services {
    /// Takes a passkey as the proof; answers where to go on. The session gets another cookie (SE-02). One that proved no password still changes
    /// nothing of the login by it (R49).
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`].
    async fn reauthenticate_by_passkey(
        &self,
        visitor: &Visitor,
        form: PasskeyForm,
    ) -> Result<WithCookies<String>, AppError> {
        let signed_in = signed_in(visitor)?;
        let subject = Some(signed_in.session.0);
        let state = self.use_challenge(&form.challenge, ChallengePurpose::Reauthenticate, subject).await?;
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            match self.check_passkey(&mut tx, visitor, signed_in.user, &state, &form.credential).await? {
                CheckedPasskey::Right => {}
                CheckedPasskey::Copied => {
                    tx.commit().await?;
                    return Err(AppError::PasskeyRefused);
                }
            }
            self.refund_passkey_challenge(&mut tx, visitor).await?;
            sessions::renew_second_factor(&mut tx, signed_in.session, self.now()).await?;
            let cookie = self.renew_cookie(&mut tx, signed_in.session).await?;
            tx.commit().await?;
            tracing::info!(user = %signed_in.user, session = %signed_in.session, by = "passkey", "reauthenticated");
            Ok(WithCookies { answer: next_page(&form.next), cookies: vec![cookie] })
        })
        .await
    }
}
