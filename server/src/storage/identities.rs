//! Identities: a user at a provider, as (login method, identifier). An address is never a key (OA-08).

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{LoginMethodId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

statements! {
    FIND = "
        SELECT user_id FROM identities WHERE account_id = $1 AND login_method_id = $2 AND identifier = $3";
    OF_USER = "
        SELECT identifier, email FROM identities WHERE account_id = $1 AND login_method_id = $2 AND user_id = $3";
    INSERT = "
        INSERT INTO identities (id, account_id, login_method_id, user_id, identifier, email, created_at, last_used_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    USE = "
        UPDATE identities SET email = $4, last_used_at = $5
         WHERE account_id = $1 AND login_method_id = $2 AND identifier = $3";
    SET_SECOND_FACTOR = "
        UPDATE identities SET second_factor_at = $4 WHERE account_id = $1 AND login_method_id = $2 AND user_id = $3";
    FORGET_SECOND_FACTORS = "UPDATE identities SET second_factor_at = NULL WHERE account_id = $1 AND login_method_id = $2";
    DELETE_OF_USER_AT_METHOD = "DELETE FROM identities WHERE account_id = $1 AND login_method_id = $2 AND user_id = $3";
    DELETE_OF_USER_IN_ACCOUNT = "DELETE FROM identities WHERE account_id = $1 AND user_id = $2";
    FORGET_PROOFS_IN_ACCOUNT = "
        DELETE FROM session_proofs
         WHERE login_method_id IN (SELECT l.id FROM login_methods l WHERE l.account_id = $1)
           AND session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $2)";
    DELETE_FACTORS_IN_ACCOUNT = "DELETE FROM second_factors WHERE account_id = $1 AND user_id = $2";
    DELETE_OF_METHOD = "DELETE FROM identities WHERE account_id = $1 AND login_method_id = $2";
    DELETE_OF_USER = "DELETE FROM identities WHERE user_id = $1";
    FORGET_PROOFS = "
        DELETE FROM session_proofs
         WHERE login_method_id = $1 AND session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $2)";
}

/// The user with exactly this identifier at a provider (R42, R45).
pub async fn find(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
) -> Result<Option<UserId>, StorageError> {
    let user: Option<Uuid> = on!(tx, c => sqlx::query_scalar(FIND)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(identifier)
        .fetch_optional(c).await)?;
    Ok(user.map(UserId))
}

/// The user's identifier at the provider, and the address that the provider last gave.
pub async fn of_user(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    user: UserId,
) -> Result<Option<(String, Option<String>)>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(OF_USER)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(user.0)
        .fetch_optional(c).await)?)
}

/// Links an identifier to a user.
///
/// # Errors
/// [`StorageError::Taken`] if it is another user's, or the user has another by this method.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    user: UserId,
    identifier: &str,
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT, Uuid::now_v7(), scope.id().0, method.0, user.0, identifier, email, now.0)
}

/// Notes that an identity was used, and the address that the provider gives it now (R45).
pub async fn note_use(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, USE, scope.id().0, method.0, identifier, email, now.0)
}

/// Notes that the provider said that it asked this user for a second factor.
pub async fn note_second_factor(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    user: UserId,
    at: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, SET_SECOND_FACTOR, scope.id().0, method.0, user.0, at.0)
}

/// Forgets of whom a provider said so: another word of it counts from now on.
pub async fn forget_second_factors(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
) -> Result<(), StorageError> {
    run!(tx, FORGET_SECOND_FACTORS, scope.id().0, method.0)
}

/// Unlinks a user from a method, and deletes the proofs of the user's sessions by it (R46).
pub async fn delete_of_user_at_method(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    user: UserId,
) -> Result<(), StorageError> {
    run!(tx, DELETE_OF_USER_AT_METHOD, scope.id().0, method.0, user.0)?;
    run!(tx, FORGET_PROOFS, method.0, user.0)
}

/// Unlinks a user who is not a member any more from the account's providers, and removes the second factors that counted there alone: neither
/// returns by itself (R40, INV-12).
pub async fn delete_of_user_in_account(tx: &mut Tx, scope: AccountScope, user: UserId) -> Result<(), StorageError> {
    for sql in [DELETE_OF_USER_IN_ACCOUNT, FORGET_PROOFS_IN_ACCOUNT, DELETE_FACTORS_IN_ACCOUNT] {
        run!(tx, sql, scope.id().0, user.0)?;
    }
    Ok(())
}

/// Unlinks everybody from a method whose provider now means other people by its identifiers (R45); answers how many.
pub async fn delete_of_method(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<u64, StorageError> {
    let (account, id) = (scope.id().0, method.0);
    let deleted = changed!(tx, DELETE_OF_METHOD, account, id)?;
    super::login_methods::forget_proofs(tx, method).await?;
    Ok(deleted)
}

/// Unlinks a user whose mailbox turned out to be somebody else's from every provider (R13).
pub(crate) async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, DELETE_OF_USER, user.0)
}
