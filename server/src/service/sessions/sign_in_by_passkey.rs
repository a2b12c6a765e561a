//! Signs in by a passkey alone.

use super::passkeys::CheckedPasskey;
use crate::{
    context::Services,
    metrics::Proved,
    second_factors::PasskeySignIn,
    storage::{
        passkey_challenges::ChallengePurpose,
        retried,
        sessions::{self, Proof},
    },
};
use app::{
    api::second_factors::PasskeyForm,
    backend::SignInByPasskey,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl SignInByPasskey for Services {
    /// Begins a session for the user whom the passkey names. Its authenticator verified the user, by a PIN, a face or a finger, so it
    /// stands for the password and the second factor at once (LT-08).
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`], whatever is wrong with it.
    async fn sign_in_by_passkey(&self, visitor: &Visitor, form: PasskeyForm) -> Result<WithCookies<String>, AppError> {
        let result = self.begin_by_passkey(visitor, &form).await;
        self.count_sign_in(Proved::Passkey, &result);
        result
    }
}

impl Services {
    async fn begin_by_passkey(&self, visitor: &Visitor, form: &PasskeyForm) -> Result<WithCookies<String>, AppError> {
        let state = self.use_challenge(&form.challenge, ChallengePurpose::SignIn, None).await?;
        let answer = PasskeySignIn::read(&form.credential).ok_or(AppError::PasskeyRefused)?;
        let user = answer.user().ok_or(AppError::PasskeyRefused)?;
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let known = self.passkeys_of(&mut tx, user).await?;
            let id = answer.credential_id();
            let stored = known.iter().find(|credential| credential.id == id).ok_or(AppError::PasskeyRefused)?;
            let checked = self.relying_party()?.finish_sign_in(&state, user, stored, &answer);
            match self.note_passkey(&mut tx, visitor, user, &known, checked).await? {
                CheckedPasskey::Right => {}
                CheckedPasskey::Copied => {
                    tx.commit().await?;
                    return Err(AppError::PasskeyRefused);
                }
            }
            self.refund_passkey_challenge(&mut tx, visitor).await?;
            let (session, cookie) = self.begin_session(&mut tx, visitor, user, Proof::Password).await?;
            sessions::renew_second_factor(&mut tx, session, now).await?;
            let answer = self.page_after_sign_in(&mut tx, user, session, &form.account, &form.next).await?;
            tx.commit().await?;
            tracing::info!(%user, %session, ip = %visitor.ip, "signed in by a passkey");
            let mark = self.cookies.known_browser(&self.keyring.known_browser_mark(user));
            Ok(WithCookies { answer, cookies: vec![cookie, mark] })
        })
        .await
    }
}
