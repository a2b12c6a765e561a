//! The list of Settings → Webhooks.

use super::{line, load};
use crate::{context::Services, storage::webhooks};
use app::{api::webhooks::WebhooksView, backend::ListWebhooks, error::AppError, request::Caller};
use async_trait::async_trait;

#[async_trait]
impl ListWebhooks for Services {
    /// Every webhook of the account, whoever added it.
    async fn list_webhooks(&self, caller: &Caller) -> Result<WebhooksView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = load(self, &mut tx, caller).await?;
        let webhooks = webhooks::all(&mut tx, actor.scope()).await?;
        drop(tx);
        self.note_activity(&actor).await;
        Ok(WebhooksView {
            webhooks: webhooks.into_iter().map(line).collect(),
            recently_authenticated: actor.is_recently_authenticated(self),
            slug: actor.slug,
            name: actor.account_name,
        })
    }
}
