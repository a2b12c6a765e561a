//! Roles, extra permissions, and what they come to.

pub use super::role_key::{BuiltInRole, RoleKey};
use super::{
    fields::Problem,
    permission::{Catalogue, Gate, PermissionKey, Permissions},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One role of an account: a named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its key.
    pub key: RoleKey,
    /// The account's own name for it; `None` for a built-in role, whose name is in the i18n tables.
    pub name: Option<String>,
    /// What it holds.
    pub permissions: Permissions,
}

impl Role {
    /// Is it the account's own? Built-in roles are the same in every account.
    pub const fn is_own(&self) -> bool {
        self.name.is_some()
    }
}

/// The roles of an account, with the catalogue that gives their keys meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// The roles, in the order of display.
    pub roles: Vec<Role>,
    /// The names of roles that were deleted: removed people and the audit log still name them. They give nothing.
    pub former: BTreeMap<RoleKey, String>,
    /// The catalogue.
    pub catalogue: Catalogue,
}

impl Roles {
    /// The built-in roles under this catalogue.
    pub fn built_in(catalogue: Catalogue) -> Self {
        let roles = BuiltInRole::ALL
            .into_iter()
            .map(|role| Role { key: role.role(), name: None, permissions: catalogue.held_by(&role.role()) })
            .collect();
        Self { roles, former: BTreeMap::new(), catalogue }
    }

    /// One role with the catalogue, for whoever need not know of the others.
    #[must_use]
    pub fn only(mut self, key: &RoleKey) -> Self {
        self.roles.retain(|role| role.key == *key);
        self.former.clear();
        self
    }

    /// The name of a role of the account's own, be it deleted or not.
    pub fn own_name(&self, key: &RoleKey) -> Option<&str> {
        match self.find(key) {
            Some(role) => role.name.as_deref(),
            None => self.former.get(key).map(String::as_str),
        }
    }

    /// The account's own roles.
    pub fn own(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(|role| role.is_own())
    }

    /// The role with this key.
    pub fn find(&self, key: &RoleKey) -> Option<&Role> {
        self.roles.iter().find(|role| role.key == *key)
    }

    /// What the role itself holds; nothing for a role that the account does not have.
    pub fn permissions_of_role(&self, key: &RoleKey) -> Permissions {
        self.find(key).map(|role| role.permissions.clone()).unwrap_or_default()
    }

    /// What a grant comes to: the role's permissions and the extras that the catalogue knows.
    pub fn permissions_of(&self, grant: &Grant) -> Permissions {
        let mut permissions = self.permissions_of_role(&grant.role);
        permissions.extend(grant.extras.iter().filter(|key| self.catalogue.knows(key)).cloned());
        permissions
    }

    /// Reads a role and extras as a form gives them. Extras that the role holds already are dropped, so that a grant says each thing once.
    ///
    /// # Errors
    /// [`Problem::Required`] or [`Problem::NotOffered`], with the field in question.
    pub fn parse_grant(&self, role: &str, extras: &[String]) -> Result<Grant, super::fields::FieldErrors> {
        use super::fields::{Field, FieldErrors};

        let role = RoleKey::new(role.trim());
        if role.as_str().is_empty() {
            return Err(FieldErrors::one(Field::Role, Problem::Required));
        }
        let Some(held) = self.find(&role).map(|role| &role.permissions) else {
            return Err(FieldErrors::one(Field::Role, Problem::NotOffered));
        };
        let extras = self.parse_permissions(extras).map_err(|problem| FieldErrors::one(Field::Extras, problem))?;
        let extras = extras.difference(held).cloned().collect();
        Ok(Grant { role, extras })
    }

    /// Reads permissions as a form gives them.
    ///
    /// # Errors
    /// [`Problem::NotOffered`] for one that is not in the catalogue.
    pub fn parse_permissions(&self, keys: &[String]) -> Result<Permissions, Problem> {
        let keys: BTreeSet<_> = keys.iter().map(|key| PermissionKey::new(key.trim())).collect();
        if keys.iter().all(|key| self.catalogue.knows(key)) { Ok(keys) } else { Err(Problem::NotOffered) }
    }
}

/// What a member is given: a role, and extra permissions on top of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: RoleKey,
    /// The extras.
    pub extras: Permissions,
}

impl Grant {
    /// The role alone.
    pub fn of(role: BuiltInRole) -> Self {
        Self { role: role.role(), extras: Permissions::new() }
    }

    /// The same grant with one more extra permission.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>) -> Self {
        self.extras.insert(PermissionKey::new(key));
        self
    }

    /// Does this grant make its holder an owner?
    pub fn makes_owner(&self) -> bool {
        self.role.is_owner()
    }
}

/// What somebody may do in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective {
    /// Every permission held, from the role or as an extra.
    pub permissions: Permissions,
    /// Owners hold everything, and only they make and touch owners (R30).
    pub is_owner: bool,
}

impl Effective {
    /// What a grant comes to under these roles.
    pub fn of(grant: &Grant, roles: &Roles) -> Self {
        Self { permissions: roles.permissions_of(grant), is_owner: grant.makes_owner() }
    }

    /// Does it open this gate?
    pub fn opens(&self, gate: Gate) -> bool {
        self.permissions.contains(&gate.permission())
    }
}
