//! Removes a login method that nobody uses.

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, Event},
        login_methods, retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::RemoveLoginMethod,
    domain::{ids::LoginMethodId, permission::Gate},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl RemoveLoginMethod for Services {
    /// Removes a method that no member has.
    async fn remove_login_method(&self, caller: &Caller, method: LoginMethodId) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let page = paths::login_methods(caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            login_methods::find(&mut tx, actor.scope(), method).await?.ok_or(AppError::NotFound)?;
            if !login_methods::delete(&mut tx, actor.scope(), method).await? {
                return Ok(NextPage::saying(page, Notice::InUse));
            }
            audit::record(
                &mut tx,
                actor.scope(),
                &actor.audit_actor(),
                None,
                &Event::LoginMethodRemoved { method },
                now,
            )
            .await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::Removed))
        })
        .await
    }
}
