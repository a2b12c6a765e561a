//! Takes an API key over, so that it outlives its member's leaving (R37).

use crate::{
    context::Services,
    service::actors,
    storage::{
        api_keys,
        audit::{self, Event},
        retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::TakeOverApiKey,
    domain::ids::ApiKeyId,
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl TakeOverApiKey for Services {
    /// From now on the key acts for the caller, an owner, and so may do all that it was given. Its text stays the same.
    async fn take_over_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<NextPage, AppError> {
        retried(|| async {
            let (now, page) = (self.now(), paths::api_keys(caller.account.as_str()));
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let Some(stored) = api_keys::find(&mut tx, actor.scope(), key).await? else {
                return Ok(NextPage::saying(page, Notice::ApiKeyGone));
            };
            let (scope, proved) = (actor.scope(), actor.has_proved_second_factor);
            api_keys::take_over(&mut tx, scope, key, actor.member, proved, now).await?;
            let event = Event::ApiKeyTakenOver { key, name: stored.name };
            audit::record(&mut tx, scope, &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::ApiKeyTakenOver))
        })
        .await
    }
}
