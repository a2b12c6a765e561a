//! Reauthenticates by a mailed code.

use super::{
    reauthentication::{CODE_TRIES_PER_USER, next_page},
    sign_in::rate_limited,
};
use crate::{
    context::Services,
    secrets,
    storage::{
        rate_buckets, retried, sessions,
        tokens::{self, Purpose},
    },
};
use app::{
    api::login_methods::{NextPage, ReauthenticationForm},
    backend::ReauthenticateByCode,
    domain::fields::{Field, FieldErrors, Problem},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ReauthenticateByCode for Services {
    /// Takes a mailed code as the proof; answers where to go on, or the page that says that it is wrong.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] if a code is no proof here; [`AppError::RateLimited`].
    async fn reauthenticate_by_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (actor, user) = self.require_code_option(&mut tx, caller).await?;
            let key = format!("reauthentication-code:try:{}", user.id);
            rate_buckets::take(&mut tx, &key, CODE_TRIES_PER_USER, now).await?.map_err(rate_limited)?;
            let typed: String = form.code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
            let hash = secrets::code_hash(actor.session.0, &typed);
            let right = tokens::use_up(&mut tx, Purpose::ReauthenticationCode, &hash, now).await?;
            if !right {
                // The try counts.
                tx.commit().await?;
                tracing::info!(member = %actor.member, session = %actor.session, "a wrong code");
                return Err(FieldErrors::one(Field::Code, Problem::WrongCode).into());
            }
            sessions::add_reauthentication(&mut tx, actor.session, actor.method, now).await?;
            rate_buckets::refund(&mut tx, &key).await?;
            tx.commit().await?;
            tracing::info!(member = %actor.member, session = %actor.session, by = "code", "reauthenticated");
            Ok(NextPage::silent(next_page(caller, &form.next)))
        })
        .await
    }
}
