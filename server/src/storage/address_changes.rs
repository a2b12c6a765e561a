//! Changes of a person's address (R48, PW-11): asked for, confirmed at the new address, taken back from the old one.

use super::{StorageError, Tx, changed, on, run, statements};
use app::domain::{email::Email, ids::UserId, time::Timestamp};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The columns of [`AddressChange`].
macro_rules! change_columns {
    () => {
        "a.id, a.user_id, a.old_email, a.old_email_key, a.new_email, a.new_email_key, a.created_at, a.expires_at, a.confirmed_at,
         a.tell_inviters"
    };
}

statements! {
    END_PENDING = "
        UPDATE address_changes SET ended_at = $2 WHERE user_id = $1 AND confirmed_at IS NULL AND ended_at IS NULL";
    INSERT = "
        INSERT INTO address_changes (id, user_id, old_email, old_email_key, new_email, new_email_key, confirm_hash, created_at, expires_at,
                                     tell_inviters)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    TO_CONFIRM = concat!("
        SELECT ", change_columns!(), " FROM address_changes a
         WHERE a.confirm_hash = $1 AND a.confirmed_at IS NULL AND a.ended_at IS NULL AND a.expires_at > $2");
    TO_UNDO = concat!("
        SELECT ", change_columns!(), " FROM address_changes a
         WHERE a.undo_hash = $1 AND a.confirmed_at IS NOT NULL AND a.ended_at IS NULL AND a.expires_at > $2");
    PENDING = concat!("
        SELECT ", change_columns!(), " FROM address_changes a
         WHERE a.user_id = $1 AND a.confirmed_at IS NULL AND a.ended_at IS NULL AND a.expires_at > $2");
    CONFIRM = "
        UPDATE address_changes SET confirmed_at = $2, undo_hash = $3, expires_at = $4
         WHERE id = $1 AND confirmed_at IS NULL AND ended_at IS NULL AND expires_at > $2";
    TOLD = "
        SELECT a.new_email FROM address_changes a
         WHERE a.old_email_key = $1 AND a.tell_inviters AND a.confirmed_at IS NOT NULL AND a.ended_at IS NULL
         ORDER BY a.confirmed_at DESC, a.id DESC LIMIT 1";
    // The changes that came after it go with it; those before it can still be taken back.
    END_FROM = "
        UPDATE address_changes SET ended_at = $3
         WHERE user_id = $1 AND id >= $2 AND ended_at IS NULL";
}

/// A change of address.
#[derive(Clone, Debug)]
pub struct AddressChange {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// The address before.
    pub old: Email,
    /// The address after.
    pub new: Email,
    /// When it was asked for.
    pub asked: Timestamp,
    /// Until when it can be confirmed, or taken back.
    pub expires: Timestamp,
    /// When it was confirmed.
    pub confirmed: Option<Timestamp>,
    /// Are those told the new address whose invitations to the old one are still open?
    pub tell_inviters: bool,
}

#[derive(FromRow)]
struct AddressChangeRow {
    id: Uuid,
    user_id: Uuid,
    old_email: String,
    old_email_key: String,
    new_email: String,
    new_email_key: String,
    created_at: i64,
    expires_at: i64,
    confirmed_at: Option<i64>,
    tell_inviters: bool,
}

impl From<AddressChangeRow> for AddressChange {
    fn from(row: AddressChangeRow) -> Self {
        Self {
            id: row.id,
            user: UserId(row.user_id),
            old: Email::from_storage(row.old_email, row.old_email_key),
            new: Email::from_storage(row.new_email, row.new_email_key),
            asked: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            confirmed: row.confirmed_at.map(Timestamp),
            tell_inviters: row.tell_inviters,
        }
    }
}

/// A change about to be asked for.
#[derive(Debug)]
pub struct NewChange<'a> {
    /// Whose.
    pub user: UserId,
    /// The present address.
    pub old: &'a Email,
    /// The wanted address.
    pub new: &'a Email,
    /// The hash of the token that the new address confirms with.
    pub confirm_hash: &'a [u8],
    /// Until when.
    pub expires: Timestamp,
    /// Are inviters told (R48)?
    pub tell_inviters: bool,
}

/// Asks for a change; what the user asked for before ends.
pub async fn insert(tx: &mut Tx, new: &NewChange<'_>, now: Timestamp) -> Result<(), StorageError> {
    end_pending(tx, new.user, now).await?;
    run!(
        tx,
        INSERT,
        Uuid::now_v7(),
        new.user.0,
        new.old.typed(),
        new.old.key(),
        new.new.typed(),
        new.new.key(),
        new.confirm_hash,
        now.0,
        new.expires.0,
        new.tell_inviters
    )
}

/// Ends what a user asked for and did not confirm; so does every change of the password (PW-11).
pub async fn end_pending(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, END_PENDING, user.0, now.0)
}

/// The change that this token can confirm now.
pub async fn to_confirm(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<AddressChange>, StorageError> {
    let row: Option<AddressChangeRow> =
        on!(tx, c => sqlx::query_as(TO_CONFIRM).bind(hash).bind(now.0).fetch_optional(c).await)?;
    Ok(row.map(AddressChange::from))
}

/// The change that this token can take back now.
pub async fn to_undo(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<AddressChange>, StorageError> {
    let row: Option<AddressChangeRow> =
        on!(tx, c => sqlx::query_as(TO_UNDO).bind(hash).bind(now.0).fetch_optional(c).await)?;
    Ok(row.map(AddressChange::from))
}

/// The change that a user asked for and can still confirm.
pub async fn pending(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, StorageError> {
    let row: Option<AddressChangeRow> =
        on!(tx, c => sqlx::query_as(PENDING).bind(user.0).bind(now.0).fetch_optional(c).await)?;
    Ok(row.map(AddressChange::from))
}

/// Confirms a change, and sets the token that takes it back until `undo_until`; `false` if somebody was faster.
pub async fn confirm(
    tx: &mut Tx,
    change: Uuid,
    undo_hash: &[u8],
    undo_until: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, CONFIRM, change, now.0, undo_hash, undo_until.0)? == 1)
}

/// Ends a change and those that came after it; `false` if there was nothing to end any more.
pub async fn end_from(tx: &mut Tx, change: &AddressChange, now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, END_FROM, change.user.0, change.id, now.0)? > 0)
}

/// The address that somebody who had this one has now, as they chose to tell inviters (R48).
pub async fn told(tx: &mut Tx, old_key: &str) -> Result<Option<String>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(TOLD).bind(old_key).fetch_optional(c).await)?)
}
