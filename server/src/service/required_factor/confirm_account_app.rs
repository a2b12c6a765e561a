//! Adds an authenticator app that counts in one account alone, once it shows the right code.

use super::{next_page, require_account_app};
use crate::{
    context::Services,
    service::{
        actors,
        own_login::notify::origin,
        sessions::{second_step::wrong_code, sign_in::rate_limited},
    },
    storage::{
        outbox::AccountAppChange,
        rate_buckets::{self, Limit},
        retried, second_factors, sessions,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::required_factor::RequiredFactorForm,
    backend::ConfirmAccountApp,
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::SecondFactorId,
        second_factor::{SecondFactorKind, digits_of_code},
    },
    error::AppError,
    request::{Caller, Visitor, WithCookies},
};
use async_trait::async_trait;

/// Apps that are added for one member: five, then five in a day. It bounds the mails that tell of them, and of their removal.
const APPS_PER_MEMBER: Limit = Limit { burst: 5, per_day: 5 };

#[async_trait]
impl ConfirmAccountApp for Services {
    /// Makes the draft a second factor that counts in the account. The session has proved it and gets another cookie (SE-02); the person is
    /// told by mail and in their own log.
    ///
    /// # Errors
    /// Those of [`require_account_app`]; [`AppError::NotFound`] if it is set up no more; what is wrong with the code, at its field;
    /// [`AppError::RateLimited`].
    async fn confirm_account_app(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: RequiredFactorForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| async {
            let id: SecondFactorId = form.factor.parse().map_err(|_| AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
            let of = require_account_app(self, &mut tx, &actor).await?;
            let code = digits_of_code(&form.code);
            if code.is_empty() {
                return Err(FieldErrors::one(Field::Code, Problem::Required).into());
            }
            let (_, seed) = self.draft_of_app(&mut tx, of, id).await?;
            let step = seed.step_of(&code, now).ok_or_else(|| wrong_code(Field::Code))?;
            let key = format!("account-app:{}", actor.member);
            rate_buckets::take(&mut tx, &key, APPS_PER_MEMBER, now).await?.map_err(rate_limited)?;
            if !second_factors::confirm(&mut tx, of.user, id, "", step, now).await? {
                return Err(AppError::NotFound);
            }
            // Setting one up is no reauthentication (AZ-16).
            let at = actor.authenticated_at();
            sessions::add_second_factor_for(&mut tx, actor.session, actor.method, at).await?;
            let cookie = self.renew_cookie(&mut tx, actor.session).await?;
            let user = users::find(&mut tx, actor.user).await?.ok_or(AppError::Unauthenticated)?;
            let event = UserEvent::SecondFactorAdded { factor: SecondFactorKind::Totp };
            user_events::record(&mut tx, user.id, &event, &origin(visitor), now).await?;
            self.tell_of_account_app(&mut tx, &actor, &user, AccountAppChange::Added, now).await?;
            tx.commit().await?;
            tracing::info!(member = %actor.member, ip = %visitor.ip, "second factor for an account added");
            Ok(WithCookies { answer: next_page(caller, &form.next), cookies: vec![cookie] })
        })
        .await
    }
}
