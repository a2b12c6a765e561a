//! Users and their passwords.

use super::{StorageError, Tx, address_changes, changed, on, pending_sign_ins, remembered_browsers, run, statements};
use app::domain::{email::Email, ids::UserId, language::Language, theme::Theme, time::Timestamp, time_zone::TimeZone};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    FIND = "
        SELECT u.id, u.email, u.email_key, u.name, u.language, u.time_zone, u.theme, u.email_verified_at, u.delete_at, c.phc
          FROM users u LEFT JOIN password_credentials c ON c.user_id = u.id
         WHERE u.id = $1";
    FIND_BY_EMAIL = "
        SELECT u.id, u.email, u.email_key, u.name, u.language, u.time_zone, u.theme, u.email_verified_at, u.delete_at, c.phc
          FROM users u LEFT JOIN password_credentials c ON c.user_id = u.id
         WHERE u.email_key = $1";
    INSERT = "
        INSERT INTO users (id, email, email_key, name, language, email_verified_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    CONFIRM_PASSWORD = "UPDATE password_credentials SET phc = $3 WHERE user_id = $1 AND phc = $2";
    PROVE = "UPDATE users SET name = $2, email_verified_at = $3 WHERE id = $1";
    DELETE_PASSWORD = "DELETE FROM password_credentials WHERE user_id = $1";
    LOCK = "UPDATE users SET name = name WHERE id = $1";
    SET_PROFILE = "UPDATE users SET name = $2, language = $3, time_zone = $4, theme = $5 WHERE id = $1";
    SET_EMAIL = "UPDATE users SET email = $2, email_key = $3, email_verified_at = $4 WHERE id = $1";
    SET_DELETION = "UPDATE users SET delete_at = $2 WHERE id = $1";
    TO_DELETE = "SELECT id FROM users WHERE delete_at <= $1 AND id > $2 ORDER BY id LIMIT 1";
    // The row stays, for the lines of removed members that name it; nothing in it tells who it was.
    ERASE = "
        UPDATE users SET email = '', email_key = $2, name = '', language = NULL, time_zone = NULL, theme = NULL,
                         email_verified_at = NULL, delete_at = NULL
         WHERE id = $1";
    VERIFY = "UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL";
    SET_PASSWORD = "
        INSERT INTO password_credentials (user_id, phc, changed_at) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at";
}

/// A user: a person, global.
#[derive(Clone, Debug)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The name.
    pub name: String,
    /// The language, if one was chosen.
    pub language: Option<Language>,
    /// The zone of times, if one was chosen.
    pub time_zone: Option<TimeZone>,
    /// Light or dark, if it was chosen.
    pub theme: Option<Theme>,
    /// When mail that Roster sent proved the mailbox.
    pub verified: Option<Timestamp>,
    /// When the login is deleted, if the person asked for that.
    pub delete_at: Option<Timestamp>,
    /// The password's hash in PHC form, if there is a password.
    pub phc: Option<String>,
}

#[derive(FromRow)]
struct UserRow {
    id: Uuid,
    email: String,
    email_key: String,
    name: String,
    language: Option<String>,
    time_zone: Option<String>,
    theme: Option<String>,
    email_verified_at: Option<i64>,
    delete_at: Option<i64>,
    phc: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId(row.id),
            email: Email::from_storage(row.email, row.email_key),
            name: row.name,
            language: row.language.as_deref().and_then(Language::from_tag),
            time_zone: row.time_zone.map(TimeZone::known),
            theme: row.theme.as_deref().and_then(Theme::from_key),
            verified: row.email_verified_at.map(Timestamp),
            delete_at: row.delete_at.map(Timestamp),
            phc: row.phc,
        }
    }
}

/// The user with this id.
pub async fn find(tx: &mut Tx, id: UserId) -> Result<Option<User>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as::<_, UserRow>(FIND).bind(id.0).fetch_optional(c).await)?.map(User::from))
}

/// The user with this address.
pub async fn find_by_email(tx: &mut Tx, email_key: &str) -> Result<Option<User>, StorageError> {
    let row = on!(tx, c => sqlx::query_as::<_, UserRow>(FIND_BY_EMAIL).bind(email_key).fetch_optional(c).await)?;
    Ok(row.map(User::from))
}

/// Makes a user.
///
/// # Errors
/// [`StorageError::Taken`] if somebody has the address.
pub async fn insert(tx: &mut Tx, user: &User, now: Timestamp) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT,
        user.id.0,
        user.email.typed(),
        user.email.key(),
        &user.name,
        user.language.map(Language::tag),
        user.verified.map(|at| at.0),
        now.0
    )?;
    if let Some(phc) = &user.phc {
        set_password(tx, user.id, phc, now).await?;
    }
    Ok(())
}

/// Replaces the password hash `verified` by `rehashed`; `false` if the password was changed meanwhile. It cannot be changed before the
/// transaction ends.
pub async fn confirm_password(tx: &mut Tx, user: UserId, verified: &str, rehashed: &str) -> Result<bool, StorageError> {
    let confirmed = changed!(tx, CONFIRM_PASSWORD, user.0, verified, rehashed)?;
    Ok(confirmed == 1)
}

/// Sets a user's password, by its hash in PHC form. What began with an earlier one ends: a change of address (PW-11), a sign-in that waits
/// for its second factor, and what is remembered of browsers.
pub async fn set_password(tx: &mut Tx, user: UserId, phc: &str, now: Timestamp) -> Result<(), StorageError> {
    address_changes::end_pending(tx, user, now).await?;
    pending_sign_ins::delete_of_user(tx, user).await?;
    remembered_browsers::delete_of_user(tx, user).await?;
    run!(tx, SET_PASSWORD, user.0, phc, now.0)
}

/// Deletes a user's password (R13).
pub async fn delete_password(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, DELETE_PASSWORD, user.0)
}

/// Records that the owner of the mailbox is this user from now on, with the given name (R13).
pub async fn prove_mailbox(tx: &mut Tx, user: UserId, name: &str, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, PROVE, user.0, name, now.0)
}

/// Keeps a user's row from being changed by others until the transaction ends. Whoever copies its name and address does so under this lock,
/// after those of accounts.
pub async fn lock(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, LOCK, user.0)
}

/// Sets what the person is called, and how they want pages and mails: language, zone and theme of `user`.
pub async fn set_profile(tx: &mut Tx, user: &User) -> Result<(), StorageError> {
    let language = user.language.map(Language::tag);
    let zone = user.time_zone.as_ref().map(TimeZone::name);
    run!(tx, SET_PROFILE, user.id.0, &user.name, language, zone, user.theme.map(Theme::key))
}

/// Sets the address, which a mail from Roster has just proved.
///
/// # Errors
/// [`StorageError::Taken`] if another user has it.
pub async fn set_email(tx: &mut Tx, user: UserId, email: &Email, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, SET_EMAIL, user.0, email.typed(), email.key(), now.0)
}

/// Sets when the login is deleted; `None` keeps it.
pub async fn set_deletion(tx: &mut Tx, user: UserId, at: Option<Timestamp>) -> Result<(), StorageError> {
    run!(tx, SET_DELETION, user.0, at.map(|at| at.0))
}

/// The next user after this one whose login is due to be deleted.
pub async fn to_delete(tx: &mut Tx, after: UserId, now: Timestamp) -> Result<Option<UserId>, StorageError> {
    let next: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(TO_DELETE).bind(now.0).bind(after.0).fetch_optional(c).await)?;
    Ok(next.map(UserId))
}

/// Erases what a user's row tells of the person.
pub async fn erase(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, ERASE, user.0, format!("deleted:{user}"))
}

/// Records that a mail from Roster proved the mailbox of this user (R12).
pub async fn verify(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, VERIFY, user.0, now.0)
}
