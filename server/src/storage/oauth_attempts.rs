//! Authorization attempts: each is bound to one browser and valid for one callback (OA-03).

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, AttemptId, ConfigurationId, InvitationId, LoginMethodId, SessionId},
    oauth::Fault,
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The columns of [`Attempt`].
macro_rules! columns {
    () => {
        "id, account_id, login_method_id, configuration_id, purpose, invitation_id, session_id, next, sealed, fault, max_age, returned_at"
    };
}

statements! {
    INSERT = "
        INSERT INTO oauth_attempts (id, state_hash, browser_hash, account_id, login_method_id, configuration_id, purpose, invitation_id,
                                    session_id, next, sealed, created_at, expires_at, max_age)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    CONSUME_STATE = concat!("
        UPDATE oauth_attempts SET returned_at = $4
         WHERE state_hash = $1 AND browser_hash = $2 AND login_method_id = $3 AND returned_at IS NULL AND expires_at > $4
        RETURNING ", columns!());
    STORE_RESULT = "
        UPDATE oauth_attempts SET sealed = $3, fault = $4, expires_at = $5 WHERE account_id = $1 AND id = $2";
    FIND = concat!("
        SELECT ", columns!(), " FROM oauth_attempts
         WHERE id = $1 AND browser_hash = $2 AND returned_at IS NOT NULL AND used_at IS NULL AND expires_at > $3");
    LAST_TEST = "
        SELECT configuration_id, returned_at FROM oauth_attempts
         WHERE account_id = $1 AND login_method_id = $2 AND session_id = $3 AND purpose = 'test' AND expires_at > $4
         ORDER BY created_at DESC, id DESC LIMIT 1";
    SET_CONFIGURATION = "UPDATE oauth_attempts SET configuration_id = $3 WHERE account_id = $1 AND id = $2";
    MARK_USED = "
        UPDATE oauth_attempts SET used_at = $3, sealed = NULL WHERE account_id = $1 AND id = $2 AND used_at IS NULL";
    INVITATION_JOINED_BY = "
        SELECT invitation_id FROM oauth_attempts WHERE id = $1 AND browser_hash = $2 AND used_at IS NOT NULL";
    DELETE_EXPIRED = "DELETE FROM oauth_attempts WHERE expires_at < $1";
}

/// The configuration of the test that this session has begun and that has not come back yet.
pub async fn unreturned_test(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<ConfigurationId>, StorageError> {
    let last: Option<(Uuid, Option<i64>)> = on!(tx, c => sqlx::query_as(LAST_TEST)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(session.0)
        .bind(now.0)
        .fetch_optional(c).await)?;
    Ok(last.and_then(|(configuration, returned)| returned.is_none().then_some(ConfigurationId(configuration))))
}

/// What an authorization is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptPurpose {
    /// Signing in to the account.
    SignIn,
    /// Taking an invitation up.
    Join,
    /// Seeing whether a configuration works.
    Test,
}

impl AttemptPurpose {
    const ALL: [Self; 3] = [Self::SignIn, Self::Join, Self::Test];

    const fn key(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Join => "join",
            Self::Test => "test",
        }
    }
}

/// An attempt that is about to begin.
#[derive(Debug)]
pub struct NewAttempt<'a> {
    /// Its id.
    pub id: AttemptId,
    /// The hash of its `state`.
    pub state_hash: &'a [u8],
    /// The hash of the browser's cookie.
    pub browser_hash: &'a [u8],
    /// The method.
    pub method: LoginMethodId,
    /// The configuration that it uses.
    pub configuration: ConfigurationId,
    /// What for.
    pub purpose: AttemptPurpose,
    /// The invitation to accept.
    pub invitation: Option<InvitationId>,
    /// The session of whoever tests.
    pub session: Option<SessionId>,
    /// Where to go on: a path of our own, or empty.
    pub next: &'a str,
    /// PKCE verifier and nonce, sealed.
    pub sealed: &'a [u8],
    /// When it expires.
    pub expires: Timestamp,
    /// The seconds since the person's sign-in that the provider is told to allow at most.
    pub max_age: Option<u32>,
}

/// An authorization attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The account whose method it is.
    pub scope: AccountScope,
    /// The method.
    pub method: LoginMethodId,
    /// The configuration that it used.
    pub configuration: ConfigurationId,
    /// What for.
    pub purpose: AttemptPurpose,
    /// The invitation to accept.
    pub invitation: Option<InvitationId>,
    /// The session of whoever tests.
    pub session: Option<SessionId>,
    /// Where to go on.
    pub next: String,
    /// Before the callback, PKCE verifier and nonce; after it, what the provider said. Sealed.
    pub sealed: Option<Vec<u8>>,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// Was the provider asked to reauthenticate the person (`max_age`)?
    pub asked_anew: bool,
    /// When the browser came back.
    pub returned: Option<Timestamp>,
}

#[derive(FromRow)]
struct AttemptRow {
    id: Uuid,
    account_id: Uuid,
    login_method_id: Uuid,
    configuration_id: Uuid,
    purpose: String,
    invitation_id: Option<Uuid>,
    session_id: Option<Uuid>,
    next: String,
    sealed: Option<Vec<u8>>,
    fault: Option<String>,
    max_age: Option<i64>,
    returned_at: Option<i64>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StorageError;

    fn try_from(row: AttemptRow) -> Result<Self, StorageError> {
        let purpose = AttemptPurpose::ALL.into_iter().find(|purpose| purpose.key() == row.purpose);
        Ok(Self {
            id: AttemptId(row.id),
            scope: AccountScope::established(AccountId(row.account_id)),
            method: LoginMethodId(row.login_method_id),
            configuration: ConfigurationId(row.configuration_id),
            purpose: purpose.ok_or(StorageError::inconsistent("oauth_attempts", "purpose"))?,
            invitation: row.invitation_id.map(InvitationId),
            session: row.session_id.map(SessionId),
            next: row.next,
            sealed: row.sealed,
            fault: row.fault.as_deref().and_then(Fault::from_key),
            asked_anew: row.max_age.is_some(),
            returned: row.returned_at.map(Timestamp),
        })
    }
}

/// Inserts an attempt, and deletes all that have expired, with what providers said of people.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: &NewAttempt<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, DELETE_EXPIRED, now.0)?;
    run!(
        tx,
        INSERT,
        new.id.0,
        new.state_hash,
        new.browser_hash,
        scope.id().0,
        new.method.0,
        new.configuration.0,
        new.purpose.key(),
        new.invitation.map(|id| id.0),
        new.session.map(|id| id.0),
        new.next,
        new.sealed,
        now.0,
        new.expires.0,
        new.max_age.map(i64::from)
    )
}

/// Consumes the `state` of an attempt, once: `None` if this browser did not begin the attempt with this method, if its state was consumed
/// before, or if it has expired (OA-03, OA-05). Only `service::login_methods::finish_oauth` calls this.
pub(crate) async fn consume_state(
    tx: &mut Tx,
    state_hash: &[u8],
    browser_hash: &[u8],
    method: LoginMethodId,
    now: Timestamp,
) -> Result<Option<Attempt>, StorageError> {
    let row: Option<AttemptRow> = on!(tx, c => sqlx::query_as(CONSUME_STATE)
        .bind(state_hash)
        .bind(browser_hash)
        .bind(method.0)
        .bind(now.0)
        .fetch_optional(c).await)?;
    row.map(Attempt::try_from).transpose()
}

/// Stores the result of an attempt until `expires`: what the provider said, sealed, or what went wrong.
pub async fn store_result(
    tx: &mut Tx,
    attempt: &Attempt,
    sealed: Option<&[u8]>,
    fault: Option<Fault>,
    expires: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, STORE_RESULT, attempt.scope.id().0, attempt.id.0, sealed, fault.map(Fault::key), expires.0)
}

/// An attempt of this browser whose result is stored and not used yet. The hash of the browser establishes the right to it.
pub(crate) async fn find(
    tx: &mut Tx,
    id: AttemptId,
    browser_hash: &[u8],
    now: Timestamp,
) -> Result<Option<Attempt>, StorageError> {
    let row: Option<AttemptRow> = on!(tx, c => sqlx::query_as(FIND)
        .bind(id.0)
        .bind(browser_hash)
        .bind(now.0)
        .fetch_optional(c).await)?;
    row.map(Attempt::try_from).transpose()
}

/// Assigns the result of an attempt to another configuration: one that differs only in the claim that identifies people.
pub async fn set_configuration(
    tx: &mut Tx,
    attempt: &Attempt,
    configuration: ConfigurationId,
) -> Result<(), StorageError> {
    run!(tx, SET_CONFIGURATION, attempt.scope.id().0, attempt.id.0, configuration.0)
}

/// The invitation that this browser accepted with this attempt.
pub async fn invitation_joined_by(
    tx: &mut Tx,
    id: AttemptId,
    browser_hash: &[u8],
) -> Result<Option<InvitationId>, StorageError> {
    let found: Option<Option<Uuid>> =
        on!(tx, c => sqlx::query_scalar(INVITATION_JOINED_BY).bind(id.0).bind(browser_hash).fetch_optional(c).await)?;
    Ok(found.flatten().map(InvitationId))
}

/// Marks the result of an attempt as used; `false` if it was used already.
pub async fn mark_used(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<bool, StorageError> {
    let used = changed!(tx, MARK_USED, attempt.scope.id().0, attempt.id.0, now.0)?;
    Ok(used == 1)
}
