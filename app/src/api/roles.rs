//! Settings → Roles: what each role holds, the account's own roles, and who can do what.

#[cfg(feature = "ssr")]
use super::*;
#[cfg(feature = "ssr")]
use crate::paths;
use crate::{
    domain::{
        ids::MemberId,
        list::Count,
        name::Slug,
        permission::{PermissionKey, Permissions},
        policy::{Source, Whose},
        role::{Effective, Role, RoleKey, Roles},
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the pages of roles need to explain with the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// The account.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// What the caller may do.
    pub my: Effective,
    /// The caller's role.
    pub my_role: RoleKey,
    /// The account's roles.
    pub roles: Roles,
}

impl RoleFacts {
    /// Is this the caller's own role?
    pub fn whose(&self, role: &RoleKey) -> Whose {
        if self.my_role == *role { Whose::Own } else { Whose::Others }
    }
}

/// What Settings → Roles shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesView {
    /// What all of these pages need.
    pub facts: RoleFacts,
    /// How many people have each role: active, suspended or invited.
    pub people: Vec<(RoleKey, Count)>,
    /// Who has the permission that was asked for.
    pub who_can: Option<WhoCan>,
}

/// The active members who have a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoCan {
    /// The permission.
    pub permission: PermissionKey,
    /// Some of them, by name: all, unless there are more.
    pub people: Vec<Holder>,
    /// Are there more?
    pub more: bool,
}

/// Somebody who has a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The row of the Users list.
    pub member: MemberId,
    /// The name, or the address while there is none.
    pub label: String,
    /// The address.
    pub email: String,
    /// The role.
    pub role: RoleKey,
    /// Where the permission comes from.
    pub source: Source,
}

/// One role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    /// What all of these pages need.
    pub facts: RoleFacts,
    /// The role.
    pub role: Role,
    /// Its version; 0 for a built-in role.
    pub version: i64,
    /// How many people have it: active, suspended or invited.
    pub people: Count,
    /// What they hold as extras, one or another of them.
    pub extras: Permissions,
}

/// A new role, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleForm {
    /// Its name.
    pub name: String,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
}

/// A role of the account's own, as changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EditRoleForm {
    /// Its key.
    pub role: String,
    /// The version that was shown (R66).
    pub version: String,
    /// Its name.
    pub name: String,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
    /// The account's slug, typed to confirm giving up permissions of one's own (R31).
    pub confirmation: String,
}

/// A role to be deleted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteRoleForm {
    /// Its key.
    pub role: String,
}

/// A role was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCreated {
    /// Its key.
    pub role: RoleKey,
    /// Its name.
    pub name: String,
}

/// What came of changing a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleEdited {
    /// It was saved.
    Done {
        /// Its name.
        name: String,
    },
    /// Everything is as before.
    Unchanged,
}

/// What came of deleting a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleDeleted {
    /// It was deleted.
    Done {
        /// Its name.
        name: String,
    },
    /// Somebody else was faster.
    AlreadyDeleted,
}

/// The roles side by side, how many people have each, and who has a permission, if one is asked for. Needs `users.read`.
#[server(endpoint = "roles/list")]
pub async fn list_roles(account: String, #[server(default)] permission: String) -> Result<RolesView, AppError> {
    backend()?.list_roles(&caller_in(&account)?, &permission).await
}

/// One role. Needs `users.read`.
#[server(endpoint = "roles/show")]
pub async fn show_role(account: String, role: String) -> Result<RoleView, AppError> {
    backend()?.show_role(&caller_in(&account)?, &RoleKey::new(role)).await
}

/// Makes a role of the account's own (R30). Needs `roles.manage`.
#[server(endpoint = "roles/create")]
pub async fn create_role(account: String, #[server(default)] form: RoleForm) -> Result<RoleCreated, AppError> {
    redirect_with_flash(&paths::roles(&account), backend()?.create_role(&caller_in(&account)?, form).await?)
}

/// Changes the name of a role and what it holds (R30, R31, R35, R66). Needs `roles.manage`.
#[server(endpoint = "roles/edit")]
pub async fn edit_role(account: String, #[server(default)] form: EditRoleForm) -> Result<RoleEdited, AppError> {
    let edited = backend()?.edit_role(&caller_in(&account)?, form).await?;
    match edited {
        RoleEdited::Done { .. } => redirect_with_flash(&paths::roles(&account), edited),
        RoleEdited::Unchanged => with_flash(edited),
    }
}

/// Deletes a role that nobody has (R28). Needs `roles.manage`.
#[server(endpoint = "roles/delete")]
pub async fn delete_role(account: String, #[server(default)] form: DeleteRoleForm) -> Result<RoleDeleted, AppError> {
    redirect_with_flash(&paths::roles(&account), backend()?.delete_role(&caller_in(&account)?, form).await?)
}
