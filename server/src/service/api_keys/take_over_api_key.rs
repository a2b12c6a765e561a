//! Takes an API key over, so that it outlives its member's leaving (R37).

use super::make_api_key::owner_of;
use crate::{
    context::Services,
    service::actors,
    storage::{
        api_keys,
        audit::{self, AuditTarget, Event},
        members,
        outbox::ApiKeyMail,
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
    /// From now on the key acts for the caller, an owner, and so may do all that it was given. Its text stays the same. The event is about
    /// the member for whom it acted before.
    async fn take_over_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<NextPage, AppError> {
        retried(|| async {
            let (now, page) = (self.now(), paths::api_keys(caller.account.as_str()));
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let Some(stored) = api_keys::find(&mut tx, actor.scope(), key).await? else {
                return Ok(NextPage::saying(page, Notice::ApiKeyGone));
            };
            let scope = actor.scope();
            api_keys::take_over(&mut tx, scope, key, owner_of(&actor), now).await?;
            let from = members::find(&mut tx, scope, stored.member).await?;
            let from = from.map(|row| AuditTarget { member: row.id, email: row.email.key().to_owned() });
            let event = Event::ApiKeyTakenOver { key, name: stored.name };
            audit::record(&mut tx, scope, &actor.audit_actor(), from.as_ref(), &event, now).await?;
            if stored.member != actor.member {
                self.tell_of_key(&mut tx, &actor, stored.member, ApiKeyMail::TakenOver).await?;
            }
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::ApiKeyTakenOver))
        })
        .await
    }
}
