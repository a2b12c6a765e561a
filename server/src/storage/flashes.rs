//! The results of forms, for the pages that they lead to: for browsers without scripting, and for pages made on the server.

use super::{StorageError, Tx, on, run, statements};
use app::domain::{
    ids::{FlashId, SessionId},
    time::Timestamp,
};

statements! {
    SWEEP = "DELETE FROM flashes WHERE expires_at < $1";
    PRUNE = "DELETE FROM flashes WHERE session_id = $1
                AND id NOT IN (SELECT id FROM flashes WHERE session_id = $1 ORDER BY id DESC LIMIT $2)";
    INSERT = "INSERT INTO flashes (id, session_id, sealed, expires_at) VALUES ($1, $2, $3, $4)";
    FIND = "SELECT sealed FROM flashes WHERE id = $1 AND session_id = $2 AND expires_at > $3";
}

/// How many flashes a session has; the oldest are deleted.
const MAX_PER_SESSION: i64 = 20;

/// Keeps a flash for this session until `expires`.
pub async fn insert(
    tx: &mut Tx,
    id: FlashId,
    session: SessionId,
    sealed: &[u8],
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, SWEEP, now.0)?;
    run!(tx, PRUNE, session.0, MAX_PER_SESSION - 1)?;
    run!(tx, INSERT, id.0, session.0, sealed, expires.0)
}

/// The flash of this session, sealed.
pub async fn find(
    tx: &mut Tx,
    id: FlashId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(FIND)
        .bind(id.0)
        .bind(session.0)
        .bind(now.0)
        .fetch_optional(c).await)?)
}
