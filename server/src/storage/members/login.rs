//! The login method of a member, and the identifier at the provider.

use crate::storage::{AccountScope, StorageError, Tx, on, run, statements};
use app::domain::ids::{LoginMethodId, MemberId, UserId};
use uuid::Uuid;

statements! {
    SET_METHOD = "UPDATE members SET login_method_id = $3, identifier = $4 WHERE account_id = $1 AND id = $2";
    IDENTIFIER_TAKEN = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE account_id = $1 AND login_method_id = $2 AND identifier = $3 AND id <> $4
                                                      AND state <> 'removed' LIMIT 1) m";
    SET_IDENTIFIER = "UPDATE members SET identifier = $3 WHERE account_id = $1 AND id = $2";
    UNLINKED = "
        SELECT m.user_id FROM members m
         WHERE m.account_id = $1 AND m.login_method_id = $2 AND m.identifier = $3 AND m.state = 'active' AND m.user_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.login_method_id = m.login_method_id AND i.user_id = m.user_id)";
    INVITED_WITH_IDENTIFIER = "
        SELECT m.email FROM members m
         WHERE m.account_id = $1 AND m.login_method_id = $2 AND m.state = 'invited' AND m.identifier IS NOT NULL
         ORDER BY m.email_key";
    FORGET_IDENTIFIERS = "UPDATE members SET identifier = NULL WHERE account_id = $1 AND login_method_id = $2";
}

/// Sets the login method and the identifier of a member (R26, R42, R46).
pub async fn set_method(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    method: LoginMethodId,
    identifier: Option<&str>,
) -> Result<(), StorageError> {
    run!(tx, SET_METHOD, scope.id().0, id.0, method.0, identifier)
}

/// Is the identifier another row's already? One person at the provider is one line of the list.
pub async fn is_identifier_taken(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
    except: Option<MemberId>,
) -> Result<bool, StorageError> {
    let others: i64 = on!(tx, c => sqlx::query_scalar(IDENTIFIER_TAKEN)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(identifier)
        .bind(except.map_or(Uuid::nil(), |id| id.0))
        .fetch_one(c).await)?;
    Ok(others > 0)
}

/// The user of the active row to which an admin gave this identifier, while no identity is linked to that user (R46). `None` if several
/// rows have it.
pub async fn find_unlinked(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
) -> Result<Option<UserId>, StorageError> {
    let users: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(UNLINKED)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(identifier)
        .fetch_all(c).await)?;
    Ok(match users.as_slice() {
        [only] => Some(UserId(*only)),
        _ => None,
    })
}

/// Sets the User identifier of a member (R44, R46).
pub async fn set_identifier(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    identifier: &str,
) -> Result<(), StorageError> {
    run!(tx, SET_IDENTIFIER, scope.id().0, id.0, identifier)
}

/// The addresses of the invited people to whom an identifier at this method was given.
pub async fn invited_with_identifier(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
) -> Result<Vec<String>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(INVITED_WITH_IDENTIFIER)
        .bind(scope.id().0)
        .bind(method.0)
        .fetch_all(c).await)?)
}

/// Deletes the identifiers of a method whose provider now means other people by them (R45).
pub async fn forget_identifiers(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<(), StorageError> {
    run!(tx, FORGET_IDENTIFIERS, scope.id().0, method.0)
}
