//! Deletes the accounts whose owners asked for it two weeks ago: a part of the daily clean-up (CF-08).

use crate::{
    context::Services,
    storage::{AccountScope, account_erasure, accounts, retried},
};
use app::{
    domain::time::{Span, Timestamp},
    error::AppError,
};
use tokio_util::sync::CancellationToken;

/// How long nobody gets an address of an account that was deleted: bookmarks and mails still name it, and must not lead to strangers.
const ADDRESSES_KEPT: Span = Span::days(365);

impl Services {
    /// Deletes each account that is due, one in a transaction; answers how many.
    pub(super) async fn delete_accounts(&self, stop: &CancellationToken) -> Result<u64, AppError> {
        let (mut after, mut deleted) = (None, 0);
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let Some(scope) = accounts::to_delete(&mut tx, after, self.now()).await? else { break };
            drop(tx);
            // One that cannot be deleted keeps no other from it.
            match retried(|| self.delete_account_if_due(scope, self.now())).await {
                Ok(done) => deleted += u64::from(done),
                Err(error) => tracing::error!(account = %scope.id(), ?error, "an account cannot be deleted"),
            }
            after = Some(scope.id());
        }
        Ok(deleted)
    }

    /// Deletes the account with everything that is its own, all at once. `false` if an owner thought again, or another instance was faster.
    async fn delete_account_if_due(&self, scope: AccountScope, now: Timestamp) -> Result<bool, AppError> {
        let mut tx = self.database.begin_write().await?;
        if accounts::find(&mut tx, scope).await?.is_none() {
            return Ok(false);
        }
        accounts::lock(&mut tx, scope).await?;
        let account = accounts::find(&mut tx, scope).await?;
        let Some(account) = account.filter(|account| account.delete_at.is_some_and(|at| at <= now)) else {
            return Ok(false);
        };
        account_erasure::erase(&mut tx, scope, now + ADDRESSES_KEPT).await?;
        tx.commit().await?;
        tracing::info!(account = %account.slug, "account deleted");
        Ok(true)
    }
}
