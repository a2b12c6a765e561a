//! The clients that the operator registered by `roster client`; those of the settings file have no row here. And the accounts that clients
//! of either kind are bound to.

use super::{StorageError, Tx, changed, on, run, statements};
use crate::config;
use app::domain::{ids::AccountId, name::Slug, time::Timestamp};
use sqlx_macros::FromRow;
use uuid::Uuid;

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
    HAS_ORIGIN = "SELECT COUNT(*) FROM platform_client_origins WHERE origin = $1";
    CLEAR_ORIGINS = "DELETE FROM platform_client_origins WHERE client_id = $1";
    ADD_ORIGIN = "INSERT INTO platform_client_origins (origin, client_id) VALUES ($1, $2)";
    BINDING = "
        SELECT b.account_id, a.slug, (SELECT n.id FROM accounts n WHERE n.slug = $2) AS named
          FROM platform_client_accounts b LEFT JOIN accounts a ON a.id = b.account_id WHERE b.client_id = $1";
    BIND = "
        INSERT INTO platform_client_accounts (client_id, account_id) SELECT $1, a.id FROM accounts a WHERE a.slug = $2
            ON CONFLICT (client_id) DO NOTHING";
    BIND_ANEW = "
        INSERT INTO platform_client_accounts (client_id, account_id) SELECT $1, a.id FROM accounts a WHERE a.slug = $2
            ON CONFLICT (client_id) DO UPDATE SET account_id = excluded.account_id";
    UNBIND = "DELETE FROM platform_client_accounts WHERE client_id = $1";
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

/// Removes a client and what it is bound to; `false` if there is none of this id.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StorageError> {
    unbind(tx, id).await?;
    Ok(changed!(tx, DELETE, id)? == 1)
}

/// Is this the origin of a page of a public client that was registered here?
pub async fn has_origin(tx: &mut Tx, origin: &str) -> Result<bool, StorageError> {
    let clients: i64 = on!(tx, c => sqlx::query_scalar(HAS_ORIGIN).bind(origin).fetch_one(c).await)?;
    Ok(clients > 0)
}

/// Keeps the origins of the pages that a public client is made of.
pub async fn set_origins<'a>(
    tx: &mut Tx,
    id: &str,
    origins: impl IntoIterator<Item = &'a String>,
) -> Result<(), StorageError> {
    run!(tx, CLEAR_ORIGINS, id)?;
    for origin in origins {
        run!(tx, ADD_ORIGIN, origin, id)?;
    }
    Ok(())
}

/// What a client of one account is bound to.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The account, with the address that it has now; `None` once it is erased.
    pub account: Option<(AccountId, Slug)>,
    /// The account that has the address by which the client was registered.
    pub named: Option<AccountId>,
}

/// What the client is bound to, and which account is at this address now; `None` if it was never bound.
pub async fn binding(tx: &mut Tx, id: &str, address: &str) -> Result<Option<Binding>, StorageError> {
    type Row = (Option<Uuid>, Option<String>, Option<Uuid>);
    let row: Option<Row> = on!(tx, c => sqlx::query_as(BINDING).bind(id).bind(address).fetch_optional(c).await)?;
    let Some((account, slug, named)) = row else { return Ok(None) };
    let read = |slug: String| Slug::parse(&slug).map_err(|_| StorageError::inconsistent("accounts", "slug"));
    let account = account.map(AccountId).zip(slug.map(read).transpose()?);
    Ok(Some(Binding { account, named: named.map(AccountId) }))
}

/// Binds a client to the account at this address, unless it is bound to one already.
pub async fn bind(tx: &mut Tx, id: &str, address: &str) -> Result<(), StorageError> {
    run!(tx, BIND, id, address)
}

/// Binds a client to the account at this address, whatever it was bound to before; `false` if there is no such account.
pub async fn bind_anew(tx: &mut Tx, id: &str, address: &str) -> Result<bool, StorageError> {
    Ok(changed!(tx, BIND_ANEW, id, address)? == 1)
}

/// Forgets what a client was bound to.
pub async fn unbind(tx: &mut Tx, id: &str) -> Result<(), StorageError> {
    run!(tx, UNBIND, id)
}
