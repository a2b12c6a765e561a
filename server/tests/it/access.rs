//! Who may call what: every server function, page and plain route, by everybody who must not (AZ-01, AZ-03, AZ-05).

use crate::support::{Browser, World, both_databases, no_longer_in_acme, provider::CLIENT_ID};
use app::{
    api::outbox::OutboxPage,
    domain::role::{BuiltInRole, Grant},
    error::AppError,
};
use axum::http::StatusCode;
use std::collections::BTreeSet;

/// Whom a server function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    /// Everybody, with nothing that is anybody's.
    Everyone,
    /// Whoever is signed in, with what is their own.
    SignedIn,
    /// Every active member.
    Member,
    /// Active members with this permission.
    Needs(&'static str),
    /// Active owners.
    Owner,
}

/// The matrix: every server function, and whom it answers. A function that is not here fails the test, and so does a row without one.
const FUNCTIONS: &[(&str, Calls)] = &[
    ("audit/access", Calls::Needs("audit.read")),
    ("audit/list", Calls::Needs("audit.read")),
    ("account-settings/change", Calls::Owner),
    ("account-settings/change-address", Calls::Owner),
    ("account-settings/delete", Calls::Owner),
    ("account-settings/keep", Calls::Owner),
    ("account-settings/show", Calls::Owner),
    ("accounts/home", Calls::Member),
    ("accounts/leave", Calls::Member),
    ("accounts/list", Calls::SignedIn),
    ("accounts/open", Calls::SignedIn),
    ("api-keys/list", Calls::Needs("api_keys.manage")),
    ("api-keys/make", Calls::Needs("api_keys.manage")),
    ("api-keys/revoke", Calls::Needs("api_keys.manage")),
    ("api-keys/take-over", Calls::Owner),
    ("address/confirm", Calls::Everyone),
    ("address/undo", Calls::Everyone),
    ("address/view", Calls::Everyone),
    ("invitation/allow-further", Calls::Everyone),
    ("invitation/ask-as", Calls::SignedIn),
    ("invitation/ask-for-new-link", Calls::Everyone),
    ("invitation/decline", Calls::Everyone),
    ("invitation/join", Calls::SignedIn),
    ("invitation/join-by-method", Calls::Everyone),
    ("invitation/mail-code", Calls::Everyone),
    ("invitation/refuse-further", Calls::Everyone),
    ("invitation/sign-up", Calls::Everyone),
    ("invitation/view", Calls::Everyone),
    ("invitation/view-refusal", Calls::Everyone),
    ("login-methods/add", Calls::Needs("login_methods.manage")),
    ("login-methods/drop-draft", Calls::Needs("login_methods.manage")),
    ("login-methods/make-live", Calls::Needs("login_methods.manage")),
    ("login-methods/list", Calls::Needs("login_methods.manage")),
    ("login-methods/remove", Calls::Needs("login_methods.manage")),
    ("login-methods/save", Calls::Needs("login_methods.manage")),
    ("login-methods/show", Calls::Needs("login_methods.manage")),
    ("login-methods/switch", Calls::Needs("login_methods.manage")),
    ("login-methods/use-for-me", Calls::Needs("login_methods.manage")),
    ("recovery/ask-for-password-reset", Calls::Everyone),
    ("recovery/reset-password", Calls::Everyone),
    ("recovery/view-password-reset", Calls::Everyone),
    ("me/activity", Calls::SignedIn),
    ("me/ask-for-address-change", Calls::SignedIn),
    ("me/change-password", Calls::SignedIn),
    ("me/change-profile", Calls::SignedIn),
    ("me/decline", Calls::SignedIn),
    ("me/delete", Calls::SignedIn),
    ("me/drop-address-change", Calls::SignedIn),
    ("me/end-other-sessions", Calls::SignedIn),
    ("me/end-session", Calls::SignedIn),
    ("me/invitations", Calls::SignedIn),
    ("me/join", Calls::SignedIn),
    ("me/keep", Calls::SignedIn),
    ("me/sessions", Calls::SignedIn),
    ("me/show", Calls::SignedIn),
    ("me/begin-passkey-reauthentication", Calls::SignedIn),
    ("me/reauthenticate", Calls::SignedIn),
    ("me/reauthenticate-by-passkey", Calls::SignedIn),
    ("me/view-reauthentication", Calls::SignedIn),
    ("reauthentication/code", Calls::Member),
    ("reauthentication/mail-code", Calls::Member),
    ("reauthentication/password", Calls::Member),
    ("reauthentication/show", Calls::Member),
    ("ownership/accept", Calls::Member),
    ("ownership/decline", Calls::Member),
    ("ownership/offer", Calls::Owner),
    ("ownership/withdraw", Calls::Owner),
    ("outbox/list", Calls::Needs("users.invite")),
    ("required-factor/begin-app", Calls::Member),
    ("required-factor/confirm-app", Calls::Member),
    ("required-factor/prove", Calls::Member),
    ("required-factor/remove-app", Calls::Member),
    ("required-factor/view", Calls::Member),
    ("roles/create", Calls::Needs("roles.manage")),
    ("roles/delete", Calls::Needs("roles.manage")),
    ("roles/edit", Calls::Needs("roles.manage")),
    ("roles/list", Calls::Needs("users.read")),
    ("roles/show", Calls::Needs("users.read")),
    ("second-factors/add-passkey", Calls::SignedIn),
    ("second-factors/begin-passkey", Calls::SignedIn),
    ("second-factors/begin-totp", Calls::SignedIn),
    ("second-factors/confirm-totp", Calls::SignedIn),
    ("second-factors/list", Calls::SignedIn),
    ("second-factors/make-recovery-codes", Calls::SignedIn),
    ("second-factors/forget-browser", Calls::SignedIn),
    ("second-factors/remove", Calls::SignedIn),
    ("second-factors/show-totp", Calls::SignedIn),
    ("security/accept-provider-factors", Calls::Needs("login_methods.manage")),
    ("security/require-second-factor", Calls::Needs("login_methods.manage")),
    ("security/show", Calls::Needs("login_methods.manage")),
    ("session/begin-passkey-sign-in", Calls::Everyone),
    ("session/begin-passkey-step", Calls::Everyone),
    ("session/finish-by-passkey", Calls::Everyone),
    ("session/finish-sign-in", Calls::Everyone),
    ("session/measure-password", Calls::Everyone),
    ("session/sign-in", Calls::Everyone),
    ("session/sign-out", Calls::Everyone),
    ("session/sign-in-by-passkey", Calls::Everyone),
    ("session/sign-in-options", Calls::Everyone),
    ("session/view-second-step", Calls::Everyone),
    ("session/whoami", Calls::Everyone),
    ("setup/set-up", Calls::Everyone),
    ("setup/view", Calls::Everyone),
    ("webhooks/add", Calls::Needs("webhooks.manage")),
    ("webhooks/change", Calls::Needs("webhooks.manage")),
    ("webhooks/list", Calls::Needs("webhooks.manage")),
    ("webhooks/redeliver", Calls::Needs("webhooks.manage")),
    ("webhooks/remove", Calls::Needs("webhooks.manage")),
    ("webhooks/rotate-secret", Calls::Needs("webhooks.manage")),
    ("webhooks/show", Calls::Needs("webhooks.manage")),
    ("webhooks/switch", Calls::Needs("webhooks.manage")),
    ("webhooks/test", Calls::Needs("webhooks.manage")),
    ("users/change-several", Calls::Needs("users.remove")),
    ("users/copy-link", Calls::Needs("users.invite")),
    ("users/decide", Calls::Needs("users.invite")),
    ("users/decision", Calls::Needs("users.invite")),
    ("users/edit", Calls::Needs("users.edit")),
    ("users/invite", Calls::Needs("users.invite")),
    ("users/invite-several", Calls::Needs("users.invite")),
    ("users/list", Calls::Needs("users.read")),
    ("users/look-up-several", Calls::Needs("users.invite")),
    ("users/person", Calls::Needs("users.read")),
    ("users/plan-removal", Calls::Needs("users.read")),
    ("users/reactivate", Calls::Needs("users.remove")),
    ("users/remove", Calls::Needs("users.remove")),
    ("users/resend", Calls::Needs("users.invite")),
    ("users/select-matching", Calls::Needs("users.read")),
    ("users/show", Calls::Needs("users.read")),
    ("users/suspend", Calls::Needs("users.remove")),
    ("users/undo-removal", Calls::Needs("users.remove")),
];

/// Fields that every function finds its own among; those in `form` are asked for by `form` functions alone.
fn fields<'a>(function: &str, account: &'a str, member: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("account", account), ("member", member), ("invitation", member)];
    match function {
        "users/edit" => fields.extend([("form[member]", member), ("form[version]", "1"), ("form[role]", "viewer")]),
        "users/remove" | "users/suspend" => fields.extend([("form[member]", member), ("form[version]", "1")]),
        "users/change-several" => fields.push(("form[action]", "remove")),
        "users/invite-several" | "users/look-up-several" => {
            fields.extend([("form[people]", "eve@example.org"), ("form[role]", "viewer")])
        }
        "users/invite" => fields.extend([("form[email]", "eve@example.org"), ("form[role]", "viewer")]),
        "reauthentication/code" | "reauthentication/mail-code" | "reauthentication/password" => {
            fields.push(("form[next]", ""));
        }
        "me/reauthenticate-by-passkey" | "second-factors/add-passkey" => fields.push(("form[challenge]", member)),
        "ownership/accept" | "ownership/decline" | "ownership/withdraw" => fields.push(("offer", member)),
        "account-settings/change" => fields.push(("form[name]", "Eve")),
        "api-keys/list" => {}
        "api-keys/make" => fields.extend([("form[name]", "CI"), ("form[permissions][]", "bots.read")]),
        "api-keys/revoke" | "api-keys/take-over" => fields.push(("key", member)),
        "account-settings/change-address" => fields.push(("form[slug]", "eve")),
        "account-settings/delete" => fields.push(("form[confirmation]", "Acme")),
        "account-settings/keep" | "account-settings/show" | "required-factor/begin-app" | "required-factor/view" => {}
        "required-factor/confirm-app" | "required-factor/prove" => fields.push(("form[factor]", member)),
        "required-factor/remove-app" => fields.push(("factor", member)),
        "roles/create" => fields.push(("form[name]", "Writers")),
        "roles/delete" => fields.push(("form[role]", member)),
        "roles/edit" => fields.extend([("form[role]", member), ("form[name]", "Writers")]),
        "roles/list" => fields.push(("permission", "bots.read")),
        "roles/show" => fields.push(("role", member)),
        "security/accept-provider-factors" => fields.push(("form[method]", member)),
        "security/require-second-factor" => fields.push(("form[of]", "nobody")),
        "me/reauthenticate" => fields.push(("form[next]", "")),
        "second-factors/confirm-totp" => fields.push(("form[factor]", member)),
        "second-factors/forget-browser" => fields.push(("browser", member)),
        "second-factors/remove" | "second-factors/show-totp" => fields.push(("factor", member)),
        "login-methods/add" => fields.push(("preset", "google")),
        "login-methods/save" => fields.extend([("form[method]", member), ("form[preset]", "openid")]),
        "login-methods/make-live" | "login-methods/use-for-me" => {
            fields.extend([("form[method]", member), ("form[attempt]", member)]);
        }
        "login-methods/drop-draft" | "login-methods/remove" | "login-methods/show" => fields.push(("method", member)),
        "login-methods/switch" => fields.extend([("method", member), ("on", "on")]),
        "users/decide" => fields.extend([("decision", member), ("outcome", "use")]),
        "me/change-profile" => fields.push(("form[name]", "Eve")),
        "me/change-password" => fields.push(("form[password]", "another phrase altogether")),
        "me/delete" => fields.push(("form[confirmation]", "eve@example.org")),
        "me/end-session" => fields.push(("session", member)),
        "webhooks/list" => {}
        "webhooks/add" => fields.extend([("form[url]", "https://hooks.example.org/"), ("form[told]", "all")]),
        "webhooks/change" => {
            fields.extend([("webhook", member), ("form[url]", "https://hooks.example.org/"), ("form[told]", "all")]);
        }
        "webhooks/redeliver" => fields.extend([("webhook", member), ("delivery", member)]),
        "webhooks/switch" => fields.extend([("webhook", member), ("on", "off")]),
        "webhooks/remove" | "webhooks/rotate-secret" | "webhooks/show" | "webhooks/test" => {
            fields.push(("webhook", member))
        }
        "accounts/open" => fields.extend([("form[account_name]", "Eve"), ("form[slug]", "eve")]),
        _ => fields.push(("form[email]", "eve@example.org")),
    }
    fields
}

async fn call(browser: &Browser, function: &str, account: &str, member: &str) -> Result<serde_json::Value, AppError> {
    browser.call(function, &fields(function, account, member)).await
}

/// Everything that a change would change.
async fn state(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM members",
        "SELECT COALESCE(CAST(SUM(version) AS BIGINT), 0) FROM members",
        "SELECT COUNT(*) FROM invitations",
        "SELECT COUNT(*) FROM invitation_tokens",
        "SELECT COUNT(*) FROM outbox WHERE account_id IS NOT NULL",
        "SELECT COUNT(*) FROM audit_events",
        "SELECT COUNT(*) FROM accounts",
        "SELECT COUNT(*) FROM roles",
        "SELECT COUNT(*) FROM api_keys",
        "SELECT COUNT(*) FROM webhooks",
        "SELECT COUNT(*) FROM webhook_deliveries",
        "SELECT COUNT(*) FROM login_methods",
        "SELECT COUNT(*) FROM login_method_configurations",
    ] {
        counts.push(world.count(sql).await);
    }
    counts
}

#[test]
fn az_01_the_matrix_names_every_server_function_and_no_other() {
    let registered: BTreeSet<String> = server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").expect("server functions live under /api").to_owned())
        .collect();
    let named: BTreeSet<String> = FUNCTIONS.iter().map(|(function, _)| (*function).to_owned()).collect();
    assert_eq!(registered, named);
}

/// The pages; `az_03_pages…` opens those of an account.
const PAGES: &[&str] = &[
    "/",
    "/a/{slug}",
    "/a/{slug}/reauthenticate",
    "/a/{slug}/second-factor",
    "/a/{slug}/settings/account",
    "/a/{slug}/settings/api-keys",
    "/a/{slug}/settings/audit",
    "/a/{slug}/settings/audit/access",
    "/a/{slug}/settings/decisions/{id}",
    "/a/{slug}/settings/login-methods",
    "/a/{slug}/settings/login-methods/{id}",
    "/a/{slug}/settings/outbox",
    "/a/{slug}/settings/roles",
    "/a/{slug}/settings/roles/new",
    "/a/{slug}/settings/roles/{id}",
    "/a/{slug}/settings/security",
    "/a/{slug}/settings/users",
    "/a/{slug}/settings/users/new",
    "/a/{slug}/settings/users/new/several",
    "/a/{slug}/settings/users/several",
    "/a/{slug}/settings/users/{id}",
    "/a/{slug}/settings/users/{id}/edit",
    "/a/{slug}/settings/users/{id}/remove",
    "/a/{slug}/settings/webhooks",
    "/a/{slug}/settings/webhooks/new",
    "/a/{slug}/settings/webhooks/{id}",
    "/accounts",
    "/address",
    "/forgot-password",
    "/invitation/{id}",
    "/login",
    "/login/{slug}",
    "/reset-password",
    "/second-factor",
    "/me",
    "/me/accounts",
    "/me/activity",
    "/me/delete",
    "/me/authenticator/{id}",
    "/me/reauthenticate",
    "/me/sessions",
    "/me/sign-in",
    "/setup",
];

/// The pages of the main part, which every browser loads.
const PAGES_OF_MAIN_PART: &[&str] = &["/", "/login", "/login/{slug}"];

#[test]
fn every_page_beyond_the_main_part_is_fetched_ahead() {
    for page in PAGES {
        let ahead = app::fetch_ahead(&page.replace("{slug}", "acme").replace("{id}", "0192"));
        assert_eq!(ahead.is_none(), PAGES_OF_MAIN_PART.contains(page), "{page}");
    }
}

#[test]
fn az_01_every_page_is_looked_at() {
    let pages: BTreeSet<String> = server::http::PAGES
        .iter()
        .map(|page| page.path().trim_end_matches('/').to_owned())
        .map(|path| if path.is_empty() { "/".to_owned() } else { path })
        .collect();
    assert_eq!(pages, PAGES.iter().map(|path| (*path).to_owned()).collect());
}

#[test]
fn br_05_no_server_function_is_called_by_get() {
    for (path, method) in server_fn::axum::server_fn_paths() {
        assert_eq!(method, axum::http::Method::POST, "{path}");
    }
}

both_databases! {
    async fn az_01_az_03_az_05_every_function_refuses_whoever_must_not(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let gone = ana.brings_in_as("gone@example.org", BuiltInRole::Admin).await;
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();
        let again = ana.brings_in_as("again@example.org", BuiltInRole::Admin).await;
        ana.removes(&ana.row("again@example.org").await).await.unwrap();
        ana.invites_with("again@example.org", &Grant::of(BuiltInRole::Admin), &[("form[again]", "fresh")]).await.unwrap();
        let bea = beta(&world).await;
        let row = ana.row("ben@example.org").await.id.to_string();
        let before = state(&world).await;

        for (function, calls) in FUNCTIONS {
            let anonymous = call(&world.browser(), function, "acme", &row).await;
            match calls {
                Calls::Everyone => continue,
                Calls::SignedIn => {
                    assert_eq!(anonymous, Err(AppError::Unauthenticated), "{function}");
                    continue;
                }
                Calls::Member | Calls::Needs(_) | Calls::Owner => assert_eq!(anonymous, Err(AppError::Unauthenticated), "{function}"),
            }
            for former in [&gone, &again] {
                assert_eq!(call(former, function, "acme", &row).await, Err(no_longer_in_acme()), "{function}");
            }
            assert_eq!(call(&bea, function, "acme", &row).await, Err(AppError::NotFound), "{function}: another account's owner");
            assert_eq!(call(&bea, function, "no-such-account", &row).await, Err(AppError::NotFound), "{function}");
            if let Calls::Needs(permission) = calls {
                let refused = call(&ben, function, "acme", &row).await;
                let Err(AppError::Refused(app::domain::policy::Refusal::Needs { gate })) = refused else { panic!("{function}: {refused:?}") };
                assert_eq!(gate.key(), *permission, "{function}");
            }
            if *calls == Calls::Owner {
                let refused = AppError::Refused(app::domain::policy::Refusal::OnlyOwnersChangeAccount);
                assert_eq!(call(&ben, function, "acme", &row).await, Err(refused), "{function}");
            }
            // AZ-03: a row of another account is no row.
            let takes_a_row = fields(function, "beta", &row).iter().any(|(name, _)| *name == "form[member]")
                || ["users/show", "users/person", "users/plan-removal", "users/reactivate", "users/resend", "users/copy-link", "users/decide", "users/undo-removal"].contains(function);
            if takes_a_row {
                assert_eq!(call(&bea, function, "beta", &row).await, Err(AppError::NotFound), "{function}: a row of another account");
                let random = uuid::Uuid::now_v7().to_string();
                assert_eq!(call(&bea, function, "beta", &random).await, Err(AppError::NotFound), "{function}: no row at all");
            }
        }
        assert_eq!(state(&world).await, before, "nothing was changed");
    }

    async fn lt_09_whatever_is_asked_of_an_account_that_requires_a_second_factor_it_is_asked_for_first(world: World) {
        use server::http::{Access, PLAIN_ROUTES};
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        ana.adds_app().await.unwrap();
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = ana.row("eve@example.org").await.id.to_string();
        let outbox: OutboxPage = ana.call("outbox/list", &[("account", "acme")]).await.unwrap();
        let mail = outbox.mails.first().unwrap().id.to_string();
        let requires = [("account", "acme"), ("form[of]", "everybody"), ("form[grace_days]", "0")];
        ana.call::<serde_json::Value>("security/require-second-factor", &requires).await.unwrap();
        let before = state(&world).await;

        let mut open = Vec::new();
        for (function, calls) in FUNCTIONS {
            match calls {
                Calls::Everyone | Calls::SignedIn => {}
                Calls::Member | Calls::Needs(_) | Calls::Owner => match call(&ben, function, "acme", &row).await {
                    Err(AppError::SecondFactorRequired) => {}
                    other => open.push((*function, other.is_ok())),
                },
            }
        }
        // These lead to a second factor, or prove what is asked for before one is set up.
        let expected = [
            ("reauthentication/code", false),
            ("reauthentication/mail-code", false),
            ("reauthentication/password", false),
            ("reauthentication/show", true),
            ("required-factor/begin-app", false),
            ("required-factor/confirm-app", false),
            ("required-factor/prove", false),
            ("required-factor/view", true),
        ];
        assert_eq!(open, expected);
        for page in PAGES.iter().filter(|page| page.starts_with("/a/{slug}")) {
            let path = page.replace("{slug}", "acme").replace("{id}", id_on(page, &method, &row));
            let answer = ben.get(&path).await;
            if ["/a/acme/second-factor", "/a/acme/reauthenticate"].contains(&path.as_str()) {
                assert_eq!(answer.status, StatusCode::OK, "{path}");
            } else {
                assert!(answer.location().starts_with("/a/acme/second-factor?next="), "{path}: {}", answer.status);
            }
        }
        for route in PLAIN_ROUTES.iter().filter(|route| matches!(route.access, Access::Member | Access::EveryMember)) {
            let real = [("{slug}", "acme"), ("{mail}", mail.as_str()), ("{file}", "events.csv"), ("{method}", &method)];
            let path = real.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
            assert!(!path.contains('{'), "{path}: not a real address");
            assert_eq!(ben.presses(&path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(state(&world).await, before, "nothing was changed");
    }

    async fn az_03_pages_of_an_account_open_for_its_members_alone(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        let (ben, bea) = (ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await, beta(&world).await);
        let row = ana.row("ben@example.org").await.id.to_string();
        let webhook = ana.adds_webhook("https://hooks.example.org/", &[]).await.unwrap().webhook.to_string();
        let mut opened = 0;
        for page in PAGES.iter().filter(|page| page.starts_with("/a/{slug}/settings/")) {
            let id = if page.contains("webhooks") { webhook.as_str() } else { id_on(page, &method, &row) };
            let path = page.replace("{slug}", "acme").replace("{id}", id);
            assert_eq!(ana.get(&path).await.status, StatusCode::OK, "{path}");
            let anonymous = world.browser().get(&path).await;
            assert!(anonymous.status.is_redirection(), "{path}: {}", anonymous.status);
            assert!(anonymous.location().starts_with("/login/acme"), "{path}: {}", anonymous.location());
            for (browser, status, me) in [(&ben, StatusCode::FORBIDDEN, "ben@example.org"), (&bea, StatusCode::NOT_FOUND, "bea@example.org")] {
                let answer = browser.get(&path).await;
                assert_eq!(answer.status, status, "{path}");
                assert!(answer.body.contains(me), "{path}: the page says who is signed in");
                for told in ["ana@example.org", "ben@example.org", "Acme SSO", CLIENT_ID] {
                    assert!(told == me || !answer.body.contains(told), "{path} tells {me} of {told}");
                }
            }
            opened += 1;
        }
        assert_eq!(opened, 22, "pages of Settings");
        let configuration = ana.get(&format!("/a/acme/settings/login-methods/{method}")).await;
        assert!(configuration.body.contains(CLIENT_ID), "whoever may sees it");
        // These are every member's.
        for path in ["/a/acme", "/a/acme/reauthenticate", "/a/acme/second-factor"] {
            assert_eq!(ben.get(path).await.status, StatusCode::OK, "{path}");
            assert_eq!(bea.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
            assert!(world.browser().get(path).await.status.is_redirection(), "{path}");
        }
        assert_eq!(bea.get("/a/acme").await.status, bea.get("/a/no-such-account").await.status);
    }

    async fn az_01_plain_routes_answer_as_their_table_says(world: World) {
        use server::http::{Access, PLAIN_ROUTES};
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        let (ben, bea) = (ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await, beta(&world).await);
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let invitation = world.link_to("eve@example.org", 0).await;
        let token = invitation.rsplit('/').next().unwrap();
        let outbox: OutboxPage = ana.call("outbox/list", &[("account", "acme")]).await.unwrap();
        let mail = outbox.mails.first().unwrap().id.to_string();

        for route in &PLAIN_ROUTES {
            let own = match route.path {
                "/e/{token}" | "/r/{token}" | "/s/{token}" | "/doctor/{question}" => "no-token-of-anything",
                _ => token,
            };
            let real = [("{slug}", "acme"), ("{token}", own), ("{question}", own), ("{tag}", "en"), ("{mail}", &mail), ("{file}", "events.csv"), ("{method}", &method)];
            let path = real.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
            assert!(!path.contains('{'), "{path}: not a real address");
            // What somebody unknown, a member without the right, and another account's owner get.
            let ways = ways(route.path);
            for (browser, expected) in [(&world.browser(), ways.stranger), (&ben, ways.member), (&bea, ways.elsewhere)] {
                let answer = browser.presses(&path).await;
                assert_eq!(answer.status.as_u16(), expected, "{path}");
                for told in ["ana@example.org", "eve@example.org", "Acme SSO", CLIENT_ID] {
                    let leads_there = answer.location().contains(CLIENT_ID);
                    assert!(leads_there || !answer.body.contains(told), "{path} tells of {told}");
                }
            }
            assert_eq!(ana.presses(&path).await.status.as_u16(), ways.owner, "{path}: an owner");
            assert_eq!(route.access == Access::Member, (ways.member, ways.elsewhere) == (403, 404), "{path}");
            assert_eq!(route.access == Access::EveryMember, (ways.member, ways.elsewhere) == (200, 404), "{path}");
        }
        let unknown = world.browser().get(&format!("/i/{}", "A".repeat(token.len()))).await;
        assert_eq!(unknown.location(), "/invitation/unknown");
        assert_ne!(world.browser().get(&format!("/i/{token}")).await.location(), "/invitation/unknown", "the token is one");
    }
}

/// What a page of an account is of: a login method, a role or a row of the Users list.
fn id_on<'a>(page: &str, method: &'a str, row: &'a str) -> &'a str {
    if page.contains("login-methods") {
        method
    } else if page.contains("roles") {
        "viewer"
    } else {
        row
    }
}

/// The owner of another account.
async fn beta(world: &World) -> Browser {
    world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
    let bea = world.browser().on("beta");
    let id = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
    bea.signs_up(&id, "bea@example.org").await.unwrap();
    bea
}

/// The statuses of a plain route that names something of Acme.
struct Ways {
    stranger: u16,
    /// A member of Acme with no right to it.
    member: u16,
    /// An owner of another account.
    elsewhere: u16,
    owner: u16,
}

fn ways(route: &str) -> Ways {
    let everybody = |status| Ways { stranger: status, member: status, elsewhere: status, owner: status };
    match route {
        "/e/{token}" | "/i/{token}" | "/r/{token}" | "/s/{token}" | "/language/{tag}" => everybody(303),
        "/oauth/{method}/start" => everybody(303),
        "/guide/login-methods" | "/healthz" | "/readyz" => everybody(200),
        "/doctor/{question}" => everybody(404),
        // A platform that nobody registered, and a request that nobody made.
        "/oidc/authorize" | "/oidc/continue" => everybody(400),
        "/oidc/logout" => Ways { stranger: 303, member: 200, elsewhere: 200, owner: 200 },
        // Asked by nobody whom the settings name, and at no host of theirs.
        "/auth/forward" | "/auth/forward/begin" | "/auth/forward/continue" => everybody(400),
        "/.roster/sign-in" | "/.roster/callback" | "/.roster/sign-out" | "/.roster/denied" => everybody(404),
        // Without a token, whoever is signed in.
        "/oidc/userinfo" => everybody(401),
        "/oidc/token" | "/oidc/introspect" | "/oidc/revoke" => everybody(405),
        "/oidc/jwks.json" => everybody(200),
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => everybody(200),
        // Nobody was sent to a provider.
        "/oauth/{method}/callback" => everybody(303),
        "/a/{slug}/events" => Ways { stranger: 401, member: 200, elsewhere: 404, owner: 200 },
        "/a/{slug}/settings/users.csv" => Ways { stranger: 401, member: 403, elsewhere: 404, owner: 200 },
        "/a/{slug}/settings/audit/access.csv" => Ways { stranger: 401, member: 403, elsewhere: 404, owner: 200 },
        "/a/{slug}/settings/audit/{file}" => Ways { stranger: 401, member: 403, elsewhere: 404, owner: 200 },
        "/a/{slug}/settings/outbox/{mail}" => Ways { stranger: 401, member: 403, elsewhere: 404, owner: 200 },
        "/a/{slug}/settings/login-methods/{method}/test" => {
            Ways { stranger: 401, member: 403, elsewhere: 404, owner: 303 }
        }
        _ => panic!("{route} has no row"),
    }
}
