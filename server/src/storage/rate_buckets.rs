//! Rate buckets: rows, so that limits hold over every instance (EN-08).

use super::{StorageError, Tx, on, statements};
use app::domain::time::{Span, Timestamp};

statements! {
    TAKE = "
        INSERT INTO rate_buckets (key, used, updated_at) VALUES ($1, 1000, $2)
            ON CONFLICT (key) DO UPDATE SET
               used = 1000 + CASE WHEN rate_buckets.used > ($2 - rate_buckets.updated_at) * $3 / 86400
                                  THEN rate_buckets.used - ($2 - rate_buckets.updated_at) * $3 / 86400 ELSE 0 END,
               updated_at = $2
        RETURNING used";
    PUT_BACK = "UPDATE rate_buckets SET used = used - 1000 WHERE key = $1";
}

/// A bucket's size and refill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// So many at once.
    pub burst: u32,
    /// So many more in a day, at an even pace.
    pub per_day: i64,
}

impl Limit {
    /// So many at once, and so many more each second.
    pub fn per_second(burst: u32, per_s: f64) -> Self {
        // Whole numbers for both databases; the cap keeps their products within 63 bits for centuries.
        Self { burst, per_day: (per_s * 86_400.0).round().clamp(1.0, 1e8) as i64 }
    }

    /// So many in a day.
    pub fn per_day(most: u32) -> Self {
        Self { burst: most, per_day: i64::from(most) }
    }

    /// So many in an hour.
    pub fn per_hour(most: u32) -> Self {
        Self { burst: most, per_day: i64::from(most) * 24 }
    }

    fn wait_for(self, over: i64) -> Span {
        Span(over.saturating_mul(86_400) / self.per_day.max(1))
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
        .bind(limit.per_day)
        .fetch_one(c).await)?;
    if used <= limit.room() {
        return Ok(Ok(()));
    }
    put_back(tx, key).await?;
    Ok(Err(limit.wait_for(used - limit.room())))
}

/// Takes one from the bucket even if it is empty, and answers how long it takes until that one would have been there.
pub async fn take_later(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Span, StorageError> {
    let used: i64 = on!(tx, c => sqlx::query_scalar(TAKE)
        .bind(key)
        .bind(now.0)
        .bind(limit.per_day)
        .fetch_one(c).await)?;
    Ok(limit.wait_for((used - limit.room()).max(0)))
}

/// Puts one back that was taken.
pub async fn put_back(tx: &mut Tx, key: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(PUT_BACK).bind(key).execute(c).await.map(|_| ()))?;
    Ok(())
}
