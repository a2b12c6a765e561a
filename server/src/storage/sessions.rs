//! Sessions: opaque ids, stored hashed (SE-01), with what each has proved.
//!
//! `tower-sessions` is not used: it keeps a session as one opaque record, where here a session is a row that statements join with users
//! and proofs, and that ends in the transaction of the change that ends it.

use super::{AccountScope, StorageError, Tx, changed, forward_auth, on, platform_sign_ins, run, statements};
use app::domain::{
    ids::{LoginMethodId, SessionId, UserId},
    oauth::Recency,
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// Sessions by a password.
macro_rules! by_password {
    ($session:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = ",
            $session,
            ".id AND p.kind = 'password')"
        )
    };
}

/// Sessions that proved providers of the account of the method `$3`, and nothing else.
macro_rules! of_account {
    ($session:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM session_proofs p JOIN login_methods l ON l.id = p.login_method_id
                      WHERE p.session_id = ", $session, ".id
                        AND l.account_id = (SELECT o.account_id FROM login_methods o WHERE o.id = $3))
           AND NOT EXISTS (SELECT 1 FROM session_proofs p LEFT JOIN login_methods l ON l.id = p.login_method_id
                            WHERE p.session_id = ", $session, ".id
                              AND (p.kind = 'password' OR l.account_id <> (SELECT o.account_id FROM login_methods o WHERE o.id = $3)))"
        )
    };
}

/// Sessions that proved providers of several accounts, and no password.
macro_rules! of_several_accounts {
    ($session:literal) => {
        concat!(
            "(SELECT COUNT(DISTINCT l.account_id) FROM session_proofs p JOIN login_methods l ON l.id = p.login_method_id
                WHERE p.session_id = ", $session, ".id) > 1
           AND NOT ", by_password!($session)
        )
    };
}

statements! {
    INSERT = "
        INSERT INTO sessions (id, hash, user_id, created_at, last_seen_at, user_agent, ip) VALUES ($1, $2, $3, $4, $4, $5, $6)";
    INSERT_PROOF = "
        INSERT INTO session_proofs (session_id, kind, login_method_id, proved_at) VALUES ($1, $2, $3, $4)";
    // What the new session has just proved is not taken over; the rest keeps its time.
    TAKE_OVER_PROOFS = "
        INSERT INTO session_proofs (session_id, kind, login_method_id, proved_at, shortfall)
        SELECT $2, p.kind, p.login_method_id, p.proved_at, p.shortfall FROM session_proofs p
         WHERE p.session_id = $1 AND (p.kind <> $3 OR p.login_method_id <> $4)";
    TAKE_OVER_AGE = "
        UPDATE sessions SET created_at = (SELECT o.created_at FROM sessions o WHERE o.id = $1)
         WHERE id = $2 AND EXISTS (SELECT 1 FROM sessions o WHERE o.id = $1)";
    HAS_PROVED = "
        SELECT COUNT(*) FROM session_proofs WHERE session_id = $1 AND login_method_id = $2";
    SET_SHORTFALL = "
        UPDATE session_proofs SET shortfall = $3 WHERE session_id = $1 AND login_method_id = $2 AND kind = 'method'";
    SHORTFALL = "
        SELECT shortfall FROM session_proofs
         WHERE session_id = $1 AND login_method_id = $2 AND kind = 'method' AND shortfall IS NOT NULL
         ORDER BY proved_at DESC LIMIT 1";
    PROVED = "
        SELECT MAX(proved_at) FROM session_proofs WHERE session_id = $1 AND (kind = 'password' OR $2)";
    OWN_PROVED = "
        SELECT MAX(proved_at) FROM session_proofs
         WHERE session_id = $1 AND (kind = 'password' OR kind = 'second_factor' AND login_method_id IS NULL)";
    SECOND_FACTOR_PROVED = "
        SELECT MAX(proved_at) FROM session_proofs
         WHERE session_id = $1 AND kind = 'second_factor' AND login_method_id IS NULL";
    AUTHENTICATE = "
        SELECT s.id, s.last_seen_at, u.id AS user_id, u.email, u.name, u.language, u.time_zone, u.theme, u.delete_at
          FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.hash = $1 AND s.created_at > $2 AND s.last_seen_at > $3";
    FIND_LIVE = "
        SELECT s.id, s.last_seen_at, u.id AS user_id, u.email, u.name, u.language, u.time_zone, u.theme, u.delete_at
          FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.user_id = $1 AND s.id = $2 AND s.created_at > $3 AND s.last_seen_at > $4";
    OF_USER = "
        SELECT s.id, s.created_at, s.last_seen_at, s.user_agent, s.ip FROM sessions s
         WHERE s.user_id = $1 AND s.created_at > $2 AND s.last_seen_at > $3
         ORDER BY s.last_seen_at DESC, s.id DESC";
    BEGAN = "SELECT created_at FROM sessions WHERE id = $1";
    RENEW = "UPDATE sessions SET hash = $2 WHERE id = $1";
    RENEW_PASSWORD_PROOF = "UPDATE session_proofs SET proved_at = $2 WHERE session_id = $1 AND kind = 'password'";
    DELETE_OF = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
    FORGET_SECOND_FACTOR = "
        DELETE FROM session_proofs WHERE session_id = $1 AND kind = 'second_factor' AND login_method_id IS NULL";
    FORGET_SECOND_FACTOR_FOR = "
        DELETE FROM session_proofs WHERE session_id = $1 AND kind = 'second_factor' AND login_method_id = $2";
    FORGET_SECOND_FACTORS_IN = "
        DELETE FROM session_proofs
         WHERE kind = 'second_factor'
           AND login_method_id IN (SELECT l.id FROM login_methods l WHERE l.account_id = $2)
           AND session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $1)";
    FORGET_SECOND_FACTORS_BY = "DELETE FROM session_proofs WHERE kind = 'second_factor' AND login_method_id = $1";
    TOUCH = "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
    DELETE = "DELETE FROM sessions WHERE id = $1";
    DELETE_OF_USER = "DELETE FROM sessions WHERE user_id = $1";
    DELETE_OTHERS = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    DELETE_BEYOND_PASSWORD = concat!("
        DELETE FROM sessions
         WHERE user_id = $1 AND ", by_password!("sessions"), "
           AND id NOT IN (SELECT k.id FROM sessions k
                           WHERE k.user_id = $1 AND ", by_password!("k"), "
                           ORDER BY k.created_at DESC, k.id DESC LIMIT $2)");
    DELETE_BEYOND_SEVERAL = concat!("
        DELETE FROM sessions
         WHERE user_id = $1 AND ", of_several_accounts!("sessions"), "
           AND id NOT IN (SELECT k.id FROM sessions k
                           WHERE k.user_id = $1 AND ", of_several_accounts!("k"), "
                           ORDER BY k.created_at DESC, k.id DESC LIMIT $2)");
    DELETE_BEYOND_ACCOUNT = concat!("
        DELETE FROM sessions
         WHERE user_id = $1 AND ", of_account!("sessions"), "
           AND id NOT IN (SELECT k.id FROM sessions k
                           WHERE k.user_id = $1 AND ", of_account!("k"), "
                           ORDER BY k.created_at DESC, k.id DESC LIMIT $2)");
}

/// A session about to begin.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Its id, which appears in records.
    pub id: SessionId,
    /// The hash of the cookie's value.
    pub hash: Vec<u8>,
    /// Whose.
    pub user: UserId,
    /// The browser's name for itself.
    pub user_agent: &'a str,
    /// The client's address.
    pub ip: String,
}

/// A live session and its user.
#[derive(Debug, FromRow)]
pub struct LiveSession {
    /// The session.
    pub id: Uuid,
    /// When it was last used, to within five minutes.
    pub last_seen_at: i64,
    /// The user.
    pub user_id: Uuid,
    /// The user's address, as typed.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The user's language.
    pub language: Option<String>,
    /// The zone of the user's times.
    pub time_zone: Option<String>,
    /// Light or dark.
    pub theme: Option<String>,
    /// When the login is deleted.
    pub delete_at: Option<i64>,
}

/// A session as its user sees it.
#[derive(Debug, FromRow)]
pub struct ListedSession {
    /// The session.
    pub id: Uuid,
    /// When it began.
    pub created_at: i64,
    /// When it was last used, to within five minutes.
    pub last_seen_at: i64,
    /// The browser's name for itself.
    pub user_agent: String,
    /// The client's address when it began.
    pub ip: String,
}

/// What a session has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The user's own password.
    Password,
    /// A login method of one account, valid for that account alone (OA-12).
    Method {
        /// The method.
        method: LoginMethodId,
        /// When the person proved it: at the provider, where that says when.
        at: Timestamp,
    },
}

impl Proof {
    const fn kind(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Method { .. } => "method",
        }
    }

    const fn method(self) -> Option<Uuid> {
        match self {
            Self::Password => None,
            Self::Method { method, .. } => Some(method.0),
        }
    }
}

/// Begins a session with what was just proved.
pub async fn insert(tx: &mut Tx, session: &NewSession<'_>, proof: Proof, now: Timestamp) -> Result<(), StorageError> {
    let proved = match proof {
        Proof::Password => now,
        Proof::Method { at, .. } => at,
    };
    run!(tx, INSERT, session.id.0, &session.hash, session.user.0, now.0, session.user_agent, &session.ip)?;
    run!(tx, INSERT_PROOF, session.id.0, proof.kind(), proof.method(), proved.0)
}

/// Ends the oldest sessions of a user beyond `most` of a kind (SE-11). Those by a password are one kind, those by one account's providers
/// another, and those by several accounts' providers a third: an account that makes many of a person ends none but its own (R49).
pub async fn end_oldest(tx: &mut Tx, user: UserId, proof: Proof, most: u32) -> Result<(), StorageError> {
    tx.note_session_end(user);
    let (user, most) = (user.0, i64::from(most));
    run!(tx, DELETE_BEYOND_PASSWORD, user, most)?;
    run!(tx, DELETE_BEYOND_SEVERAL, user, most)?;
    if let Some(method) = proof.method() {
        run!(tx, DELETE_BEYOND_ACCOUNT, user, most, method)?;
    }
    platform_sign_ins::end_without_session(tx, UserId(user)).await
}

/// Records that a session proved a second factor of its user just now.
pub async fn renew_second_factor(tx: &mut Tx, session: SessionId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, FORGET_SECOND_FACTOR, session.0)?;
    run!(tx, INSERT_PROOF, session.0, "second_factor", None::<Uuid>, now.0)
}

/// When a session began, or an earlier one whose proofs it took over.
pub async fn began(tx: &mut Tx, session: SessionId) -> Result<Option<Timestamp>, StorageError> {
    let at: Option<i64> = on!(tx, c => sqlx::query_scalar(BEGAN).bind(session.0).fetch_optional(c).await)?;
    Ok(at.map(Timestamp))
}

/// Records that a session proved a second factor that counts in one account alone: the method's.
pub async fn add_second_factor_for(
    tx: &mut Tx,
    session: SessionId,
    method: LoginMethodId,
    at: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, FORGET_SECOND_FACTOR_FOR, session.0, method.0)?;
    insert_proof(tx, session, "second_factor", method, at).await
}

/// Records that a session proved a login method just now.
pub async fn add_method_proof(
    tx: &mut Tx,
    session: SessionId,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    insert_proof(tx, session, "method", method, now).await
}

/// Records that the user of a session reauthenticated just now without the provider of this login method, because the provider cannot prove a
/// recent sign-in. Like the proof of the method, it is valid for that method's account alone.
pub async fn add_reauthentication(
    tx: &mut Tx,
    session: SessionId,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    insert_proof(tx, session, "reauthentication", method, now).await
}

async fn insert_proof(
    tx: &mut Tx,
    session: SessionId,
    kind: &'static str,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT_PROOF, session.0, kind, method.0, now.0)
}

/// Records why what the method's provider said does not prove a recent sign-in.
pub async fn set_shortfall(
    tx: &mut Tx,
    session: SessionId,
    method: LoginMethodId,
    shortfall: &Recency,
) -> Result<(), StorageError> {
    let text = serde_json::to_string(shortfall).unwrap_or_default();
    run!(tx, SET_SHORTFALL, session.0, method.0, text)
}

/// Why the method's provider could not prove a recent sign-in to this session, if that is known.
pub async fn shortfall(
    tx: &mut Tx,
    session: SessionId,
    method: LoginMethodId,
) -> Result<Option<Recency>, StorageError> {
    let text: Option<String> =
        on!(tx, c => sqlx::query_scalar(SHORTFALL).bind(session.0).bind(method.0).fetch_optional(c).await)?;
    let read = |text: String| serde_json::from_str(&text);
    text.map(read).transpose().map_err(|_| StorageError::inconsistent("session_proofs", "shortfall"))
}

/// Copies to a session what another session of the same user proved, except `proof`, and with it that session's age: no proof is valid for
/// longer than a session may last (SE-04).
pub async fn take_over_proofs(tx: &mut Tx, from: SessionId, to: SessionId, proof: Proof) -> Result<(), StorageError> {
    let taken_over = changed!(tx, TAKE_OVER_PROOFS, from.0, to.0, proof.kind(), proof.method())?;
    if taken_over > 0 {
        run!(tx, TAKE_OVER_AGE, from.0, to.0)?;
    }
    forward_auth::move_to_session(tx, from, to).await?;
    platform_sign_ins::move_to_session(tx, from, to).await
}

/// Has this session proved this method before?
pub async fn has_proved(tx: &mut Tx, session: SessionId, method: LoginMethodId) -> Result<bool, StorageError> {
    let proofs: i64 = on!(tx, c => sqlx::query_scalar(HAS_PROVED).bind(session.0).bind(method.0).fetch_one(c).await)?;
    Ok(proofs > 0)
}

/// When this session last proved the user's own password.
pub async fn password_proved(tx: &mut Tx, session: SessionId) -> Result<Option<Timestamp>, StorageError> {
    proved(tx, session, false).await
}

/// When this session last proved anything.
pub async fn anything_proved(tx: &mut Tx, session: SessionId) -> Result<Option<Timestamp>, StorageError> {
    proved(tx, session, true).await
}

/// When this session last proved a credential of the user's own: the password, or a second factor.
pub async fn own_proved(tx: &mut Tx, session: SessionId) -> Result<Option<Timestamp>, StorageError> {
    let at: Option<i64> = on!(tx, c => sqlx::query_scalar(OWN_PROVED).bind(session.0).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// When this session last proved a second factor of the user.
pub async fn second_factor_proved(tx: &mut Tx, session: SessionId) -> Result<Option<Timestamp>, StorageError> {
    let at: Option<i64> = on!(tx, c => sqlx::query_scalar(SECOND_FACTOR_PROVED).bind(session.0).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

async fn proved(tx: &mut Tx, session: SessionId, anything: bool) -> Result<Option<Timestamp>, StorageError> {
    let at: Option<i64> = on!(tx, c => sqlx::query_scalar(PROVED).bind(session.0).bind(anything).fetch_one(c).await)?;
    Ok(at.map(Timestamp))
}

/// The session of this cookie, if it began after `oldest` and was last used after `idlest` (SE-04).
pub async fn authenticate(
    tx: &mut Tx,
    hash: &[u8],
    oldest: Timestamp,
    idlest: Timestamp,
) -> Result<Option<LiveSession>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(AUTHENTICATE).bind(hash).bind(oldest.0).bind(idlest.0).fetch_optional(c).await)?)
}

/// A session of a user, if it began after `oldest` and was last used after `idlest` (SE-04).
pub async fn find_live(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    oldest: Timestamp,
    idlest: Timestamp,
) -> Result<Option<LiveSession>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(FIND_LIVE)
        .bind(user.0)
        .bind(session.0)
        .bind(oldest.0)
        .bind(idlest.0)
        .fetch_optional(c).await)?)
}

/// A user's sessions that began after `oldest` and were last used after `idlest`, the latest used first (SE-08).
pub async fn of_user(
    tx: &mut Tx,
    user: UserId,
    oldest: Timestamp,
    idlest: Timestamp,
) -> Result<Vec<ListedSession>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(OF_USER).bind(user.0).bind(oldest.0).bind(idlest.0).fetch_all(c).await)?)
}

/// Gives a session that just proved the user's password another cookie: the earlier one is dead (SE-02).
pub async fn renew(tx: &mut Tx, session: SessionId, hash: &[u8], now: Timestamp) -> Result<(), StorageError> {
    run!(tx, RENEW, session.0, hash)?;
    run!(tx, RENEW_PASSWORD_PROOF, session.0, now.0)
}

/// Ends one of a user's own sessions; `false` if the user has no such session (SE-08).
pub async fn delete_of(tx: &mut Tx, user: UserId, session: SessionId) -> Result<bool, StorageError> {
    tx.note_session_end(user);
    let deleted = changed!(tx, DELETE_OF, user.0, session.0)?;
    platform_sign_ins::end_without_session(tx, user).await?;
    Ok(deleted == 1)
}

/// Forgets what a user's sessions proved of second factors that count in one account alone.
pub async fn forget_second_factor_for(tx: &mut Tx, user: UserId, scope: AccountScope) -> Result<(), StorageError> {
    run!(tx, FORGET_SECOND_FACTORS_IN, user.0, scope.id().0)
}

/// Forgets the second factors that count in the account of this method, and came by it.
pub async fn forget_second_factors_by(tx: &mut Tx, method: LoginMethodId) -> Result<(), StorageError> {
    run!(tx, FORGET_SECOND_FACTORS_BY, method.0)
}

/// Gives a session another cookie: the earlier one is dead (SE-02).
pub async fn renew_cookie(tx: &mut Tx, session: SessionId, hash: &[u8]) -> Result<(), StorageError> {
    run!(tx, RENEW, session.0, hash)
}

/// Notes that a session is in use.
pub async fn touch(tx: &mut Tx, session: SessionId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, TOUCH, session.0, now.0)
}

/// Ends a session (SE-05).
pub async fn delete(tx: &mut Tx, user: UserId, session: SessionId) -> Result<(), StorageError> {
    tx.note_session_end(user);
    run!(tx, DELETE, session.0)?;
    platform_sign_ins::end_without_session(tx, user).await
}

/// Ends every session of a user.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, StorageError> {
    tx.note_session_end(user);
    let deleted = changed!(tx, DELETE_OF_USER, user.0)?;
    platform_sign_ins::end_without_session(tx, user).await?;
    Ok(deleted)
}

/// Ends a user's sessions but for this one; answers how many.
pub async fn delete_others(tx: &mut Tx, user: UserId, kept: Option<SessionId>) -> Result<u64, StorageError> {
    // No session has the id of nothing.
    let kept = kept.map_or_else(Uuid::nil, |session| session.0);
    tx.note_session_end(user);
    let deleted = changed!(tx, DELETE_OTHERS, user.0, kept)?;
    platform_sign_ins::end_without_session(tx, user).await?;
    Ok(deleted)
}
