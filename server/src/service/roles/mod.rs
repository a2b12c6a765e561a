//! Settings → Roles (R28, R30, R31, R65).

mod create_role;
mod delete_role;
mod edit_role;
mod list_roles;
mod show_role;

use super::actors::Actor;
use crate::storage::{StorageError, Tx, roles};
use app::{
    api::roles::RoleFacts,
    domain::{
        fields::{Field, FieldErrors, Problem},
        language::Language,
        name::parse_role_name,
        permission::Permissions,
        role::{BuiltInRole, RoleKey},
    },
    error::AppError,
    i18n::role_name_or,
};

/// What a page of roles needs to explain with the policy.
fn facts(actor: Actor) -> RoleFacts {
    RoleFacts {
        slug: actor.slug,
        name: actor.account_name,
        my: actor.effective,
        my_role: actor.grant.role,
        roles: actor.roles,
    }
}

/// Name and permissions of a role, as a form gives them.
struct WantedRole {
    name: String,
    permissions: Permissions,
}

impl WantedRole {
    /// Reads them. A name is one role's in its account, `except` being the role itself, and never that of a built-in role.
    async fn read(
        tx: &mut Tx,
        actor: &Actor,
        (name, permissions): (&str, &[String]),
        except: Option<&RoleKey>,
    ) -> Result<Self, AppError> {
        let mut errors = FieldErrors::default();
        let permissions = errors.keep(Field::Permissions, actor.roles.parse_permissions(permissions));
        let name = match parse_role_name(name) {
            Ok(name) if is_taken(tx, actor, &name, except).await? => errors.keep(Field::RoleName, Err(Problem::Taken)),
            name => errors.keep(Field::RoleName, name),
        };
        match (name, permissions) {
            (Some(name), Some(permissions)) => Ok(Self { name, permissions }),
            (None, _) | (_, None) => Err(errors.into()),
        }
    }
}

/// Has another role this name, or a built-in one in some language?
async fn is_taken(tx: &mut Tx, actor: &Actor, name: &str, except: Option<&RoleKey>) -> Result<bool, StorageError> {
    let key = roles::name_key(name);
    let is_built_in = Language::ALL.into_iter().any(|language| {
        let name_of = |role: BuiltInRole| role_name_or(language.into(), &role.role(), None);
        BuiltInRole::ALL.into_iter().any(|role| role.key() == key || roles::name_key(&name_of(role)) == key)
    });
    Ok(is_built_in || roles::is_name_taken(tx, actor.scope(), name, except).await?)
}
