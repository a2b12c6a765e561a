//! The list of Settings → Login methods.

use crate::{
    context::Services,
    service::actors,
    storage::login_methods::{self, MethodSummary},
};
use app::{
    api::login_methods::{MethodLine, MethodsView},
    backend::ListLoginMethods,
    domain::{member::LoginMethod, permission::Gate},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

pub(super) fn line_of(summary: MethodSummary) -> MethodLine {
    let MethodSummary { method, enabled, preset, tested, has_draft, members, invited, linked } = summary;
    MethodLine { method, enabled, preset, tested, has_draft, members, invited, linked }
}

#[async_trait]
impl ListLoginMethods for Services {
    /// Every login method of the account.
    async fn list_login_methods(&self, caller: &Caller) -> Result<MethodsView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
        Ok(MethodsView {
            slug: caller.account.clone(),
            lines: login_methods::all(&mut tx, actor.scope()).await?.into_iter().map(line_of).collect(),
            recently_authenticated: actor.is_recently_authenticated(self),
        })
    }
}

impl Services {
    /// The login methods that people can be invited by, as the Users list knows them: no set-up, no secrets. Needs `gate`.
    ///
    /// # Errors
    /// As [`actors::load_with`].
    pub async fn list_ready_login_methods(&self, caller: &Caller, gate: Gate) -> Result<Vec<LoginMethod>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, gate).await?;
        Ok(login_methods::ready(&mut tx, actor.scope()).await?)
    }
}
