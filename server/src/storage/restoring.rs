//! What ends when a database takes the place of a later one (F21). It is of all accounts, and only the host's operator asks for it.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{ids::MemberId, role::RoleKey, time::Timestamp};
use sqlx_macros::FromRow;
use std::collections::HashSet;
use uuid::Uuid;

/// What stands at a mail that is not sent any more, where the answer of the mail server would.
const NOT_SENT: &str = "not sent, because the server was restored from a backup";

statements! {
    NEWEST = "
        SELECT MAX(at) FROM (SELECT MAX(at) AS at FROM audit_events UNION ALL SELECT MAX(last_seen_at) FROM sessions) newest";
    // Sessions take their proofs and the sign-ins of hosts behind a proxy along.
    SESSIONS = "DELETE FROM sessions";
    // The platforms are told, as of any other end.
    PLATFORM_SIGN_INS = "
        UPDATE platform_sign_ins SET ended = TRUE, told_at = CASE WHEN code_used_at IS NULL THEN created_at END WHERE NOT ended";
    PLATFORM_TOKENS = "DELETE FROM platform_tokens";
    PENDING_SIGN_INS = "DELETE FROM pending_sign_ins";
    REMEMBERED_BROWSERS = "DELETE FROM remembered_browsers";
    PASSKEY_CHALLENGES = "DELETE FROM passkey_challenges";
    OAUTH_ATTEMPTS = "DELETE FROM oauth_attempts";
    FLASHES = "DELETE FROM flashes";
    ONE_TIME_TOKENS = "DELETE FROM one_time_tokens";
    PASSWORD_RESETS = "DELETE FROM password_resets";
    ADDRESS_CHANGES = "DELETE FROM address_changes";
    API_ANSWERS = "DELETE FROM api_answers";
    INVITATION_LINKS = "UPDATE invitation_tokens SET dead_at = $1, sealed = NULL WHERE dead_at IS NULL";
    OFFERS = "UPDATE ownership_offers SET ended_at = $1 WHERE ended_at IS NULL";
    API_KEYS = "UPDATE api_keys SET expires_at = $1 WHERE expires_at IS NULL OR expires_at > $1";
    WEBHOOKS = "UPDATE webhooks SET status = 'off' WHERE status = 'on'";
    DELIVERIES = "
        UPDATE webhook_deliveries SET state = 'dropped', done_at = $1, lease_until = NULL WHERE state = 'queued'";
    MAILS = "
        UPDATE outbox SET state = 'refused', done_at = $1, last_answer = $2, lease_until = NULL, sealed = NULL WHERE state = 'queued'";
    ACTIVE = "SELECT id FROM members WHERE state = 'active'";
    ACTIVE_OF_ACCOUNT = "SELECT id, email_key, role_key, version FROM members WHERE account_id = $1 AND state = 'active' ORDER BY id";
}

/// How much ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: u64,
    /// Sign-ins at platforms.
    pub platform_sign_ins: u64,
    /// Links of invitations.
    pub invitation_links: u64,
    /// API keys.
    pub api_keys: u64,
    /// Webhooks that are off now.
    pub webhooks: u64,
    /// Deliveries to webhooks.
    pub deliveries: u64,
    /// Mails that are not sent.
    pub mails: u64,
}

/// The time of the newest thing in the database; `None` if nothing has happened in it.
pub async fn newest(tx: &mut Tx) -> Result<Option<Timestamp>, StorageError> {
    let newest: Option<i64> = on!(tx, c => sqlx::query_scalar(NEWEST).fetch_one(c).await)?;
    Ok(newest.map(Timestamp))
}

/// Ends everything that somebody may have ended since the copy was made, and nobody could end again.
pub async fn end_all(tx: &mut Tx, now: Timestamp) -> Result<Ended, StorageError> {
    // What is said of a sign-in looks at its session, so these come first.
    let platform_sign_ins = changed!(tx, PLATFORM_SIGN_INS)?;
    for sql in [
        PLATFORM_TOKENS,
        PENDING_SIGN_INS,
        REMEMBERED_BROWSERS,
        PASSKEY_CHALLENGES,
        OAUTH_ATTEMPTS,
        FLASHES,
        ONE_TIME_TOKENS,
        PASSWORD_RESETS,
        ADDRESS_CHANGES,
        API_ANSWERS,
    ] {
        run!(tx, sql)?;
    }
    run!(tx, OFFERS, now.0)?;
    Ok(Ended {
        sessions: changed!(tx, SESSIONS)?,
        platform_sign_ins,
        invitation_links: changed!(tx, INVITATION_LINKS, now.0)?,
        api_keys: changed!(tx, API_KEYS, now.0)?,
        webhooks: changed!(tx, WEBHOOKS)?,
        deliveries: changed!(tx, DELIVERIES, now.0)?,
        mails: changed!(tx, MAILS, now.0, NOT_SENT)?,
    })
}

/// The active members of all accounts.
pub async fn active(tx: &mut Tx) -> Result<HashSet<MemberId>, StorageError> {
    let ids: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(ACTIVE).fetch_all(c).await)?;
    Ok(ids.into_iter().map(MemberId).collect())
}

/// An active member.
#[derive(Clone, Debug)]
pub struct ActiveMember {
    /// The row.
    pub id: MemberId,
    /// The canonical address.
    pub email_key: String,
    /// The role.
    pub role: RoleKey,
    /// Counts the changes of the row (R66).
    pub version: i64,
}

#[derive(FromRow)]
struct ActiveRow {
    id: Uuid,
    email_key: String,
    role_key: String,
    version: i64,
}

/// The active members of an account.
pub async fn active_of(tx: &mut Tx, scope: AccountScope) -> Result<Vec<ActiveMember>, StorageError> {
    let rows: Vec<ActiveRow> = on!(tx, c => sqlx::query_as(ACTIVE_OF_ACCOUNT).bind(scope.id().0).fetch_all(c).await)?;
    let read = |row: ActiveRow| ActiveMember {
        id: MemberId(row.id),
        email_key: row.email_key,
        role: RoleKey::new(row.role_key),
        version: row.version,
    };
    Ok(rows.into_iter().map(read).collect())
}
