//! Adds a webhook (LT-10).

use super::{Wanted, load_to_change, make_secret};
use crate::{
    context::Services,
    storage::{
        audit::{self, Event},
        retried,
        webhooks::{self, WebhookSettings},
    },
};
use app::{
    api::webhooks::{WebhookForm, WebhookSecret},
    backend::AddWebhook,
    domain::{
        ids::WebhookId,
        webhook::{can_add_webhook, host_of},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl AddWebhook for Services {
    /// Adds a webhook for which the caller answers. Its secret is shown this once.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16).
    async fn add_webhook(&self, caller: &Caller, form: WebhookForm) -> Result<WebhookSecret, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let Wanted { url, description, subscription } = Wanted::read(self, &form)?;
            let webhooks = webhooks::count(&mut tx, actor.scope()).await?;
            can_add_webhook(&actor.effective, webhooks).or_refuse()?;

            let id = WebhookId(Uuid::now_v7());
            let settings = WebhookSettings {
                member: actor.member,
                url: &url,
                description: &description,
                subscription: &subscription,
            };
            webhooks::insert(&mut tx, actor.scope(), id, settings, now).await?;
            let (secret, _) = make_secret(self, &mut tx, actor.scope(), id, now).await?;
            let event = Event::WebhookAdded { webhook: id, host: host_of(&url) };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(WebhookSecret { webhook: id, secret: secret.reveal(), earlier_until: None })
        })
        .await
    }
}
