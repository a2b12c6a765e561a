//! Reauthenticates by a password.

use super::{reauthentication::next_page, second_step::GoesOn};
use crate::{
    context::Services,
    service::actors,
    storage::{
        retried,
        second_factors::{self, FactorsOf},
        sessions::{self, Proof},
        users,
    },
};
use app::{
    api::login_methods::{NextPage, ReauthenticationForm},
    backend::ReauthenticateByPassword,
    domain::oauth::ReauthenticationMethod,
    error::AppError,
    request::{Caller, Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ReauthenticateByPassword for Services {
    /// Takes the caller's own password as the proof; answers where to go on.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] if a password is no proof here; those of signing in.
    async fn reauthenticate_by_password(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: ReauthenticationForm,
    ) -> Result<WithCookies<NextPage>, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
            let user = self.require_option(&mut tx, &actor, ReauthenticationMethod::Password).await?;
            drop(tx);
            let proved = self.verify_password(visitor, Some(&user.email), &form.password).await?;

            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
            let options = self.reauthentication_options(&mut tx, &actor, "").await?;
            let unchanged = users::confirm_password(&mut tx, actor.user, &proved.verified, &proved.rehashed).await?;
            if !unchanged || proved.user.id != actor.user || options.other != Some(ReauthenticationMethod::Password) {
                return Err(AppError::WrongCredentials);
            }
            proved.attempt.refund(&mut tx).await?;
            // The session goes on to reach whatever the password does: not without the second factor (LT-09).
            if second_factors::has_any(&mut tx, FactorsOf::user(actor.user)).await?
                && sessions::second_factor_proved(&mut tx, actor.session).await?.is_none()
            {
                let next = next_page(caller, &form.next);
                let reauthenticates = options.provider.is_some().then_some(actor.method);
                let goes_on = GoesOn { next: &next, account: caller.account.as_str(), reauthenticates };
                let WithCookies { answer, cookies } = self.ask_for_second_factor(&mut tx, actor.user, goes_on).await?;
                tx.commit().await?;
                return Ok(WithCookies { answer: NextPage::silent(answer), cookies });
            }
            let (session, cookie) = self.begin_session(&mut tx, visitor, actor.user, Proof::Password).await?;
            if options.provider.is_some() {
                sessions::add_reauthentication(&mut tx, session, actor.method, self.now()).await?;
            }
            tx.commit().await?;
            tracing::info!(member = %actor.member, %session, by = "password", "reauthenticated");
            Ok(WithCookies { answer: NextPage::silent(next_page(caller, &form.next)), cookies: vec![cookie] })
        })
        .await
    }
}
