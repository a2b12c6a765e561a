//! Reauthenticates for changes of the login.

use super::{require_own_password_session, signed_in, view_own_reauthentication::next_page};
use crate::{
    context::Services,
    secrets::Token,
    service::sessions::second_step::{CheckedCode, GoesOn, TypedCode, wrong_code},
    storage::{
        retried,
        second_factors::{self, FactorsOf},
        sessions, users,
    },
};
use app::{
    api::second_factors::OwnReauthenticationForm,
    backend::ReauthenticateOwnLogin,
    domain::fields::{Field, FieldErrors, Problem},
    error::AppError,
    request::{SignedIn, Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ReauthenticateOwnLogin for Services {
    /// Takes the password or a code of an app as the proof; answers where to go on. The session gets another cookie (SE-02).
    ///
    /// # Errors
    /// Those of [`require_own_password_session`], of signing in, and of a wrong code.
    async fn reauthenticate_own_login(
        &self,
        visitor: &Visitor,
        form: OwnReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            if form.code.trim().is_empty() {
                self.reauthenticate_by_own_password(visitor, signed_in, &form).await
            } else {
                self.reauthenticate_by_app(visitor, signed_in, &form).await
            }
        })
        .await
    }
}

impl Services {
    async fn reauthenticate_by_own_password(
        &self,
        visitor: &Visitor,
        signed_in: &SignedIn,
        form: &OwnReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError> {
        if form.password.is_empty() {
            return Err(FieldErrors::one(Field::Password, Problem::Required).into());
        }
        let mut tx = self.database.begin_read().await?;
        require_own_password_session(&mut tx, signed_in).await?;
        let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
        drop(tx);
        let proved = self.verify_password(visitor, Some(&user.email), &form.password).await?;
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        require_own_password_session(&mut tx, signed_in).await?;
        let unchanged = users::confirm_password(&mut tx, signed_in.user, &proved.verified, &proved.rehashed).await?;
        if !unchanged || proved.user.id != signed_in.user {
            return Err(AppError::WrongCredentials);
        }
        proved.attempt.refund(&mut tx).await?;
        let next = next_page(&form.next);
        // A session of before the second factor was added proves it too (LT-09).
        if second_factors::has_any(&mut tx, FactorsOf::user(signed_in.user)).await?
            && sessions::second_factor_proved(&mut tx, signed_in.session).await?.is_none()
        {
            let goes_on = GoesOn { next: &next, ..GoesOn::default() };
            let asks = self.ask_for_second_factor(&mut tx, signed_in.user, goes_on).await?;
            tx.commit().await?;
            return Ok(asks);
        }
        let token = Token::new();
        sessions::renew(&mut tx, signed_in.session, &token.hash(), now).await?;
        let cookie = self.cookies.session(token.reveal());
        tx.commit().await?;
        tracing::info!(user = %signed_in.user, session = %signed_in.session, by = "password", "reauthenticated");
        Ok(WithCookies { answer: next, cookies: vec![cookie] })
    }

    async fn reauthenticate_by_app(
        &self,
        visitor: &Visitor,
        signed_in: &SignedIn,
        form: &OwnReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError> {
        let mut tx = self.database.begin_write().await?;
        require_own_password_session(&mut tx, signed_in).await?;
        let typed = TypedCode { app: &form.code, recovery: "" };
        match self.check_second_factor(&mut tx, visitor, FactorsOf::user(signed_in.user), None, typed).await? {
            CheckedCode::App | CheckedCode::Recovery => {}
            CheckedCode::Wrong(field) => {
                // The try counts.
                tx.commit().await?;
                return Err(wrong_code(field));
            }
        }
        sessions::renew_second_factor(&mut tx, signed_in.session, self.now()).await?;
        let cookie = self.renew_cookie(&mut tx, signed_in.session).await?;
        tx.commit().await?;
        tracing::info!(user = %signed_in.user, session = %signed_in.session, by = "app", "reauthenticated");
        Ok(WithCookies { answer: next_page(&form.next), cookies: vec![cookie] })
    }
}
