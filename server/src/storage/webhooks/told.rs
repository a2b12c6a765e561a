//! Writes what webhooks are told, in the transaction of what happened: nothing is lost, and nothing is told that did not come true.
//!
//! [`super::super::audit::record`] notes the event, and [`Tx::commit`] calls [`queue_noted`] as the last thing before it commits. So what is told of a
//! member is what the whole transaction made of them.

use super::{is_owned, payload::payload};
use crate::storage::{
    AccountScope, StorageError, Tx,
    audit::{AuditActor, Event},
    on, run, statements,
};
use app::domain::{
    ids::{MemberId, WebhookId},
    time::Timestamp,
    webhook::event_name,
};
use uuid::Uuid;

statements! {
    // Whoever answered for a webhook is the last whose end it is told of.
    TOLD = concat!("
        SELECT w.id FROM webhooks w JOIN members m ON m.id = w.member_id
         WHERE w.account_id = $1 AND w.status = 'on'
           AND (w.all_events OR EXISTS (SELECT 1 FROM webhook_events e WHERE e.account_id = $1 AND e.webhook_id = w.id AND e.event = $2))
           AND (m.id = $3 OR ", is_owned!(), ")
         ORDER BY w.id");
    INSERT = "
        INSERT INTO webhook_deliveries (id, account_id, webhook_id, event, about_member, payload, state, created_at, queued_at, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $7, $7)";
}

/// An audit event that webhooks may be told of.
#[derive(Clone, Debug)]
pub(in crate::storage) struct NotedEvent {
    pub(in crate::storage) scope: AccountScope,
    /// The event's number in the account.
    pub(in crate::storage) seq: i64,
    pub(in crate::storage) at: Timestamp,
    pub(in crate::storage) actor: AuditActor,
    pub(in crate::storage) target: Option<MemberId>,
    pub(in crate::storage) event: Event,
}

/// Queues what the transaction noted, for every webhook that is to be told of it.
pub(in crate::storage) async fn queue_noted(tx: &mut Tx) -> Result<(), StorageError> {
    for noted in tx.take_noted_events() {
        let Some(name) = event_name(noted.event.kind()) else { continue };
        let webhooks: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(TOLD)
            .bind(noted.scope.id().0)
            .bind(name)
            .bind(noted.target.map(|member| member.0))
            .fetch_all(c).await)?;
        if webhooks.is_empty() {
            continue;
        }
        let Some(payload) = payload(tx, name, &noted).await? else { continue };
        for webhook in webhooks {
            let NotedEvent { scope, at, target, .. } = noted;
            insert(tx, scope, WebhookId(webhook), name, target, &payload, at).await?;
        }
    }
    Ok(())
}

/// Queues one delivery.
pub(super) async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    event: &str,
    about: Option<MemberId>,
    payload: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let about = about.map(|member| member.0);
    run!(tx, INSERT, Uuid::now_v7(), scope.id().0, webhook.0, event, about, payload, now.0)?;
    tx.note_webhook_delivery();
    Ok(())
}
