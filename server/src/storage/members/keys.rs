//! Rewrites the sort and search keys of the list.

use crate::{
    collation::Keys,
    storage::{AccountScope, StorageError, Tx, changed, on, statements},
};
use app::domain::email::Email;
use sqlx_macros::FromRow;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

statements! {
    WITH_KEYS = "
        SELECT id, name, email, email_key, name_sort, search_key, version, invited_at FROM members
         WHERE account_id = $1 AND purged_at IS NULL AND (invited_at, id) > ($2, $3) ORDER BY invited_at, id LIMIT $4";
    SET_KEYS = "
        UPDATE members SET name = $4, email = $5, name_sort = $6, search_key = $7 WHERE account_id = $1 AND id = $2 AND version = $3";
}

/// A row with its keys as they are stored, for the job that computes them anew.
#[derive(Clone, Debug, FromRow)]
pub struct StoredKeys {
    id: Uuid,
    name: Option<String>,
    email: String,
    email_key: String,
    name_sort: Vec<u8>,
    search_key: String,
    version: i64,
    invited_at: i64,
}

/// How far the job that rewrites keys has come in an account. A row that changes meanwhile moves forward in this order, and was written
/// with current keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowPosition {
    invited_at: i64,
    id: Uuid,
}

impl StoredKeys {
    /// Where the row stands in the order of the job.
    pub fn position(&self) -> RowPosition {
        RowPosition { invited_at: self.invited_at, id: self.id }
    }
}

/// The next rows of an account with their keys, removed members included.
pub(crate) async fn with_keys(
    tx: &mut Tx,
    scope: AccountScope,
    after: RowPosition,
    most: i64,
) -> Result<Vec<StoredKeys>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(WITH_KEYS)
        .bind(scope.id().0)
        .bind(after.invited_at)
        .bind(after.id)
        .bind(most)
        .fetch_all(c).await)?)
}

/// The row as it would be written today; `None` if it is so already.
pub(crate) fn rewritten(row: &StoredKeys) -> Option<StoredKeys> {
    let name = row.name.as_deref().map(|name| name.nfc().collect::<String>());
    let email = Email::from_storage(row.email.clone(), row.email_key.clone());
    let keys = Keys::of(name.as_deref(), &email);
    let email = email.typed().to_owned();
    let same =
        (&name, &email, &keys.name_sort, &keys.search) == (&row.name, &row.email, &row.name_sort, &row.search_key);
    (!same).then(|| StoredKeys { name, email, name_sort: keys.name_sort, search_key: keys.search, ..row.clone() })
}

/// Writes a row's keys, name and address, unless it was changed since it was read; whoever changed it wrote them.
pub(crate) async fn set_keys(tx: &mut Tx, scope: AccountScope, row: &StoredKeys) -> Result<bool, StorageError> {
    let changed = changed!(
        tx,
        SET_KEYS,
        scope.id().0,
        row.id,
        row.version,
        &row.name,
        &row.email,
        &row.name_sort,
        &row.search_key
    )?;
    Ok(changed == 1)
}
