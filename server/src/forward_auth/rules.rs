//! What a path needs. Platforms read paths in different ways; whatever two of them could read differently is refused where rules of paths
//! are to be held, so that no spelling leads past a rule.

use crate::config::ForwardAuth;
use app::domain::{permission::PermissionKey, role::RoleKey};
use percent_encoding::percent_decode_str;

/// Who gets to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Everybody, signed in or not.
    Everyone,
    /// Every member.
    Member,
    /// Members with this permission.
    Permission(PermissionKey),
    /// Members with this role.
    Role(RoleKey),
}

/// Can a rule stand for this path?
pub(crate) fn is_rule(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain)))
}

/// What an address, as a proxy passes it on, needs at a host: the longest rule counts. `None` if the host has rules and the path can be read in
/// more than one way.
pub fn requirement(app: &ForwardAuth, uri: &str) -> Option<Requirement> {
    let everyone = app.public.iter().map(|path| (path.as_str(), Requirement::Everyone));
    let permissions =
        app.permissions.iter().map(|(path, key)| (path.as_str(), Requirement::Permission(PermissionKey::new(key))));
    let roles = app.roles.iter().map(|(path, key)| (path.as_str(), Requirement::Role(RoleKey::new(key))));
    let mut rules = everyone.chain(permissions).chain(roles).peekable();
    if rules.peek().is_none() {
        return Some(Requirement::Member);
    }
    let path = plain_path(uri)?;
    let folded = fold(&path);
    let mut longest = ("", Requirement::Member);
    for (rule, requirement) in rules {
        match (is_below(&path, rule), is_below(&folded, &fold(rule))) {
            (true, _) if rule.len() > longest.0.len() => longest = (rule, requirement),
            (true, _) | (false, false) => {}
            // A platform that makes no difference of case sees the rule's path.
            (false, true) => return None,
        }
    }
    Some(longest.1)
}

/// Is it the rule's path, or below it?
fn is_below(path: &str, rule: &str) -> bool {
    let rest = path.strip_prefix(rule.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Some letters have one capital in common, and some systems know it.
fn fold(path: &str) -> String {
    path.to_uppercase().to_lowercase()
}

/// The path, decoded; `None` if it is not the same to everybody.
fn plain_path(uri: &str) -> Option<String> {
    let raw = uri.split('?').next().unwrap_or_default();
    if !raw.bytes().all(|b| b.is_ascii_graphic()) || raw.contains(['\\', ';', '#']) {
        return None;
    }
    let encoded = raw.to_ascii_lowercase();
    if ["%2f", "%5c", "%3b", "%00"].iter().any(|ambiguous| encoded.contains(ambiguous)) {
        return None;
    }
    let path = percent_decode_str(raw).decode_utf8().ok()?;
    // A percent sign may be what is left of a broken code, or begin another one.
    let broken = raw.split('%').skip(1).any(|rest| !begins_with_code(rest));
    let twice = path.split('%').skip(1).any(begins_with_code);
    let controls = path.chars().any(char::is_control);
    let (_, parts) = path.split_once('/').filter(|(before, _)| before.is_empty())?;
    let last = parts.rsplit('/').next().unwrap_or_default();
    let inner = parts.strip_suffix(last).unwrap_or_default();
    let odd = |part: &str| matches!(part, "." | "..");
    let empty_inside = inner.strip_suffix('/').is_some_and(|inner| inner.split('/').any(str::is_empty));
    let fits = !broken && !twice && !controls && !empty_inside && !parts.split('/').any(odd);
    fits.then(|| path.into_owned())
}

fn begins_with_code(rest: &str) -> bool {
    rest.as_bytes().get(..2).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn app() -> ForwardAuth {
        let rules = |rules: &[(&str, &str)]| -> BTreeMap<String, String> {
            rules.iter().map(|(path, key)| ((*path).to_owned(), (*key).to_owned())).collect()
        };
        ForwardAuth {
            host: "wiki.example.org".to_owned(),
            name: "Wiki".to_owned(),
            account: None,
            public: vec!["/assets".to_owned(), "/admin/help".to_owned()],
            permissions: rules(&[("/admin", "users.edit")]),
            roles: rules(&[("/reports", "analyst")]),
        }
    }

    #[test]
    fn fa_04_the_longest_rule_counts_and_ends_with_a_part_of_the_path() {
        let admin = Some(Requirement::Permission(PermissionKey::new("users.edit")));
        for (uri, needed) in [
            ("/", Some(Requirement::Member)),
            ("/administrator", Some(Requirement::Member)),
            ("/x/admin", Some(Requirement::Member)),
            ("/100%25", Some(Requirement::Member)),
            ("/J%C3%BCrgen", Some(Requirement::Member)),
            ("/admin", admin.clone()),
            ("/admin/", admin.clone()),
            ("/admin?x=/../assets", admin.clone()),
            ("/admin/users/1", admin.clone()),
            ("/%61dmin", admin.clone()),
            ("/admin/helpers", admin),
            ("/admin/help/1", Some(Requirement::Everyone)),
            ("/assets/site.css?v=1", Some(Requirement::Everyone)),
            ("/reports/2026", Some(Requirement::Role(RoleKey::new("analyst")))),
        ] {
            assert_eq!(requirement(&app(), uri), needed, "{uri}");
        }
    }

    #[test]
    fn fa_04_what_can_be_read_in_two_ways_is_refused() {
        for uri in [
            "",
            "admin",
            "https://wiki.example.org/admin",
            "//admin",
            "/x//admin",
            "/assets//",
            "/assets/../admin",
            "/assets/%2e%2e/admin",
            "/assets/%2E./admin",
            "/./admin",
            "/admin/.",
            "/assets/..",
            "/assets/..;/admin",
            "/admin;x=1",
            "/admin%3bx",
            "/assets%2f..%2fadmin",
            "/assets/..%5cadmin",
            "/assets\\..\\admin",
            "/%2561dmin",
            "/admin%00",
            "/admin%0d",
            "/%zzadmin",
            "/admin%",
            "/Admin",
            "/ADMIN/users",
            "/assets/../Admin",
            "/a\u{17f}sets",
            "/a%C5%BFsets/x",
            "/%ff",
            "/admin#x",
            "/ad min",
        ] {
            assert_eq!(requirement(&app(), uri), None, "{uri}");
        }
    }

    #[test]
    fn fa_04_a_host_without_rules_takes_every_path() {
        let open = ForwardAuth { public: Vec::new(), permissions: BTreeMap::new(), roles: BTreeMap::new(), ..app() };
        assert_eq!(requirement(&open, "/web//https://x/../y"), Some(Requirement::Member));
    }

    #[test]
    fn rules_are_plain_paths() {
        for path in ["/", "/admin", "/a.b/c_d-e~f"] {
            assert!(is_rule(path), "{path}");
        }
        for path in ["", "admin", "/admin/", "//", "/a//b", "/../a", "/.", "/a%20b", "/ä", "/a?b", "/a;b"] {
            assert!(!is_rule(path), "{path}");
        }
    }
}
