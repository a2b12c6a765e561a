//! Decisions of an admin about somebody whom the provider named differently from the one invited (R43, R44), or who asks to be invited by another
//! address (R14).

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{DecisionId, InvitationId, LoginMethodId, MemberId, UserId},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// Open decisions, each as long as its invitation is the member's latest one and still pending; `$1` is the account.
macro_rules! open {
    ($and:literal) => {
        concat!(
            "
        SELECT d.id, d.member_id, d.invitation_id, d.login_method_id, d.identifier, d.created_at, d.asked_by,
               COALESCE((SELECT u.email_key FROM users u WHERE u.id = d.asked_by), d.email) AS email
          FROM decisions d
          JOIN members m ON m.id = d.member_id AND m.invitation_id = d.invitation_id AND m.login_method_id = d.login_method_id
          JOIN invitations i ON i.id = d.invitation_id
         WHERE d.account_id = $1 AND d.outcome IS NULL AND m.state = 'invited' AND i.state IN ('pending', 'held') ",
            $and
        )
    };
}

statements! {
    SUPERSEDE = "
        UPDATE decisions SET outcome = 'superseded', decided_at = $3
         WHERE account_id = $1 AND member_id = $2 AND outcome IS NULL";
    INSERT = "
        INSERT INTO decisions (id, account_id, member_id, invitation_id, login_method_id, identifier, email, created_at, asked_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    SUPERSEDE_OF_METHOD = "
        UPDATE decisions SET outcome = 'superseded', decided_at = $3
         WHERE account_id = $1 AND login_method_id = $2 AND outcome IS NULL";
    SUPERSEDE_OF_ASKER = "UPDATE decisions SET outcome = 'superseded', decided_at = $2 WHERE asked_by = $1 AND outcome IS NULL";
    OPEN = open!("AND d.member_id = $2");
    OPEN_BY_ID = open!("AND d.id = $2");
    OPEN_AFTER = open!("AND d.id > $2 ORDER BY d.id LIMIT $3");
    DECIDE = "
        UPDATE decisions SET outcome = $3, decided_at = $4, decided_by = $5
         WHERE account_id = $1 AND id = $2 AND outcome IS NULL";
    USED = "
        SELECT COUNT(*) FROM decisions
         WHERE account_id = $1 AND invitation_id = $2 AND outcome = 'used' AND identifier = $3 AND email = $4";
    REQUEST = "
        SELECT asked_by, outcome FROM decisions
         WHERE account_id = $1 AND invitation_id = $2 AND asked_by IS NOT NULL ORDER BY id DESC LIMIT 1";
}

/// An open decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// The row that was invited.
    pub member: MemberId,
    /// The invitation.
    pub invitation: InvitationId,
    /// The method by which the person came.
    pub method: LoginMethodId,
    /// The identifier that the provider gave; empty for somebody who asks.
    pub identifier: String,
    /// The address that the provider gave, or that the one who asks has now.
    pub email: Option<String>,
    /// When the person came.
    pub at: Timestamp,
    /// Who asks to be invited by another address (R14).
    pub asked_by: Option<UserId>,
}

#[derive(FromRow)]
struct DecisionRow {
    id: Uuid,
    member_id: Uuid,
    invitation_id: Uuid,
    login_method_id: Uuid,
    identifier: String,
    email: Option<String>,
    created_at: i64,
    asked_by: Option<Uuid>,
}

impl From<DecisionRow> for Decision {
    fn from(row: DecisionRow) -> Self {
        Self {
            id: DecisionId(row.id),
            member: MemberId(row.member_id),
            invitation: InvitationId(row.invitation_id),
            method: LoginMethodId(row.login_method_id),
            identifier: row.identifier,
            email: row.email,
            at: Timestamp(row.created_at),
            asked_by: row.asked_by.map(UserId),
        }
    }
}

/// Opens a decision, in place of one that was open for the same row. The address of somebody who asks is not copied.
pub async fn open(tx: &mut Tx, scope: AccountScope, decision: &Decision) -> Result<(), StorageError> {
    let email = decision.email.as_ref().filter(|_| decision.asked_by.is_none());
    supersede(tx, scope, decision.member, decision.at).await?;
    run!(
        tx,
        INSERT,
        decision.id.0,
        scope.id().0,
        decision.member.0,
        decision.invitation.0,
        decision.method.0,
        &decision.identifier,
        email,
        decision.at.0,
        decision.asked_by.map(|user| user.0)
    )
}

/// Closes the open decision about a member without an outcome: the invitation changed or was accepted.
pub async fn supersede(tx: &mut Tx, scope: AccountScope, member: MemberId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, SUPERSEDE, scope.id().0, member.0, now.0)
}

/// Closes the open decisions about a method whose provider now means other people by its identifiers (R45).
pub async fn supersede_of_method(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, SUPERSEDE_OF_METHOD, scope.id().0, method.0, now.0)
}

/// Closes what a user who is erased has asked, in every account.
pub(crate) async fn supersede_of_asker(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, SUPERSEDE_OF_ASKER, user.0, now.0)
}

/// What became of the request to be invited by another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// It waits.
    Open,
    /// Whoever asked was invited.
    Granted,
    /// It was refused.
    Refused,
    /// The invitation changed before anybody decided.
    Superseded,
}

/// The newest request of that kind by whoever opened this invitation, and who asked (R14).
pub async fn request(
    tx: &mut Tx,
    scope: AccountScope,
    invitation: InvitationId,
) -> Result<Option<(UserId, RequestState)>, StorageError> {
    let row: Option<(Uuid, Option<String>)> =
        on!(tx, c => sqlx::query_as(REQUEST).bind(scope.id().0).bind(invitation.0).fetch_optional(c).await)?;
    row.map(|(user, outcome)| {
        let state = match outcome.as_deref() {
            None => RequestState::Open,
            Some("used") => RequestState::Granted,
            Some("rejected") => RequestState::Refused,
            Some("superseded") => RequestState::Superseded,
            Some(_) => return Err(StorageError::inconsistent("decisions", "outcome")),
        };
        Ok((UserId(user), state))
    })
    .transpose()
}

/// The open decision about a member, as long as its invitation is the latest one and still pending.
pub async fn find_open(tx: &mut Tx, scope: AccountScope, member: MemberId) -> Result<Option<Decision>, StorageError> {
    let row: Option<DecisionRow> =
        on!(tx, c => sqlx::query_as(OPEN).bind(scope.id().0).bind(member.0).fetch_optional(c).await)?;
    Ok(row.map(Decision::from))
}

/// The open decision with this id.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: DecisionId) -> Result<Option<Decision>, StorageError> {
    let row: Option<DecisionRow> =
        on!(tx, c => sqlx::query_as(OPEN_BY_ID).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    Ok(row.map(Decision::from))
}

/// The open decisions of the account after this one, oldest first.
pub async fn open_after(
    tx: &mut Tx,
    scope: AccountScope,
    after: DecisionId,
    most: i64,
) -> Result<Vec<Decision>, StorageError> {
    let rows: Vec<DecisionRow> =
        on!(tx, c => sqlx::query_as(OPEN_AFTER).bind(scope.id().0).bind(after.0).bind(most).fetch_all(c).await)?;
    Ok(rows.into_iter().map(Decision::from).collect())
}

/// The outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The person may join as the provider named them.
    Used,
    /// Not this person.
    Rejected,
}

/// Decides; `false` if somebody was faster.
pub async fn decide(
    tx: &mut Tx,
    scope: AccountScope,
    id: DecisionId,
    outcome: Outcome,
    by: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let outcome = match outcome {
        Outcome::Used => "used",
        Outcome::Rejected => "rejected",
    };
    let decided = changed!(tx, DECIDE, scope.id().0, id.0, outcome, now.0, by.0)?;
    Ok(decided == 1)
}

/// Did an admin decide that this identifier with this address may use the invitation (R43)?
pub async fn is_allowed(
    tx: &mut Tx,
    scope: AccountScope,
    invitation: InvitationId,
    identifier: &str,
    email: &str,
) -> Result<bool, StorageError> {
    let used: i64 = on!(tx, c => sqlx::query_scalar(USED)
        .bind(scope.id().0)
        .bind(invitation.0)
        .bind(identifier)
        .bind(email)
        .fetch_one(c).await)?;
    Ok(used > 0)
}
