//! Sign-ins of members at hosts whose proxies ask Roster about every request, and which accounts the settings of hosts mean.
//!
//! A cookie is good for nothing by itself: whoever looks one up reads session and membership beside it, as they are now
//! ([`members::host_visitor`](super::members)). A sign-in goes with its session.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, SessionId},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    SLUG_OF = "SELECT slug FROM accounts WHERE id = $1";
    PINNED = "SELECT pinned_id FROM forward_auth_pins WHERE host = $1 AND setting = $2";
    PIN = "
        INSERT INTO forward_auth_pins (host, setting, pinned_id, pinned_at)
        SELECT $1, $2, a.id, $3 FROM accounts a WHERE a.slug = $2
        ON CONFLICT (host, setting) DO NOTHING";
    HAS_BEEN_THERE = "
        SELECT COUNT(*) FROM forward_auth_sign_ins WHERE account_id = $1 AND session_id = $2 AND host = $3";
    INSERT = "
        INSERT INTO forward_auth_sign_ins (id, host, setting, account_id, session_id, next, nonce_hash, code_hash, code_expires_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    BY_CODE = "
        SELECT id, account_id, next FROM forward_auth_sign_ins
         WHERE code_hash = $1 AND nonce_hash = $2 AND host = $3 AND code_expires_at > $4 AND cookie_hash IS NULL";
    USE_CODE = "
        UPDATE forward_auth_sign_ins SET cookie_hash = $3 WHERE account_id = $1 AND id = $2 AND cookie_hash IS NULL";
    END = "DELETE FROM forward_auth_sign_ins WHERE cookie_hash = $1 AND host = $2";
    MOVE_TO_SESSION = "UPDATE forward_auth_sign_ins SET session_id = $2 WHERE session_id = $1";
}

/// A sign-in about to begin.
#[derive(Debug)]
pub struct NewHostSignIn<'a> {
    /// The host.
    pub host: &'a str,
    /// What the settings say of the account.
    pub setting: &'a str,
    /// The session.
    pub session: SessionId,
    /// Where the person wanted to go.
    pub next: &'a str,
    /// The hash of the nonce that the browser has at the host.
    pub nonce_hash: &'a [u8],
    /// The hash of the code.
    pub code_hash: &'a [u8],
    /// Until when the code is good.
    pub code_expires: Timestamp,
}

/// A sign-in whose code came back.
#[derive(Clone, Debug)]
pub struct HostSignIn {
    id: Uuid,
    scope: AccountScope,
    /// Where the person wanted to go.
    pub next: String,
}

/// The slug of the account that a host's setting names by its id; `None` if there is no such account.
pub(crate) async fn slug_of(tx: &mut Tx, account: Uuid) -> Result<Option<String>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(SLUG_OF).bind(account).fetch_optional(c).await)?)
}

/// The account that a slug meant when the host first used it.
pub(crate) async fn pinned(tx: &mut Tx, host: &str, setting: &str) -> Result<Option<Uuid>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(PINNED).bind(host).bind(setting).fetch_optional(c).await)?)
}

/// Ties a host's slug to the account that has it now, unless it is tied to one.
pub(crate) async fn pin(tx: &mut Tx, host: &str, setting: &str, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, PIN, host, setting, now.0)
}

/// Was this session at this host before?
pub(crate) async fn has_been_there(
    tx: &mut Tx,
    scope: AccountScope,
    session: SessionId,
    host: &str,
) -> Result<bool, StorageError> {
    let times: i64 = on!(tx, c => sqlx::query_scalar(HAS_BEEN_THERE)
        .bind(scope.id().0)
        .bind(session.0)
        .bind(host)
        .fetch_one(c).await)?;
    Ok(times > 0)
}

/// Begins a sign-in at a host.
pub(crate) async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: &NewHostSignIn<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT,
        Uuid::now_v7(),
        new.host,
        new.setting,
        scope.id().0,
        new.session.0,
        new.next,
        new.nonce_hash,
        new.code_hash,
        new.code_expires.0,
        now.0
    )
}

#[derive(FromRow)]
struct HostSignInRow {
    id: Uuid,
    account_id: Uuid,
    next: String,
}

/// The sign-in of a code that is good, in the browser that has the nonce. The hashes establish the right.
pub(crate) async fn find_by_code(
    tx: &mut Tx,
    host: &str,
    code_hash: &[u8],
    nonce_hash: &[u8],
    now: Timestamp,
) -> Result<Option<HostSignIn>, StorageError> {
    let row: Option<HostSignInRow> = on!(tx, c => sqlx::query_as(BY_CODE)
        .bind(code_hash)
        .bind(nonce_hash)
        .bind(host)
        .bind(now.0)
        .fetch_optional(c).await)?;
    Ok(row.map(|row| HostSignIn {
        id: row.id,
        scope: AccountScope::established(AccountId(row.account_id)),
        next: row.next,
    }))
}

/// Uses the code up, for this cookie; `false` if somebody was faster.
pub(crate) async fn use_code(tx: &mut Tx, sign_in: &HostSignIn, cookie_hash: &[u8]) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_CODE, sign_in.scope.id().0, sign_in.id, cookie_hash)? == 1)
}

/// Ends the sign-in of a cookie; `false` if there is none.
pub(crate) async fn end(tx: &mut Tx, host: &str, cookie_hash: &[u8]) -> Result<bool, StorageError> {
    Ok(changed!(tx, END, cookie_hash, host)? == 1)
}

/// Moves what was begun in a session to the one that takes its place.
pub(super) async fn move_to_session(tx: &mut Tx, from: SessionId, to: SessionId) -> Result<(), StorageError> {
    run!(tx, MOVE_TO_SESSION, from.0, to.0)
}
