//! Rate buckets: rows, so that limits hold over every instance (EN-08).

use super::{StorageError, Tx, on, statements};
use app::domain::time::{Span, Timestamp};

statements! {
    TAKE = "
        INSERT INTO rate_buckets (key, used, updated_at) VALUES ($1, 1000, $2)
            ON CONFLICT (key) DO UPDATE SET
               used = 1000 + CASE WHEN rate_buckets.used > ($2 - rate_buckets.updated_at) * $3 / 1000
                                  THEN rate_buckets.used - ($2 - rate_buckets.updated_at) * $3 / 1000 ELSE 0 END,
               updated_at = $2
        RETURNING used";
    PUT_BACK = "UPDATE rate_buckets SET used = used - 1000 WHERE key = $1";
    LEVEL = "SELECT used - ($2 - updated_at) * $3 / 1000 FROM rate_buckets WHERE key = $1";
}

/// A bucket's size and refill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// So many at once.
    pub burst: u32,
    /// So many thousandths more each second.
    pub milli_per_s: i64,
}

impl Limit {
    fn wait_for(self, over: i64) -> Span {
        Span(over.saturating_mul(1000) / self.milli_per_s.max(1))
    }

    fn room(self) -> i64 {
        i64::from(self.burst).saturating_mul(1000)
    }
}

/// Takes one from the bucket.
///
/// # Errors
/// The outer one is the database's; the inner one is how long to wait, with nothing taken.
pub async fn take(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Result<(), Span>, StorageError> {
    let used: i64 = on!(tx, c => sqlx::query_scalar(TAKE)
        .bind(key)
        .bind(now.0)
        .bind(limit.milli_per_s)
        .fetch_one(c).await)?;
    if used <= limit.room() {
        return Ok(Ok(()));
    }
    on!(tx, c => sqlx::query(PUT_BACK).bind(key).execute(c).await.map(|_| ()))?;
    Ok(Err(limit.wait_for(used - limit.room())))
}

/// Is there room for one more? Nothing changes.
///
/// # Errors
/// As [`take`].
pub async fn peek(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Result<(), Span>, StorageError> {
    let used: Option<i64> = on!(tx, c => sqlx::query_scalar(LEVEL)
        .bind(key)
        .bind(now.0)
        .bind(limit.milli_per_s)
        .fetch_optional(c).await)?;
    let over = used.unwrap_or(0) + 1000 - limit.room();
    Ok(if over <= 0 { Ok(()) } else { Err(limit.wait_for(over)) })
}
