//! Links and codes of one use: first set-up, mailed codes.

use super::{StorageError, Tx, changed, on, run, statements};
use app::domain::time::Timestamp;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO one_time_tokens (id, purpose, hash, subject_id, created_at, expires_at, used_at)
        VALUES ($1, $2, $3, $4, $5, $6, NULL)";
    END_OTHERS = "
        UPDATE one_time_tokens SET used_at = $3
         WHERE purpose = $1 AND used_at IS NULL AND (subject_id = $2 OR ($2 IS NULL AND subject_id IS NULL))";
    LIVE = "
        SELECT COUNT(*) FROM one_time_tokens WHERE purpose = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3";
    USE = "
        UPDATE one_time_tokens SET used_at = $3 WHERE purpose = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3";
}

/// The purpose of a token; it is valid for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making the first account (CF-01).
    SetUp,
    /// Proving the mailbox of an invitation (R12).
    InvitationCode,
    /// Reauthentication, in one session (AZ-16).
    ReauthenticationCode,
}

impl Purpose {
    const fn key(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::InvitationCode => "invitation_code",
            Self::ReauthenticationCode => "reauthentication_code",
        }
    }
}

/// Makes a token; earlier ones of the same purpose and subject become invalid (PW-10).
pub async fn insert(
    tx: &mut Tx,
    purpose: Purpose,
    subject: Option<Uuid>,
    hash: &[u8],
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_OTHERS, purpose.key(), subject, now.0)?;
    run!(tx, INSERT, Uuid::now_v7(), purpose.key(), hash, subject, now.0, expires.0)
}

/// Is this token valid now? Nothing changes.
pub async fn is_live(tx: &mut Tx, purpose: Purpose, hash: &[u8], now: Timestamp) -> Result<bool, StorageError> {
    let count: i64 =
        on!(tx, c => sqlx::query_scalar(LIVE).bind(purpose.key()).bind(hash).bind(now.0).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Uses a token; `false` if it is not valid any more. One of several parallel uses wins.
pub async fn use_up(tx: &mut Tx, purpose: Purpose, hash: &[u8], now: Timestamp) -> Result<bool, StorageError> {
    let used = changed!(tx, USE, purpose.key(), hash, now.0)?;
    Ok(used == 1)
}
