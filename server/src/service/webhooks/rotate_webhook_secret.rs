//! Replaces the secret of a webhook. For a day, deliveries carry the signatures of both, so that the receiver can change over.

use super::{load_to_change, make_secret};
use crate::{
    context::Services,
    storage::{
        audit::{self, Event},
        retried, webhooks,
    },
};
use app::{
    api::webhooks::WebhookSecret,
    backend::RotateWebhookSecret,
    domain::{ids::WebhookId, webhook::host_of},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl RotateWebhookSecret for Services {
    /// Makes a new secret, which is shown this once. Replaced twice, a secret that leaked signs no more.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); [`AppError::NotFound`].
    async fn rotate_webhook_secret(&self, caller: &Caller, webhook: WebhookId) -> Result<WebhookSecret, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let found = webhooks::find(&mut tx, actor.scope(), webhook).await?.ok_or(AppError::NotFound)?;
            let (secret, earlier_until) = make_secret(self, &mut tx, actor.scope(), webhook, now).await?;
            let event = Event::WebhookSecretRotated { webhook, host: host_of(&found.url) };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(WebhookSecret { webhook, secret: secret.reveal(), earlier_until: Some(earlier_until) })
        })
        .await
    }
}
