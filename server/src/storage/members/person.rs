//! The copies of a person's name and address in the lines of accounts.

use super::Member;
use crate::{
    collation::Keys,
    storage::{AccountScope, StorageError, Tx, changed, on, run, statements, users::User},
};
use app::domain::{
    email::Email,
    ids::{AccountId, MemberId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

statements! {
    ACCOUNTS_WITH_COPY = "
        SELECT account_id FROM members WHERE user_id = $1 AND state <> 'removed' ORDER BY account_id";
    RELEASE_INVITED = "
        UPDATE members SET user_id = NULL WHERE account_id = $1 AND user_id = $2 AND state = 'invited'";
    CORRECT_ADDRESS = "
        UPDATE members SET email = $3, email_key = $4, name_sort = $5, search_key = $6,
                           name_key = CASE WHEN name IS NULL THEN $4 ELSE name_key END
         WHERE account_id = $1 AND id = $2 AND state = 'invited' AND user_id IS NULL";
    REWRITE_COPY = "
        UPDATE members SET name = $3, name_key = $4, email = $5, email_key = $6, name_sort = $7, search_key = $8,
                           version = version + 1, changed_at = $9, changed_by = id
         WHERE account_id = $1 AND user_id = $2 AND state IN ('active', 'suspended')
        RETURNING id";
}

/// The accounts whose lines are this user's, in the order in which accounts are locked. The lines of removed members are frozen.
pub(crate) async fn accounts_with_copy(tx: &mut Tx, user: UserId) -> Result<Vec<AccountScope>, StorageError> {
    let accounts: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(ACCOUNTS_WITH_COPY).bind(user.0).fetch_all(c).await)?;
    Ok(accounts.into_iter().map(|account| AccountScope::established(AccountId(account))).collect())
}

/// Rewrites the copy of a user's name and address in an account (R48); answers the row, unless it was removed meanwhile.
pub(crate) async fn rewrite_copy(
    tx: &mut Tx,
    scope: AccountScope,
    user: &User,
    now: Timestamp,
) -> Result<Option<MemberId>, StorageError> {
    let keys = Keys::of(Some(&user.name), &user.email);
    let row: Option<Uuid> = on!(tx, c => sqlx::query_scalar(REWRITE_COPY)
        .bind(scope.id().0)
        .bind(user.id.0)
        .bind(&user.name)
        .bind(user.name.to_lowercase())
        .bind(user.email.typed())
        .bind(user.email.key())
        .bind(&keys.name_sort)
        .bind(&keys.search)
        .bind(now.0)
        .fetch_optional(c).await)?;
    Ok(row.map(MemberId))
}

/// Gives somebody who is invited, and whose user is not known yet, another address (R25); `false` for everybody else.
pub(crate) async fn correct_address(
    tx: &mut Tx,
    scope: AccountScope,
    member: &Member,
    email: &Email,
) -> Result<bool, StorageError> {
    let Keys { name_sort, search, .. } = Keys::of(member.name.as_deref(), email);
    let changed =
        changed!(tx, CORRECT_ADDRESS, scope.id().0, member.id.0, email.typed(), email.key(), name_sort, search)?;
    Ok(changed == 1)
}

/// Leaves an open invitation with the address that was invited, when the user whom it was for has that address no more (R48).
pub(crate) async fn release_invited(tx: &mut Tx, scope: AccountScope, user: UserId) -> Result<(), StorageError> {
    run!(tx, RELEASE_INVITED, scope.id().0, user.0)
}
