//! Browsers in which a user need not prove a second factor at each sign-in. They are the user's: rows that end with the user's credentials.

use super::{StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{RememberedBrowserId, UserId},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO remembered_browsers (id, hash, user_id, user_agent, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    IS_LIVE = "SELECT COUNT(*) FROM remembered_browsers WHERE hash = $1 AND user_id = $2 AND expires_at > $3";
    OF_USER = "
        SELECT id, user_agent, created_at, expires_at FROM remembered_browsers
         WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id DESC";
    FORGET = "DELETE FROM remembered_browsers WHERE user_id = $1 AND id = $2";
    DELETE_OF_USER = "DELETE FROM remembered_browsers WHERE user_id = $1";
}

/// A browser as its user sees it.
#[derive(Clone, Debug)]
pub struct RememberedBrowser {
    /// The row.
    pub id: RememberedBrowserId,
    /// The browser's name for itself.
    pub user_agent: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

#[derive(FromRow)]
struct RememberedBrowserRow {
    id: Uuid,
    user_agent: String,
    created_at: i64,
    expires_at: i64,
}

/// Remembers a browser until `expires`, under the hash of its cookie.
pub async fn insert(
    tx: &mut Tx,
    hash: &[u8],
    user: UserId,
    user_agent: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT, Uuid::now_v7(), hash, user.0, user_agent, now.0, expires.0)
}

/// Is this the cookie of a browser that is remembered for this user?
pub async fn is_live(tx: &mut Tx, hash: &[u8], user: UserId, now: Timestamp) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(IS_LIVE).bind(hash).bind(user.0).bind(now.0).fetch_one(c).await)?;
    Ok(count > 0)
}

/// The browsers that are remembered for a user, the newest first.
pub async fn list(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Vec<RememberedBrowser>, StorageError> {
    let rows: Vec<RememberedBrowserRow> =
        on!(tx, c => sqlx::query_as(OF_USER).bind(user.0).bind(now.0).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|row| RememberedBrowser {
            id: RememberedBrowserId(row.id),
            user_agent: row.user_agent,
            since: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
        })
        .collect())
}

/// Forgets a browser; `false` if the user has no such one.
pub async fn forget(tx: &mut Tx, user: UserId, id: RememberedBrowserId) -> Result<bool, StorageError> {
    Ok(changed!(tx, FORGET, user.0, id.0)? == 1)
}

/// Forgets every browser of a user, whose credentials have changed.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, DELETE_OF_USER, user.0)
}
