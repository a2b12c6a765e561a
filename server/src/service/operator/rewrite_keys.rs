//! Updates the sort and search keys of the Users list: of rows that were written before there were keys, by an older release beside this
//! one, or with another version of the tables of Unicode. It works in small transactions, on one instance at a time, and may be
//! interrupted: it reads every row, and writes those whose keys differ from today's.

use crate::{
    context::Services,
    storage::{
        AccountScope, StorageError, accounts,
        job_leases::{self, JobLease},
        members::{self, RowPosition},
    },
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const JOB: &str = "members.keys";
/// Rows that are read at once, and written in one transaction.
const BATCH_ROWS: i64 = 200;
/// How often all rows are checked: an older release may write rows beside this one.
const CHECK_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The delay while another instance does the work, or the database is away.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// The outcome of a pass over all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysRewritten {
    /// Every row was looked at.
    Done {
        /// How many were written anew.
        rows: usize,
    },
    /// Another instance is at it.
    Elsewhere,
}

/// Looks at all rows when the server starts, and once a day.
pub async fn keep_keys(services: Services, stop: CancellationToken) {
    loop {
        let pause = match services.rewrite_keys(&stop).await {
            Ok(KeysRewritten::Done { rows: 0 }) => CHECK_INTERVAL,
            Ok(KeysRewritten::Done { rows }) => {
                tracing::info!(rows, "the sort and search keys of the Users list were updated");
                CHECK_INTERVAL
            }
            Ok(KeysRewritten::Elsewhere) => RETRY_DELAY,
            Err(error) => {
                tracing::warn!(%error, "the sort and search keys of the Users list could not be updated yet");
                RETRY_DELAY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Services {
    /// One pass over all rows, or as far as it comes until `stop`.
    ///
    /// # Errors
    /// The database's; what was written stays.
    pub async fn rewrite_keys(&self, stop: &CancellationToken) -> Result<KeysRewritten, StorageError> {
        let mut tx = self.database.begin_write().await?;
        let lease = job_leases::take(&mut tx, JOB, self.now()).await?;
        tx.commit().await?;
        let Some(mut lease) = lease else { return Ok(KeysRewritten::Elsewhere) };
        let mut rows = 0;
        let mut account = None;
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let next = accounts::next(&mut tx, account).await?;
            drop(tx);
            let Some(scope) = next else { break };
            account = Some(scope.id());
            let Some(written) = self.rewrite_keys_of(scope, &mut lease, stop).await? else {
                return Ok(KeysRewritten::Elsewhere);
            };
            rows += written;
        }
        let mut tx = self.database.begin_write().await?;
        lease.release(&mut tx).await?;
        tx.commit().await?;
        Ok(KeysRewritten::Done { rows })
    }

    /// The rows of one account; `None` if the lease was lost.
    async fn rewrite_keys_of(
        &self,
        scope: AccountScope,
        lease: &mut JobLease,
        stop: &CancellationToken,
    ) -> Result<Option<usize>, StorageError> {
        let mut written = 0;
        let mut after = RowPosition::default();
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let batch = members::with_keys(&mut tx, scope, after, BATCH_ROWS).await?;
            drop(tx);
            let Some(last) = batch.last() else { break };
            after = last.position();
            let stale: Vec<_> = batch.iter().filter_map(members::rewritten).collect();
            if stale.is_empty() {
                continue;
            }
            let mut tx = self.database.begin_write().await?;
            if !lease.renew(&mut tx, self.now()).await? {
                return Ok(None);
            }
            // The account is locked before its rows, as everywhere, so that no two operations wait for each other.
            accounts::lock(&mut tx, scope).await?;
            for row in &stale {
                written += usize::from(members::set_keys(&mut tx, scope, row).await?);
            }
            tx.commit().await?;
        }
        Ok(Some(written))
    }
}
