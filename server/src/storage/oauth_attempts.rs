//! Ways to a provider and back: bound to one browser, good for one return (OA-03).

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, AttemptId, ConfigurationId, InvitationId, LoginMethodId, SessionId},
    oauth::Fault,
    time::Timestamp,
};
use sqlx::FromRow;
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
    RETURN = concat!("
        UPDATE oauth_attempts SET returned_at = $4
         WHERE state_hash = $1 AND browser_hash = $2 AND login_method_id = $3 AND returned_at IS NULL AND expires_at > $4
        RETURNING ", columns!());
    KEEP = "
        UPDATE oauth_attempts SET sealed = $3, fault = $4, expires_at = $5 WHERE account_id = $1 AND id = $2";
    FIND = concat!("
        SELECT ", columns!(), " FROM oauth_attempts
         WHERE id = $1 AND browser_hash = $2 AND returned_at IS NOT NULL AND used_at IS NULL AND expires_at > $3");
    LAST_TEST = "
        SELECT configuration_id, returned_at FROM oauth_attempts
         WHERE account_id = $1 AND login_method_id = $2 AND session_id = $3 AND purpose = 'test' AND expires_at > $4
         ORDER BY created_at DESC, id DESC LIMIT 1";
    POINT_TO = "UPDATE oauth_attempts SET configuration_id = $3 WHERE account_id = $1 AND id = $2";
    USE_UP = "
        UPDATE oauth_attempts SET used_at = $3, sealed = NULL WHERE account_id = $1 AND id = $2 AND used_at IS NULL";
    USED_FOR = "
        SELECT invitation_id FROM oauth_attempts WHERE id = $1 AND browser_hash = $2 AND used_at IS NOT NULL";
    SWEEP = "DELETE FROM oauth_attempts WHERE expires_at < $1";
}

/// The configuration of a test from which this session has not come back yet.
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

/// What somebody is sent to a provider for.
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

/// A way to a provider about to begin.
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
    /// The configuration by which it goes.
    pub configuration: ConfigurationId,
    /// What for.
    pub purpose: AttemptPurpose,
    /// The invitation to take up.
    pub invitation: Option<InvitationId>,
    /// The session of whoever tests.
    pub session: Option<SessionId>,
    /// Where to go on: a path of our own, or empty.
    pub next: &'a str,
    /// PKCE verifier and nonce, sealed.
    pub sealed: &'a [u8],
    /// When it is too late to return.
    pub expires: Timestamp,
    /// The seconds since the person's sign-in that the provider is told to allow at most.
    pub max_age: Option<u32>,
}

/// A way to a provider.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The account whose method it is.
    pub scope: AccountScope,
    /// The method.
    pub method: LoginMethodId,
    /// The configuration by which it went.
    pub configuration: ConfigurationId,
    /// What for.
    pub purpose: AttemptPurpose,
    /// The invitation to take up.
    pub invitation: Option<InvitationId>,
    /// The session of whoever tests.
    pub session: Option<SessionId>,
    /// Where to go on.
    pub next: String,
    /// PKCE verifier and nonce before the return, what the provider said after it.
    pub sealed: Option<Vec<u8>>,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// Was the provider told to have the person sign in anew?
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

/// Begins a way to a provider, and forgets those whose time is over, with what providers said of people.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: &NewAttempt<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, SWEEP, now.0)?;
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

/// Takes the return of an attempt, once: `None` for one that this browser did not begin by this method, that returned before, or that is
/// too old (OA-03, OA-05). For `service::login_methods::finish_oauth` alone.
pub(crate) async fn take_return(
    tx: &mut Tx,
    state_hash: &[u8],
    browser_hash: &[u8],
    method: LoginMethodId,
    now: Timestamp,
) -> Result<Option<Attempt>, StorageError> {
    let row: Option<AttemptRow> = on!(tx, c => sqlx::query_as(RETURN)
        .bind(state_hash)
        .bind(browser_hash)
        .bind(method.0)
        .bind(now.0)
        .fetch_optional(c).await)?;
    row.map(Attempt::try_from).transpose()
}

/// Keeps what came of an attempt until `expires`: what the provider said, sealed, or what went wrong.
pub async fn keep(
    tx: &mut Tx,
    attempt: &Attempt,
    sealed: Option<&[u8]>,
    fault: Option<Fault>,
    expires: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, KEEP, attempt.scope.id().0, attempt.id.0, sealed, fault.map(Fault::key), expires.0)
}

/// What came of an attempt that this browser made, while it is kept and unused. The hash of the browser establishes the right to it.
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

/// Says that what came of an attempt belongs to another configuration: the same but for the claim that identifies people.
pub async fn point_to(tx: &mut Tx, attempt: &Attempt, configuration: ConfigurationId) -> Result<(), StorageError> {
    run!(tx, POINT_TO, attempt.scope.id().0, attempt.id.0, configuration.0)
}

/// The invitation that this browser took up by an attempt.
pub async fn used_for(tx: &mut Tx, id: AttemptId, browser_hash: &[u8]) -> Result<Option<InvitationId>, StorageError> {
    let found: Option<Option<Uuid>> =
        on!(tx, c => sqlx::query_scalar(USED_FOR).bind(id.0).bind(browser_hash).fetch_optional(c).await)?;
    Ok(found.flatten().map(InvitationId))
}

/// Uses up what came of an attempt; `false` if somebody was faster.
pub async fn use_up(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<bool, StorageError> {
    let used = changed!(tx, USE_UP, attempt.scope.id().0, attempt.id.0, now.0)?;
    Ok(used == 1)
}
