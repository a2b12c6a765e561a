//! Proves a second factor to an account that requires one.

use super::{factors_of, next_page};
use crate::{
    context::Services,
    service::{
        actors,
        sessions::second_step::{CheckedCode, TypedCode, wrong_code},
    },
    storage::{retried, sessions},
};
use app::{
    api::required_factor::RequiredFactorForm,
    backend::ProveRequiredFactor,
    error::AppError,
    request::{Caller, Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ProveRequiredFactor for Services {
    /// Takes a code of an app, or a recovery code; answers where to go on. The session gets another cookie (SE-02).
    ///
    /// # Errors
    /// What is wrong with the code, at its field; [`AppError::RateLimited`]; [`AppError::NotFound`] without a second factor.
    async fn prove_required_factor(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: RequiredFactorForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
            let of = factors_of(&mut tx, &actor).await?.ok_or(AppError::NotFound)?;
            let by_password = sessions::password_proved(&mut tx, actor.session).await?.is_some();
            let within = (!by_password).then_some(actor.scope());
            let typed = TypedCode { app: &form.code, recovery: &form.recovery_code };
            match self.check_second_factor(&mut tx, visitor, of, within, typed).await? {
                CheckedCode::App => {}
                CheckedCode::Recovery => self.note_recovery(&mut tx, visitor, actor.user).await?,
                CheckedCode::Wrong(field) => {
                    // The try counts.
                    tx.commit().await?;
                    return Err(wrong_code(field));
                }
            }
            match of.account {
                None => sessions::renew_second_factor(&mut tx, actor.session, now).await?,
                Some(_) => sessions::add_second_factor_for(&mut tx, actor.session, actor.method, now).await?,
            }
            let cookie = self.renew_cookie(&mut tx, actor.session).await?;
            tx.commit().await?;
            tracing::info!(member = %actor.member, session = %actor.session, "second factor proved to an account");
            Ok(WithCookies { answer: next_page(caller, &form.next), cookies: vec![cookie] })
        })
        .await
    }
}
