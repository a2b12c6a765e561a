//! Audit events: who did what to whom, written in the transaction of the change, hash-chained per account (R60).

use super::{AccountScope, StorageError, Tx, on, run, statements, webhooks::NotedEvent};
use crate::secrets;
pub use app::domain::audit::Event;
use app::domain::{audit::EventKind, ids::MemberId, time::Timestamp};
use sha2::{Digest, Sha256};
use sqlx_macros::FromRow;
use std::net::IpAddr;
use uuid::Uuid;

/// The events of a page, newest first: `$1` is the account, `$2` the number before which they are, `$3` and `$4` the times, `$5` how many.
macro_rules! events {
    ($and:literal) => {
        concat!(
            "
        SELECT e.seq, e.at, e.actor_id, e.kind, e.data, d.actor, d.target, d.ip, d.key_name
          FROM audit_events e LEFT JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
         WHERE e.account_id = $1 AND e.seq < $2 AND e.at >= $3 AND e.at < $4 ",
            $and,
            " ORDER BY e.seq DESC LIMIT $5"
        )
    };
}

statements! {
    EVENTS = events!("");
    OF_KIND = events!("AND e.kind = $6");
    OF_PERSON = events!("AND (e.actor_id = $6 OR e.target_id = $6)");
    OF_PERSON_AND_KIND = events!("AND (e.actor_id = $6 OR e.target_id = $6) AND e.kind = $7");
    ABOUT_MEMBERS = "
        SELECT e.seq, e.at, e.target_id, e.data, d.target, m.id AS row_id, m.name
          FROM audit_events e
          LEFT JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
          LEFT JOIN members m ON m.account_id = e.account_id AND m.id = e.target_id AND m.purged_at IS NULL
         WHERE e.account_id = $1 AND e.seq > $2 AND e.at <= $3 AND e.target_id IS NOT NULL
         ORDER BY e.seq LIMIT $4";
    COUNT_SINCE = "SELECT COUNT(*) FROM audit_events e WHERE e.account_id = $1 AND e.kind = $2 AND e.at > $3";
    NEXT = "UPDATE accounts SET audit_seq = audit_seq + 1 WHERE id = $1 RETURNING audit_seq, audit_hash";
    INSERT = "
        INSERT INTO audit_events (account_id, seq, at, actor_id, target_id, kind, data, details, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    INSERT_DETAILS = "
        INSERT INTO audit_details (account_id, seq, salt, actor, target, ip, key_name) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SET_HEAD = "UPDATE accounts SET audit_hash = $2 WHERE id = $1";
    HEAD = "SELECT audit_seq, audit_hash FROM accounts WHERE id = $1";
    AFTER = "
        SELECT e.seq, e.at, e.actor_id, e.target_id, e.kind, e.data, e.details, e.hash, d.salt, d.actor, d.target, d.ip, d.key_name
          FROM audit_events e LEFT JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
         WHERE e.account_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3";
}

/// How many events are read at a time: a chain may be long, and a statement takes seconds at most.
const BATCH_EVENTS: i64 = 10_000;

/// Who caused an event, and from where.
#[derive(Clone, Debug, Default)]
pub struct AuditActor {
    /// The member who acted; `None` for the host's operator.
    pub member: Option<MemberId>,
    /// The name to show.
    pub name: Option<String>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The name of the API key by which it was done, if it was by one.
    pub key: Option<String>,
}

/// Whom an event concerns.
#[derive(Clone, Debug)]
pub struct AuditTarget {
    /// The member's row.
    pub member: MemberId,
    /// The address to show.
    pub email: String,
}

/// Writes an event, of which open pages (R35) and webhooks (LT-10) are told when it is committed. It also holds the account's row until the transaction ends.
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
        key: actor.key.clone(),
    };
    let link = ChainLink {
        seq,
        at: now.0,
        actor_id: actor.member.map(|member| member.0),
        target_id: target.map(|target| target.member.0),
        kind: event.kind().key(),
        data: &data,
        details: &details.digest(),
    };
    let hash = link.hash(&previous);
    run!(tx, INSERT, account, seq, link.at, link.actor_id, link.target_id, link.kind, link.data, link.details, &hash)?;
    run!(tx, INSERT_DETAILS, account, seq, &details.salt, &details.actor, &details.target, &details.ip, &details.key)?;
    run!(tx, SET_HEAD, account, &hash)?;
    tx.note_change(scope.id());
    let target = target.map(|target| target.member);
    tx.note_event(NotedEvent { scope, seq, at: now, actor: actor.clone(), target, event: event.clone() });
    Ok(())
}

/// How many events of a kind there are since then.
pub async fn count_since(
    tx: &mut Tx,
    scope: AccountScope,
    kind: EventKind,
    since: Timestamp,
) -> Result<u32, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(COUNT_SINCE)
        .bind(scope.id().0)
        .bind(kind.key())
        .bind(since.0)
        .fetch_one(c).await)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What can be erased without breaking the chain.
struct Details {
    salt: Vec<u8>,
    actor: Option<String>,
    target: Option<String>,
    ip: Option<String>,
    key: Option<String>,
}

impl Details {
    fn digest(&self) -> Vec<u8> {
        let mut digest = Sha256::new().chain_update(&self.salt);
        for text in [&self.actor, &self.target, &self.ip] {
            let text = text.as_deref().unwrap_or_default();
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        // What was not done by a key has the digest that it had before there were keys.
        if let Some(key) = &self.key {
            digest.update((key.len() as u64).to_be_bytes());
            digest.update(key);
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
    key_name: Option<String>,
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
                let (actor, target) = (row.actor.clone(), row.target.clone());
                let details = Details { salt, actor, target, ip: row.ip, key: row.key_name };
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

/// Which events of an account are read.
#[derive(Clone, Copy, Debug)]
pub struct EventFilter {
    /// Those that this member caused, or that concern this member.
    pub person: Option<MemberId>,
    /// Those of this kind.
    pub kind: Option<EventKind>,
    /// Those from this time on.
    pub from: Timestamp,
    /// Those before this time.
    pub until: Timestamp,
    /// Those before this number.
    pub before: i64,
}

/// An event as it was written, for those who may read it.
#[derive(Clone, Debug, FromRow)]
pub struct WrittenEvent {
    /// Its number in the account.
    pub seq: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// The member who acted.
    pub actor_id: Option<Uuid>,
    /// What, by its key.
    pub kind: String,
    /// What of it is told, as JSON.
    pub data: String,
    /// By whom, by name.
    pub actor: Option<String>,
    /// To whom, by address.
    pub target: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// The name of the API key by which it was done.
    pub key_name: Option<String>,
}

/// The account's newest events that the filter lets through.
pub async fn events(
    tx: &mut Tx,
    scope: AccountScope,
    filter: EventFilter,
    most: i64,
) -> Result<Vec<WrittenEvent>, StorageError> {
    let EventFilter { person, kind, from, until, before } = filter;
    let account = scope.id().0;
    let person = person.map(|member| member.0);
    Ok(match (person, kind.map(EventKind::key)) {
        (None, None) => on!(tx, c => sqlx::query_as(EVENTS)
            .bind(account).bind(before).bind(from.0).bind(until.0).bind(most)
            .fetch_all(c).await),
        (None, Some(kind)) => on!(tx, c => sqlx::query_as(OF_KIND)
            .bind(account).bind(before).bind(from.0).bind(until.0).bind(most).bind(kind)
            .fetch_all(c).await),
        (Some(person), None) => on!(tx, c => sqlx::query_as(OF_PERSON)
            .bind(account).bind(before).bind(from.0).bind(until.0).bind(most).bind(person)
            .fetch_all(c).await),
        (Some(person), Some(kind)) => on!(tx, c => sqlx::query_as(OF_PERSON_AND_KIND)
            .bind(account).bind(before).bind(from.0).bind(until.0).bind(most).bind(person).bind(kind)
            .fetch_all(c).await),
    }?)
}

/// An event about a member, for rebuilding who was in the account.
#[derive(Clone, Debug, FromRow)]
pub struct EventAboutMember {
    /// Its number in the account.
    pub seq: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// The member.
    pub target_id: Uuid,
    /// What of it is told, as JSON.
    pub data: String,
    /// The member's address then, unless it was erased.
    pub target: Option<String>,
    /// The member's row, if there is one still.
    pub row_id: Option<Uuid>,
    /// The name in that row.
    pub name: Option<String>,
}

/// The account's events about members after this number and up to this time, in their order.
pub async fn about_members(
    tx: &mut Tx,
    scope: AccountScope,
    after: i64,
    until: Timestamp,
    most: i64,
) -> Result<Vec<EventAboutMember>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(ABOUT_MEMBERS)
        .bind(scope.id().0)
        .bind(after)
        .bind(until.0)
        .bind(most)
        .fetch_all(c).await)?)
}
