//! Answers of the REST API that are given again to the same request (`Idempotency-Key`).

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{ids::ApiKeyId, time::Timestamp};
use sqlx_macros::FromRow;

statements! {
    CLAIM = "
        INSERT INTO api_answers (account_id, key_id, idempotency_key, request_hash, created_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (key_id, idempotency_key) DO NOTHING";
    FIND = "
        SELECT request_hash, status, body FROM api_answers WHERE account_id = $1 AND key_id = $2 AND idempotency_key = $3";
    KEEP = "
        UPDATE api_answers SET status = $4, body = $5 WHERE account_id = $1 AND key_id = $2 AND idempotency_key = $3";
    FORGET = "DELETE FROM api_answers WHERE account_id = $1 AND key_id = $2 AND idempotency_key = $3";
    KEPT = "
        SELECT COUNT(*) AS count, MIN(a.created_at) AS oldest FROM api_answers a
         WHERE a.account_id = $1 AND a.key_id = $2 AND a.created_at > $3";
    FORGET_OLD = "
        DELETE FROM api_answers
         WHERE account_id = $1 AND key_id = $2 AND idempotency_key = $3
           AND (created_at <= $4 OR (status IS NULL AND created_at <= $5))";
}

/// A request that came before.
#[derive(Clone, Debug)]
pub struct Found {
    /// The hash of the request.
    pub request_hash: Vec<u8>,
    /// Status and body; `None` while it is under way.
    pub answer: Option<(u16, String)>,
}

#[derive(FromRow)]
struct FoundRow {
    request_hash: Vec<u8>,
    status: Option<i64>,
    body: Option<String>,
}

/// Claims a name for a request; `false` if it is taken.
pub async fn claim(
    tx: &mut Tx,
    scope: AccountScope,
    key: ApiKeyId,
    name: &str,
    request_hash: &[u8],
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, CLAIM, scope.id().0, key.0, name, request_hash, now.0)? == 1)
}

/// The request of this name.
pub async fn find(tx: &mut Tx, scope: AccountScope, key: ApiKeyId, name: &str) -> Result<Option<Found>, StorageError> {
    let row: Option<FoundRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(key.0).bind(name).fetch_optional(c).await)?;
    Ok(row.map(|row| {
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        Found { request_hash: row.request_hash, answer: status.zip(row.body) }
    }))
}

#[derive(FromRow)]
struct KeptRow {
    count: i64,
    oldest: Option<i64>,
}

/// How many answers of a key are kept, those of requests under way included.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// How many.
    pub count: u64,
    /// When the first of them was claimed.
    pub oldest: Option<Timestamp>,
}

/// What is kept of the requests of a key after this time.
pub async fn kept_since(
    tx: &mut Tx,
    scope: AccountScope,
    key: ApiKeyId,
    since: Timestamp,
) -> Result<Kept, StorageError> {
    let row: KeptRow =
        on!(tx, c => sqlx::query_as(KEPT).bind(scope.id().0).bind(key.0).bind(since.0).fetch_one(c).await)?;
    Ok(Kept { count: row.count.unsigned_abs(), oldest: row.oldest.map(Timestamp) })
}

/// Keeps the answer to the request of this name.
pub async fn keep(
    tx: &mut Tx,
    scope: AccountScope,
    key: ApiKeyId,
    name: &str,
    status: u16,
    body: &str,
) -> Result<(), StorageError> {
    run!(tx, KEEP, scope.id().0, key.0, name, i64::from(status), body)
}

/// Frees the name.
pub async fn forget(tx: &mut Tx, scope: AccountScope, key: ApiKeyId, name: &str) -> Result<(), StorageError> {
    run!(tx, FORGET, scope.id().0, key.0, name)
}

/// Frees the name if its answer is from before `old`, or it has none and is from before `abandoned`.
pub async fn forget_old(
    tx: &mut Tx,
    scope: AccountScope,
    key: ApiKeyId,
    name: &str,
    old: Timestamp,
    abandoned: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, FORGET_OLD, scope.id().0, key.0, name, old.0, abandoned.0)
}
