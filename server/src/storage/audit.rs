//! Audit events: who did what to whom, written in the transaction of the change, hash-chained per account (R60).

use super::{AccountScope, StorageError, Tx, on, run, statements};
use crate::secrets;
use app::domain::{
    ids::{InvitationId, LoginMethodId, MemberId},
    member::MemberState,
    role::Grant,
    time::Timestamp,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx_macros::FromRow;
use std::net::IpAddr;
use uuid::Uuid;

statements! {
    NEXT = "UPDATE accounts SET audit_seq = audit_seq + 1 WHERE id = $1 RETURNING audit_seq, audit_hash";
    INSERT = "
        INSERT INTO audit_events (account_id, seq, at, actor_id, target_id, kind, data, details, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    INSERT_DETAILS = "
        INSERT INTO audit_details (account_id, seq, salt, actor, target, ip) VALUES ($1, $2, $3, $4, $5, $6)";
    SET_HEAD = "UPDATE accounts SET audit_hash = $2 WHERE id = $1";
    HEAD = "SELECT audit_seq, audit_hash FROM accounts WHERE id = $1";
    AFTER = "
        SELECT e.seq, e.at, e.actor_id, e.target_id, e.kind, e.data, e.details, e.hash, d.salt, d.actor, d.target, d.ip
          FROM audit_events e LEFT JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
         WHERE e.account_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3";
}

/// How many events are read at a time: a chain may be long, and a statement takes seconds at most.
const BATCH_EVENTS: i64 = 10_000;

/// What happened. Ids and keys alone: no name, no address, never a token.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is its event, each field its domain word")]
pub enum Event {
    AccountOpened,
    OwnerGranted { was: MemberState },
    Invited { invitation: InvitationId, grant: Grant },
    InvitationResent { invitation: InvitationId },
    LinkCopied { invitation: InvitationId },
    InvitationWithdrawn { invitation: InvitationId },
    InvitationHeld { invitation: InvitationId },
    InvitationSponsored { invitation: InvitationId, sponsor: MemberId },
    Joined { invitation: InvitationId, grant: Grant },
    Declined { invitation: InvitationId },
    NewLinkAsked { invitation: InvitationId },
    MailboxVouchedFor { invitation: InvitationId },
    HeldForReview { last_owner: bool },
    DecisionOpened { invitation: InvitationId },
    Decided { invitation: InvitationId, used: bool },
    LoginMethodAdded { method: LoginMethodId },
    LoginMethodEdited { method: LoginMethodId },
    LoginMethodDraftDropped { method: LoginMethodId },
    LoginMethodLive { method: LoginMethodId, unlinked: u64 },
    LoginMethodSwitched { method: LoginMethodId, on: bool },
    LoginMethodRemoved { method: LoginMethodId },
    SignsInBy { method: LoginMethodId },
    IdentityLinked { method: LoginMethodId },
    PasswordSet,
    NameChanged,
    EmailChanged,
    Edited { before: Grant, after: Grant },
    Suspended { grant: Grant },
    Reactivated { grant: Grant },
    Removed { grant: Grant },
    Left { grant: Grant },
}

impl Event {
    const fn kind(&self) -> &'static str {
        match self {
            Self::AccountOpened => "account_opened",
            Self::OwnerGranted { .. } => "owner_granted",
            Self::Invited { .. } => "invited",
            Self::InvitationResent { .. } => "invitation_resent",
            Self::LinkCopied { .. } => "link_copied",
            Self::InvitationWithdrawn { .. } => "invitation_withdrawn",
            Self::InvitationHeld { .. } => "invitation_held",
            Self::InvitationSponsored { .. } => "invitation_sponsored",
            Self::Joined { .. } => "joined",
            Self::Declined { .. } => "declined",
            Self::NewLinkAsked { .. } => "new_link_asked",
            Self::MailboxVouchedFor { .. } => "mailbox_vouched_for",
            Self::HeldForReview { .. } => "held_for_review",
            Self::DecisionOpened { .. } => "decision_opened",
            Self::Decided { .. } => "decided",
            Self::LoginMethodAdded { .. } => "login_method_added",
            Self::LoginMethodEdited { .. } => "login_method_edited",
            Self::LoginMethodDraftDropped { .. } => "login_method_draft_dropped",
            Self::LoginMethodLive { .. } => "login_method_live",
            Self::LoginMethodSwitched { .. } => "login_method_switched",
            Self::LoginMethodRemoved { .. } => "login_method_removed",
            Self::SignsInBy { .. } => "signs_in_by",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::PasswordSet => "password_set",
            Self::NameChanged => "name_changed",
            Self::EmailChanged => "email_changed",
            Self::Edited { .. } => "edited",
            Self::Suspended { .. } => "suspended",
            Self::Reactivated { .. } => "reactivated",
            Self::Removed { .. } => "removed",
            Self::Left { .. } => "left",
        }
    }
}

/// Who caused an event, and from where.
#[derive(Clone, Debug, Default)]
pub struct AuditActor {
    /// The member who acted; `None` for the host's operator.
    pub member: Option<MemberId>,
    /// The name to show.
    pub name: Option<String>,
    /// The client's address.
    pub ip: Option<IpAddr>,
}

/// Whom an event concerns.
#[derive(Clone, Debug)]
pub struct AuditTarget {
    /// The member's row.
    pub member: MemberId,
    /// The address to show.
    pub email: String,
}

/// Writes an event. It also holds the account's row until the transaction ends.
pub async fn record(
    tx: &mut Tx,
    scope: AccountScope,
    actor: &AuditActor,
    target: Option<&AuditTarget>,
    event: &Event,
    now: Timestamp,
) -> Result<(), StorageError> {
    let account = scope.id().0;
    let (seq, previous): (i64, Vec<u8>) = on!(tx, c => sqlx::query_as(NEXT).bind(account).fetch_one(c).await)?;
    let data = serde_json::to_string(event).map_err(|_| StorageError::inconsistent("audit_events", "data"))?;
    let details = Details {
        salt: secrets::random::<16>().to_vec(),
        actor: actor.name.clone(),
        target: target.map(|target| target.email.clone()),
        ip: actor.ip.map(|ip| ip.to_string()),
    };
    let link = ChainLink {
        seq,
        at: now.0,
        actor_id: actor.member.map(|member| member.0),
        target_id: target.map(|target| target.member.0),
        kind: event.kind(),
        data: &data,
        details: &details.digest(),
    };
    let hash = link.hash(&previous);
    run!(tx, INSERT, account, seq, link.at, link.actor_id, link.target_id, link.kind, link.data, link.details, &hash)?;
    run!(tx, INSERT_DETAILS, account, seq, &details.salt, &details.actor, &details.target, &details.ip)?;
    run!(tx, SET_HEAD, account, &hash)
}

/// What can be erased without breaking the chain.
struct Details {
    salt: Vec<u8>,
    actor: Option<String>,
    target: Option<String>,
    ip: Option<String>,
}

impl Details {
    fn digest(&self) -> Vec<u8> {
        let mut digest = Sha256::new().chain_update(&self.salt);
        for text in [&self.actor, &self.target, &self.ip] {
            let text = text.as_deref().unwrap_or_default();
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        digest.finalize().to_vec()
    }
}

/// One link of the hash chain.
struct ChainLink<'a> {
    seq: i64,
    at: i64,
    actor_id: Option<Uuid>,
    target_id: Option<Uuid>,
    kind: &'a str,
    data: &'a str,
    details: &'a [u8],
}

impl ChainLink<'_> {
    fn hash(&self, previous: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new().chain_update(previous);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for id in [self.actor_id, self.target_id] {
            hash.update(id.unwrap_or_default().as_bytes());
        }
        for text in [self.kind.as_bytes(), self.data.as_bytes(), self.details] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().to_vec()
    }
}

/// An account's latest event: its number and its hash, which follows from all events before it. Whoever keeps it elsewhere can tell
/// later whether the chain was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the latest event; 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// A fault in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// This event does not follow from the one before: it was changed, or one before it is gone.
    Changed(i64),
    /// The account counts more events than there are, or others.
    CutOff {
        /// The number of the last event that is there.
        there: i64,
        /// The number of the latest event by the account's own count.
        counted: i64,
    },
}

/// An account's events with the head that the account keeps apart from them.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The events, in order.
    pub events: Vec<RecordedEvent>,
    /// The head that the account keeps.
    pub head: Head,
}

impl Chain {
    /// What is wrong with the chain, if anything is.
    pub fn fault(&self) -> Option<ChainFault> {
        if let Some(event) = self.events.iter().find(|event| !event.in_chain) {
            return Some(ChainFault::Changed(event.seq));
        }
        let last = self.events.last();
        let there = last.map_or(0, |event| event.seq);
        let fits = there == self.head.seq && last.is_none_or(|event| event.hash == self.head.hash);
        (!fits).then_some(ChainFault::CutOff { there, counted: self.head.seq })
    }
}

/// The hash that the first event of an account follows from, so that a chain put under another account does not fit.
pub(super) fn genesis_hash(account: Uuid) -> Vec<u8> {
    Sha256::new().chain_update(b"roster audit").chain_update(account.as_bytes()).finalize().to_vec()
}

/// An event as it was written.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    /// Its number in the account.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What, by its key.
    pub kind: String,
    /// By whom, by name.
    pub actor: Option<String>,
    /// To whom, by address.
    pub target: Option<String>,
    /// Does it follow from the one before?
    pub in_chain: bool,
    /// Its hash.
    pub hash: Vec<u8>,
}

#[derive(FromRow)]
struct RecordedEventRow {
    seq: i64,
    at: i64,
    actor_id: Option<Uuid>,
    target_id: Option<Uuid>,
    kind: String,
    data: String,
    details: Vec<u8>,
    hash: Vec<u8>,
    salt: Option<Vec<u8>>,
    actor: Option<String>,
    target: Option<String>,
    ip: Option<String>,
}

/// Every event of an account in order, each checked against the chain, with the head that the account keeps.
pub async fn chain(tx: &mut Tx, scope: AccountScope) -> Result<Chain, StorageError> {
    let (seq, hash): (i64, Vec<u8>) = on!(tx, c => sqlx::query_as(HEAD).bind(scope.id().0).fetch_one(c).await)?;
    let mut rows: Vec<RecordedEventRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let more: Vec<RecordedEventRow> = on!(tx, c => sqlx::query_as(AFTER)
            .bind(scope.id().0)
            .bind(after)
            .bind(BATCH_EVENTS)
            .fetch_all(c)
            .await)?;
        if more.is_empty() {
            break;
        }
        rows.extend(more);
    }
    let mut previous = genesis_hash(scope.id().0);
    let mut expected = 1;
    let events = rows
        .into_iter()
        .map(|row| {
            let link = ChainLink {
                seq: row.seq,
                at: row.at,
                actor_id: row.actor_id,
                target_id: row.target_id,
                kind: &row.kind,
                data: &row.data,
                details: &row.details,
            };
            // Erased details leave the digest standing.
            let details_fit = row.salt.is_none_or(|salt| {
                let details = Details { salt, actor: row.actor.clone(), target: row.target.clone(), ip: row.ip };
                details.digest() == row.details
            });
            // The chains of accounts that were made before chains were tied to them begin with nothing.
            let follows = link.hash(&previous) == row.hash || (link.seq == 1 && link.hash(&[]) == row.hash);
            let in_chain = link.seq == expected && follows && details_fit;
            previous.clone_from(&row.hash);
            expected += 1;
            RecordedEvent {
                seq: row.seq,
                at: Timestamp(row.at),
                kind: row.kind,
                actor: row.actor,
                target: row.target,
                in_chain,
                hash: row.hash,
            }
        })
        .collect();
    Ok(Chain { events, head: Head { seq, hash } })
}
