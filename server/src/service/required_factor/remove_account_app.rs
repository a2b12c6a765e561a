//! Removes an authenticator app that counts in one account alone.

use crate::{
    context::Services,
    service::{actors, own_login::notify::origin},
    storage::{
        api_keys,
        outbox::AccountAppChange,
        platform_sign_ins, retried,
        second_factors::{self, FactorsOf},
        sessions,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    backend::RemoveAccountApp,
    domain::{ids::SecondFactorId, second_factor::SecondFactorKind},
    error::AppError,
    paths,
    request::{Caller, Visitor},
};
use async_trait::async_trait;

#[async_trait]
impl RemoveAccountApp for Services {
    /// Removes it, in a session that has all that the account asks for. Where one is required, another one is set up next.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::ReauthenticationRequired`]; [`AppError::SecondFactorRequired`] in a session that did not prove one.
    async fn remove_account_app(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        factor: SecondFactorId,
    ) -> Result<String, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            if !actor.has_proved_second_factor {
                return Err(AppError::SecondFactorRequired);
            }
            if !second_factors::remove(&mut tx, FactorsOf::member(actor.user, actor.scope()), factor).await? {
                return Err(AppError::NotFound);
            }
            sessions::forget_second_factor_for(&mut tx, actor.user, actor.scope()).await?;
            platform_sign_ins::end_closed_of_member(&mut tx, actor.scope(), actor.member, now).await?;
            api_keys::forget_factors_of(&mut tx, actor.scope(), actor.member).await?;
            let user = users::find(&mut tx, actor.user).await?.ok_or(AppError::Unauthenticated)?;
            let event = UserEvent::SecondFactorRemoved { factor: SecondFactorKind::Totp };
            user_events::record(&mut tx, user.id, &event, &origin(visitor), now).await?;
            self.tell_of_account_app(&mut tx, &actor, &user, AccountAppChange::Removed, now).await?;
            tx.commit().await?;
            Ok(paths::required_factor(caller.account.as_str(), ""))
        })
        .await
    }
}
