//! Changes where a webhook is told, and of what.

use super::{Wanted, load_to_change};
use crate::{
    context::Services,
    storage::{
        audit::{self, Event},
        retried,
        webhooks::{self, WebhookSettings},
    },
};
use app::{
    api::{
        login_methods::{NextPage, Notice},
        webhooks::WebhookForm,
    },
    backend::ChangeWebhook,
    domain::{ids::WebhookId, webhook::host_of},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ChangeWebhook for Services {
    /// Changes a webhook, for which the caller answers from now on. What waits goes to the new address.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16).
    async fn change_webhook(
        &self,
        caller: &Caller,
        webhook: WebhookId,
        form: WebhookForm,
    ) -> Result<NextPage, AppError> {
        retried(|| async {
            let (now, slug) = (self.now(), caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let Wanted { url, description, subscription } = Wanted::read(self, &form)?;
            let settings = WebhookSettings {
                member: actor.member,
                url: &url,
                description: &description,
                subscription: &subscription,
            };
            if !webhooks::change(&mut tx, actor.scope(), webhook, settings, now).await? {
                return Ok(NextPage::saying(paths::webhooks(slug), Notice::WebhookGone));
            }
            let event = Event::WebhookChanged { webhook, host: host_of(&url) };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(paths::webhook(slug, webhook), Notice::WebhookSaved))
        })
        .await
    }
}
