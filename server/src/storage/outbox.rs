//! The outbox: mails waiting, gone and refused, and what mail servers said to them. A row is written in the transaction of the change
//! that it tells of; workers of all instances take rows under a lease, so that a crashed one's are taken up again (F1).

use super::{AccountScope, StorageError, Tx, accounts, changed, on, statements};
use app::domain::{
    ids::{InvitationId, MailId, MemberId},
    invitation::InvitationState,
    language::Language,
    member::MailState,
    name::Slug,
    role::{Grant, RoleKey},
    time::{Span, Timestamp},
};
use sqlx::FromRow;
use uuid::Uuid;

/// The columns of [`InvitationMail`]; `$1` is the account.
macro_rules! invitation_mails {
    ($rest:literal) => {
        concat!(
            "
        SELECT o.id, o.member_id, o.invitation_id, o.language, o.recipient, o.state, o.created_at, o.next_at, o.done_at,
               o.last_answer, o.unanswered_at, o.lease_until, a.name AS account, a.slug, i.state AS invitation_state, i.expires_at, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM outbox o
          JOIN accounts a ON a.id = o.account_id
          JOIN invitations i ON i.id = o.invitation_id
          JOIN members m ON m.id = o.member_id
         WHERE o.account_id = $1 AND o.kind = 'invitation' ",
            $rest
        )
    };
}

/// The columns of [`OutboxMail`].
macro_rules! mail_columns {
    () => {
        "id, kind, language, recipient, sealed, attempts, created_at, state, last_answer, first_tried_at, unanswered, unanswered_at"
    };
}

statements! {
    INSERT = "
        INSERT INTO outbox (id, account_id, member_id, invitation_id, kind, language, recipient, sealed, state, attempts,
                            created_at, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)";
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
    // A worker that dies from here on leaves the row as it will be if no answer comes.
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
    FACTS = "
        SELECT a.name AS account, a.slug, i.id AS invitation_id, i.state, i.expires_at, t.id AS token_id, t.sealed AS token,
               m.id AS member_id, m.name, m.email_key, s.id AS sponsor_id, s.name AS sponsor_name, s.email_key AS sponsor_email,
               (SELECT COUNT(*) FROM outbox n
                 WHERE n.invitation_id = o.invitation_id AND n.kind = o.kind AND n.recipient = o.recipient AND n.id > o.id) AS newer
          FROM outbox o
          JOIN accounts a ON a.id = o.account_id
          JOIN invitations i ON i.id = o.invitation_id
          JOIN members m ON m.id = o.member_id
          JOIN members s ON s.id = i.sponsor_id
          LEFT JOIN invitation_tokens t ON t.invitation_id = i.id AND t.channel = 'mailed' AND t.dead_at IS NULL
         WHERE o.id = $1";
    FACTS_OF_MEMBER = "
        SELECT a.name AS account, a.slug, o.member_id FROM outbox o JOIN accounts a ON a.id = o.account_id WHERE o.id = $1";
    INVITATIONS_OF_ACCOUNT = invitation_mails!("AND o.recipient <> '' AND o.state <> 'dropped' AND o.id < $2 ORDER BY o.id DESC LIMIT $3");
    INVITATION_OF_ACCOUNT = invitation_mails!("AND o.recipient <> '' AND o.id = $2");
    ALL = concat!("SELECT ", mail_columns!(), " FROM outbox WHERE recipient <> '' ORDER BY id DESC LIMIT $1");
    ONE = concat!("SELECT ", mail_columns!(), " FROM outbox WHERE id = $1 AND recipient <> ''");
}

/// The kinds of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// An invitation, with its mailed link.
    Invitation,
    /// A code that proves the mailbox to whoever holds a copied link (R12).
    Code,
    /// A code by which somebody signed in proves anew who they are (AZ-16).
    ReauthenticationCode,
    /// To the sponsor: the person joined.
    Accepted,
    /// To the sponsor: the person said no (R63).
    Declined,
    /// To the admins: the link ran out, and a new one is asked for (R20).
    LinkAsked,
    /// To the admins: who invited, or vouched for the mailbox, may not give it any more, and the person waits (R29).
    Held,
    /// To the admins: somebody else than the invited person came back from the provider (R43, R44).
    Decision,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Invitation,
        Self::Code,
        Self::ReauthenticationCode,
        Self::Accepted,
        Self::Declined,
        Self::LinkAsked,
        Self::Held,
        Self::Decision,
    ];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Code => "code",
            Self::ReauthenticationCode => "reauthentication_code",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::LinkAsked => "link_asked",
            Self::Held => "held",
            Self::Decision => "decision",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
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
    /// The language to say it in.
    pub language: Language,
    /// The recipient, in canonical form.
    pub to: &'a str,
    /// A code that only this mail may say, as `mail::seal_code` seals it.
    pub sealed: Option<Vec<u8>>,
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
    on!(tx, c => sqlx::query(INSERT)
        .bind(Uuid::now_v7())
        .bind(scope.id().0)
        .bind(mail.member.0)
        .bind(mail.invitation.map(|id| id.0))
        .bind(mail.kind.key())
        .bind(mail.language.tag())
        .bind(mail.to)
        .bind(mail.sealed.as_deref())
        .bind(state)
        .bind(now.0)
        .bind(not_before.0)
        .execute(c).await.map(|_| ()))?;
    tx.note_mail();
    Ok(shown)
}

const QUEUED: &str = "queued";
const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";
const NO_SERVER: &str = "no_server";
const DROPPED: &str = "dropped";

/// How far a mail has come, from its row's columns.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The state in the outbox.
    pub state: String,
    /// The next try.
    pub next: Timestamp,
    /// When it was taken or given up.
    pub done: Option<Timestamp>,
    /// What the mail server said last.
    pub answer: Option<String>,
    /// When its text was last handed over without an answer that is known.
    pub unanswered: Option<Timestamp>,
    /// Is a worker at it, as far as is known?
    pub leased: bool,
}

/// How long a mail that was handed over and not answered yet is shown as one that is still on its way.
const USUAL_ANSWER: Span = Span::seconds(30);

/// Where a mail is. A dropped one has no state to show.
pub fn mail_state(delivery: Delivery, now: Timestamp) -> Result<Option<MailState>, StorageError> {
    let Delivery { state, next, done, answer, unanswered, leased } = delivery;
    let at = || done.ok_or(StorageError::inconsistent("outbox", "done_at"));
    Ok(Some(match state.as_str() {
        QUEUED => match (unanswered.filter(|at| !leased || now - *at > USUAL_ANSWER), answer) {
            (Some(at), answer) => MailState::Unanswered { at, next: Some(next), answer: answer.unwrap_or_default() },
            (None, None) => MailState::Queued { until: Some(next).filter(|next| *next > now && !leased) },
            (None, Some(answer)) => MailState::Deferred { next, answer },
        },
        ACCEPTED => MailState::Accepted { at: at()? },
        REFUSED => {
            let answer = answer.unwrap_or_default();
            match unanswered {
                Some(at) => MailState::Unanswered { at, next: None, answer },
                None => MailState::Refused { at: at()?, answer },
            }
        }
        NO_SERVER => MailState::NoMailServer,
        DROPPED => return Ok(None),
        _ => return Err(StorageError::inconsistent("outbox", "state")),
    }))
}

/// A mail of the outbox.
#[derive(Clone, Debug)]
pub struct OutboxMail {
    /// Its id.
    pub id: MailId,
    /// What it says.
    pub kind: MailKind,
    /// The language to say it in.
    pub language: Language,
    /// The recipient, in canonical form.
    pub to: String,
    /// What only this mail may say.
    pub sealed: Option<Vec<u8>>,
    /// Tries so far, with the present one. Also tells whether a lease is still the one it was taken under.
    pub attempts: i64,
    /// When it was written.
    pub written: Timestamp,
    /// Its state, as the text in storage.
    pub state: String,
    /// What was last said to it.
    pub last_answer: Option<String>,
    /// When it was first tried.
    pub first_tried: Option<Timestamp>,
    /// How many times its whole text was handed over without an answer that is known: so many copies may have arrived.
    pub unanswered: i64,
    /// When this was last.
    pub unanswered_at: Option<Timestamp>,
}

impl OutboxMail {
    /// Its state, for the host's operator: of a mail that was handed over without an answer, whatever became of it later, that it may have
    /// arrived.
    pub fn known_state(&self) -> &str {
        match self.state.as_str() {
            QUEUED | REFUSED if self.unanswered > 0 => "unanswered",
            state => state,
        }
    }
}

#[derive(FromRow)]
struct OutboxMailRow {
    id: Uuid,
    kind: String,
    language: String,
    recipient: String,
    sealed: Option<Vec<u8>>,
    attempts: i64,
    created_at: i64,
    state: String,
    last_answer: Option<String>,
    first_tried_at: Option<i64>,
    unanswered: i64,
    unanswered_at: Option<i64>,
}

impl TryFrom<OutboxMailRow> for OutboxMail {
    type Error = StorageError;

    fn try_from(row: OutboxMailRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: MailId(row.id),
            kind: MailKind::from_key(&row.kind).ok_or(StorageError::inconsistent("outbox", "kind"))?,
            language: Language::from_tag(&row.language).unwrap_or_default(),
            to: row.recipient,
            sealed: row.sealed,
            attempts: row.attempts,
            written: Timestamp(row.created_at),
            state: row.state,
            last_answer: row.last_answer,
            first_tried: row.first_tried_at.map(Timestamp),
            unanswered: row.unanswered,
            unanswered_at: row.unanswered_at.map(Timestamp),
        })
    }
}

/// Is anything to be sent? Spares the write lock of [`claim_due`] while nothing is.
pub async fn is_due(tx: &mut Tx, now: Timestamp) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(DUE).bind(now.0).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Takes up to `most` mails that are due and nobody's until `lease_until`. Every instance may ask at the same time.
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

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Notes that the whole text of a mail is about to be handed over: from now on it may have arrived, whatever becomes of this process, until
/// an answer says otherwise. The lease lasts until `lease_until` then; `false` if it is another's by now, and nothing may be sent.
pub async fn hand_over(
    tx: &mut Tx,
    mail: &OutboxMail,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(tx, c => sqlx::query(HAND_OVER)
        .bind(mail.id.0)
        .bind(mail.attempts)
        .bind(now.0)
        .bind(lease_until.0)
        .execute(c).await)?;
    Ok(done == 1)
}

/// How a mail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The mail server took it.
    Accepted,
    /// It never will.
    Refused,
    /// There is nothing to say any more: withdrawn, answered, or said by a newer mail.
    Dropped,
}

impl End {
    const fn key(self) -> &'static str {
        match self {
            Self::Accepted => ACCEPTED,
            Self::Refused => REFUSED,
            Self::Dropped => DROPPED,
        }
    }
}

/// Ends a mail under the lease of `mail`; `false` if the lease is another's by now. What was sealed for it is erased. How many copies are
/// unanswered is as `mail` has it.
pub async fn finish(
    tx: &mut Tx,
    mail: &OutboxMail,
    end: End,
    answer: Option<&str>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(tx, c => sqlx::query(FINISH)
        .bind(mail.id.0)
        .bind(mail.attempts)
        .bind(end.key())
        .bind(now.0)
        .bind(answer)
        .bind(mail.unanswered)
        .bind(mail.unanswered_at.map(|at| at.0))
        .execute(c).await)?;
    if done == 1 {
        record(tx, mail, end.key(), answer, now).await?;
    }
    Ok(done == 1)
}

/// Puts a mail off until `next`, with what was said to it; `false` if the lease is another's by now. How many copies are unanswered is as
/// `mail` has it.
pub async fn defer(
    tx: &mut Tx,
    mail: &OutboxMail,
    next: Timestamp,
    answer: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(tx, c => sqlx::query(DEFER)
        .bind(mail.id.0)
        .bind(mail.attempts)
        .bind(next.0)
        .bind(answer)
        .bind(mail.unanswered)
        .bind(mail.unanswered_at.map(|at| at.0))
        .execute(c).await)?;
    if done == 1 {
        record(tx, mail, "deferred", Some(answer), now).await?;
    }
    Ok(done == 1)
}

/// Gives a mail back untried, for the next process to take at once.
pub async fn release(tx: &mut Tx, mail: &OutboxMail) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(RELEASE).bind(mail.id.0).bind(mail.attempts).execute(c).await.map(|_| ()))?;
    Ok(())
}

async fn record(
    tx: &mut Tx,
    mail: &OutboxMail,
    outcome: &str,
    answer: Option<&str>,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT_EVENT)
        .bind(Uuid::now_v7())
        .bind(mail.id.0)
        .bind(now.0)
        .bind(outcome)
        .bind(answer)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// What a mail tells of, as it stands now.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// The invitation.
    pub invitation: InvitationId,
    /// The invitation's state.
    pub state: InvitationState,
    /// When the invitation ends.
    pub expires: Timestamp,
    /// The live mailed token: its row, and the token sealed.
    pub token: Option<(Uuid, Vec<u8>)>,
    /// The row of the invited person.
    pub member: MemberId,
    /// The invited person: name, if known, and canonical address.
    pub person: (Option<String>, String),
    /// Who invites, in the same way; `None` if the host's operator did.
    pub sponsor: Option<(Option<String>, String)>,
    /// Is there a newer mail that says the same to the same recipient?
    pub replaced: bool,
}

#[derive(FromRow)]
struct FactsRow {
    account: String,
    slug: String,
    invitation_id: Uuid,
    state: String,
    expires_at: i64,
    token_id: Option<Uuid>,
    token: Option<Vec<u8>>,
    member_id: Uuid,
    name: Option<String>,
    email_key: String,
    sponsor_id: Uuid,
    sponsor_name: Option<String>,
    sponsor_email: String,
    newer: i64,
}

/// What a mail tells of. For the mail worker and the host's operator, who see every account's.
pub(crate) async fn facts(tx: &mut Tx, mail: MailId) -> Result<Option<Facts>, StorageError> {
    let row: Option<FactsRow> = on!(tx, c => sqlx::query_as(FACTS).bind(mail.0).fetch_optional(c).await)?;
    row.map(|row| {
        Ok(Facts {
            account: row.account,
            slug: slug(&row.slug)?,
            invitation: InvitationId(row.invitation_id),
            state: invitation_state(&row.state)?,
            expires: Timestamp(row.expires_at),
            token: row.token_id.zip(row.token),
            member: MemberId(row.member_id),
            person: (row.name, row.email_key),
            // An operator's invitation has no other member to answer for it than the one invited.
            sponsor: (row.sponsor_id != row.member_id).then_some((row.sponsor_name, row.sponsor_email)),
            replaced: row.newer > 0,
        })
    })
    .transpose()
}

/// What a mail to a member tells of that is about no invitation: the account, and the member.
pub(crate) async fn facts_of_member(
    tx: &mut Tx,
    mail: MailId,
) -> Result<Option<(String, Slug, MemberId)>, StorageError> {
    let row: Option<(String, String, Uuid)> =
        on!(tx, c => sqlx::query_as(FACTS_OF_MEMBER).bind(mail.0).fetch_optional(c).await)?;
    row.map(|(account, raw, member)| Ok((account, slug(&raw)?, MemberId(member)))).transpose()
}

fn slug(raw: &str) -> Result<Slug, StorageError> {
    Slug::parse(raw).map_err(|_| StorageError::inconsistent("accounts", "slug"))
}

fn invitation_state(key: &str) -> Result<InvitationState, StorageError> {
    InvitationState::from_key(key).ok_or(StorageError::inconsistent("invitations", "state"))
}

/// An invitation mail of an account, for its outbox page.
#[derive(Clone, Debug)]
pub struct InvitationMail {
    /// Its id.
    pub id: MailId,
    /// The row it belongs to.
    pub member: MemberId,
    /// The invitation.
    pub invitation: InvitationId,
    /// Its language.
    pub language: Language,
    /// The recipient.
    pub to: String,
    /// When it was written.
    pub written: Timestamp,
    /// How far it has come.
    pub delivery: Delivery,
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// The invitation's state.
    pub state: InvitationState,
    /// When the invitation ends.
    pub expires: Timestamp,
    /// What is offered.
    pub grant: Grant,
}

#[derive(FromRow)]
struct InvitationMailRow {
    id: Uuid,
    member_id: Uuid,
    invitation_id: Uuid,
    language: String,
    recipient: String,
    state: String,
    created_at: i64,
    next_at: i64,
    done_at: Option<i64>,
    last_answer: Option<String>,
    unanswered_at: Option<i64>,
    lease_until: Option<i64>,
    account: String,
    slug: String,
    invitation_state: String,
    expires_at: i64,
    role_key: String,
    extras: Option<String>,
}

impl TryFrom<InvitationMailRow> for InvitationMail {
    type Error = StorageError;

    fn try_from(row: InvitationMailRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: MailId(row.id),
            member: MemberId(row.member_id),
            invitation: InvitationId(row.invitation_id),
            language: Language::from_tag(&row.language).unwrap_or_default(),
            to: row.recipient,
            written: Timestamp(row.created_at),
            delivery: Delivery {
                state: row.state,
                next: Timestamp(row.next_at),
                done: row.done_at.map(Timestamp),
                answer: row.last_answer,
                unanswered: row.unanswered_at.map(Timestamp),
                leased: row.lease_until.is_some(),
            },
            account: row.account,
            slug: slug(&row.slug)?,
            state: invitation_state(&row.invitation_state)?,
            expires: Timestamp(row.expires_at),
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
        })
    }
}

/// The account's invitation mails, newest first, older than `after`.
pub async fn invitations_of_account(
    tx: &mut Tx,
    scope: AccountScope,
    after: Option<MailId>,
    most: usize,
) -> Result<Vec<InvitationMail>, StorageError> {
    let rows: Vec<InvitationMailRow> = on!(tx, c => sqlx::query_as(INVITATIONS_OF_ACCOUNT)
        .bind(scope.id().0)
        .bind(after.map_or(Uuid::max(), |mail| mail.0))
        .bind(count(most))
        .fetch_all(c).await)?;
    rows.into_iter().map(InvitationMail::try_from).collect()
}

/// One of the account's invitation mails.
pub async fn invitation_of_account(
    tx: &mut Tx,
    scope: AccountScope,
    mail: MailId,
) -> Result<Option<InvitationMail>, StorageError> {
    let row: Option<InvitationMailRow> = on!(tx, c => sqlx::query_as(INVITATION_OF_ACCOUNT)
        .bind(scope.id().0)
        .bind(mail.0)
        .fetch_optional(c).await)?;
    row.map(InvitationMail::try_from).transpose()
}

/// The newest mails of every account, for the host's operator alone.
pub(crate) async fn newest(tx: &mut Tx, most: usize) -> Result<Vec<OutboxMail>, StorageError> {
    let rows: Vec<OutboxMailRow> = on!(tx, c => sqlx::query_as(ALL).bind(count(most)).fetch_all(c).await)?;
    rows.into_iter().map(OutboxMail::try_from).collect()
}

/// Any mail, for the host's operator alone.
pub(crate) async fn find(tx: &mut Tx, mail: MailId) -> Result<Option<OutboxMail>, StorageError> {
    let row: Option<OutboxMailRow> = on!(tx, c => sqlx::query_as(ONE).bind(mail.0).fetch_optional(c).await)?;
    row.map(OutboxMail::try_from).transpose()
}
