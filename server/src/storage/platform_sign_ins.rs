//! Sign-ins of members at platforms: the code, the tokens that came of it, and their end, of which the platform is told.
//!
//! A token is good for nothing by itself: whoever looks one up reads session and membership beside it, as they are now. A session or a
//! membership that ends takes its sign-ins along in the same transaction, through the functions here that `sessions` and `members` call.

use super::{
    AccountScope, StorageError, Tx, changed,
    members::{proved_at, proved_factors},
    on, run,
    second_factor_requirements::is_required,
    statements,
};
use app::domain::{
    ids::{AccountId, MemberId, SessionId, UserId},
    name::Slug,
    time::Timestamp,
};
use sqlx_macros::FromRow;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The columns of [`PlatformSignIn`].
macro_rules! select_sign_ins {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.client_id, p.account_id, p.member_id, p.user_id, p.session_id, p.subject, p.redirect_uri, p.scope, p.nonce,
                    p.code_challenge, p.code_expires_at, p.code_used_at, p.authenticated_at, p.ended, a.slug
               FROM platform_sign_ins p JOIN accounts a ON a.id = p.account_id ",
            $rest
        )
    };
}

/// Sets a sign-in off as ended. One whose code nobody exchanged gave nothing out, and its platform has nothing to hear.
macro_rules! end {
    ($($condition:tt)+) => {
        concat!(
            "UPDATE platform_sign_ins SET ended = TRUE, told_at = CASE WHEN code_used_at IS NULL THEN created_at END
              WHERE ",
            $($condition)+,
            " AND NOT ended"
        )
    };
}

/// Does the session still open the account of the sign-in at the time `$2`? The conditions of `members::access::ACTOR`, without the age of the
/// session.
macro_rules! opens {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM members m
                      WHERE m.account_id = platform_sign_ins.account_id AND m.id = platform_sign_ins.member_id
                        AND m.user_id = platform_sign_ins.user_id AND m.state = 'active'
                        AND ",
            proved_at!("platform_sign_ins.session_id"),
            " IS NOT NULL
                        AND (NOT EXISTS (SELECT 1 FROM second_factor_requirements d
                                          WHERE d.account_id = m.account_id AND d.starts_at <= $2 AND ",
            is_required!(),
            ") OR ",
            proved_factors!("platform_sign_ins.session_id"),
            " > 0))"
        )
    };
}

statements! {
    SUBJECT = "SELECT subject FROM platform_subjects WHERE user_id = $1 AND sector = $2";
    INSERT_SUBJECT = "
        INSERT INTO platform_subjects (user_id, sector, subject) VALUES ($1, $2, $3) ON CONFLICT (user_id, sector) DO NOTHING";
    FORGET_SUBJECTS = "DELETE FROM platform_subjects WHERE user_id = $1";
    INSERT = "
        INSERT INTO platform_sign_ins (id, client_id, account_id, member_id, user_id, session_id, subject, redirect_uri, scope, nonce,
                                       code_challenge, code_hash, code_expires_at, authenticated_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    HAS_BEEN_THERE = "
        SELECT COUNT(*) FROM platform_sign_ins WHERE account_id = $1 AND user_id = $2 AND session_id = $3 AND client_id = $4";
    LAST_ACCOUNT = "
        SELECT a.slug FROM platform_sign_ins p JOIN accounts a ON a.id = p.account_id
         WHERE p.user_id = $1 AND p.session_id = $2 AND p.client_id = $3 AND NOT p.ended ORDER BY p.id DESC LIMIT 1";
    FIND = select_sign_ins!("WHERE p.id = $1 AND p.client_id = $2");
    BY_CODE = select_sign_ins!("WHERE p.code_hash = $1");
    IS_KNOWN = "
        SELECT (SELECT COUNT(*) FROM platform_sign_ins p WHERE p.code_hash = $1)
             + (SELECT COUNT(*) FROM platform_tokens t WHERE t.hash = $1)";
    BY_TOKEN = "SELECT id, sign_in_id, kind, created_at, expires_at, used_at FROM platform_tokens WHERE hash = $1";
    OF_TOKEN = select_sign_ins!("WHERE p.id = $1");
    USE_CODE = "
        UPDATE platform_sign_ins SET code_used_at = $3
         WHERE account_id = $1 AND id = $2 AND code_used_at IS NULL AND NOT ended";
    USE_REFRESH_TOKEN = "UPDATE platform_tokens SET used_at = $2 WHERE id = $1 AND kind = 'refresh' AND used_at IS NULL";
    INSERT_TOKEN = "
        INSERT INTO platform_tokens (id, sign_in_id, kind, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    DELETE_TOKEN = "DELETE FROM platform_tokens WHERE id = $1";
    END = end!("account_id = $1 AND id = $2");
    END_OF_MEMBER = end!("account_id = $1 AND member_id = $2");
    END_OF_ACCOUNT = end!("account_id = $1");
    END_OF_USER = end!("user_id = $1");
    END_OF_CLIENT = end!("client_id = $1");
    END_WITHOUT_SESSION = end!(
        "user_id = $1 AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = platform_sign_ins.session_id)"
    );
    END_CLOSED = end!("account_id = $1 AND NOT ", opens!());
    END_CLOSED_OF_MEMBER = end!("account_id = $1 AND member_id = $3 AND NOT ", opens!());
    LIVE = "
        SELECT session_id FROM platform_sign_ins WHERE NOT ended AND session_id > $1 ORDER BY session_id LIMIT 1 OFFSET $2";
    CLOSED = concat!("
        SELECT DISTINCT account_id FROM platform_sign_ins
         WHERE NOT ended AND session_id > $1 AND session_id <= $3 AND NOT ", opens!());
    MOVE_TO_SESSION = "UPDATE platform_sign_ins SET session_id = $2 WHERE session_id = $1 AND NOT ended";
    OVER = "
        SELECT p.user_id FROM platform_sign_ins p LEFT JOIN sessions s ON s.id = p.session_id
         WHERE NOT p.ended AND (s.id IS NULL OR s.created_at <= $1 OR s.last_seen_at <= $2) LIMIT $3";
    END_OVER = end!(
        "user_id = $1 AND NOT EXISTS (SELECT 1 FROM sessions s
                                       WHERE s.id = platform_sign_ins.session_id AND s.created_at > $2 AND s.last_seen_at > $3)"
    );
    CLIENTS_TO_TELL = "
        SELECT DISTINCT client_id FROM platform_sign_ins WHERE ended AND told_at IS NULL AND tell_at <= $1 ORDER BY client_id";
    TO_TELL = "
        SELECT id, account_id, client_id, subject, tell_attempts FROM platform_sign_ins
         WHERE client_id = $2 AND ended AND told_at IS NULL AND tell_at <= $1 ORDER BY tell_at, id LIMIT $3";
    CLAIM = "
        UPDATE platform_sign_ins SET tell_at = $3, tell_attempts = tell_attempts + 1
         WHERE id = $1 AND tell_attempts = $2 AND told_at IS NULL";
    TOLD = "UPDATE platform_sign_ins SET told_at = $2 WHERE id = $1";
    TELL_LATER = "UPDATE platform_sign_ins SET tell_at = $3 WHERE id = $1 AND tell_attempts = $2";
}

/// A sign-in of a member at a platform.
#[derive(Clone, Debug)]
pub struct PlatformSignIn {
    /// Its id, which tokens carry as `sid`.
    pub id: Uuid,
    /// The client.
    pub client_id: String,
    /// The scope of its account.
    pub scope: AccountScope,
    /// The account's slug.
    pub account: Slug,
    /// The row of the member.
    pub member: MemberId,
    /// The user.
    pub user: UserId,
    /// The session that it was begun in.
    pub session: SessionId,
    /// What the client calls the user.
    pub subject: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The scopes that were asked for.
    pub scopes: String,
    /// What the ID token carries back.
    pub nonce: Option<String>,
    /// What the code is bound to.
    pub code_challenge: String,
    /// Until when the code can be exchanged.
    pub code_expires: Timestamp,
    /// When it was.
    pub code_used: Option<Timestamp>,
    /// When the session had proved the member's login method.
    pub authenticated_at: Timestamp,
    /// Did session or membership end, or did the client bring a token twice?
    pub ended: bool,
}

#[derive(FromRow)]
struct SignInRow {
    id: Uuid,
    client_id: String,
    account_id: Uuid,
    member_id: Uuid,
    user_id: Uuid,
    session_id: Uuid,
    subject: String,
    redirect_uri: String,
    scope: String,
    nonce: Option<String>,
    code_challenge: String,
    code_expires_at: i64,
    code_used_at: Option<i64>,
    authenticated_at: i64,
    ended: bool,
    slug: String,
}

impl TryFrom<SignInRow> for PlatformSignIn {
    type Error = StorageError;

    fn try_from(row: SignInRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id,
            client_id: row.client_id,
            scope: AccountScope::established(AccountId(row.account_id)),
            account: Slug::parse(&row.slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
            member: MemberId(row.member_id),
            user: UserId(row.user_id),
            session: SessionId(row.session_id),
            subject: row.subject,
            redirect_uri: row.redirect_uri,
            scopes: row.scope,
            nonce: row.nonce,
            code_challenge: row.code_challenge,
            code_expires: Timestamp(row.code_expires_at),
            code_used: row.code_used_at.map(Timestamp),
            authenticated_at: Timestamp(row.authenticated_at),
            ended: row.ended,
        })
    }
}

/// A sign-in about to begin.
#[derive(Debug)]
pub struct NewPlatformSignIn<'a> {
    /// Its id.
    pub id: Uuid,
    /// The client.
    pub client_id: &'a str,
    /// The member.
    pub member: MemberId,
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// What the client calls the user.
    pub subject: &'a str,
    /// Where the code goes.
    pub redirect_uri: &'a str,
    /// The scopes.
    pub scopes: &'a str,
    /// What the ID token carries back.
    pub nonce: Option<&'a str>,
    /// What the code is bound to.
    pub code_challenge: &'a str,
    /// The hash of the code.
    pub code_hash: Vec<u8>,
    /// Until when the code can be exchanged.
    pub code_expires: Timestamp,
    /// When the session had proved the member's login method.
    pub authenticated_at: Timestamp,
}

/// What clients hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// It tells of the member.
    Access,
    /// It is exchanged for the next ones.
    Refresh,
}

impl TokenKind {
    const fn key(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        [Self::Access, Self::Refresh].into_iter().find(|kind| kind.key() == key)
    }
}

/// A token that a client holds.
#[derive(Clone, Debug)]
pub struct PlatformToken {
    /// Its row.
    pub id: Uuid,
    /// What it is.
    pub kind: TokenKind,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it is good.
    pub expires: Timestamp,
    /// When a refresh token was exchanged.
    pub used: Option<Timestamp>,
}

/// What a client of this sector calls the user: always the same. `fresh` becomes it if there is none yet.
pub async fn subject(tx: &mut Tx, user: UserId, sector: &str, fresh: &str) -> Result<String, StorageError> {
    run!(tx, INSERT_SUBJECT, user.0, sector, fresh)?;
    Ok(on!(tx, c => sqlx::query_scalar(SUBJECT).bind(user.0).bind(sector).fetch_one(c).await)?)
}

/// Forgets what a user is called: the login is erased, or somebody else's from now on.
pub(crate) async fn forget_subjects(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, FORGET_SUBJECTS, user.0)
}

/// Begins a sign-in at a client.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: &NewPlatformSignIn<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT,
        new.id,
        new.client_id,
        scope.id().0,
        new.member.0,
        new.user.0,
        new.session.0,
        new.subject,
        new.redirect_uri,
        new.scopes,
        new.nonce,
        new.code_challenge,
        &new.code_hash,
        new.code_expires.0,
        new.authenticated_at.0,
        now.0
    )
}

/// Was this session at this client before?
pub async fn has_been_there(
    tx: &mut Tx,
    scope: AccountScope,
    user: UserId,
    session: SessionId,
    client_id: &str,
) -> Result<bool, StorageError> {
    let times: i64 = on!(tx, c => sqlx::query_scalar(HAS_BEEN_THERE)
        .bind(scope.id().0)
        .bind(user.0)
        .bind(session.0)
        .bind(client_id)
        .fetch_one(c).await)?;
    Ok(times > 0)
}

/// The account that this session last opened at this client, and still has open there.
pub(crate) async fn last_account(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    client_id: &str,
) -> Result<Option<String>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(LAST_ACCOUNT)
        .bind(user.0)
        .bind(session.0)
        .bind(client_id)
        .fetch_optional(c).await)?)
}

/// A client's sign-in of this id, which its ID tokens carry.
pub(crate) async fn find(tx: &mut Tx, id: Uuid, client_id: &str) -> Result<Option<PlatformSignIn>, StorageError> {
    let row: Option<SignInRow> = on!(tx, c => sqlx::query_as(FIND).bind(id).bind(client_id).fetch_optional(c).await)?;
    row.map(PlatformSignIn::try_from).transpose()
}

/// The sign-in of a code. The hash establishes the right.
pub(crate) async fn find_by_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<PlatformSignIn>, StorageError> {
    let row: Option<SignInRow> = on!(tx, c => sqlx::query_as(BY_CODE).bind(hash).fetch_optional(c).await)?;
    row.map(PlatformSignIn::try_from).transpose()
}

/// Did Roster give this out, as a code or as a token?
pub(crate) async fn is_known(tx: &mut Tx, hash: &[u8]) -> Result<bool, StorageError> {
    let found: i64 = on!(tx, c => sqlx::query_scalar(IS_KNOWN).bind(hash).fetch_one(c).await)?;
    Ok(found > 0)
}

#[derive(FromRow)]
struct TokenRow {
    id: Uuid,
    sign_in_id: Uuid,
    kind: String,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
}

/// The token of this hash with its sign-in. The hash establishes the right.
pub(crate) async fn find_by_token(
    tx: &mut Tx,
    hash: &[u8],
) -> Result<Option<(PlatformSignIn, PlatformToken)>, StorageError> {
    let row: Option<TokenRow> = on!(tx, c => sqlx::query_as(BY_TOKEN).bind(hash).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let sign_in: Option<SignInRow> =
        on!(tx, c => sqlx::query_as(OF_TOKEN).bind(row.sign_in_id).fetch_optional(c).await)?;
    let Some(sign_in) = sign_in else { return Ok(None) };
    let token = PlatformToken {
        id: row.id,
        kind: TokenKind::from_key(&row.kind).ok_or(StorageError::inconsistent("platform_tokens", "kind"))?,
        created: Timestamp(row.created_at),
        expires: Timestamp(row.expires_at),
        used: row.used_at.map(Timestamp),
    };
    Ok(Some((sign_in.try_into()?, token)))
}

/// Uses the code up; `false` if somebody was faster, or the sign-in ended.
pub async fn use_code(tx: &mut Tx, sign_in: &PlatformSignIn, now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_CODE, sign_in.scope.id().0, sign_in.id, now.0)? == 1)
}

/// Uses a refresh token up; `false` if it was used before.
pub async fn use_refresh_token(tx: &mut Tx, token: &PlatformToken, now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, USE_REFRESH_TOKEN, token.id, now.0)? == 1)
}

/// Keeps the hash of a token that a client is given.
pub async fn insert_token(
    tx: &mut Tx,
    sign_in: &PlatformSignIn,
    kind: TokenKind,
    hash: &[u8],
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT_TOKEN, Uuid::now_v7(), sign_in.id, kind.key(), hash, now.0, expires.0)
}

/// Takes a token back.
pub async fn delete_token(tx: &mut Tx, token: &PlatformToken) -> Result<(), StorageError> {
    run!(tx, DELETE_TOKEN, token.id)
}

/// Ends a sign-in: its tokens are dead, and its client is told.
pub async fn end(tx: &mut Tx, sign_in: &PlatformSignIn) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END, sign_in.scope.id().0, sign_in.id)
}

/// Ends what was begun in an account that is deleted. The rows stay until the platforms were told.
pub(super) async fn end_of_account(tx: &mut Tx, scope: AccountScope) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_OF_ACCOUNT, scope.id().0)
}

/// Ends what a member who loses the account's access has begun.
pub(super) async fn end_of_member(tx: &mut Tx, scope: AccountScope, member: MemberId) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_OF_MEMBER, scope.id().0, member.0)
}

/// Ends what a user has begun in any account.
pub(super) async fn end_of_user(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_OF_USER, user.0)
}

/// Ends everything at a client that is removed, or bound to another account.
pub(crate) async fn end_of_client(tx: &mut Tx, client_id: &str) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_OF_CLIENT, client_id)
}

/// Ends what a user has begun in sessions that are there no more.
pub(super) async fn end_without_session(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_WITHOUT_SESSION, user.0)
}

/// Ends what no session of its own opens the account for any more: a login method was switched off, or a second factor is required by now.
pub(crate) async fn end_closed(tx: &mut Tx, scope: AccountScope, now: Timestamp) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_CLOSED, scope.id().0, now.0)
}

/// As [`end_closed`], of one member, whose login method or role is another one.
pub(crate) async fn end_closed_of_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.note_platform_sign_out();
    run!(tx, END_CLOSED_OF_MEMBER, scope.id().0, now.0, member.0)
}

/// Looks at the sign-ins of the sessions after this one, `most` of them, for what is to be ended by [`end_closed`]: its accounts, and where to go
/// on; `None` behind the last.
pub(crate) async fn closed(
    tx: &mut Tx,
    after: SessionId,
    most: i64,
    now: Timestamp,
) -> Result<(Vec<AccountScope>, Option<SessionId>), StorageError> {
    let last: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(LIVE).bind(after.0).bind(most - 1).fetch_optional(c).await)?;
    let accounts: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(CLOSED)
        .bind(after.0)
        .bind(now.0)
        .bind(last.unwrap_or(Uuid::max()))
        .fetch_all(c).await)?;
    let accounts = accounts.into_iter().map(|account| AccountScope::established(AccountId(account))).collect();
    Ok((accounts, last.map(SessionId)))
}

/// Moves what was begun in a session to the one that takes its place.
pub(super) async fn move_to_session(tx: &mut Tx, from: SessionId, to: SessionId) -> Result<(), StorageError> {
    run!(tx, MOVE_TO_SESSION, from.0, to.0)
}

/// The users of at most so many sign-ins whose session is over: it began at `oldest` or before, was last used at `idlest` or before, or is gone.
pub(crate) async fn with_session_over(
    tx: &mut Tx,
    oldest: Timestamp,
    idlest: Timestamp,
    most: i64,
) -> Result<BTreeSet<UserId>, StorageError> {
    let users: Vec<Uuid> =
        on!(tx, c => sqlx::query_scalar(OVER).bind(oldest.0).bind(idlest.0).bind(most).fetch_all(c).await)?;
    Ok(users.into_iter().map(UserId).collect())
}

/// Ends the sign-ins of a user whose session is over.
pub(crate) async fn end_with_session_over(
    tx: &mut Tx,
    user: UserId,
    oldest: Timestamp,
    idlest: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_OVER, user.0, oldest.0, idlest.0)
}

/// A sign-in of whose end a client is to be told.
#[derive(Clone, Debug)]
pub struct EndToTell {
    /// The sign-in.
    pub id: Uuid,
    /// Its account.
    pub account: AccountId,
    /// The client.
    pub client_id: String,
    /// What the client calls the user.
    pub subject: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// The clients that are to be told something now.
pub(crate) async fn clients_to_tell(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, StorageError> {
    Ok(on!(tx, c => sqlx::query_scalar(CLIENTS_TO_TELL).bind(now.0).fetch_all(c).await)?)
}

/// Ends that a client is to be told now, `most` at once.
pub(crate) async fn to_tell(
    tx: &mut Tx,
    client_id: &str,
    now: Timestamp,
    most: i64,
) -> Result<Vec<EndToTell>, StorageError> {
    type Row = (Uuid, Uuid, String, String, i64);
    let rows: Vec<Row> =
        on!(tx, c => sqlx::query_as(TO_TELL).bind(now.0).bind(client_id).bind(most).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(id, account, client_id, subject, attempts)| EndToTell {
            id,
            account: AccountId(account),
            client_id,
            subject,
            attempts,
        })
        .collect())
}

/// Takes one of them until `lease`, when it is tried again unless something was noted; `false` if somebody else has it.
pub(crate) async fn claim(tx: &mut Tx, end: &EndToTell, lease: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, CLAIM, end.id, end.attempts, lease.0)? == 1)
}

/// Notes that the client was told, or is not told any more.
pub(crate) async fn set_told(tx: &mut Tx, end: &EndToTell, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, TOLD, end.id, now.0)
}

/// Puts the next try off, for whoever has claimed this one.
pub(crate) async fn tell_later(tx: &mut Tx, end: &EndToTell, at: Timestamp) -> Result<(), StorageError> {
    run!(tx, TELL_LATER, end.id, end.attempts + 1, at.0)
}
