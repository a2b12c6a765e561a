//! The clients that the operator registered by `roster client`. Those of the settings file have no row.

use super::{StorageError, Tx, changed, on, run, statements};
use crate::config;
use app::domain::time::Timestamp;
use sqlx_macros::FromRow;

statements! {
    FIND = "
        SELECT settings, secret_hash, earlier_secret_hash, earlier_secret_until FROM platform_clients WHERE id = $1";
    ALL = "
        SELECT settings, secret_hash, earlier_secret_hash, earlier_secret_until FROM platform_clients ORDER BY id";
    INSERT = "INSERT INTO platform_clients (id, settings, secret_hash, created_at) VALUES ($1, $2, $3, $4)";
    SET_SECRET = "
        UPDATE platform_clients SET earlier_secret_hash = secret_hash, earlier_secret_until = $3, secret_hash = $2
         WHERE id = $1 AND secret_hash IS NOT NULL";
    DELETE = "DELETE FROM platform_clients WHERE id = $1";
}

#[derive(FromRow)]
struct Row {
    settings: String,
    secret_hash: Option<Vec<u8>>,
    earlier_secret_hash: Option<Vec<u8>>,
    earlier_secret_until: Option<i64>,
}

/// A client as it was registered.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// As it would stand in the settings file.
    pub settings: config::Client,
    /// The hash of its secret; a client without one is public.
    pub secret_hash: Option<Vec<u8>>,
    /// The hash of the secret before that, and until when it is taken.
    pub earlier_secret: Option<(Vec<u8>, Timestamp)>,
}

impl TryFrom<Row> for RegisteredClient {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let settings = serde_json::from_str(&row.settings);
        Ok(Self {
            settings: settings.map_err(|_| StorageError::inconsistent("platform_clients", "settings"))?,
            secret_hash: row.secret_hash,
            earlier_secret: row.earlier_secret_hash.zip(row.earlier_secret_until.map(Timestamp)),
        })
    }
}

/// The client of this id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<RegisteredClient>, StorageError> {
    let row: Option<Row> = on!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await)?;
    row.map(RegisteredClient::try_from).transpose()
}

/// All of them.
pub async fn all(tx: &mut Tx) -> Result<Vec<RegisteredClient>, StorageError> {
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    rows.into_iter().map(RegisteredClient::try_from).collect()
}

/// Registers a client.
///
/// # Errors
/// [`StorageError::Taken`] if there is one of this id.
pub async fn insert(
    tx: &mut Tx,
    settings: &config::Client,
    secret_hash: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let json = serde_json::to_string(settings).unwrap_or_default();
    run!(tx, INSERT, &settings.id, json, secret_hash, now.0)
}

/// Gives a client another secret, and takes the one before it until this time; `false` if there is no such client with a secret.
pub async fn set_secret(tx: &mut Tx, id: &str, hash: &[u8], earlier_until: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, SET_SECRET, id, hash, earlier_until.0)? == 1)
}

/// Removes a client; `false` if there is none of this id.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StorageError> {
    Ok(changed!(tx, DELETE, id)? == 1)
}
