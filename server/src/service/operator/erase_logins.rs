//! Erases the logins whose owners deleted them two weeks ago: a part of the daily clean-up (CF-08).

use crate::{
    context::Services,
    service::{actors, members::leave_account::leave, own_login::delete_login::owned_by_nobody_else},
    storage::{erasure, members, retried, users},
};
use app::{
    domain::{ids::UserId, time::Timestamp},
    error::AppError,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

impl Services {
    /// Erases each login that is due, one in a transaction; answers how many.
    pub(super) async fn erase_logins(&self, stop: &CancellationToken) -> Result<u64, AppError> {
        let (mut after, mut erased) = (UserId(Uuid::nil()), 0);
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let Some(user) = users::to_delete(&mut tx, after, self.now()).await? else { break };
            drop(tx);
            erased += u64::from(retried(|| self.erase_login(user, self.now())).await?);
            after = user;
        }
        Ok(erased)
    }

    /// Leaves every account of the user, and erases the rest. `false` if the person thought again, or an account would be left without an
    /// owner: whoever was another one when the person asked may have gone since (R33). Then it is tried again on the next day.
    async fn erase_login(&self, user: UserId, now: Timestamp) -> Result<bool, AppError> {
        let mut tx = self.database.begin_write().await?;
        let needed_by = owned_by_nobody_else(&mut tx, user, now).await?;
        users::lock(&mut tx, user).await?;
        let due = users::find(&mut tx, user).await?.and_then(|user| user.delete_at).is_some_and(|at| at <= now);
        if !due {
            return Ok(false);
        }
        if let Some(account) = needed_by.first() {
            tracing::warn!(%user, account = %account.slug, "a login is not deleted: an account has no other owner");
            return Ok(false);
        }
        for scope in members::accounts_with_copy(&mut tx, user).await? {
            if let Some(actor) = actors::load_deleted(self, &mut tx, scope, user).await? {
                leave(&mut tx, &actor, now).await?;
            }
            members::release_invited(&mut tx, scope, user).await?;
        }
        erasure::erase(&mut tx, user, self.now()).await?;
        tx.commit().await?;
        tracing::info!(%user, "login deleted");
        Ok(true)
    }
}
