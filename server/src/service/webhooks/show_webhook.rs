//! One webhook with its deliveries.

use super::{line, load};
use crate::{
    context::Services,
    storage::webhooks::{self, StoredDelivery},
};
use app::{
    api::webhooks::{Attempt, DeliveryLine, WebhookView},
    backend::ShowWebhook,
    domain::{
        ids::{DeliveryId, WebhookId},
        time::Timestamp,
        webhook::DeliveryState,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// Deliveries on a page.
const PAGE_ROWS: usize = 25;

#[async_trait]
impl ShowWebhook for Services {
    /// The webhook, and what it was sent before `after`.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    async fn show_webhook(
        &self,
        caller: &Caller,
        webhook: WebhookId,
        after: Option<DeliveryId>,
    ) -> Result<WebhookView, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = load(self, &mut tx, caller).await?;
        let found = webhooks::find(&mut tx, actor.scope(), webhook).await?.ok_or(AppError::NotFound)?;
        let secrets = webhooks::secrets(&mut tx, actor.scope(), webhook, now).await?;
        let most = PAGE_ROWS as i64 + 1;
        let mut deliveries = webhooks::of_webhook(&mut tx, actor.scope(), webhook, after, most).await?;
        drop(tx);
        self.note_activity(&actor).await;
        let is_last = deliveries.len() <= PAGE_ROWS;
        deliveries.truncate(PAGE_ROWS);
        let next = deliveries.last().filter(|_| !is_last).map(|delivery| delivery.id);
        Ok(WebhookView {
            webhook: line(found),
            earlier_secret_until: secrets.iter().find_map(|secret| secret.valid_until).map(Timestamp),
            deliveries: deliveries.into_iter().map(delivery_line).collect(),
            next,
            recently_authenticated: actor.is_recently_authenticated(self),
            slug: actor.slug,
        })
    }
}

fn delivery_line(delivery: StoredDelivery) -> DeliveryLine {
    let StoredDelivery { id, event, written, state, next, attempts, payload, last, status, answer, fault } = delivery;
    let last = last.map(|(at, duration_ms)| Attempt { at, duration_ms, status, answer, fault });
    let next = (state == DeliveryState::Queued).then_some(next);
    DeliveryLine { id, event, written, state, next, attempts, payload, last }
}
