//! Links to choose a new password (PW-10). A row holds for an address, whether a user has it or not, so that asking costs the same for every
//! address (EN-02).

use super::{StorageError, Tx, changed, on, run, statements};
use app::domain::time::Timestamp;
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO password_resets (id, hash, email_key, mailed, next, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    END = "UPDATE password_resets SET ended_at = $2 WHERE email_key = $1 AND ended_at IS NULL";
    LIVE = "
        SELECT id, email_key, mailed, next FROM password_resets WHERE hash = $1 AND ended_at IS NULL AND expires_at > $2";
    USE = "UPDATE password_resets SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2";
}

/// A link about to be made.
#[derive(Debug)]
pub struct NewReset<'a> {
    /// The hash of its token.
    pub hash: &'a [u8],
    /// The address that it holds for, in canonical form.
    pub email_key: &'a str,
    /// Is it mailed to that address?
    pub mailed: bool,
    /// The page to go on to afterwards: a path of our own, or empty.
    pub next: &'a str,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// A link that is valid.
#[derive(Clone, Debug, FromRow)]
pub struct LiveReset {
    /// Its id.
    pub id: Uuid,
    /// The address that it holds for, in canonical form.
    pub email_key: String,
    /// Was it mailed to that address?
    pub mailed: bool,
    /// The page to go on to afterwards.
    pub next: String,
}

/// Makes a link; earlier ones of the address become invalid.
pub async fn insert(tx: &mut Tx, new: &NewReset<'_>, now: Timestamp) -> Result<(), StorageError> {
    end_of_address(tx, new.email_key, now).await?;
    let NewReset { hash, email_key, mailed, next, expires } = *new;
    run!(tx, INSERT, Uuid::now_v7(), hash, email_key, mailed, next, now.0, expires.0)
}

/// The link with this hash, if it is valid.
pub async fn find_live(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<LiveReset>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(LIVE).bind(hash).bind(now.0).fetch_optional(c).await)?)
}

/// Uses a link; `false` if it is not valid any more. One of several parallel uses wins.
pub async fn use_up(tx: &mut Tx, reset: Uuid, now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE, reset, now.0)? == 1)
}

/// Ends the links of an address: it was used, or belongs to nobody any more.
pub async fn end_of_address(tx: &mut Tx, email_key: &str, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, END, email_key, now.0)
}
