//! Second factors of users, and the recovery codes that stand in when they are lost.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use crate::second_factors::Credential;
use app::domain::{
    ids::{SecondFactorId, UserId},
    second_factor::SecondFactorKind,
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO second_factors (id, user_id, account_id, kind, name, sealed, last_step, created_at, confirmed_at, last_used_at)
        VALUES ($1, $2, $3, $4, '', $5, NULL, $6, NULL, NULL)";
    LIST = "
        SELECT id, kind, name, sealed, last_step, created_at, confirmed_at, last_used_at,
               credential_id, credential_key, credential_state, transports
          FROM second_factors
         WHERE user_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND confirmed_at IS NOT NULL ORDER BY created_at, id";
    FIND_DRAFT = "
        SELECT id, kind, name, sealed, last_step, created_at, confirmed_at, last_used_at,
               credential_id, credential_key, credential_state, transports
          FROM second_factors
         WHERE user_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND id = $3 AND confirmed_at IS NULL AND created_at > $4";
    COUNT = "
        SELECT COUNT(*) FROM second_factors
         WHERE user_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND confirmed_at IS NOT NULL";
    CONFIRM = "
        UPDATE second_factors SET confirmed_at = $3, name = $4, last_step = $5
         WHERE user_id = $1 AND id = $2 AND confirmed_at IS NULL";
    // A code is used once: of two at the same time, one finds the step taken.
    USE_STEP = "
        UPDATE second_factors SET last_step = $3, last_used_at = $4
         WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL AND (last_step IS NULL OR last_step < $3)";
    INSERT_PASSKEY = "
        INSERT INTO second_factors (id, user_id, kind, name, created_at, confirmed_at,
                                    credential_id, credential_key, credential_state, transports)
        VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)";
    // The counter moves on once: of two answers at the same time, one finds another state.
    USE_PASSKEY = "
        UPDATE second_factors SET credential_state = $4, last_used_at = $5
         WHERE user_id = $1 AND credential_id = $2 AND credential_state = $3 AND confirmed_at IS NOT NULL";
    REMOVE = "
        DELETE FROM second_factors
         WHERE user_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND id = $3 AND confirmed_at IS NOT NULL";
    REMOVE_DRAFTS = "
        DELETE FROM second_factors WHERE user_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND confirmed_at IS NULL";
    REMOVE_ALL_DRAFTS = "DELETE FROM second_factors WHERE user_id = $1 AND confirmed_at IS NULL";
    REMOVE_ALL = "DELETE FROM second_factors WHERE user_id = $1";
    REMOVE_SINCE = "DELETE FROM second_factors WHERE user_id = $1 AND account_id IS NULL AND confirmed_at >= $2";
    REMOVE_RECOVERY_CODES_SINCE = "DELETE FROM recovery_codes WHERE user_id = $1 AND created_at >= $2";
    INSERT_RECOVERY_CODE = "
        INSERT INTO recovery_codes (id, user_id, hash, created_at, used_at) VALUES ($1, $2, $3, $4, NULL)";
    USE_RECOVERY_CODE = "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";
    RECOVERY_CODES_LEFT = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL";
    REMOVE_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
}

/// Whose second factors: a user's own, which count wherever the user signs in, or those that a user has for one account alone, set up by
/// somebody whom only the account's provider vouches for (OA-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorsOf {
    /// The user.
    pub user: UserId,
    /// The account that they count in; `None` for the user's own.
    pub account: Option<AccountScope>,
}

impl FactorsOf {
    /// The user's own.
    pub const fn user(user: UserId) -> Self {
        Self { user, account: None }
    }

    /// Those that a user has for one account.
    pub const fn member(user: UserId, account: AccountScope) -> Self {
        Self { user, account: Some(account) }
    }

    fn account(self) -> Option<Uuid> {
        self.account.map(|scope| scope.id().0)
    }
}

/// A second factor.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// Its id.
    pub id: SecondFactorId,
    /// What it is.
    pub kind: SecondFactorKind,
    /// As the user calls it.
    pub name: String,
    /// The sealed seed of an app.
    pub sealed: Option<Vec<u8>>,
    /// The time step of the last code that was accepted.
    pub last_step: Option<i64>,
    /// The passkey, if it is one.
    pub credential: Option<Credential>,
    /// When it was added.
    pub added: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

#[derive(FromRow)]
struct SecondFactorRow {
    id: Uuid,
    kind: String,
    name: String,
    sealed: Option<Vec<u8>>,
    last_step: Option<i64>,
    created_at: i64,
    confirmed_at: Option<i64>,
    last_used_at: Option<i64>,
    credential_id: Option<Vec<u8>>,
    credential_key: Option<Vec<u8>>,
    credential_state: Option<Vec<u8>>,
    transports: Option<i64>,
}

impl TryFrom<SecondFactorRow> for SecondFactor {
    type Error = StorageError;

    fn try_from(row: SecondFactorRow) -> Result<Self, StorageError> {
        let kind = SecondFactorKind::from_key(&row.kind);
        let credential = match (row.credential_id, row.credential_key, row.credential_state) {
            (Some(id), Some(key), Some(state)) => {
                let transports = row.transports.and_then(|bits| u8::try_from(bits).ok()).unwrap_or_default();
                Some(Credential { id, key, state, transports })
            }
            (None, None, None) => None,
            (_, _, _) => return Err(StorageError::inconsistent("second_factors", "credential_id")),
        };
        Ok(Self {
            id: SecondFactorId(row.id),
            kind: kind.ok_or(StorageError::inconsistent("second_factors", "kind"))?,
            name: row.name,
            sealed: row.sealed,
            last_step: row.last_step,
            credential,
            added: Timestamp(row.confirmed_at.unwrap_or(row.created_at)),
            last_used: row.last_used_at.map(Timestamp),
        })
    }
}

/// Begins to set a second factor up, in place of one that was begun before.
pub async fn insert_draft(
    tx: &mut Tx,
    id: SecondFactorId,
    of: FactorsOf,
    kind: SecondFactorKind,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, REMOVE_DRAFTS, of.user.0, of.account())?;
    run!(tx, INSERT, id.0, of.user.0, of.account(), kind.key(), sealed, now.0)
}

/// The second factor that this user is setting up, if that began after `oldest`.
pub async fn find_draft(
    tx: &mut Tx,
    of: FactorsOf,
    id: SecondFactorId,
    oldest: Timestamp,
) -> Result<Option<SecondFactor>, StorageError> {
    let row: Option<SecondFactorRow> = on!(tx, c => sqlx::query_as(FIND_DRAFT)
        .bind(of.user.0)
        .bind(of.account())
        .bind(id.0)
        .bind(oldest.0)
        .fetch_optional(c).await)?;
    row.map(SecondFactor::try_from).transpose()
}

/// Makes a draft a second factor that counts, with the time step of the code that confirmed it; `false` if it is none any more.
pub async fn confirm(
    tx: &mut Tx,
    user: UserId,
    id: SecondFactorId,
    name: &str,
    step: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, CONFIRM, user.0, id.0, now.0, name, step)? == 1)
}

/// These second factors, oldest first.
pub async fn list(tx: &mut Tx, of: FactorsOf) -> Result<Vec<SecondFactor>, StorageError> {
    let rows: Vec<SecondFactorRow> =
        on!(tx, c => sqlx::query_as(LIST).bind(of.user.0).bind(of.account()).fetch_all(c).await)?;
    rows.into_iter().map(SecondFactor::try_from).collect()
}

/// Is there any of these second factors?
pub async fn has_any(tx: &mut Tx, of: FactorsOf) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(COUNT).bind(of.user.0).bind(of.account()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Uses the code of a time step; `false` if it, or a later one, was used before (LT-07).
pub async fn use_step(
    tx: &mut Tx,
    user: UserId,
    id: SecondFactorId,
    step: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_STEP, id.0, user.0, step, now.0)? == 1)
}

/// Adds a passkey.
///
/// # Errors
/// [`StorageError::Taken`] if somebody has it already.
pub async fn insert_passkey(
    tx: &mut Tx,
    user: UserId,
    name: &str,
    credential: &Credential,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT_PASSKEY,
        Uuid::now_v7(),
        user.0,
        SecondFactorKind::Passkey.key(),
        name,
        now.0,
        &credential.id,
        &credential.key,
        &credential.state,
        i64::from(credential.transports)
    )
}

/// Notes the use of a passkey, whose state was `before` and is now that of `credential`; `false` if it was another meanwhile.
pub async fn use_passkey(
    tx: &mut Tx,
    user: UserId,
    before: &[u8],
    credential: &Credential,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_PASSKEY, user.0, &credential.id, before, &credential.state, now.0)? == 1)
}

/// Removes a second factor; `false` if there is no such one.
pub async fn remove(tx: &mut Tx, of: FactorsOf, id: SecondFactorId) -> Result<bool, StorageError> {
    Ok(changed!(tx, REMOVE, of.user.0, of.account(), id.0)? == 1)
}

/// Removes what is being set up.
pub async fn remove_drafts(tx: &mut Tx, of: FactorsOf) -> Result<(), StorageError> {
    run!(tx, REMOVE_DRAFTS, of.user.0, of.account())
}

/// Removes all second factors of a user, those for accounts too, and the recovery codes; answers how many factors there were.
pub async fn remove_all(tx: &mut Tx, user: UserId) -> Result<u64, StorageError> {
    run!(tx, REMOVE_RECOVERY_CODES, user.0)?;
    run!(tx, REMOVE_ALL_DRAFTS, user.0)?;
    Ok(changed!(tx, REMOVE_ALL, user.0)?)
}

/// Removes a user's own second factors and recovery codes that came since; answers how many factors there were.
pub async fn remove_since(tx: &mut Tx, user: UserId, since: Timestamp) -> Result<u64, StorageError> {
    run!(tx, REMOVE_RECOVERY_CODES_SINCE, user.0, since.0)?;
    Ok(changed!(tx, REMOVE_SINCE, user.0, since.0)?)
}

/// Replaces a user's recovery codes by those with these hashes; none removes them.
pub async fn set_recovery_codes(
    tx: &mut Tx,
    user: UserId,
    hashes: &[Vec<u8>],
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, REMOVE_RECOVERY_CODES, user.0)?;
    for hash in hashes {
        run!(tx, INSERT_RECOVERY_CODE, Uuid::now_v7(), user.0, hash, now.0)?;
    }
    Ok(())
}

/// Uses a recovery code up; `false` if there is no such one any more. One of several parallel uses wins.
pub async fn use_recovery_code(tx: &mut Tx, user: UserId, hash: &[u8], now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_RECOVERY_CODE, user.0, hash, now.0)? == 1)
}

/// How many recovery codes a user has left.
pub async fn recovery_codes_left(tx: &mut Tx, user: UserId) -> Result<u32, StorageError> {
    let left: i64 = on!(tx, c => sqlx::query_scalar(RECOVERY_CODES_LEFT).bind(user.0).fetch_one(c).await)?;
    Ok(u32::try_from(left).unwrap_or_default())
}
