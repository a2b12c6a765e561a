//! Revokes an API key (R37, LT-01).

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
    backend::RevokeApiKey,
    domain::{ids::ApiKeyId, permission::Gate},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl RevokeApiKey for Services {
    /// Deletes the key, which opens nothing any more on any instance. Whoever may make keys may revoke every one: a key that leaked cannot
    /// wait for whoever made it.
    async fn revoke_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<NextPage, AppError> {
        retried(|| async {
            let page = paths::api_keys(caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::ApiKeysManage).await?;
            let Some(stored) = api_keys::find(&mut tx, actor.scope(), key).await? else {
                return Ok(NextPage::saying(page, Notice::ApiKeyGone));
            };
            api_keys::revoke(&mut tx, actor.scope(), key).await?;
            let event = Event::ApiKeyRevoked { key, name: stored.name };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, self.now()).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::ApiKeyRevoked))
        })
        .await
    }
}
