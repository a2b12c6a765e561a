//! Roles, and the permissions there are.

use super::{authenticate::By, problem::Problem};
use crate::context::Services;
use app::{
    backend::ListRoles,
    i18n::{Locale, permission_label, role_name},
};
use axum::{Extension, Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// The roles of the account.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleList {
    /// The roles.
    roles: Vec<ApiRole>,
    /// Every permission there is.
    permissions: Vec<Permission>,
}

/// A role: a named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiRole {
    /// Its key.
    key: String,
    /// Its name, for built-in roles in English.
    name: String,
    /// Is it the same in every account?
    built_in: bool,
    /// The keys of its permissions.
    permissions: Vec<String>,
}

/// A permission.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    /// Its key.
    key: String,
    /// The area it belongs to.
    area: String,
    /// What it is called, in English.
    label: String,
}

/// List roles and permissions
///
/// Needs `users.read`.
#[utoipa::path(get, path = "/roles", operation_id = "list_roles", tag = "Account",
    responses((status = 200, description = "The roles, and the permissions that they can hold.", body = RoleList)))]
pub(super) async fn list(State(services): State<Services>, Extension(by): By) -> Result<Json<RoleList>, Problem> {
    let known = services.list_roles(&by.caller, "").await?.facts.roles;
    let roles = known.roles.iter().map(|role| ApiRole {
        key: role.key.to_string(),
        name: role_name(Locale::en, &role.key, Some(&known)),
        built_in: !role.is_own(),
        permissions: role.permissions.iter().map(ToString::to_string).collect(),
    });
    let permissions = known.catalogue.entries().iter().map(|entry| Permission {
        key: entry.key.to_string(),
        area: entry.area.clone(),
        label: permission_label(Locale::en, entry),
    });
    Ok(Json(RoleList { roles: roles.collect(), permissions: permissions.collect() }))
}
