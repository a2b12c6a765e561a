//! What everybody may ask for before a right is known, what it costs the server, and the bucket that bounds it (EN-04, EN-09). A function, page or
//! route that is not in these tables fails the test, and each bound is driven over.

use crate::{
    plans::Statements,
    support::{Browser, Kind, PASSWORD, World, both_databases, platform::client},
};
use app::{
    domain::role::{BuiltInRole, Grant},
    error::AppError,
};
use axum::http::StatusCode;
use std::collections::BTreeSet;

/// What one request costs at most, before its sender's right to it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// Rows are read, by keys.
    Reads,
    /// A session is looked up, and the request ends there.
    Session,
    /// A password is hashed or measured.
    Password(Bound),
    /// A mail is written.
    Mail(Bound),
    /// Another server is asked, or a row is written for it.
    Provider(Bound),
    /// Rows are written.
    Writes(Bound),
}

/// What bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// The bucket of the client's address, of failures alone.
    Address,
    /// The bucket of the invitation.
    Invitation,
    /// The bucket of the user.
    User,
    /// What is written takes the place of what was there, or ends it.
    Once,
}

/// Every server function that answers without a right to an account.
const FUNCTIONS: &[(&str, Cost)] = &[
    ("accounts/list", Cost::Session),
    ("accounts/open", Cost::Writes(Bound::User)),
    ("address/confirm", Cost::Writes(Bound::Once)),
    ("address/undo", Cost::Writes(Bound::Once)),
    ("address/view", Cost::Reads),
    ("invitation/allow-further", Cost::Writes(Bound::Once)),
    ("invitation/ask-as", Cost::Session),
    ("invitation/ask-for-new-link", Cost::Mail(Bound::Once)),
    ("invitation/decline", Cost::Writes(Bound::Once)),
    ("invitation/join", Cost::Session),
    ("invitation/join-by-method", Cost::Writes(Bound::Once)),
    ("invitation/mail-code", Cost::Mail(Bound::Invitation)),
    ("invitation/refuse-further", Cost::Writes(Bound::Once)),
    ("invitation/sign-up", Cost::Password(Bound::Address)),
    ("invitation/view", Cost::Reads),
    ("invitation/view-refusal", Cost::Reads),
    ("me/activity", Cost::Session),
    ("me/ask-for-address-change", Cost::Session),
    ("me/change-password", Cost::Session),
    ("me/change-profile", Cost::Session),
    ("me/decline", Cost::Session),
    ("me/delete", Cost::Session),
    ("me/drop-address-change", Cost::Session),
    ("me/end-other-sessions", Cost::Session),
    ("me/end-session", Cost::Session),
    ("me/invitations", Cost::Session),
    ("me/join", Cost::Session),
    ("me/keep", Cost::Session),
    ("me/sessions", Cost::Session),
    ("me/show", Cost::Session),
    ("me/begin-passkey-reauthentication", Cost::Session),
    ("me/reauthenticate", Cost::Session),
    ("me/reauthenticate-by-passkey", Cost::Session),
    ("me/view-reauthentication", Cost::Session),
    ("recovery/ask-for-password-reset", Cost::Mail(Bound::Address)),
    ("recovery/reset-password", Cost::Password(Bound::Address)),
    ("recovery/view-password-reset", Cost::Reads),
    ("second-factors/add-passkey", Cost::Session),
    ("second-factors/begin-passkey", Cost::Session),
    ("second-factors/begin-totp", Cost::Session),
    ("second-factors/confirm-totp", Cost::Session),
    ("second-factors/list", Cost::Session),
    ("second-factors/make-recovery-codes", Cost::Session),
    ("second-factors/forget-browser", Cost::Session),
    ("second-factors/remove", Cost::Session),
    ("second-factors/show-totp", Cost::Session),
    ("session/begin-passkey-sign-in", Cost::Writes(Bound::Address)),
    ("session/begin-passkey-step", Cost::Writes(Bound::Address)),
    ("session/finish-by-passkey", Cost::Writes(Bound::Once)),
    ("session/finish-sign-in", Cost::Writes(Bound::User)),
    ("session/measure-password", Cost::Password(Bound::Address)),
    ("session/sign-in", Cost::Password(Bound::Address)),
    ("session/sign-out", Cost::Writes(Bound::Once)),
    ("session/sign-in-by-passkey", Cost::Writes(Bound::Once)),
    ("session/sign-in-options", Cost::Reads),
    ("session/view-second-step", Cost::Reads),
    ("session/whoami", Cost::Reads),
    ("setup/set-up", Cost::Password(Bound::Address)),
    ("setup/view", Cost::Reads),
];

/// Every plain route that answers without a right to an account.
const ROUTES: &[(&str, Cost)] = &[
    ("/e/{token}", Cost::Reads),
    ("/i/{token}", Cost::Reads),
    ("/r/{token}", Cost::Reads),
    ("/s/{token}", Cost::Reads),
    ("/language/{tag}", Cost::Reads),
    ("/guide/login-methods", Cost::Reads),
    ("/oauth/{method}/start", Cost::Provider(Bound::Address)),
    ("/oauth/{method}/callback", Cost::Provider(Bound::Once)),
    ("/doctor/{question}", Cost::Reads),
    // A client that names an account is bound to it once; whoever is signed in gets a code.
    ("/oidc/authorize", Cost::Writes(Bound::User)),
    ("/oidc/continue", Cost::Writes(Bound::User)),
    ("/oidc/logout", Cost::Session),
    ("/oidc/token", Cost::Writes(Bound::Address)),
    ("/oidc/introspect", Cost::Writes(Bound::Address)),
    ("/oidc/revoke", Cost::Writes(Bound::Address)),
    ("/oidc/userinfo", Cost::Reads),
    // The first time, a key is made.
    ("/oidc/jwks.json", Cost::Writes(Bound::Once)),
    ("/.well-known/openid-configuration", Cost::Reads),
    ("/.well-known/oauth-authorization-server", Cost::Reads),
    ("/auth/forward", Cost::Reads),
    ("/auth/forward/begin", Cost::Session),
    ("/auth/forward/continue", Cost::Session),
    ("/.roster/sign-in", Cost::Reads),
    // Rows are written for a code and a cookie that are good, and for nobody else.
    ("/.roster/callback", Cost::Writes(Bound::Once)),
    ("/.roster/sign-out", Cost::Writes(Bound::Once)),
    ("/.roster/denied", Cost::Reads),
    ("/healthz", Cost::Reads),
    ("/readyz", Cost::Reads),
];

/// Every page that strangers reach. Opening one reads rows by keys, and writes nothing (`br_05_…`).
const PAGES: &[&str] = &[
    "/",
    "/accounts",
    "/address",
    "/me",
    "/me/accounts",
    "/me/activity",
    "/me/delete",
    "/me/sessions",
    "/me/sign-in",
    "/forgot-password",
    "/invitation/{id}",
    "/login",
    "/login/{slug}",
    "/me/authenticator/{id}",
    "/me/reauthenticate",
    "/second-factor",
    "/reset-password",
    "/setup",
];

/// The functions of one account begin with the session and the membership, and cost nothing before that.
const OF_AN_ACCOUNT: &[&str] = &[
    "account-settings/",
    "accounts/home",
    "accounts/leave",
    "api-keys/",
    "audit/",
    "login-methods/",
    "outbox/",
    "ownership/",
    "reauthentication/",
    "required-factor/",
    "roles/",
    "security/",
    "users/",
    "webhooks/",
];

#[test]
fn en_04_every_function_that_strangers_reach_is_in_the_table_of_costs() {
    let registered: BTreeSet<String> = server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").unwrap().to_owned())
        .filter(|path| !OF_AN_ACCOUNT.iter().any(|prefix| path.starts_with(prefix)))
        .collect();
    assert_eq!(registered, FUNCTIONS.iter().map(|(function, _)| (*function).to_owned()).collect());
}

#[test]
fn en_04_every_route_that_strangers_reach_is_in_the_table_of_costs() {
    use server::http::{Access, PLAIN_ROUTES};
    let open = PLAIN_ROUTES
        .iter()
        .filter(|route| matches!(route.access, Access::Everyone | Access::TokenHolder | Access::Programs))
        .map(|route| route.path);
    let named: BTreeSet<&str> = ROUTES.iter().map(|(path, _)| *path).collect();
    assert_eq!(open.filter(|path| !named.contains(path)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn en_04_every_page_that_strangers_reach_is_in_the_table_of_costs() {
    let pages = server::http::PAGES.iter().map(|page| page.path().trim_end_matches('/'));
    let open: BTreeSet<&str> = pages.filter(|page| !page.starts_with("/a/{slug}")).collect();
    assert_eq!(open, PAGES.iter().map(|page| page.trim_end_matches('/')).collect());
}

/// How often a function is answered before it is refused with 429.
async fn refused_after(browser: &Browser, function: &str, fields: &[(&str, &str)]) -> u32 {
    for n in 0..200 {
        let answer = browser.post(function, fields).await;
        assert!(!answer.status.is_server_error(), "{function}: {}", answer.body);
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers.contains_key("retry-after"), "{function}");
            return n;
        }
    }
    panic!("{function} goes on for ever");
}

/// What an operation sends to the database, with the beginning and the end of its transactions. On PostgreSQL, whose statements are sent by the thread
/// that runs the request, and where each is a way there and back.
#[tokio::test]
async fn an_operation_takes_few_statements() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.brings_in_as("cid@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Other", "other").await.unwrap();
        let other = ana.on("other");
        other.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("ben@example.org", 1).await;
        let invitation = ben.opens_link(&link).await;
        let (row, leaving) = (ana.row("ben@example.org").await, ana.row("cid@example.org").await);

        world.stops_mailing().await;

        let sent = Statements::default();
        let _here = tracing::subscriber::set_default(sent.clone());
        sent.since_then().await;
        ana.me().await.unwrap();
        let session_check = sent.since_then().await;
        ana.invites("dan@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let invite = sent.since_then().await;
        ana.edits(&row, &Grant::of(BuiltInRole::Analyst)).await.unwrap();
        let edit = sent.since_then().await;
        ana.removes(&leaving).await.unwrap();
        let remove = sent.since_then().await;
        ben.joins(&invitation).await.unwrap();
        let accept = sent.since_then().await;
        world.browser().sign_in("ana@example.org", PASSWORD).await.unwrap();
        let sign_in = sent.since_then().await;
        // The message that shows whether a connection lives counts, too; and with an edit, the mail that tells of it.
        let counted = [session_check, invite, edit, remove, accept, sign_in];
        let most = [4, 38, 21, 20, 33, 20];
        assert!(counted.iter().zip(most).all(|(counted, most)| *counted <= most), "{counted:?}");
    })
    .await;
}

both_databases! {
    async fn en_04_each_bound_of_the_table_holds(world: World) {
        let world = world.configured(|config| config.limits.accounts_per_user_day = 3);
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        for (function, cost) in FUNCTIONS {
            let bound = match cost {
                Cost::Reads | Cost::Session => continue,
                Cost::Password(bound) | Cost::Mail(bound) | Cost::Provider(bound) | Cost::Writes(bound) => *bound,
            };
            let stranger = world.browser();
            let most = match (*function, bound) {
                // Nothing is written twice: `r20_…`, `r63_…`, `r19_…` and the sign-out of nobody show it.
                (_, Bound::Once) => continue,
                ("session/begin-passkey-sign-in", Bound::Address) => {
                    let named = stranger.at(&world.with_host_name());
                    refused_after(&named, function, &[]).await
                }
                // The same bucket, which is empty by now: `lt_08_…` goes through this step.
                ("session/begin-passkey-step", Bound::Address) => continue,
                ("session/finish-sign-in", Bound::User) => {
                    ana.confirms_by("form[password]", PASSWORD).await.unwrap();
                    ana.adds_app().await.unwrap();
                    stranger.sign_in("ana@example.org", PASSWORD).await.unwrap();
                    refused_after(&stranger, function, &[("form[code]", "000000")]).await
                }
                ("session/sign-in", Bound::Address) => {
                    refused_after(&stranger, function, &[("form[email]", "x@example.org"), ("form[password]", "wrong")]).await
                }
                ("session/measure-password", Bound::Address) => {
                    refused_after(&stranger, function, &[("form[password]", "correct horse battery")]).await
                }
                ("invitation/sign-up", Bound::Address) => {
                    let id = stranger.opens_link(&link).await;
                    let fields = [
                        ("form[invitation]", id.as_str()),
                        ("form[email]", "ben@example.org"),
                        ("form[name]", "Ben"),
                        // Long enough to be measured, and refused for it.
                        ("form[password]", "passwordpassword"),
                    ];
                    refused_after(&stranger, function, &fields).await
                }
                ("setup/set-up", Bound::Address) => continue,
                ("recovery/ask-for-password-reset", Bound::Address) => {
                    refused_after(&stranger, function, &[("form[email]", "x@example.org")]).await
                }
                ("recovery/reset-password", Bound::Address) => {
                    let asked = [("form[email]", "ana@example.org")];
                    let browser = world.browser();
                    world.advance(app::domain::time::Span::days(1));
                    browser.call::<serde_json::Value>("recovery/ask-for-password-reset", &asked).await.unwrap();
                    stranger.get(&world.reset_link_to("ana@example.org", 0).await).await;
                    // Long enough to be measured, and refused for it.
                    refused_after(&stranger, function, &[("form[password]", "passwordpassword")]).await
                }
                ("invitation/mail-code", Bound::Invitation) => {
                    let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
                    let id = stranger.opens_link(&link).await;
                    refused_after(&stranger, function, &[("invitation", &id)]).await
                }
                ("accounts/open", Bound::User) => {
                    let mut opened = 0;
                    while ana.opens_account("More", &format!("more-{opened}")).await.is_ok() {
                        opened += 1;
                    }
                    opened
                }
                other => panic!("{other:?} has a bound that nothing here drives over"),
            };
            let expected = match *function {
                "session/begin-passkey-sign-in" | "session/sign-in" | "invitation/sign-up" | "recovery/reset-password" => 20,
                "session/finish-sign-in" => 5,
                "session/measure-password" => 60,
                "invitation/mail-code" | "accounts/open" | "recovery/ask-for-password-reset" => 3,
                other => panic!("{other}"),
            };
            assert_eq!(most, expected, "{function}");
        }
    }

    async fn en_04_setting_out_to_a_provider_is_bounded_by_the_address_for_each_account(world: World) {
        let world = world.configured(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let stranger = world.browser();
        stranger.comes_from("203.0.113.7");
        let start = format!("/oauth/{method}/start");
        let rows = "SELECT COUNT(*) FROM oauth_attempts";
        let before = world.count(rows).await;
        let mut set_out = 0;
        while stranger.presses(&start).await.status == StatusCode::SEE_OTHER {
            set_out += 1;
            assert!(set_out < 200, "for ever");
        }
        assert_eq!(set_out, 60, "three times the sign-ins by password");
        assert_eq!(stranger.presses(&start).await.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(world.count(rows).await - before, 60, "what is refused writes nothing");
        let other = world.browser();
        other.comes_from("203.0.113.8");
        assert_eq!(other.presses(&start).await.status, StatusCode::SEE_OTHER, "somebody elsewhere");
        drop((provider, ana));
    }

    async fn en_04_going_on_to_platforms_is_bounded_for_each_user(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let bots = world.platform(client("bots"));
        let rows = "SELECT COUNT(*) FROM platform_sign_ins";
        let mut gone_on = 0;
        while bots.asks(&ana, &[]).await.status == StatusCode::SEE_OTHER {
            gone_on += 1;
            assert!(gone_on < 200, "for ever");
        }
        assert_eq!(gone_on, 120);
        let refused = bots.asks(&ana, &[("prompt", "none")]).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(world.count(rows).await, 120, "what is refused writes nothing");
        assert_eq!(bots.asks(&ben, &[]).await.status, StatusCode::SEE_OTHER, "somebody else");
        world.advance(app::domain::time::Span::seconds(1));
        assert_eq!(bots.asks(&ana, &[]).await.status, StatusCode::SEE_OTHER, "a second later");
    }

    async fn en_04_setting_up_is_bounded_by_the_address(world: World) {
        let browser = world.browser();
        let link = world.services.setup_link().await.unwrap().unwrap();
        browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        let fields = [
            ("form[account_name]", "Acme"),
            ("form[name]", "Ana"),
            ("form[email]", "ana@example.org"),
            ("form[password]", "passwordpassword"),
        ];
        assert_eq!(refused_after(&browser, "setup/set-up", &fields).await, 20);
    }

    async fn en_04_what_is_refused_cheaply_is_neither_hashed_nor_counted(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let ben = world.browser();
        let id = ben.opens_link(&link).await;
        for _ in 0..30 {
            let wrong = ben.signs_up(&id, "somebody-else@example.org").await;
            assert!(matches!(wrong, Err(AppError::Invalid(_))), "{wrong:?}");
        }
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let begun = std::time::Instant::now();
        for _ in 0..30 {
            assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain), "withdrawn");
        }
        // Thirty hashes take longer on any machine; this is no bound on how quick an answer is.
        let cheap = begun.elapsed();
        let begun = std::time::Instant::now();
        for _ in 0..10 {
            let _ = world.browser().sign_in("ben@example.org", PASSWORD).await;
        }
        assert!(cheap < begun.elapsed() * 3, "{cheap:?}: something was hashed");
    }

    async fn pw_07_more_passwords_than_get_their_turn_are_answered_503(world: World) {
        world.owner("ana@example.org").await;
        let world = world.configured(|config| {
            config.passwords.turn_timeout_ms = 10;
            config.limits.sign_in_burst = 100;
        });
        let answers = futures::future::join_all((0..40).map(|n| {
            let browser = world.browser();
            async move { browser.sign_in(&format!("n{n}@example.org"), "whatever it is").await }
        }))
        .await;
        let busy = answers.iter().filter(|answer| **answer == Err(AppError::Unavailable)).count();
        let wrong = answers.iter().filter(|answer| **answer == Err(AppError::WrongCredentials)).count();
        assert_eq!(busy + wrong, 40, "{answers:?}");
        assert!(busy > 0 && wrong > 0, "{busy} busy, {wrong} wrong");
    }
}
