//! Sends a test event to a webhook.

use super::{load_to_change, take_one_by_hand};
use crate::{
    context::Services,
    storage::{retried, webhooks},
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::TestWebhook,
    domain::{ids::WebhookId, webhook::WebhookStatus},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl TestWebhook for Services {
    /// Queues an event that tells of nothing, as every other is queued.
    ///
    /// # Errors
    /// [`AppError::RateLimited`].
    async fn test_webhook(&self, caller: &Caller, webhook: WebhookId) -> Result<NextPage, AppError> {
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
            webhooks::queue_test(&mut tx, actor.scope(), webhook, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::WebhookTested))
        })
        .await
    }
}
