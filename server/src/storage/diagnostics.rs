//! Numbers about everything, for whoever helps an operator. Nothing is read that names somebody.

use super::{StorageError, Tx, on, statements};

statements! {
    ACCOUNTS = "SELECT CASE WHEN delete_at IS NULL THEN 'accounts' ELSE 'accounts to be deleted' END AS what, COUNT(*) FROM accounts GROUP BY 1";
    USERS = "SELECT 'users', COUNT(*) FROM users";
    MEMBERS = "SELECT state, COUNT(*) FROM members GROUP BY state ORDER BY state";
    INVITATIONS = "SELECT state, COUNT(*) FROM invitations GROUP BY state ORDER BY state";
    SESSIONS = "SELECT 'sessions', COUNT(*) FROM sessions";
    LOGIN_METHODS = "SELECT kind, COUNT(*) FROM login_methods GROUP BY kind ORDER BY kind";
    SECOND_FACTORS = "SELECT kind, COUNT(*) FROM second_factors GROUP BY kind ORDER BY kind";
    API_KEYS = "SELECT 'API keys', COUNT(*) FROM api_keys";
    WEBHOOKS = "SELECT status, COUNT(*) FROM webhooks GROUP BY status ORDER BY status";
    AUDIT_EVENTS = "SELECT 'audit events', COUNT(*) FROM audit_events";
    MAILS = "SELECT state || ' ' || kind, COUNT(*) FROM outbox GROUP BY state, kind ORDER BY state, kind";
    DELIVERIES = "
        SELECT state || ' ' || COALESCE(fault, ''), COUNT(*) FROM webhook_deliveries GROUP BY state, fault ORDER BY state, fault";
    // The code alone: what stands behind it may name somebody.
    MAIL_ANSWERS = "
        SELECT code, COUNT(*) FROM (SELECT outcome || ' ' || COALESCE(substr(answer, 1, 3), '') AS code FROM delivery_events) answers
         GROUP BY code ORDER BY code";
    MIGRATIONS = "SELECT description, version FROM _sqlx_migrations ORDER BY version";
}

/// What is counted, under its heading.
const COUNTED: [(&str, &str); 13] = [
    ("accounts", ACCOUNTS),
    ("users", USERS),
    ("members", MEMBERS),
    ("invitations", INVITATIONS),
    ("sessions", SESSIONS),
    ("login methods", LOGIN_METHODS),
    ("second factors", SECOND_FACTORS),
    ("API keys", API_KEYS),
    ("webhooks", WEBHOOKS),
    ("audit events", AUDIT_EVENTS),
    ("mails, by state and kind", MAILS),
    ("attempts to send mails, by result and code", MAIL_ANSWERS),
    ("deliveries to webhooks, by state and fault", DELIVERIES),
];

/// Numbers under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The heading.
    pub heading: &'static str,
    /// What, and how many of it.
    pub numbers: Vec<(String, i64)>,
}

/// Counts everything.
pub async fn count(tx: &mut Tx) -> Result<Vec<Counted>, StorageError> {
    let mut counted = Vec::new();
    for (heading, sql) in COUNTED {
        let numbers: Vec<(String, i64)> = on!(tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
        counted.push(Counted { heading, numbers });
    }
    Ok(counted)
}

/// The migrations that the database has had.
pub async fn migrations(tx: &mut Tx) -> Result<Vec<(String, i64)>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(MIGRATIONS).fetch_all(c).await)?)
}
