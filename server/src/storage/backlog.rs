//! What waits to be sent, of all accounts and in numbers alone: for whoever runs the server.

use super::{StorageError, Tx, on, statements};
use crate::metrics::{Queue, QueueState};
use app::domain::time::Timestamp;
use sqlx_macros::FromRow;

/// Counts a queue by where its entries stand. `since` is the column that says when an entry began to wait.
macro_rules! phases {
    ($table:literal, $waiting:literal, $next:literal, $attempts:literal, $lease:literal, $since:literal) => {
        concat!(
            "SELECT phase, COUNT(*) AS entries, MIN(next_at) AS next_at, MIN(since) AS since FROM (
                SELECT CASE WHEN ",
            $lease,
            " > $1 THEN 'sending' WHEN ",
            $next,
            " <= $1 THEN 'due'
                            WHEN ",
            $attempts,
            " > 0 THEN 'retried' ELSE 'scheduled' END AS phase,
                       ",
            $next,
            " AS next_at, ",
            $since,
            " AS since
                  FROM ",
            $table,
            " WHERE ",
            $waiting,
            ") waiting
              GROUP BY phase"
        )
    };
}

statements! {
    // Each reads the partial index of what is not settled yet.
    MAILS = phases!("outbox", "state = 'queued'", "next_at", "attempts", "COALESCE(lease_until, 0)", "created_at");
    WEBHOOKS = phases!("webhook_deliveries", "state = 'queued'", "next_at", "attempts", "COALESCE(lease_until, 0)", "queued_at");
    SIGN_OUTS = phases!("platform_sign_ins", "ended AND told_at IS NULL", "tell_at", "tell_attempts", "CAST(0 AS BIGINT)", "created_at");
}

/// How much of a queue stands where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The queue.
    pub queue: Queue,
    /// Where in it.
    pub state: QueueState,
    /// How many entries.
    pub entries: i64,
    /// When the first of them is due, or was.
    pub next: Timestamp,
    /// When the oldest of them began to wait.
    pub since: Timestamp,
}

#[derive(FromRow)]
struct BacklogRow {
    phase: String,
    entries: i64,
    next_at: i64,
    since: i64,
}

/// What waits to be sent. Where nothing stands, there is no entry.
pub async fn read(tx: &mut Tx, now: Timestamp) -> Result<Vec<Backlog>, StorageError> {
    let mut all = Vec::new();
    for queue in Queue::ALL {
        let sql = match queue {
            Queue::Mails => MAILS,
            Queue::Webhooks => WEBHOOKS,
            Queue::SignOuts => SIGN_OUTS,
        };
        let rows: Vec<BacklogRow> = on!(tx, c => sqlx::query_as(sql).bind(now.0).fetch_all(c).await)?;
        for BacklogRow { phase, entries, next_at, since } in rows {
            let state = QueueState::ALL
                .into_iter()
                .find(|state| state.key() == phase)
                .ok_or(StorageError::inconsistent("outbox", "state"))?;
            all.push(Backlog { queue, state, entries, next: Timestamp(next_at), since: Timestamp(since) });
        }
    }
    Ok(all)
}
