//! The keys that tokens for platforms are signed with.

use super::{StorageError, Tx, on, run, statements};
use crate::config::SigningAlgorithm;
use app::domain::time::Timestamp;
use serde_json::Value;
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    NEWEST = "
        SELECT id, sealed, created_at FROM signing_keys WHERE algorithm = $1 ORDER BY created_at DESC, id DESC LIMIT 1";
    // The newest of those that are published for long enough; else the oldest.
    SIGNING = "
        SELECT id, sealed, created_at FROM signing_keys WHERE algorithm = $1
         ORDER BY CASE WHEN created_at <= $2 THEN 0 ELSE 1 END, CASE WHEN created_at <= $2 THEN -created_at ELSE created_at END, id
         LIMIT 1";
    PUBLIC = "SELECT public_jwk FROM signing_keys ORDER BY created_at DESC, id DESC";
    INSERT = "INSERT INTO signing_keys (id, algorithm, sealed, public_jwk, created_at) VALUES ($1, $2, $3, $4, $5)";
}

/// A key, sealed.
#[derive(Clone, Debug, FromRow)]
pub struct StoredSigningKey {
    /// Its id.
    pub id: Uuid,
    /// The private key, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
}

/// The newest key of an algorithm.
pub async fn newest(tx: &mut Tx, algorithm: SigningAlgorithm) -> Result<Option<StoredSigningKey>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(NEWEST).bind(algorithm.name()).fetch_optional(c).await)?)
}

/// The key of an algorithm that signs: the newest that was made at `published` or before, or the first one of all.
pub async fn signing(
    tx: &mut Tx,
    algorithm: SigningAlgorithm,
    published: Timestamp,
) -> Result<Option<StoredSigningKey>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(SIGNING).bind(algorithm.name()).bind(published.0).fetch_optional(c).await)?)
}

/// The public keys, as members of a JWK set.
pub async fn public(tx: &mut Tx) -> Result<Vec<Value>, StorageError> {
    let keys: Vec<String> = on!(tx, c => sqlx::query_scalar(PUBLIC).fetch_all(c).await)?;
    let read = |key: &String| serde_json::from_str(key);
    keys.iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|_| StorageError::inconsistent("signing_keys", "public_jwk"))
}

/// Keeps a new key.
pub async fn insert(
    tx: &mut Tx,
    id: Uuid,
    algorithm: SigningAlgorithm,
    sealed: &[u8],
    public_jwk: &Value,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT, id, algorithm.name(), sealed, public_jwk.to_string(), now.0)
}
