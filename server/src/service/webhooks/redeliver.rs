//! Sends a delivery once more.

use super::{load_to_change, take_one_by_hand};
use crate::{
    context::Services,
    storage::{retried, webhooks},
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::Redeliver,
    domain::{
        ids::{DeliveryId, WebhookId},
        webhook::WebhookStatus,
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl Redeliver for Services {
    /// Queues a delivery again, whatever became of it: the same message with the same id, by which the receiver knows it, and tried for three
    /// days from now on.
    ///
    /// # Errors
    /// [`AppError::RateLimited`].
    async fn redeliver(&self, caller: &Caller, webhook: WebhookId, delivery: DeliveryId) -> Result<NextPage, AppError> {
        retried(|| async {
            let (now, slug) = (self.now(), caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            let Some(found) = webhooks::find(&mut tx, actor.scope(), webhook).await? else {
                return Ok(NextPage::saying(paths::webhooks(slug), Notice::WebhookGone));
            };
            let page = paths::webhook(slug, webhook);
            if found.status != WebhookStatus::On {
                return Ok(NextPage::saying(page, Notice::WebhookOff));
            }
            take_one_by_hand(&mut tx, actor.scope(), now).await?;
            let notice = if webhooks::requeue(&mut tx, actor.scope(), webhook, delivery, now).await? {
                Notice::Redelivered
            } else {
                Notice::DeliveryGone
            };
            tx.commit().await?;
            Ok(NextPage::saying(page, notice))
        })
        .await
    }
}
