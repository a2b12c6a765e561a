//! What browsers were asked about passkeys: each challenge is a row, good for one answer and for five minutes (LT-08).

use super::{StorageError, Tx, on, run, statements};
use app::domain::{ids::PasskeyChallengeId, time::Timestamp};
use uuid::Uuid;

statements! {
    INSERT = "INSERT INTO passkey_challenges (id, purpose, subject_id, state, expires_at) VALUES ($1, $2, $3, $4, $5)";
    CONSUME = "
        DELETE FROM passkey_challenges
         WHERE id = $1 AND purpose = $2 AND (subject_id = $3 OR ($3 IS NULL AND subject_id IS NULL)) AND expires_at > $4
        RETURNING state";
}

/// What a challenge is for; its answer counts for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// A new passkey, in a session.
    Register,
    /// The second step of a pending sign-in.
    SecondStep,
    /// Signing in by a passkey alone.
    SignIn,
    /// Reauthentication, in a session.
    Reauthenticate,
}

impl ChallengePurpose {
    const fn key(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SecondStep => "second_step",
            Self::SignIn => "sign_in",
            Self::Reauthenticate => "reauthenticate",
        }
    }
}

/// Keeps a challenge until `expires`. `subject` is the session or the pending sign-in that it is for.
pub async fn insert(
    tx: &mut Tx,
    id: PasskeyChallengeId,
    purpose: ChallengePurpose,
    subject: Option<Uuid>,
    state: &[u8],
    expires: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT, id.0, purpose.key(), subject, state, expires.0)
}

/// Uses a challenge up and answers its state; `None` if it was used, has expired, or is for something else. One of several parallel uses
/// wins.
pub async fn consume(
    tx: &mut Tx,
    id: PasskeyChallengeId,
    purpose: ChallengePurpose,
    subject: Option<Uuid>,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(CONSUME)
        .bind(id.0)
        .bind(purpose.key())
        .bind(subject)
        .bind(now.0)
        .fetch_optional(c).await)?)
}
