//! The addresses of pages, in one place.

use crate::domain::{
    ids::{AttemptId, DeliveryId, InvitationId, LoginMethodId, MemberId, SecondFactorId, WebhookId},
    list::ListQuery,
    permission::PermissionKey,
    role::RoleKey,
};
use leptos_router::location::Url;

/// First run.
pub const SETUP: &str = "/setup";
/// Signing in.
pub const LOGIN: &str = "/login";
/// Asking for a link to choose a new password.
pub const FORGOTTEN_PASSWORD: &str = "/forgot-password";
/// Choosing a new password, with the link that was mailed.
pub const RESET_PASSWORD: &str = "/reset-password";
/// The notice on a sign-in page that the password was changed.
pub const PASSWORD_CHANGED: &str = "password-changed";
/// The second step of signing in.
pub const SECOND_STEP: &str = "/second-factor";

/// Where an app is set up as a second factor.
pub fn set_up_totp(factor: SecondFactorId) -> String {
    format!("/me/authenticator/{factor}")
}

/// Where somebody reauthenticates for changes of the login, and goes on to `next`.
pub fn reauthenticate_own_login(next: &str) -> String {
    with_parameters("/me/reauthenticate".to_owned(), (!next.is_empty()).then(|| ("next", next.to_owned())))
}

/// The chooser of accounts.
pub const ACCOUNTS: &str = "/accounts";

/// Confirming a change of address, or taking it back.
pub const ADDRESS: &str = "/address";
/// One's own login: the profile.
pub const ME: &str = "/me";
/// The notice there that it was saved.
pub const PROFILE_SAVED: &str = "saved";
/// One's own login: deleting it.
pub const ME_DELETE: &str = "/me/delete";
/// The notice there that it stays.
pub const LOGIN_KEPT: &str = "kept";
/// One's own login: how one signs in.
pub const ME_SIGN_IN: &str = "/me/sign-in";
/// One's own login: one's accounts, and invitations to more.
pub const ME_ACCOUNTS: &str = "/me/accounts";
/// One's own login: what happened to it.
pub const ME_ACTIVITY: &str = "/me/activity";
/// One's own login: the browsers that are signed in.
pub const ME_SESSIONS: &str = "/me/sessions";

/// The page about the REST API.
pub const API_DOCS: &str = "/api/v1/docs";

/// The set-up guide of login methods.
pub const LOGIN_METHODS_GUIDE: &str = "/guide/login-methods";

/// A section of that guide: of a [`Preset`](crate::domain::oauth::Preset) or a [`Fault`](crate::domain::oauth::Fault), by its key.
pub fn login_methods_guide(key: &str) -> String {
    format!("{LOGIN_METHODS_GUIDE}#{key}")
}

/// Signing in to one account.
pub fn login(slug: &str) -> String {
    format!("{LOGIN}/{slug}")
}

/// An account's front page.
pub fn account(slug: &str) -> String {
    format!("/a/{slug}")
}

/// The page of an account at this path, with the account's other slug in it.
pub(crate) fn at_slug(path: &str, slug: &str) -> String {
    let rest = path.strip_prefix("/a/").and_then(|path| path.find(['/', '?']).and_then(|at| path.get(at..)));
    format!("{}{}", account(slug), rest.unwrap_or_default())
}

/// The stream of what is changed in an account.
pub fn account_events(slug: &str) -> String {
    format!("/a/{slug}/events")
}

/// Where somebody who is signed in reauthenticates, and goes on to `next`.
pub fn reauthenticate(slug: &str, next: &str) -> String {
    let page = format!("/a/{slug}/reauthenticate");
    if next.is_empty() { page } else { format!("{page}?next={}", Url::escape(next)) }
}

/// Where an account asks for a second factor, and goes on to `next`.
pub fn required_factor(slug: &str, next: &str) -> String {
    with_parameters(format!("/a/{slug}/second-factor"), (!next.is_empty()).then(|| ("next", next.to_owned())))
}

/// The same, while an app is set up there.
pub fn begun_account_app(slug: &str, app: SecondFactorId, next: &str) -> String {
    let begun = [("app", app.to_string()), ("next", next.to_owned())];
    with_parameters(format!("/a/{slug}/second-factor"), begun.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// Settings → Security.
pub fn security(slug: &str) -> String {
    format!("/a/{slug}/settings/security")
}

/// Settings → API keys.
pub fn api_keys(slug: &str) -> String {
    format!("/a/{slug}/settings/api-keys")
}

/// Settings → Webhooks.
pub fn webhooks(slug: &str) -> String {
    format!("/a/{slug}/settings/webhooks")
}

/// A new webhook.
pub fn new_webhook(slug: &str) -> String {
    format!("/a/{slug}/settings/webhooks/new")
}

/// One webhook.
pub fn webhook(slug: &str, id: impl std::fmt::Display) -> String {
    format!("/a/{slug}/settings/webhooks/{id}")
}

/// One webhook, with the deliveries before this one.
pub fn webhook_deliveries(slug: &str, id: WebhookId, after: DeliveryId) -> String {
    with_parameters(webhook(slug, id), [("after", after.to_string())])
}

/// Settings → Roles.
pub fn roles(slug: &str) -> String {
    format!("/a/{slug}/settings/roles")
}

/// A new role, as a copy of another.
pub fn new_role(slug: &str, from: &RoleKey) -> String {
    with_parameters(format!("/a/{slug}/settings/roles/new"), [("from", from.to_string())])
}

/// One role.
pub fn role(slug: &str, role: &RoleKey) -> String {
    format!("/a/{slug}/settings/roles/{}", Url::escape(role.as_str()))
}

/// Settings → Roles, with the people who have a permission.
pub fn who_can(slug: &str, permission: &PermissionKey) -> String {
    with_parameters(roles(slug), [("permission", permission.to_string())])
}

/// Settings → Users, with the people who have a role.
pub fn users_with_role(slug: &str, role: &RoleKey) -> String {
    with_view(users(slug), &ListQuery { role: Some(role.clone()), ..ListQuery::default() })
}

/// Settings → Users, with the people who have extra permissions.
pub fn users_with_extras(slug: &str) -> String {
    with_view(users(slug), &ListQuery { with_extras: true, ..ListQuery::default() })
}

/// Settings → Account.
pub fn account_settings(slug: &str) -> String {
    format!("/a/{slug}/settings/account")
}

/// Settings → Users.
pub fn users(slug: &str) -> String {
    format!("/a/{slug}/settings/users")
}

/// The rows of a view of the list as a CSV file.
pub fn users_export(slug: &str) -> String {
    format!("/a/{slug}/settings/users.csv")
}

/// Settings → Login methods.
pub fn login_methods(slug: &str) -> String {
    format!("/a/{slug}/settings/login-methods")
}

/// One login method.
pub fn login_method(slug: &str, id: LoginMethodId) -> String {
    format!("/a/{slug}/settings/login-methods/{id}")
}

/// One login method, with what a test sign-in brought back.
pub fn tested(slug: &str, id: LoginMethodId, attempt: AttemptId) -> String {
    format!("/a/{slug}/settings/login-methods/{id}?attempt={attempt}")
}

/// What the pages of decisions begin with.
pub fn decisions(slug: &str) -> String {
    format!("/a/{slug}/settings/decisions/")
}

/// Deciding about somebody who came back from a provider as another than the one invited.
pub fn decide(slug: &str, member: MemberId) -> String {
    format!("{}{member}", decisions(slug))
}

/// The way to a provider.
pub fn oauth_start(method: LoginMethodId) -> String {
    format!("/oauth/{method}/start")
}

/// The way to a provider to accept this invitation.
pub fn oauth_start_for(method: LoginMethodId, invitation: InvitationId) -> String {
    format!("{}?invitation={invitation}", oauth_start(method))
}

/// The way to a provider to see whether its configuration works.
pub fn oauth_test(slug: &str, method: LoginMethodId) -> String {
    format!("/a/{slug}/settings/login-methods/{method}/test")
}

/// The way back from a provider.
pub fn oauth_callback(method: LoginMethodId) -> String {
    format!("/oauth/{method}/callback")
}

/// A page from which one goes on to `next`, if that is a path of our own.
#[cfg(feature = "ssr")]
pub fn with_next(page: &str, next: &str) -> String {
    let next = local_or(next, "");
    if next.is_empty() { page.to_owned() } else { format!("{page}?next={}", Url::escape(&next)) }
}

/// A page that says by this key what went wrong on the way.
pub fn with_problem(page: &str, problem: &str) -> String {
    format!("{page}?problem={problem}")
}

/// An invitation's page, for somebody who came back from the provider.
pub fn returned(id: InvitationId, attempt: AttemptId) -> String {
    format!("{}?attempt={attempt}", invitation(id))
}

/// + New user.
pub fn new_user(slug: &str) -> String {
    format!("/a/{slug}/settings/users/new")
}

/// Inviting several people.
pub fn new_users(slug: &str) -> String {
    format!("/a/{slug}/settings/users/new/several")
}

/// A bulk action on several people, who and what in the parameters.
pub fn change_several(slug: &str) -> String {
    format!("/a/{slug}/settings/users/several")
}

/// The page of a person.
pub fn person(slug: &str, member: impl std::fmt::Display) -> String {
    format!("/a/{slug}/settings/users/{member}")
}

/// Editing a member.
pub fn edit(slug: &str, member: impl std::fmt::Display) -> String {
    format!("/a/{slug}/settings/users/{member}/edit")
}

/// Removing a member.
pub fn remove(slug: &str, member: impl std::fmt::Display) -> String {
    format!("/a/{slug}/settings/users/{member}/remove")
}

/// `path` with the view of the Users list that it lies over: search, filters, order and place.
pub(crate) fn with_view(path: String, query: &ListQuery) -> String {
    with_parameters(path, query.to_url())
}

/// `path` with these parameters.
pub(crate) fn with_parameters(
    mut path: String,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> String {
    let mut joint = '?';
    for (name, value) in parameters {
        path.push(joint);
        path.push_str(name);
        path.push('=');
        path.push_str(&Url::escape(&value));
        joint = '&';
    }
    path
}

/// Settings → Outbox.
pub fn outbox(slug: &str) -> String {
    format!("/a/{slug}/settings/outbox")
}

/// The text of one mail of the outbox, a response of its own.
pub fn mail(slug: &str, mail: impl std::fmt::Display) -> String {
    format!("/a/{slug}/settings/outbox/{mail}")
}

/// Settings → Audit.
pub fn audit(slug: &str) -> String {
    format!("/a/{slug}/settings/audit")
}

/// The audit events of a view as a file: `csv` or `jsonl`.
pub fn audit_export(slug: &str, form: &str) -> String {
    format!("/a/{slug}/settings/audit/events.{form}")
}

/// Settings → Audit: who had access at one moment.
pub fn access(slug: &str) -> String {
    format!("/a/{slug}/settings/audit/access")
}

/// The same as a CSV file.
pub fn access_export(slug: &str) -> String {
    format!("/a/{slug}/settings/audit/access.csv")
}

/// The page of an invitation.
pub fn invitation(id: impl std::fmt::Display) -> String {
    format!("/invitation/{id}")
}

/// The link that a token travels in; it leads on to [`invitation`] at once (INV-07).
pub fn invitation_link(token: &str) -> String {
    format!("/i/{token}")
}

/// The link of a change of address; it leads on to [`ADDRESS`] at once.
pub fn address_change_link(token: &str) -> String {
    format!("/e/{token}")
}

/// The set-up link; it leads on to [`SETUP`] at once.
pub fn setup_link(token: &str) -> String {
    format!("/s/{token}")
}

/// The link to choose a new password; it leads on to [`RESET_PASSWORD`] at once.
pub fn password_reset_link(token: &str) -> String {
    format!("/r/{token}")
}

/// Asking for a link to choose a new password, and going on to `next` afterwards.
pub fn forgotten_password(next: &str) -> String {
    with_parameters(FORGOTTEN_PASSWORD.to_owned(), (!next.is_empty()).then(|| ("next", next.to_owned())))
}

/// A page, perhaps with a query, that says by this key what was done.
pub fn with_notice(page: &str, notice: &str) -> String {
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}notice={notice}")
}

/// `next` if it is a path of our own, else `otherwise` (OA-14, BR-08).
pub fn local_or(next: &str, otherwise: &str) -> String {
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let decoded_slash = next.to_ascii_lowercase().starts_with("/%2f") || next.to_ascii_lowercase().starts_with("/%5c");
    if plain && next.starts_with('/') && !next.starts_with("//") && !decoded_slash {
        next.to_owned()
    } else {
        otherwise.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        list::{Sort, StateFilter},
        member::ShownState,
    };

    #[test]
    fn the_plain_list_has_a_plain_address() {
        assert_eq!(with_view("/a/x/settings/users".to_owned(), &ListQuery::default()), "/a/x/settings/users");
    }

    #[test]
    fn r59_a_page_keeps_its_path_at_another_address() {
        for (path, there) in [
            ("/a/old", "/a/new"),
            ("/a/old?notice=saved", "/a/new?notice=saved"),
            ("/a/old/settings/users/7/edit?q=a%2Fold", "/a/new/settings/users/7/edit?q=a%2Fold"),
            ("/elsewhere/old", "/a/new"),
        ] {
            assert_eq!(at_slug(path, "new"), there);
        }
    }

    #[test]
    fn what_people_type_cannot_break_out_of_its_parameter() {
        let query = ListQuery {
            search: "a&state=removed#?".to_owned(),
            state: Some(StateFilter::In(ShownState::Expired)),
            sort: Sort::NameDown,
            ..ListQuery::default()
        };
        let url = with_view("/u".to_owned(), &query);
        assert_eq!(url.matches('&').count(), 2, "{url}");
        assert!(!url.contains('#') && url.contains("state=expired"), "{url}");
    }

    #[test]
    fn oa_14_only_paths_of_our_own_are_gone_on_to() {
        for bad in [
            "",
            "//h",
            "/\\h",
            "\\/h",
            "/%2f/h",
            "/%2Fh",
            "/%5Ch",
            "https:h",
            "https://h",
            "\t//h",
            "/a\r\nSet-Cookie: x",
            "a/b",
            "/ä",
        ] {
            assert_eq!(local_or(bad, "/"), "/", "{bad:?}");
        }
        assert_eq!(local_or("/a/acme/settings/users?q=x", "/"), "/a/acme/settings/users?q=x");
    }
}
