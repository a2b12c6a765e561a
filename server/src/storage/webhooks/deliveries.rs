//! Deliveries: the outbox of webhooks. Workers of all instances claim rows under a lease, so that those of a crashed one are claimed again.

use super::{payload::test_payload, told::insert};
use crate::storage::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, DeliveryId, MemberId, WebhookId},
    time::Timestamp,
    webhook::{DeliveryFault, DeliveryState, TEST_EVENT},
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    // Webhook by webhook, so that one with many waiting deliveries does not hide the others.
    DUE = "
        SELECT d.webhook_id FROM webhook_deliveries d
         WHERE d.state = 'queued' AND d.next_at <= $1 AND (d.lease_until IS NULL OR d.lease_until <= $1)
         GROUP BY d.webhook_id ORDER BY MIN(d.next_at), d.webhook_id LIMIT $2";
    // The outer conditions repeat the inner ones: PostgreSQL looks at them again when another instance took the row meanwhile.
    CLAIM = "
        UPDATE webhook_deliveries SET lease_until = $3, attempts = attempts + 1
         WHERE id IN (SELECT due.id FROM webhook_deliveries due
                       WHERE due.webhook_id = $1 AND due.state = 'queued' AND due.next_at <= $2
                         AND (due.lease_until IS NULL OR due.lease_until <= $2)
                       ORDER BY due.next_at, due.id LIMIT $4)
           AND state = 'queued' AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2)
        RETURNING id, account_id, webhook_id, about_member, payload, queued_at, attempts";
    RELEASE = "
        UPDATE webhook_deliveries SET lease_until = NULL WHERE account_id = $1 AND id = $2 AND attempts = $3 AND state = 'queued'";
    RECORD = "
        UPDATE webhook_deliveries
           SET state = $4, next_at = $5, done_at = $6, lease_until = NULL, attempted_at = $7, duration_ms = $8, answer_status = $9,
               answer = $10, fault = $11
         WHERE account_id = $1 AND id = $2 AND attempts = $3 AND state = 'queued'";
    DROP = "
        UPDATE webhook_deliveries SET state = 'dropped', done_at = $4, lease_until = NULL
         WHERE account_id = $1 AND webhook_id = $2 AND state = 'queued' AND (about_member IS NULL OR about_member <> $3)";
    DROP_ONE = "
        UPDATE webhook_deliveries SET state = 'dropped', done_at = $4, lease_until = NULL
         WHERE account_id = $1 AND id = $2 AND attempts = $3 AND state = 'queued'";
    WORKED = "UPDATE webhooks SET failing_since = NULL WHERE account_id = $1 AND id = $2 AND failing_since IS NOT NULL";
    FAILED = "UPDATE webhooks SET failing_since = $3 WHERE account_id = $1 AND id = $2 AND failing_since IS NULL";
    REQUEUE = "
        UPDATE webhook_deliveries SET state = 'queued', queued_at = $4, next_at = $4, done_at = NULL, lease_until = NULL
         WHERE account_id = $1 AND webhook_id = $2 AND id = $3";
    OF_WEBHOOK = "
        SELECT id, event, created_at, state, next_at, attempts, payload, attempted_at, duration_ms, answer_status, answer, fault
          FROM webhook_deliveries
         WHERE account_id = $1 AND webhook_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
}

/// A delivery that this worker attempts.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedDelivery {
    /// The account.
    pub scope: AccountScope,
    /// The delivery.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Whom it concerns.
    pub about: Option<MemberId>,
    /// What is sent.
    pub payload: String,
    /// When it was queued.
    pub queued: Timestamp,
    /// The number of attempts, with the present one.
    pub attempts: i64,
}

#[derive(FromRow)]
struct ClaimedRow {
    id: Uuid,
    account_id: Uuid,
    webhook_id: Uuid,
    about_member: Option<Uuid>,
    payload: String,
    queued_at: i64,
    attempts: i64,
}

/// The webhooks of every account for which something is due, those that have waited longest first.
pub(crate) async fn due(tx: &mut Tx, now: Timestamp, most: i64) -> Result<Vec<WebhookId>, StorageError> {
    let rows: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(DUE).bind(now.0).bind(most).fetch_all(c).await)?;
    Ok(rows.into_iter().map(WebhookId).collect())
}

/// Claims up to `most` deliveries of a webhook that are due and not leased, until `lease_until`. Every instance may do so at the same time.
pub(crate) async fn claim(
    tx: &mut Tx,
    webhook: WebhookId,
    now: Timestamp,
    lease_until: Timestamp,
    most: usize,
) -> Result<Vec<ClaimedDelivery>, StorageError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows: Vec<ClaimedRow> = on!(tx, c => sqlx::query_as(CLAIM)
        .bind(webhook.0)
        .bind(now.0)
        .bind(lease_until.0)
        .bind(most)
        .fetch_all(c).await)?;
    let claimed = |row: ClaimedRow| ClaimedDelivery {
        scope: AccountScope::established(AccountId(row.account_id)),
        id: DeliveryId(row.id),
        webhook: WebhookId(row.webhook_id),
        about: row.about_member.map(MemberId),
        payload: row.payload,
        queued: Timestamp(row.queued_at),
        attempts: row.attempts,
    };
    Ok(rows.into_iter().map(claimed).collect())
}

/// Gives a delivery back that was not attempted to its end, for the next process to claim at once.
pub(crate) async fn release(tx: &mut Tx, delivery: &ClaimedDelivery) -> Result<(), StorageError> {
    run!(tx, RELEASE, delivery.scope.id().0, delivery.id.0, delivery.attempts)
}

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// It is tried again then.
    Deferred(Timestamp),
    /// It is not tried any more.
    Failed,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// What it leads to.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub answer: String,
    /// Why nothing was delivered.
    pub fault: Option<DeliveryFault>,
}

/// Records an attempt under its lease, and whether the webhook works; `false` if the lease was lost.
pub(crate) async fn record(
    tx: &mut Tx,
    delivery: &ClaimedDelivery,
    delivered: &Delivered,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let (state, next, done) = match delivered.outcome {
        Outcome::Delivered => (DeliveryState::Delivered, now, Some(now)),
        Outcome::Deferred(next) => (DeliveryState::Queued, next, None),
        Outcome::Failed => (DeliveryState::Failed, now, Some(now)),
    };
    let (account, webhook) = (delivery.scope.id(), delivery.webhook.0);
    let recorded = changed!(
        tx,
        RECORD,
        account.0,
        delivery.id.0,
        delivery.attempts,
        state.key(),
        next.0,
        done.map(|at| at.0),
        now.0,
        delivered.duration_ms,
        delivered.status.map(i64::from),
        &delivered.answer,
        delivered.fault.map(DeliveryFault::key)
    )?;
    if recorded == 0 {
        return Ok(false);
    }
    match delivered.outcome {
        Outcome::Delivered => run!(tx, WORKED, account.0, webhook)?,
        Outcome::Deferred(_) | Outcome::Failed => run!(tx, FAILED, account.0, webhook, now.0)?,
    }
    tx.note_change(account);
    Ok(true)
}

/// Drops what waits for a webhook, but what concerns this member.
pub(super) async fn drop_queued(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    but_about: Option<MemberId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let but_about = but_about.map_or(Uuid::nil(), |member| member.0);
    run!(tx, DROP, scope.id().0, webhook.0, but_about, now.0)
}

/// Drops a delivery whose webhook is off.
pub(crate) async fn drop_claimed(tx: &mut Tx, delivery: &ClaimedDelivery, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, DROP_ONE, delivery.scope.id().0, delivery.id.0, delivery.attempts, now.0)
}

/// Queues an event that tells of nothing.
pub(crate) async fn queue_test(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let payload = test_payload(tx, scope, webhook, now).await?;
    insert(tx, scope, webhook, TEST_EVENT, None, &payload, now).await?;
    tx.note_change(scope.id());
    Ok(())
}

/// Queues a delivery once more, as the same message; `false` if there is none.
pub async fn requeue(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = changed!(tx, REQUEUE, scope.id().0, webhook.0, id.0, now.0)?;
    if done == 1 {
        tx.note_webhook_delivery();
        tx.note_change(scope.id());
    }
    Ok(done == 1)
}

/// A delivery, as the account's settings show it.
#[derive(Clone, Debug)]
pub struct StoredDelivery {
    /// The id.
    pub id: DeliveryId,
    /// The event.
    pub event: String,
    /// When it was written.
    pub written: Timestamp,
    /// Where it is.
    pub state: DeliveryState,
    /// When it is tried next.
    pub next: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// What is sent.
    pub payload: String,
    /// When it was last tried, and how long that took in milliseconds.
    pub last: Option<(Timestamp, u32)>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub answer: String,
    /// Why nothing was delivered.
    pub fault: Option<DeliveryFault>,
}

#[derive(FromRow)]
struct DeliveryRow {
    id: Uuid,
    event: String,
    created_at: i64,
    state: String,
    next_at: i64,
    attempts: i64,
    payload: String,
    attempted_at: Option<i64>,
    duration_ms: Option<i64>,
    answer_status: Option<i64>,
    answer: Option<String>,
    fault: Option<String>,
}

impl TryFrom<DeliveryRow> for StoredDelivery {
    type Error = StorageError;

    fn try_from(row: DeliveryRow) -> Result<Self, StorageError> {
        let state = DeliveryState::from_key(&row.state);
        let last = row.attempted_at.map(Timestamp).zip(row.duration_ms.and_then(|ms| u32::try_from(ms).ok()));
        Ok(Self {
            id: DeliveryId(row.id),
            event: row.event,
            written: Timestamp(row.created_at),
            state: state.ok_or(StorageError::inconsistent("webhook_deliveries", "state"))?,
            next: Timestamp(row.next_at),
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            payload: row.payload,
            last,
            status: row.answer_status.and_then(|status| u16::try_from(status).ok()),
            answer: row.answer.unwrap_or_default(),
            fault: row.fault.as_deref().and_then(DeliveryFault::from_key),
        })
    }
}

/// The deliveries of a webhook before this one, newest first.
pub async fn of_webhook(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    before: Option<DeliveryId>,
    most: i64,
) -> Result<Vec<StoredDelivery>, StorageError> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<DeliveryRow> = on!(tx, c => sqlx::query_as(OF_WEBHOOK)
        .bind(scope.id().0)
        .bind(webhook.0)
        .bind(before)
        .bind(most)
        .fetch_all(c).await)?;
    rows.into_iter().map(StoredDelivery::try_from).collect()
}
