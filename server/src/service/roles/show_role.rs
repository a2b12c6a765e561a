//! One role, for its page.

use super::facts;
use crate::{context::Services, service::actors, storage::roles};
use app::{
    api::roles::RoleView,
    backend::ShowRole,
    domain::{permission::Gate, role::RoleKey},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ShowRole for Services {
    /// One role, built in or the account's own.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a role of another account and one that was deleted as for none (AZ-03).
    async fn show_role(&self, caller: &Caller, key: &RoleKey) -> Result<RoleView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        let role = actor.roles.find(key).cloned().ok_or(AppError::NotFound)?;
        let version = roles::find(&mut tx, actor.scope(), key).await?.map_or(0, |found| found.version);
        let people = roles::people(&mut tx, actor.scope(), key).await?;
        let extras = roles::extras_of_people(&mut tx, actor.scope(), key, &actor.roles.catalogue).await?;
        Ok(RoleView { facts: facts(actor), role, version, people, extras })
    }
}
