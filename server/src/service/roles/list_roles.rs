//! Settings → Roles: the grid, and who can do what.

use super::facts;
use crate::{
    collation,
    context::Services,
    service::actors::{self, Actor},
    storage::{StorageError, Tx, roles},
};
use app::{
    api::roles::{Holder, RolesView, WhoCan},
    backend::ListRoles,
    domain::{
        permission::{Gate, PermissionKey},
        policy::source_of,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// How many people who have a permission are shown.
const MAX_HOLDERS: usize = 50;

#[async_trait]
impl ListRoles for Services {
    /// The roles with how many people have each. A permission that is not in the catalogue is asked for in vain.
    async fn list_roles(&self, caller: &Caller, permission: &str) -> Result<RolesView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::UsersRead).await?;
        let people = roles::people_by_role(&mut tx, actor.scope()).await?;
        let permission = PermissionKey::new(permission.trim());
        let who_can = if actor.roles.catalogue.knows(&permission) {
            Some(who_can(&mut tx, &actor, permission).await?)
        } else {
            None
        };
        drop(tx);
        self.note_activity(&actor).await;
        Ok(RolesView { facts: facts(actor), people: people.into_iter().collect(), who_can })
    }
}

/// The active members who have a permission, with where it comes from (R65).
async fn who_can(tx: &mut Tx, actor: &Actor, permission: PermissionKey) -> Result<WhoCan, StorageError> {
    let having: Vec<_> =
        actor.roles.roles.iter().filter(|role| role.permissions.contains(&permission)).map(|role| &role.key).collect();
    let most = MAX_HOLDERS as i64 + 1;
    let mut holders = roles::holders(tx, actor.scope(), &having, &permission, most).await?;
    let more = holders.len() > MAX_HOLDERS;
    holders.truncate(MAX_HOLDERS);
    let mut people: Vec<Holder> = holders
        .into_iter()
        .filter_map(|holder| {
            let source = source_of(&holder.grant, &permission, &actor.roles)?;
            let label = holder.name.unwrap_or_else(|| holder.email.clone());
            Some(Holder { member: holder.member, label, email: holder.email, role: holder.grant.role, source })
        })
        .collect();
    people.sort_by(|one, other| collation::compare(&one.label, &other.label).then(one.member.cmp(&other.member)));
    Ok(WhoCan { permission, people, more })
}
