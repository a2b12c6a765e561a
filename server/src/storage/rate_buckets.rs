//! Rate buckets: rows, so that limits hold over every instance (EN-08). The `governor`
//! crate is not used, because it counts in the memory of one process.

use super::{StorageError, Tx, on, run, statements};
use app::domain::time::{Span, Timestamp};

/// The thousandths that came back since `updated_at`, in whole ones; a clock behind the row's brings none.
macro_rules! back {
    () => {
        "(CASE WHEN $2 > rate_buckets.updated_at THEN ($2 - rate_buckets.updated_at) * $3 / 86400 ELSE 0 END)"
    };
}

statements! {
    // The row's time moves on by what the thousandths took to come back, not to now: the rest of the way is not lost, however close
    // together the tries are.
    TAKE = concat!("
        INSERT INTO rate_buckets (key, used, updated_at) VALUES ($1, 1000, $2)
            ON CONFLICT (key) DO UPDATE SET
               used = 1000 + CASE WHEN rate_buckets.used > ", back!(), " THEN rate_buckets.used - ", back!(), " ELSE 0 END,
               updated_at = CASE WHEN rate_buckets.used > ", back!(), "
                                 THEN rate_buckets.updated_at + (", back!(), " * 86400 + $3 - 1) / $3 ELSE $2 END
        RETURNING used, updated_at");
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

    /// How long until `over` thousandths are back, counted on from `since`; rounded up, so that whoever comes back then finds room.
    fn wait_for(self, over: i64, since: Timestamp, now: Timestamp) -> Span {
        let per_day = self.per_day.max(1);
        let whole = Span(over.saturating_mul(86_400).saturating_add(per_day - 1) / per_day);
        Span(((since + whole).0 - now.0).max(0))
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
    let wait = take_later(tx, key, limit, now).await?;
    if wait == Span(0) {
        return Ok(Ok(()));
    }
    put_back(tx, key).await?;
    Ok(Err(wait))
}

/// Takes one from the bucket even if it is empty, and answers how long it takes until that one would have been there.
pub async fn take_later(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Span, StorageError> {
    let (used, updated_at): (i64, i64) = on!(tx, c => sqlx::query_as(TAKE)
        .bind(key)
        .bind(now.0)
        .bind(limit.per_day)
        .fetch_one(c).await)?;
    let over = used - limit.room();
    Ok(if over > 0 { limit.wait_for(over, Timestamp(updated_at), now) } else { Span(0) })
}

/// As [`take_later`], from a bucket that several accounts share: none of them pushes it ahead by more than `most`. Whoever would have to
/// wait for longer takes nothing, and waits for as long as that.
pub async fn take_later_within(
    tx: &mut Tx,
    key: &str,
    limit: Limit,
    most: Span,
    now: Timestamp,
) -> Result<Span, StorageError> {
    let wait = take_later(tx, key, limit, now).await?;
    if wait <= most {
        return Ok(wait);
    }
    put_back(tx, key).await?;
    Ok(most)
}

/// Puts one back that was taken.
pub async fn put_back(tx: &mut Tx, key: &str) -> Result<(), StorageError> {
    run!(tx, PUT_BACK, key)
}
