//! Adds a login method, with nothing set up yet.

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, Event},
        login_methods, retried,
    },
};
use app::{
    api::login_methods::NextPage,
    backend::AddLoginMethod,
    domain::{ids::LoginMethodId, member::LoginMethodKind, oauth::Preset, permission::Gate},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl AddLoginMethod for Services {
    /// Adds a method with nothing set up yet, so that its redirect URI is there to be registered; answers its page. One of the same provider
    /// that nothing was entered for yet is taken instead of another.
    async fn add_login_method(&self, caller: &Caller, preset: &str) -> Result<NextPage, AppError> {
        retried(|| async {
            let preset = Preset::from_key(preset).ok_or(AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            let page = |method| NextPage::silent(paths::login_method(caller.account.as_str(), method));
            let empty = login_methods::all(&mut tx, actor.scope()).await?.into_iter().find(|line| {
                line.preset == Some(preset)
                    && !line.has_draft
                    && line.tested.is_none()
                    && line.members + line.invited == 0
            });
            if let Some(line) = empty {
                return Ok(page(line.method.id));
            }
            let method = LoginMethodId(Uuid::now_v7());
            let name = preset.brand().unwrap_or(&actor.account_name).to_owned();
            login_methods::insert(&mut tx, actor.scope(), method, LoginMethodKind::OAuth, Some((&name, preset)), now)
                .await?;
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &Event::LoginMethodAdded { method }, now)
                .await?;
            tx.commit().await?;
            Ok(page(method))
        })
        .await
    }
}
