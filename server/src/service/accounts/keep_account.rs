//! Keeps an account that was to be deleted.

use super::owners_page;
use crate::{
    context::Services,
    service::actors,
    storage::{
        accounts,
        audit::{self, Event},
        outbox::AccountDeletionMail,
        retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::KeepAccount,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl KeepAccount for Services {
    /// Nothing is deleted any more. Any owner can do so, for as long as the account is there.
    async fn keep_account(&self, caller: &Caller) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            let done = owners_page(&actor, Notice::AccountKept);
            if accounts::deletion(&mut tx, actor.scope()).await?.is_none() {
                return Ok(done);
            }
            accounts::set_deletion(&mut tx, actor.scope(), None, actor.member).await?;
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &Event::AccountKept, now).await?;
            self.tell_owners_of_deletion(&mut tx, &actor, AccountDeletionMail::TakenBack, now).await?;
            tx.commit().await?;
            tracing::info!(account = %actor.slug, member = %actor.member, "an account is kept after all");
            Ok(done)
        })
        .await
    }
}
