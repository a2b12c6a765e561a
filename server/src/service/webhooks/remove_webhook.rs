//! Removes a webhook.

use super::load_to_change;
use crate::{
    context::Services,
    storage::{
        audit::{self, Event},
        retried, webhooks,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::RemoveWebhook,
    domain::{ids::WebhookId, webhook::host_of},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl RemoveWebhook for Services {
    /// Deletes a webhook with its secrets and deliveries. What is under way at this moment may still arrive.
    async fn remove_webhook(&self, caller: &Caller, webhook: WebhookId) -> Result<NextPage, AppError> {
        retried(|| async {
            let page = paths::webhooks(caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            let Some(found) = webhooks::find(&mut tx, actor.scope(), webhook).await? else {
                return Ok(NextPage::saying(page, Notice::WebhookGone));
            };
            webhooks::remove(&mut tx, actor.scope(), webhook).await?;
            let event = Event::WebhookRemoved { webhook, host: host_of(&found.url) };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, self.now()).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::WebhookRemoved))
        })
        .await
    }
}
