//! Reads the outbox for the mail worker, an account, and the host's operator.

use super::{Delivery, OutboxMail, OutboxMailRow, count};
use crate::storage::{AccountScope, StorageError, Tx, accounts, on, statements};
use app::domain::{
    ids::{InvitationId, MailId, MemberId},
    invitation::InvitationState,
    language::Language,
    name::Slug,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
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

statements! {
    FACTS = "
        SELECT a.name AS account, a.slug, a.delete_at, m.role_key,
               (SELECT r.name FROM roles r WHERE r.account_id = m.account_id AND r.key = m.role_key) AS role_name,
               (a.invitation_replies AND s.state = 'active') AS is_answered, i.id AS invitation_id, i.state, i.expires_at, t.id AS token_id, t.sealed AS token,
               m.id AS member_id, m.name, m.email_key, s.id AS sponsor_id, s.name AS sponsor_name, s.email_key AS sponsor_email,
               (SELECT (SELECT u.email_key FROM users u WHERE u.id = d.asked_by)
                  FROM decisions d WHERE d.invitation_id = i.id ORDER BY d.id DESC LIMIT 1) AS asked_as,
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
    FACTS_OF_DELETION = "
        SELECT a.name AS account, a.slug, a.delete_at, m.name, m.email_key
          FROM outbox o
          JOIN accounts a ON a.id = o.account_id
          LEFT JOIN members m ON m.account_id = a.id AND m.id = a.delete_by
         WHERE o.id = $1";
    FACTS_OF_ROLE = "
        SELECT a.name AS account, a.slug, m.state = 'active' AS is_active, m.name, m.email_key, m.role_key,
               (SELECT r.name FROM roles r WHERE r.account_id = m.account_id AND r.key = m.role_key) AS role_name,
               (SELECT COUNT(*) FROM outbox n
                 WHERE n.member_id = o.member_id AND n.kind = o.kind AND n.recipient = o.recipient AND n.id > o.id) AS newer
          FROM outbox o
          JOIN accounts a ON a.id = o.account_id
          JOIN members m ON m.id = o.member_id
         WHERE o.id = $1";
    INVITATIONS_OF_ACCOUNT = invitation_mails!("AND o.recipient <> '' AND o.state <> 'dropped' AND o.id < $2 ORDER BY o.id DESC LIMIT $3");
    INVITATIONS_OF_MEMBER = invitation_mails!("AND o.recipient <> '' AND o.state <> 'dropped' AND o.member_id = $2 ORDER BY o.id DESC LIMIT $3");
    INVITATION_OF_ACCOUNT = invitation_mails!("AND o.recipient <> '' AND o.id = $2");
    ALL = concat!("SELECT ", mail_columns!(), " FROM outbox WHERE recipient <> '' ORDER BY id DESC LIMIT $1");
    ONE = concat!("SELECT ", mail_columns!(), " FROM outbox WHERE id = $1 AND recipient <> ''");
}

/// The facts that a mail tells of, as they are now.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// Is the account going to be deleted?
    pub account_deleted: bool,
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
    /// The role that is offered, and its name, if it is the account's own.
    pub role: (RoleKey, Option<String>),
    /// Do answers go to the sponsor (R51)?
    pub is_answered: bool,
    /// The address of whoever asked to be invited by it, if the newest decision is about that (R14).
    pub asked_as: Option<String>,
    /// Is there a newer mail that says the same to the same recipient?
    pub replaced: bool,
}

#[derive(FromRow)]
struct FactsRow {
    account: String,
    slug: String,
    delete_at: Option<i64>,
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
    role_key: String,
    role_name: Option<String>,
    is_answered: bool,
    asked_as: Option<String>,
    newer: i64,
}

/// The facts that a mail tells of. Only for the mail worker and the host's operator, who see every account's.
pub(crate) async fn facts(tx: &mut Tx, mail: MailId) -> Result<Option<Facts>, StorageError> {
    let row: Option<FactsRow> = on!(tx, c => sqlx::query_as(FACTS).bind(mail.0).fetch_optional(c).await)?;
    row.map(|row| {
        Ok(Facts {
            account: row.account,
            slug: slug(&row.slug)?,
            account_deleted: row.delete_at.is_some(),
            invitation: InvitationId(row.invitation_id),
            state: invitation_state(&row.state)?,
            expires: Timestamp(row.expires_at),
            token: row.token_id.zip(row.token),
            member: MemberId(row.member_id),
            person: (row.name, row.email_key),
            // An operator's invitation has no other member to answer for it than the one invited.
            sponsor: (row.sponsor_id != row.member_id).then_some((row.sponsor_name, row.sponsor_email)),
            role: (RoleKey::new(row.role_key), row.role_name),
            is_answered: row.is_answered,
            asked_as: row.asked_as,
            replaced: row.newer > 0,
        })
    })
    .transpose()
}

/// The facts of a mail that is about no invitation: the account, and the member.
pub(crate) async fn facts_of_member(
    tx: &mut Tx,
    mail: MailId,
) -> Result<Option<(String, Slug, MemberId)>, StorageError> {
    let row: Option<(String, String, Uuid)> =
        on!(tx, c => sqlx::query_as(FACTS_OF_MEMBER).bind(mail.0).fetch_optional(c).await)?;
    row.map(|(account, raw, member)| Ok((account, slug(&raw)?, MemberId(member)))).transpose()
}

/// What a mail about a member's role tells of, as it is now.
#[derive(Clone, Debug)]
pub struct FactsOfRole {
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// Is the member active?
    pub is_active: bool,
    /// The member: name, if known, and canonical address.
    pub person: (Option<String>, String),
    /// The role, and its name, if it is the account's own.
    pub role: (RoleKey, Option<String>),
    /// Is there a newer mail that says the same to the same recipient?
    pub replaced: bool,
}

#[derive(FromRow)]
struct FactsOfRoleRow {
    account: String,
    slug: String,
    is_active: bool,
    name: Option<String>,
    email_key: String,
    role_key: String,
    role_name: Option<String>,
    newer: i64,
}

/// The facts of a mail about a role.
pub(crate) async fn facts_of_role(tx: &mut Tx, mail: MailId) -> Result<Option<FactsOfRole>, StorageError> {
    let row: Option<FactsOfRoleRow> = on!(tx, c => sqlx::query_as(FACTS_OF_ROLE).bind(mail.0).fetch_optional(c).await)?;
    row.map(|row| {
        Ok(FactsOfRole {
            account: row.account,
            slug: slug(&row.slug)?,
            is_active: row.is_active,
            person: (row.name, row.email_key),
            role: (RoleKey::new(row.role_key), row.role_name),
            replaced: row.newer > 0,
        })
    })
    .transpose()
}

/// What a mail about the deletion of its account tells of.
#[derive(Clone, Debug)]
pub struct FactsOfDeletion {
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// When it is to be deleted, if it still is.
    pub at: Option<Timestamp>,
    /// Name and address of the owner who asked for it, or took it back.
    pub by: Option<(Option<String>, String)>,
}

#[derive(FromRow)]
struct FactsOfDeletionRow {
    account: String,
    slug: String,
    delete_at: Option<i64>,
    name: Option<String>,
    email_key: Option<String>,
}

/// What a mail about the deletion of its account tells of, as it is now.
pub(crate) async fn facts_of_deletion(tx: &mut Tx, mail: MailId) -> Result<Option<FactsOfDeletion>, StorageError> {
    let row: Option<FactsOfDeletionRow> =
        on!(tx, c => sqlx::query_as(FACTS_OF_DELETION).bind(mail.0).fetch_optional(c).await)?;
    row.map(|row| {
        let by = row.email_key.map(|email| (row.name, email));
        Ok(FactsOfDeletion { account: row.account, slug: slug(&row.slug)?, at: row.delete_at.map(Timestamp), by })
    })
    .transpose()
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

/// The newest invitation mails of one member, newest first.
pub async fn invitations_of_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    most: usize,
) -> Result<Vec<InvitationMail>, StorageError> {
    let rows: Vec<InvitationMailRow> = on!(tx, c => sqlx::query_as(INVITATIONS_OF_MEMBER)
        .bind(scope.id().0)
        .bind(member.0)
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
