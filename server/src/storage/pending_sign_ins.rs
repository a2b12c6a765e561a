//! Sign-ins that wait for a second factor: the password was right, and no session has begun. Whoever has the cookie may go on with it.

use super::{StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{LoginMethodId, UserId},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO pending_sign_ins (id, hash, user_id, next, account, login_method_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND = "
        SELECT id, user_id, next, account, login_method_id FROM pending_sign_ins WHERE hash = $1 AND expires_at > $2";
    FINISH = "DELETE FROM pending_sign_ins WHERE id = $1";
    PRUNE = "
        DELETE FROM pending_sign_ins
         WHERE user_id = $1 AND id NOT IN (SELECT k.id FROM pending_sign_ins k WHERE k.user_id = $1 ORDER BY k.id DESC LIMIT $2)";
    DELETE_OF_USER = "DELETE FROM pending_sign_ins WHERE user_id = $1";
}

/// How many sign-ins of one user can wait at once; the oldest end.
const MAX_PER_USER: i64 = 20;

/// A sign-in that waits for a second factor.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// The row.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// Where to go on; empty if that is not known.
    pub next: String,
    /// The account whose sign-in page it began on; empty if it was none's.
    pub account: String,
    /// The login method for whose reauthentication the password stands in.
    pub reauthenticates: Option<LoginMethodId>,
}

#[derive(FromRow)]
struct PendingSignInRow {
    id: Uuid,
    user_id: Uuid,
    next: String,
    account: String,
    login_method_id: Option<Uuid>,
}

/// Keeps a sign-in until `expires`, under the hash of its cookie.
pub async fn insert(
    tx: &mut Tx,
    pending: &PendingSignIn,
    hash: &[u8],
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), StorageError> {
    let method = pending.reauthenticates.map(|method| method.0);
    run!(tx, PRUNE, pending.user.0, MAX_PER_USER - 1)?;
    run!(tx, INSERT, pending.id, hash, pending.user.0, &pending.next, &pending.account, method, now.0, expires.0)
}

/// The sign-in of this cookie, unless it has expired.
pub async fn find(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<PendingSignIn>, StorageError> {
    let row: Option<PendingSignInRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(hash).bind(now.0).fetch_optional(c).await)?;
    Ok(row.map(|row| PendingSignIn {
        id: row.id,
        user: UserId(row.user_id),
        next: row.next,
        account: row.account,
        reauthenticates: row.login_method_id.map(LoginMethodId),
    }))
}

/// Ends a sign-in that is done; `false` if another did so first.
pub async fn finish(tx: &mut Tx, id: Uuid) -> Result<bool, StorageError> {
    Ok(changed!(tx, FINISH, id)? == 1)
}

/// Ends every pending sign-in of a user, whose credentials have changed.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, DELETE_OF_USER, user.0)
}
