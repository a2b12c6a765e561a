//! The user's own log: what happened to their login, written in the transaction of the change. It is the user's alone; accounts have
//! their audit events.

use super::{StorageError, Tx, on, run, statements};
pub use app::domain::user_event::UserEvent;
use app::domain::{ids::UserId, time::Timestamp};
use sqlx_macros::FromRow;
use std::net::IpAddr;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO user_events (id, user_id, at, kind, data, ip, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    OF_USER = "
        SELECT id, at, kind, data, ip, user_agent FROM user_events
         WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
}

/// Where something was done; empty for the host's operator.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
}

/// Writes an event into the user's log.
pub async fn record(
    tx: &mut Tx,
    user: UserId,
    event: &UserEvent,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), StorageError> {
    let data = serde_json::to_string(event).unwrap_or_default();
    let ip = origin.ip.map(|ip| ip.to_string());
    run!(tx, INSERT, Uuid::now_v7(), user.0, now.0, event.key(), data, ip, origin.user_agent.as_deref())
}

/// An event of a user's log, as it was written.
#[derive(Clone, Debug, FromRow)]
pub struct RecordedUserEvent {
    /// Its id, by which the log is read on.
    pub id: Uuid,
    /// When, in milliseconds.
    pub at: i64,
    /// What, by its key.
    pub kind: String,
    /// What of it is told, as JSON.
    pub data: String,
    /// The client's address; `None` for the host's operator.
    pub ip: Option<String>,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
}

/// The user's events before this one, newest first.
pub async fn list(
    tx: &mut Tx,
    user: UserId,
    before: Option<Uuid>,
    most: i64,
) -> Result<Vec<RecordedUserEvent>, StorageError> {
    let before = before.unwrap_or(Uuid::max());
    Ok(on!(tx, c => sqlx::query_as(OF_USER).bind(user.0).bind(before).bind(most).fetch_all(c).await)?)
}
