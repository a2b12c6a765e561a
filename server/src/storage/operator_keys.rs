//! Keys of the host's operator, by which programs act in every account (LT-01). They belong to no account.

use super::{StorageError, Tx, accounts, changed, on, run, statements};
use app::domain::{permission::Permissions, time::Timestamp};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    ALL = "SELECT id, name, hint, permissions, created_at, expires_at, last_used_at FROM operator_keys ORDER BY name";
    LIVE = "
        SELECT id, name, hint, permissions, created_at, expires_at, last_used_at
          FROM operator_keys WHERE hash = $1 AND (expires_at IS NULL OR expires_at > $2)";
    INSERT = "
        INSERT INTO operator_keys (id, name, hint, hash, permissions, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (name) DO NOTHING";
    REVOKE = "DELETE FROM operator_keys WHERE name = $1";
    TOUCH = "UPDATE operator_keys SET last_used_at = $2 WHERE id = $1";
}

/// A key of the operator.
#[derive(Clone, Debug)]
pub struct OperatorKey {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// The first characters.
    pub hint: String,
    /// What it may do in every account.
    pub permissions: Permissions,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// The last use, to within five minutes.
    pub last_used: Option<Timestamp>,
}

#[derive(FromRow)]
struct OperatorKeyRow {
    id: Uuid,
    name: String,
    hint: String,
    permissions: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl From<OperatorKeyRow> for OperatorKey {
    fn from(row: OperatorKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            hint: row.hint,
            permissions: accounts::extras(Some(row.permissions)),
            created: Timestamp(row.created_at),
            expires: row.expires_at.map(Timestamp),
            last_used: row.last_used_at.map(Timestamp),
        }
    }
}

/// The keys by name.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<OperatorKey>, StorageError> {
    let rows: Vec<OperatorKeyRow> = on!(tx, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    Ok(rows.into_iter().map(OperatorKey::from).collect())
}

/// The key with this hash, unless it has expired.
pub(crate) async fn live(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<OperatorKey>, StorageError> {
    let row: Option<OperatorKeyRow> =
        on!(tx, c => sqlx::query_as(LIVE).bind(hash).bind(now.0).fetch_optional(c).await)?;
    Ok(row.map(OperatorKey::from))
}

/// Writes a key; `false` if there is one of this name.
pub(crate) async fn insert(tx: &mut Tx, key: &OperatorKey, hash: &[u8]) -> Result<bool, StorageError> {
    let permissions: Vec<_> = key.permissions.iter().map(|permission| permission.as_str()).collect();
    let (permissions, expires) = (permissions.join(","), key.expires.map(|at| at.0));
    Ok(changed!(tx, INSERT, key.id, &key.name, &key.hint, hash, permissions, key.created.0, expires)? == 1)
}

/// Deletes the key of this name, which opens nothing any more; `false` if there is none.
pub(crate) async fn revoke(tx: &mut Tx, name: &str) -> Result<bool, StorageError> {
    Ok(changed!(tx, REVOKE, name)? == 1)
}

/// Notes a use of the key.
pub(crate) async fn touch(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, TOUCH, id, now.0)
}
