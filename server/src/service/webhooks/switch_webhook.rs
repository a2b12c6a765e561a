//! Switches a webhook on and off.

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
    backend::SwitchWebhook,
    domain::{
        ids::WebhookId,
        webhook::{WebhookStatus, host_of},
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl SwitchWebhook for Services {
    /// Switches a webhook on, for which the caller answers from now on, or off, which drops what waits.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] to switch it on (AZ-16); off is never too late to ask for.
    async fn switch_webhook(&self, caller: &Caller, webhook: WebhookId, on: bool) -> Result<NextPage, AppError> {
        retried(|| async {
            let (now, slug) = (self.now(), caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = load_to_change(self, &mut tx, caller).await?;
            if on {
                actor.require_recent_authentication(self)?;
            }
            let Some(found) = webhooks::find(&mut tx, actor.scope(), webhook).await? else {
                return Ok(NextPage::saying(paths::webhooks(slug), Notice::WebhookGone));
            };
            let page = paths::webhook(slug, webhook);
            let is_changed = if on {
                webhooks::switch_on(&mut tx, actor.scope(), webhook, actor.member, now).await?
            } else {
                webhooks::switch_off(&mut tx, actor.scope(), webhook, WebhookStatus::Off, None, now).await?
            };
            if !is_changed {
                return Ok(NextPage::silent(page));
            }
            let event = Event::WebhookSwitched { webhook, host: host_of(&found.url), on };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, if on { Notice::WebhookSwitchedOn } else { Notice::WebhookSwitchedOff }))
        })
        .await
    }
}
