//! Deletes a role that nobody has (R28).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, Event},
        retried, roles, second_factor_requirements,
    },
};
use app::{
    api::roles::{DeleteRoleForm, RoleDeleted},
    backend::DeleteRole,
    domain::{permission::Gate, role::RoleKey, role_edit::can_delete_role},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl DeleteRole for Services {
    /// Deletes a role of the account's own, unless an active, suspended or invited member has it. Who was removed with it can be invited again
    /// with another one (R4).
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a built-in role and one of another account; the policy's refusal.
    async fn delete_role(&self, caller: &Caller, form: DeleteRoleForm) -> Result<RoleDeleted, AppError> {
        retried(|| async {
            let key = RoleKey::new(form.role.trim());
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::RolesManage).await?;
            if actor.roles.former.contains_key(&key) {
                return Ok(RoleDeleted::AlreadyDeleted);
            }
            let role = actor.roles.find(&key).ok_or(AppError::NotFound)?;
            let name = role.name.clone().ok_or(AppError::NotFound)?;
            let people = roles::people(&mut tx, actor.scope(), &key).await?;
            can_delete_role(&actor.effective, &role.permissions, people).or_refuse()?;

            if !roles::delete(&mut tx, actor.scope(), &key, actor.member, now).await? {
                return Ok(RoleDeleted::AlreadyDeleted);
            }
            let mut events = vec![Event::RoleDeleted {
                role: key.clone(),
                name: name.clone(),
                permissions: role.permissions.clone(),
            }];
            if second_factor_requirements::forget_role(&mut tx, actor.scope(), &key).await? {
                events.push(Event::SecondFactorNotRequired);
            }
            for event in events {
                audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            }
            tx.commit().await?;
            Ok(RoleDeleted::Done { name })
        })
        .await
    }
}
