//! Rate buckets: rows, so that limits hold over every instance (EN-08). The `governor` crate is not used, because it counts in the memory of
//! one process.

use super::{StorageError, Tx, on, run, statements};
use app::domain::time::{Span, Timestamp};

/// The whole units refilled since `updated_at`; none if the clock is behind the row's.
macro_rules! refilled {
    () => {
        "(CASE WHEN $2 > rate_buckets.updated_at THEN ($2 - rate_buckets.updated_at) * $3 / 86400 ELSE 0 END)"
    };
}

statements! {
    // A token bucket; one token is 1000 units, so that slow refills count in whole numbers. `updated_at` advances only by the time that the
    // whole units took to refill, so that the remainder carries over, however often tokens are taken.
    TAKE = concat!("
        INSERT INTO rate_buckets (key, used, updated_at) VALUES ($1, 1000, $2)
            ON CONFLICT (key) DO UPDATE SET
               used = 1000 + CASE WHEN rate_buckets.used > ", refilled!(), " THEN rate_buckets.used - ", refilled!(), " ELSE 0 END,
               updated_at = CASE WHEN rate_buckets.used > ", refilled!(), "
                                 THEN rate_buckets.updated_at + (", refilled!(), " * 86400 + $3 - 1) / $3 ELSE $2 END
        RETURNING used, updated_at");
    LOOK = "SELECT used, updated_at FROM rate_buckets WHERE key = $1";
    REFILL = "DELETE FROM rate_buckets WHERE key = $1";
    REFUND = "UPDATE rate_buckets SET used = used - 1000 WHERE key = $1";
}

/// A bucket's size and refill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// How many tokens it holds.
    pub burst: u32,
    /// How many tokens are refilled in a day, at an even pace.
    pub per_day: i64,
}

impl Limit {
    /// A bucket of `burst` tokens that refills `per_s` each second.
    pub fn per_second(burst: u32, per_s: f64) -> Self {
        // Whole numbers for both databases; the cap keeps their products within 63 bits for centuries.
        Self { burst, per_day: (per_s * 86_400.0).round().clamp(1.0, 1e8) as i64 }
    }

    /// A bucket of `most` tokens that refills in a day.
    pub fn per_day(most: u32) -> Self {
        Self { burst: most, per_day: i64::from(most) }
    }

    /// A bucket of `most` tokens that refills in an hour.
    pub fn per_hour(most: u32) -> Self {
        Self { burst: most, per_day: i64::from(most) * 24 }
    }

    /// How long until `over` units are refilled, counted from `since`; rounded up, so that a token is there after that time.
    fn wait_for(self, over: i64, since: Timestamp, now: Timestamp) -> Span {
        let per_day = self.per_day.max(1);
        let whole = Span(over.saturating_mul(86_400).saturating_add(per_day - 1) / per_day);
        Span(((since + whole).0 - now.0).max(0))
    }

    fn capacity(self) -> i64 {
        i64::from(self.burst).saturating_mul(1000)
    }
}

/// Takes a token from the bucket.
///
/// # Errors
/// The outer one is the database's; the inner one is how long to wait, with nothing taken.
pub async fn take(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Result<(), Span>, StorageError> {
    let wait = reserve(tx, key, limit, now).await?;
    if wait == Span(0) {
        return Ok(Ok(()));
    }
    refund(tx, key).await?;
    Ok(Err(wait))
}

/// What became of taking a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How long to wait, with nothing taken; `None` if a token was taken.
    pub wait: Option<Span>,
    /// How many tokens are left.
    pub left: u32,
    /// How long until all of them are back.
    pub full_in: Span,
}

/// As [`take`], and says what is left.
pub async fn take_counted(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Taken, StorageError> {
    let (used, updated_at) = take_any(tx, key, limit, now).await?;
    let since = Timestamp(updated_at);
    let over = used - limit.capacity();
    if over > 0 {
        refund(tx, key).await?;
        let full_in = limit.wait_for(used - 1000, since, now);
        return Ok(Taken { wait: Some(limit.wait_for(over, since, now)), left: 0, full_in });
    }
    let left = u32::try_from(-over / 1000).unwrap_or_default();
    Ok(Taken { wait: None, left, full_in: limit.wait_for(used, since, now) })
}

async fn take_any(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<(i64, i64), StorageError> {
    Ok(on!(tx, c => sqlx::query_as(TAKE).bind(key).bind(now.0).bind(limit.per_day).fetch_one(c).await)?)
}

/// Takes a token from the bucket even if it is empty, and answers how long it takes until that token is refilled.
pub async fn reserve(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Span, StorageError> {
    let (used, updated_at) = take_any(tx, key, limit, now).await?;
    let over = used - limit.capacity();
    Ok(if over > 0 { limit.wait_for(over, Timestamp(updated_at), now) } else { Span(0) })
}

/// As [`reserve`], from a bucket that several accounts share: none of them empties it for longer than `most`. A reservation that would wait
/// longer takes no token, and waits for `most`.
pub async fn reserve_within(
    tx: &mut Tx,
    key: &str,
    limit: Limit,
    most: Span,
    now: Timestamp,
) -> Result<Span, StorageError> {
    let wait = reserve(tx, key, limit, now).await?;
    if wait <= most {
        return Ok(wait);
    }
    refund(tx, key).await?;
    Ok(most)
}

/// Is a token there? Nothing is taken, and nothing written; the error is how long to wait.
pub async fn look(tx: &mut Tx, key: &str, limit: Limit, now: Timestamp) -> Result<Result<(), Span>, StorageError> {
    let found: Option<(i64, i64)> = on!(tx, c => sqlx::query_as(LOOK).bind(key).fetch_optional(c).await)?;
    let Some((used, updated_at)) = found else { return Ok(Ok(())) };
    let wait = limit.wait_for(used + 1000 - limit.capacity(), Timestamp(updated_at), now);
    Ok(if wait == Span(0) { Ok(()) } else { Err(wait) })
}

/// Fills the bucket up.
pub async fn refill(tx: &mut Tx, key: &str) -> Result<(), StorageError> {
    run!(tx, REFILL, key)
}

/// Puts a token back that was taken.
pub async fn refund(tx: &mut Tx, key: &str) -> Result<(), StorageError> {
    run!(tx, REFUND, key)
}
