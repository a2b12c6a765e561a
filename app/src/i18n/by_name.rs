//! What people mean by a name that they wrote: a role, a permission, a login method, in any language (R54).

use super::{Locale, permission_name, role_name, text};
use crate::domain::{
    ids::LoginMethodId,
    language::Language,
    member::{LoginMethod, LoginMethodKind},
    permission::PermissionKey,
    role::{RoleKey, Roles},
};

/// How Roster's own files call Email & password.
const PASSWORD: &str = "password";

/// The role with this key or name.
pub fn role_by_name(roles: &Roles, name: &str) -> Option<RoleKey> {
    let meant = roles
        .roles
        .iter()
        .map(|role| &role.key)
        .find(|key| is(key.as_str(), name) || in_any_language(name, |locale| role_name(locale, key, Some(roles))));
    meant.cloned()
}

/// The permission with this key or name.
pub fn permission_by_name(roles: &Roles, name: &str) -> Option<PermissionKey> {
    let meant = roles.catalogue.entries().iter().map(|entry| &entry.key).find(|key| {
        is(key.as_str(), name) || in_any_language(name, |locale| permission_name(locale, key, Some(roles)))
    });
    meant.cloned()
}

/// The login method with this name.
pub fn login_method_by_name(methods: &[LoginMethod], name: &str) -> Option<LoginMethodId> {
    let meant = methods.iter().find(|method| match (method.kind, &method.name) {
        (LoginMethodKind::Password, _) => {
            is(PASSWORD, name) || in_any_language(name, |locale| text!(locale, catalogue.method_password).to_owned())
        }
        (LoginMethodKind::OAuth, own) => own.as_ref().is_some_and(|own| is(own, name)),
    });
    meant.map(|method| method.id)
}

fn in_any_language(name: &str, word: impl Fn(Locale) -> String) -> bool {
    Language::ALL.into_iter().any(|language| is(&word(Locale::from(language)), name))
}

fn is(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
