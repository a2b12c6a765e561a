//! Makes a role of the account's own, mostly as a copy of another (R30).

use super::WantedRole;
use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, Event},
        retried, roles, second_factor_requirements,
    },
};
use app::{
    api::roles::{RoleCreated, RoleForm},
    backend::CreateRole,
    domain::{permission::Gate, role::RoleKey, role_edit::can_create_role},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl CreateRole for Services {
    /// Makes a role that holds no more than whoever makes it. Its key is of chance, so that no key is used twice. Where certain roles have to
    /// have a second factor, the new one has to as well: a copy must be no way around it (LT-09).
    async fn create_role(&self, caller: &Caller, form: RoleForm) -> Result<RoleCreated, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::RolesManage).await?;
            let WantedRole { name, permissions } =
                WantedRole::read(&mut tx, &actor, (&form.name, &form.permissions), None).await?;
            can_create_role(&actor.effective, &permissions, actor.roles.own().count()).or_refuse()?;

            let role = RoleKey::new(Uuid::now_v7().simple().to_string());
            roles::insert(&mut tx, actor.scope(), &role, &name, &permissions, actor.member, now).await?;
            second_factor_requirements::include_role(&mut tx, actor.scope(), &role).await?;
            let event = Event::RoleCreated { role: role.clone(), name: name.clone(), permissions };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(RoleCreated { role, name })
        })
        .await
    }
}
