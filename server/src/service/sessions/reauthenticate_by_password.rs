//! Reauthenticates by a password.

use super::reauthentication::next_page;
use crate::{
    context::Services,
    service::actors,
    storage::{
        retried,
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
            let actor = actors::load(self, &mut tx, caller).await?;
            let user = self.require_option(&mut tx, &actor, ReauthenticationMethod::Password).await?;
            drop(tx);
            let proved = self.verify_password(visitor, Some(&user.email), &form.password).await?;

            let mut tx = self.database.begin_write().await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let options = self.reauthentication_options(&mut tx, &actor, "").await?;
            let unchanged = users::confirm_password(&mut tx, actor.user, &proved.verified, &proved.rehashed).await?;
            if !unchanged || proved.user.id != actor.user || options.other != Some(ReauthenticationMethod::Password) {
                return Err(AppError::WrongCredentials);
            }
            proved.attempt.refund(&mut tx).await?;
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
