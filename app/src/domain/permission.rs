//! Permissions: keys `area.action` in one catalogue, which the operator can extend.

use super::role_key::RoleKey;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A permission's key, `area.action`. It means something only through a [`Catalogue`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PermissionKey(String);

impl PermissionKey {
    /// Wraps a key; whether it is known, a [`Catalogue`] tells.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The text `area.action`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PermissionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of permissions.
pub type Permissions = BTreeSet<PermissionKey>;

/// The permissions that Roster itself enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is its key")]
pub enum Gate {
    UsersRead,
    UsersInvite,
    UsersEdit,
    UsersRemove,
    RolesManage,
    LoginMethodsManage,
    AuditRead,
    ApiKeysManage,
    WebhooksManage,
}

impl Gate {
    /// The key of the permission.
    pub const fn key(self) -> &'static str {
        match self {
            Self::UsersRead => "users.read",
            Self::UsersInvite => "users.invite",
            Self::UsersEdit => "users.edit",
            Self::UsersRemove => "users.remove",
            Self::RolesManage => "roles.manage",
            Self::LoginMethodsManage => "login_methods.manage",
            Self::AuditRead => "audit.read",
            Self::ApiKeysManage => "api_keys.manage",
            Self::WebhooksManage => "webhooks.manage",
        }
    }

    /// The permission that this gate asks for.
    pub fn permission(self) -> PermissionKey {
        PermissionKey::new(self.key())
    }
}

/// One permission of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// Its key.
    pub key: PermissionKey,
    /// The area it is shown under: the part before the dot, unless the operator says otherwise.
    pub area: String,
    /// The operator's labels by language; empty for the built-in ones, whose labels are in the i18n tables.
    pub labels: BTreeMap<String, String>,
    /// The roles that hold it, besides Owner.
    pub roles: BTreeSet<RoleKey>,
}

/// Every permission there is, in the order of display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalogue(Vec<CatalogueEntry>);

impl Catalogue {
    /// The built-in permissions, followed by the operator's.
    pub fn with(extra: impl IntoIterator<Item = CatalogueEntry>) -> Self {
        let mut entries: Vec<_> = BUILT_IN
            .iter()
            .map(|(key, roles)| CatalogueEntry {
                key: PermissionKey::new(*key),
                area: key.split_once('.').map_or(*key, |(area, _)| area).to_owned(),
                labels: BTreeMap::new(),
                roles: roles.iter().map(|role| RoleKey::new(*role)).collect(),
            })
            .collect();
        entries.extend(extra);
        Self(entries)
    }

    /// The entries, in the order of display.
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.0
    }

    /// Every key.
    pub fn all(&self) -> Permissions {
        self.0.iter().map(|entry| entry.key.clone()).collect()
    }

    /// Is this key in the catalogue? One that is not is inert.
    pub fn knows(&self, key: &PermissionKey) -> bool {
        self.0.iter().any(|entry| entry.key == *key)
    }

    /// The permissions that a built-in role holds; Owner holds all.
    pub fn held_by(&self, role: &RoleKey) -> Permissions {
        if role.is_owner() {
            return self.all();
        }
        self.0.iter().filter(|entry| entry.roles.contains(role)).map(|entry| entry.key.clone()).collect()
    }
}

/// Key, and the built-in roles that hold it besides Owner.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("users.read", &["admin"]),
    ("users.invite", &["admin"]),
    ("users.edit", &["admin"]),
    ("users.remove", &["admin"]),
    ("roles.manage", &["admin"]),
    ("login_methods.manage", &[]),
    ("audit.read", &["admin"]),
    ("api_keys.manage", &["admin"]),
    ("webhooks.manage", &["admin"]),
    ("billing.manage", &[]),
    ("bots.read", &["admin", "editor", "agent", "analyst", "viewer"]),
    ("bots.edit", &["admin", "editor"]),
    ("bots.publish", &["admin", "editor"]),
    ("conversations.read", &["admin", "editor", "agent", "analyst", "viewer"]),
    ("conversations.reply", &["admin", "agent"]),
    ("analytics.read", &["admin", "editor", "analyst", "viewer"]),
    ("analytics.export", &["admin", "analyst"]),
];
