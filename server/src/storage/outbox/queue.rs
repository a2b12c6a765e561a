//! Writes mails into the outbox, and lets the worker claim and finish them.

use super::{ACCEPTED, DROPPED, MailKind, NO_SERVER, OutboxMail, OutboxMailRow, QUEUED, REFUSED, count};
use crate::storage::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{InvitationId, MailId, MemberId, OfferId, UserId},
    language::Language,
    member::MailState,
    time::Timestamp,
};
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO outbox (id, account_id, member_id, invitation_id, kind, language, recipient, sealed, state, attempts,
                            created_at, next_at, offer_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12)";
    INSERT_LOGIN_MAIL = "
        INSERT INTO outbox (id, user_id, kind, language, recipient, sealed, state, attempts, created_at, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)";
    DUE = "
        SELECT COUNT(*) FROM (
            SELECT 1 FROM outbox
             WHERE state = 'queued' AND next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1) due";
    // The outer conditions repeat the inner ones: PostgreSQL looks at them again when another instance took the row meanwhile.
    CLAIM = concat!("
        UPDATE outbox SET lease_until = $2, attempts = attempts + 1, first_tried_at = COALESCE(first_tried_at, $1)
         WHERE id IN (SELECT due.id FROM outbox due
                       WHERE due.state = 'queued' AND due.next_at <= $1 AND (due.lease_until IS NULL OR due.lease_until <= $1)
                       ORDER BY due.next_at, due.id LIMIT $3)
           AND state = 'queued' AND next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
        RETURNING ", mail_columns!());
    // If the worker dies from here on, the row already says that the answer is missing.
    HAND_OVER = "
        UPDATE outbox SET unanswered = unanswered + 1, unanswered_at = $3, lease_until = $4, next_at = $4
         WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    FINISH = "
        UPDATE outbox SET state = $3, done_at = $4, last_answer = COALESCE($5, last_answer), unanswered = $6, unanswered_at = $7,
                          lease_until = NULL, sealed = NULL
         WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    DEFER = "
        UPDATE outbox SET next_at = $3, last_answer = $4, unanswered = $5, unanswered_at = $6, lease_until = NULL
         WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    RELEASE = "
        UPDATE outbox SET lease_until = NULL, attempts = attempts - 1,
                          first_tried_at = CASE WHEN attempts > 1 THEN first_tried_at END
         WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    INSERT_EVENT = "INSERT INTO delivery_events (id, outbox_id, at, outcome, answer) VALUES ($1, $2, $3, $4, $5)";
}

/// A mail to be written.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// What it says.
    pub kind: MailKind,
    /// The row that it is about.
    pub member: MemberId,
    /// The invitation that it is about, if it is about one.
    pub invitation: Option<InvitationId>,
    /// The offer of ownership that it is about, if it is about one.
    pub offer: Option<OfferId>,
    /// The language to say it in.
    pub language: Language,
    /// The recipient, in canonical form.
    pub to: &'a str,
    /// A code that only this mail may say, as `mail::seal_code` seals it.
    pub sealed: Option<Vec<u8>>,
}

impl<'a> NewMail<'a> {
    /// One that is about a member and nothing else, and says no code.
    pub const fn about(kind: MailKind, member: MemberId, language: Language, to: &'a str) -> Self {
        Self { kind, member, invitation: None, offer: None, language, to, sealed: None }
    }
}

/// Writes a mail into the outbox. Without a mail server it stays there, and is never called sent (R61).
pub async fn queue(
    tx: &mut Tx,
    scope: AccountScope,
    mail: NewMail<'_>,
    mail_server: bool,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<MailState, StorageError> {
    let until = (not_before > now).then_some(not_before);
    let (state, shown) =
        if mail_server { (QUEUED, MailState::Queued { until }) } else { (NO_SERVER, MailState::NoMailServer) };
    run!(
        tx,
        INSERT,
        Uuid::now_v7(),
        scope.id().0,
        mail.member.0,
        mail.invitation.map(|id| id.0),
        mail.kind.key(),
        mail.language.tag(),
        mail.to,
        mail.sealed.as_deref(),
        state,
        now.0,
        not_before.0,
        mail.offer.map(|id| id.0)
    )?;
    tx.note_mail();
    Ok(shown)
}

/// A mail about somebody's own login, which belongs to no account.
#[derive(Debug)]
pub struct NewLoginMail<'a> {
    /// Its id, which its sealed part is tied to.
    pub id: MailId,
    /// What it says.
    pub kind: MailKind,
    /// The user; `None` where it is not looked up before the mail is sent (EN-02).
    pub user: Option<UserId>,
    /// The language to say it in.
    pub language: Language,
    /// The recipient, in canonical form.
    pub to: &'a str,
    /// What only this mail may say, as `mail::seal_code` seals it.
    pub sealed: Option<Vec<u8>>,
}

/// Writes a mail about somebody's own login into the outbox. Without a mail server it stays there.
pub async fn queue_login_mail(
    tx: &mut Tx,
    mail: &NewLoginMail<'_>,
    mail_server: bool,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT_LOGIN_MAIL,
        mail.id.0,
        mail.user.map(|user| user.0),
        mail.kind.key(),
        mail.language.tag(),
        mail.to,
        mail.sealed.as_deref(),
        if mail_server { QUEUED } else { NO_SERVER },
        now.0
    )?;
    tx.note_mail();
    Ok(())
}

/// Is any mail due? Asked first, so that [`claim_due`] takes the write lock only then.
pub async fn is_due(tx: &mut Tx, now: Timestamp) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(DUE).bind(now.0).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Claims up to `most` mails that are due and not leased, until `lease_until`. Every instance may do so at the same time.
pub async fn claim_due(
    tx: &mut Tx,
    now: Timestamp,
    lease_until: Timestamp,
    most: usize,
) -> Result<Vec<OutboxMail>, StorageError> {
    let rows: Vec<OutboxMailRow> = on!(tx, c => sqlx::query_as(CLAIM)
        .bind(now.0)
        .bind(lease_until.0)
        .bind(count(most))
        .fetch_all(c).await)?;
    rows.into_iter().map(OutboxMail::try_from).collect()
}

/// Records that the whole text of a mail is about to be handed over: from now on it may have arrived, whatever happens to this process,
/// until an answer says otherwise. Extends the lease to `lease_until`; `false` if the lease was lost, and nothing may be sent.
pub async fn hand_over(
    tx: &mut Tx,
    mail: &OutboxMail,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(tx, HAND_OVER, mail.id.0, mail.attempts, now.0, lease_until.0)?;
    Ok(done == 1)
}

/// The final state of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalState {
    /// The mail server took it.
    Accepted,
    /// The mail server refused it.
    Refused,
    /// It was not needed any more: the invitation was withdrawn or answered, or a newer mail replaces it.
    Dropped,
}

impl FinalState {
    const fn key(self) -> &'static str {
        match self {
            Self::Accepted => ACCEPTED,
            Self::Refused => REFUSED,
            Self::Dropped => DROPPED,
        }
    }
}

/// Records the final state of a mail under its lease; `false` if the lease was lost. The sealed parts are erased. The number of unanswered
/// copies is taken from `mail`.
pub async fn finish(
    tx: &mut Tx,
    mail: &OutboxMail,
    end: FinalState,
    answer: Option<&str>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(
        tx,
        FINISH,
        mail.id.0,
        mail.attempts,
        end.key(),
        now.0,
        answer,
        mail.unanswered,
        mail.unanswered_at.map(|at| at.0)
    )?;
    if done == 1 {
        record(tx, mail, end.key(), answer, now).await?;
    }
    Ok(done == 1)
}

/// Defers a mail until `next`, with the answer that it got; `false` if the lease was lost. The number of unanswered copies is taken from
/// `mail`.
pub async fn defer(
    tx: &mut Tx,
    mail: &OutboxMail,
    next: Timestamp,
    answer: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(
        tx,
        DEFER,
        mail.id.0,
        mail.attempts,
        next.0,
        answer,
        mail.unanswered,
        mail.unanswered_at.map(|at| at.0)
    )?;
    if done == 1 {
        record(tx, mail, "deferred", Some(answer), now).await?;
    }
    Ok(done == 1)
}

/// Releases a mail without an attempt, for the next process to claim at once.
pub async fn release(tx: &mut Tx, mail: &OutboxMail) -> Result<(), StorageError> {
    run!(tx, RELEASE, mail.id.0, mail.attempts)
}

/// The mails of invitations.
const INVITATIONS: [MailKind; 2] = [MailKind::Invitation, MailKind::InvitationReminder];

async fn record(
    tx: &mut Tx,
    mail: &OutboxMail,
    outcome: &str,
    answer: Option<&str>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT_EVENT, Uuid::now_v7(), mail.id.0, now.0, outcome, answer)?;
    // Of other mails, no page of the account shows what became of them.
    if let Some(account) = mail.account.filter(|_| INVITATIONS.contains(&mail.kind)) {
        tx.note_change(account);
    }
    Ok(())
}
