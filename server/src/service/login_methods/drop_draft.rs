//! Drops the draft of a login method.

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
    backend::DropDraft,
    domain::{ids::LoginMethodId, permission::Gate},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl DropDraft for Services {
    /// Drops a draft.
    async fn drop_draft(&self, caller: &Caller, method: LoginMethodId) -> Result<NextPage, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            login_methods::find(&mut tx, actor.scope(), method).await?.ok_or(AppError::NotFound)?;
            if login_methods::drop_draft(&mut tx, actor.scope(), method).await? {
                let event = Event::LoginMethodDraftDropped { method };
                audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, self.now()).await?;
            }
            tx.commit().await?;
            let page = paths::login_method(caller.account.as_str(), method);
            Ok(NextPage::saying(page, Notice::Discarded))
        })
        .await
    }
}
