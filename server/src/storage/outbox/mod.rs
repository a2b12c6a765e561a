//! The outbox: mails that wait, were sent or were refused, and what mail servers answered. A row is written in the transaction of the
//! change that it tells of; workers of all instances claim rows under a lease, so that those of a crashed one are claimed again (F1).

use super::StorageError;
use app::domain::{
    ids::{AccountId, MailId, UserId},
    language::Language,
    member::MailState,
    time::{Span, Timestamp},
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The columns of [`OutboxMail`].
macro_rules! mail_columns {
    () => {
        "id, account_id, user_id, kind, language, recipient, sealed, attempts, created_at, state, last_answer, first_tried_at, unanswered, unanswered_at"
    };
}

pub(super) mod queue;
pub(super) mod view;

pub use queue::{
    FinalState, NewLoginMail, NewMail, claim_due, defer, finish, hand_over, is_due, queue, queue_login_mail, release,
};
pub use view::{
    Facts, FactsOfRole, InvitationMail, invitation_of_account, invitations_of_account, invitations_of_member,
};
pub(crate) use view::{facts, facts_of_deletion, facts_of_member, facts_of_role, find, newest};

/// The kinds of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// An invitation, with its mailed link.
    Invitation,
    /// To the invited person, once: the invitation is still open, with the link that the invitation had.
    InvitationReminder,
    /// A code that proves the mailbox to whoever holds a copied link (R12).
    Code,
    /// A code for reauthentication (AZ-16).
    ReauthenticationCode,
    /// To the sponsor: the person joined.
    Accepted,
    /// To the sponsor: the person declined (R63).
    Declined,
    /// To whoever is answerable: the link has expired, and a new one is asked for (R20).
    LinkAsked,
    /// To whoever is answerable: the sponsor, or whoever vouched for the mailbox, may not grant it any more, and the person waits (R29).
    Held,
    /// To whoever is answerable: somebody else than the invited person came back from the provider (R43, R44).
    Decision,
    /// To the sponsor: the invited person has another address now, and wants the sponsor to know (R48).
    InviteeMoved,
    /// To the member: the account requires a second factor, and the member has none (LT-09).
    SecondFactorRequired,
    /// To the member: the authenticator app that counts in the account alone was added or removed (SE-07).
    AccountApp(AccountAppChange),
    /// To the member for whom an API key acts, or acted: it was made, or taken over (SE-07).
    ApiKey(ApiKeyMail),
    /// To the two people of an offer of ownership: it was made, or accepted (R34).
    Ownership(OwnershipMail),
    /// To a member whose role or permissions somebody else changed, or to the owners of whom there is one more (R35).
    Role(RoleMail),
    /// To the owners: the account is going to be deleted, or is kept after all.
    AccountDeletion(AccountDeletionMail),
    /// To whoever is answerable: Roster switched a webhook off (LT-10).
    WebhookStopped,
    /// To whoever forgot a password: the link to choose a new one (PW-10).
    PasswordReset,
    /// To the user: the password was changed (SE-07).
    PasswordChanged,
    /// To the address that a user wants: the link that confirms it (PW-11).
    EmailChangeConfirm,
    /// To the address that a user had: it was changed, with the link that takes it back (R48).
    EmailChangeNotice,
    /// To the user: the login is going to be deleted.
    LoginDeletion,
    /// To the user: second factors were changed, or a recovery code was used (SE-07).
    SecondFactors(SecondFactorChange),
}

/// What happened to somebody's second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorChange {
    /// One was added.
    Added,
    /// One was removed.
    Removed,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used to sign in.
    RecoveryCodeUsed,
    /// The host's operator removed all of them.
    Reset,
    /// A passkey was refused, because there is a copy of it.
    PasskeyCopied,
}

/// What happened to the authenticator app that somebody has for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountAppChange {
    /// It was added.
    Added,
    /// It was removed.
    Removed,
}

/// What happened to an API key, and whom it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyMail {
    /// To whoever made it: somebody else may sit at the session.
    Made,
    /// To the member for whom it acted before.
    TakenOver,
}

/// What is said of an offer of ownership, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipMail {
    /// To the member: there is an offer.
    Offered,
    /// To the owner: it was made in their name.
    Made,
    /// To the member: they are an owner now.
    Received,
    /// To the former owner: the offer was accepted.
    Accepted,
    /// To the owner: the offer was declined.
    Declined,
}

/// What is said of a role that was given, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleMail {
    /// To the member: role or permissions are others now.
    Changed,
    /// To the other owners: the member is an owner now.
    OwnerMade,
}

/// What is said of the deletion of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountDeletionMail {
    /// An owner asked for it.
    Asked,
    /// An owner took it back.
    TakenBack,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::Invitation,
        Self::InvitationReminder,
        Self::Code,
        Self::ReauthenticationCode,
        Self::Accepted,
        Self::Declined,
        Self::LinkAsked,
        Self::Held,
        Self::Decision,
        Self::InviteeMoved,
        Self::SecondFactorRequired,
        Self::AccountApp(AccountAppChange::Added),
        Self::AccountApp(AccountAppChange::Removed),
        Self::ApiKey(ApiKeyMail::Made),
        Self::ApiKey(ApiKeyMail::TakenOver),
        Self::Ownership(OwnershipMail::Offered),
        Self::Ownership(OwnershipMail::Made),
        Self::Ownership(OwnershipMail::Received),
        Self::Ownership(OwnershipMail::Accepted),
        Self::Ownership(OwnershipMail::Declined),
        Self::Role(RoleMail::Changed),
        Self::Role(RoleMail::OwnerMade),
        Self::AccountDeletion(AccountDeletionMail::Asked),
        Self::AccountDeletion(AccountDeletionMail::TakenBack),
        Self::WebhookStopped,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::EmailChangeConfirm,
        Self::EmailChangeNotice,
        Self::LoginDeletion,
        Self::SecondFactors(SecondFactorChange::Added),
        Self::SecondFactors(SecondFactorChange::Removed),
        Self::SecondFactors(SecondFactorChange::RecoveryCodesMade),
        Self::SecondFactors(SecondFactorChange::RecoveryCodeUsed),
        Self::SecondFactors(SecondFactorChange::Reset),
        Self::SecondFactors(SecondFactorChange::PasskeyCopied),
    ];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::InvitationReminder => "invitation_reminder",
            Self::Code => "code",
            Self::ReauthenticationCode => "reauthentication_code",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::LinkAsked => "link_asked",
            Self::Held => "held",
            Self::Decision => "decision",
            Self::InviteeMoved => "invitee_moved",
            Self::SecondFactorRequired => "second_factor_required",
            Self::AccountApp(AccountAppChange::Added) => "account_app_added",
            Self::AccountApp(AccountAppChange::Removed) => "account_app_removed",
            Self::ApiKey(ApiKeyMail::Made) => "api_key_made",
            Self::ApiKey(ApiKeyMail::TakenOver) => "api_key_taken_over",
            Self::Ownership(OwnershipMail::Offered) => "ownership_offered",
            Self::Ownership(OwnershipMail::Made) => "ownership_offer_made",
            Self::Ownership(OwnershipMail::Received) => "ownership_received",
            Self::Ownership(OwnershipMail::Accepted) => "ownership_accepted",
            Self::Ownership(OwnershipMail::Declined) => "ownership_declined",
            Self::Role(RoleMail::Changed) => "role_changed",
            Self::Role(RoleMail::OwnerMade) => "owner_made",
            Self::AccountDeletion(AccountDeletionMail::Asked) => "account_deletion_asked",
            Self::AccountDeletion(AccountDeletionMail::TakenBack) => "account_deletion_taken_back",
            Self::WebhookStopped => "webhook_stopped",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailChangeConfirm => "email_change_confirm",
            Self::EmailChangeNotice => "email_change_notice",
            Self::LoginDeletion => "login_deletion",
            Self::SecondFactors(SecondFactorChange::Added) => "second_factor_added",
            Self::SecondFactors(SecondFactorChange::Removed) => "second_factor_removed",
            Self::SecondFactors(SecondFactorChange::RecoveryCodesMade) => "recovery_codes_made",
            Self::SecondFactors(SecondFactorChange::RecoveryCodeUsed) => "recovery_code_used",
            Self::SecondFactors(SecondFactorChange::Reset) => "second_factors_reset",
            Self::SecondFactors(SecondFactorChange::PasskeyCopied) => "passkey_copied",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

const QUEUED: &str = "queued";
const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";
const NO_SERVER: &str = "no_server";
const DROPPED: &str = "dropped";

/// The delivery of a mail, from its row's columns.
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
const USUAL_ANSWER_TIME: Span = Span::seconds(30);

/// The state of a mail as it is shown. A dropped one has none.
pub fn mail_state(delivery: Delivery, now: Timestamp) -> Result<Option<MailState>, StorageError> {
    let Delivery { state, next, done, answer, unanswered, leased } = delivery;
    let at = || done.ok_or(StorageError::inconsistent("outbox", "done_at"));
    Ok(Some(match state.as_str() {
        QUEUED => match (unanswered.filter(|at| !leased || now - *at > USUAL_ANSWER_TIME), answer) {
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
    /// The account that it comes from; `None` for one about somebody's own login.
    pub account: Option<AccountId>,
    /// The user whose login it is about, if it is about one and that was known when it was written.
    pub user: Option<UserId>,
    /// What it says.
    pub kind: MailKind,
    /// The language to say it in.
    pub language: Language,
    /// The recipient, in canonical form.
    pub to: String,
    /// What only this mail may say.
    pub sealed: Option<Vec<u8>>,
    /// The number of attempts, with the present one. It also tells whether a lease is still the one of this attempt.
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
    account_id: Option<Uuid>,
    user_id: Option<Uuid>,
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
            account: row.account_id.map(AccountId),
            user: row.user_id.map(UserId),
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

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
