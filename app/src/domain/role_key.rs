//! The names of roles.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The key of a role in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleKey(String);

impl RoleKey {
    /// Wraps a key; whether the account has such a role, [`Roles`] tells.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the Owner role?
    pub fn is_owner(&self) -> bool {
        self.0 == BuiltInRole::Owner.key()
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The roles that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is the role's name")]
pub enum BuiltInRole {
    Owner,
    Admin,
    Editor,
    Agent,
    Analyst,
    Viewer,
}

impl BuiltInRole {
    /// All of them, from the widest down.
    pub const ALL: [Self; 6] = [Self::Owner, Self::Admin, Self::Editor, Self::Agent, Self::Analyst, Self::Viewer];

    /// The key, as stored and as in forms.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Agent => "agent",
            Self::Analyst => "analyst",
            Self::Viewer => "viewer",
        }
    }

    /// The built-in role with this key.
    pub fn from_key(key: &RoleKey) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key.as_str())
    }

    /// The key as a [`RoleKey`].
    pub fn role(self) -> RoleKey {
        RoleKey::new(self.key())
    }
}
