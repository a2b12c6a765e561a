//! Setting a provider up and testing it, through the real router and with a real provider.

use crate::support::{
    PASSWORD, attempt_in, both_databases, holds,
    provider::{CLIENT_SECRET, Endpoint, Provider, Signing, Twist},
};
use app::{
    api::login_methods::{NextPage, Notice},
    domain::{
        oauth::{ClaimPath, ConfigurationForm},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::{http::StatusCode, response::Redirect};
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;

both_databases! {
    async fn oa_23_a_test_that_passes_makes_the_draft_live_and_shows_the_claims_to_its_browser_alone(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.configured(|config| config.oauth = provider.settings());
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        let ways = ana.get("/login/acme").await.body;
        assert!(!ways.contains("/oauth/"), "nothing is offered before a test has passed");

        let saved = ConfigurationForm::from(("Acme SSO", &provider.configuration()));
        let fields = [
            ("account", "acme"),
            ("form[method]", method.as_str()),
            ("form[preset]", "openid"),
            ("form[name]", "Acme SSO"),
            ("form[issuer]", saved.issuer.as_str()),
            ("form[client_id]", saved.client_id.as_str()),
            ("form[client_secret]", CLIENT_SECRET),
            ("form[client_authentication]", saved.client_authentication.as_str()),
            ("form[scopes]", saved.scopes.as_str()),
            ("form[identifier]", "sub"),
            ("form[email]", "email"),
        ];
        let page = format!("/a/acme/settings/login-methods/{method}");
        let shown = ana.submits(&page, "login-methods/save", &fields).await.body;
        assert!(shown.contains("Saved as a draft"), "{shown}");
        assert!(!shown.contains(CLIENT_SECRET), "OA-17: the secret is write-only");

        provider.signs_in_as(json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": true }));
        let begun = ana.presses(&format!("/a/acme/settings/login-methods/{method}/test")).await;
        let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
        let back = format!("{}?{}", back.path(), back.query().unwrap());
        let tested = ana.get(&back).await.location().to_owned();
        let shown = ana.get(&tested).await.body;
        assert!(shown.contains("this set-up is live") && shown.contains("00u-ana"), "{shown}");
        assert!(ana.get("/login/acme").await.body.contains(&format!("/oauth/{method}/start")));

        // OA-03: the same return again, and the same return in another browser, are no return.
        let again = ana.get(&back).await;
        assert_eq!(again.location(), "/login/acme?problem=attempt");
        let stranger = world.browser();
        assert_eq!(stranger.get(&back).await.location(), "/login/acme?problem=attempt");
        assert!(!stranger.get(&tested).await.body.contains("00u-ana"));

        // OA-08: whom the provider names is a stranger here, whatever the address, until an admin or an invitation names them.
        let begun = stranger.presses(&format!("/oauth/{method}/start")).await;
        let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
        let refused = stranger.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
        assert_eq!(refused.location(), "/login/acme?problem=not-a-member");
        assert!(stranger.me().await.is_none());
    }

    async fn a_provider_that_was_chosen_twice_makes_one_entry_until_something_is_entered(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let add = async |preset| ana.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", preset)]).await.unwrap().path;
        let first = add("openid").await;
        assert_eq!(add("openid").await, first);
        assert_ne!(add("okta").await, first);
        ana.saves(first.rsplit('/').next().unwrap(), "Acme SSO", &provider.configuration()).await;
        assert_ne!(add("openid").await, first, "what has a draft is somebody's work");
    }

    async fn a_provider_that_cannot_be_reached_is_named_with_its_address(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = ana.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", "keycloak")]).await.unwrap().path;
        let method = page.rsplit('/').next().unwrap().to_owned();
        let empty = ana.get(&page).await.body;
        assert!(empty.contains("form[issuer_server]") && !empty.contains("name=\"form[issuer]\""), "asked for by its parts: {empty}");
        let fields = [
            ("account", "acme"), ("form[method]", method.as_str()), ("form[preset]", "keycloak"), ("form[name]", "Acme SSO"),
            ("form[issuer_server]", "https://id.invalid/auth/"), ("form[issuer_realm]", "staff"), ("form[client_id]", "x"),
            ("form[client_secret]", "s3cret"), ("form[client_authentication]", "basic"), ("form[scopes]", "openid"), ("form[identifier]", "sub"),
        ];
        let shown = ana.submits(&page, "login-methods/save", &fields).await.body;
        assert!(shown.contains("https://id.invalid/auth/realms/staff/.well-known/openid-configuration"), "{shown}");
        assert!(!shown.contains("s3cret"), "OA-17");
        let part = [("form[issuer_realm]", "realms/staff")];
        let fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != "form[issuer_realm]").chain(part).collect();
        let shown = ana.submits(&page, "login-methods/save", &fields).await.body;
        assert!(shown.contains("Enter only this part"), "{shown}");
    }

    async fn oa_23_who_does_not_come_back_from_a_test_reads_why(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let page = format!("/a/acme/settings/login-methods/{method}");
        assert!(!ana.get(&page).await.body.contains("no-return"));

        let begun = ana.presses(&format!("{page}/test")).await;
        assert!(begun.location().starts_with(provider.issuer()));
        let shown = ana.get(&page).await.body;
        assert!(shown.contains("didn’t come back") && shown.contains("#no-return"), "{shown}");

        // A new draft is another matter, and who did come back did.
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        assert!(!ana.get(&page).await.body.contains("didn’t come back"));
        ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await;
        assert!(!ana.get(&page).await.body.contains("didn’t come back"));
    }

    async fn oa_15_an_account_has_roster_ask_servers_of_its_choice_so_often_and_no_more(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]).configured(|config| config.limits.provider_tries_per_account_hour = 2);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        let saves = || async { ana.saves(&method, "Acme SSO", &provider.configuration()).await };
        saves().await;
        saves().await;
        let asked = provider.asked().len();
        let refused: Result<NextPage, AppError> = ana
            .call("login-methods/save", &[("account", "acme"), ("form[method]", &method), ("form[preset]", "openid"), ("form[name]", "x"),
                                          ("form[issuer]", provider.issuer()), ("form[client_id]", "x"), ("form[client_secret]", "x"),
                                          ("form[client_authentication]", "basic"), ("form[scopes]", "openid"), ("form[identifier]", "sub")])
            .await;
        assert!(matches!(refused, Err(AppError::RateLimited { .. })), "{refused:?}");
        assert_eq!(provider.asked().len(), asked, "nothing more was asked");
        world.advance(Span::minutes(31));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        saves().await;
        assert!(provider.asked().len() > asked);
    }

    async fn oa_23_each_way_of_being_wrong_has_its_own_message_and_its_own_section_in_the_guide(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]).configured(|config| config.limits.provider_tries_per_account_hour = 1_000);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let minutes_ago = |minutes: i64| json!(world.now().0 / 1000 - 60 * minutes);
        let broken = [
            (Twist::says("access_denied"), "denied"),
            (Twist::says("unauthorized_client"), "client-refused"),
            (Twist::says("invalid_scope"), "scope"),
            (Twist::callback(|answer| drop(answer.remove("iss"))), "response-issuer"),
            (Twist::answers(Endpoint::Token, || StatusCode::UNAUTHORIZED), "client-authentication"),
            (Twist::answers(Endpoint::Token, || (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#)), "grant"),
            (Twist::answers(Endpoint::Token, || Redirect::to("/")), "redirected"),
            (Twist::answers(Endpoint::Token, || "<html>"), "token-answer"),
            (Twist::json(Endpoint::Token, |answer| drop(answer.remove("id_token"))), "no-id-token"),
            (Twist::Signs(Signing::None), "algorithm"),
            (Twist::Signs(Signing::StrangeKey), "signature"),
            (Twist::claim("iss", json!("https://id.evil.example")), "id-token-issuer"),
            (Twist::claim("aud", json!("stranger")), "audience"),
            (Twist::claim("nonce", json!("another")), "nonce"),
            (Twist::claim("exp", minutes_ago(10)), "clock"),
            (Twist::answers(Endpoint::UserInfo, || StatusCode::FORBIDDEN), "user-info"),
            (Twist::json(Endpoint::UserInfo, |claims| drop(claims.remove("sub"))), "user-info-subject"),
        ];
        let guide = ana.get("/guide/login-methods").await.body;
        let mut said = BTreeMap::new();
        for (twist, key) in broken {
            provider.straighten();
            provider.twist(twist);
            let page = ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await.body;
            let failed = page.split("The test didn’t pass").nth(1).unwrap_or_else(|| panic!("{key}: {page}"));
            let message = failed.split("<p>").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
            assert!(failed.contains(&format!("/guide/login-methods#{key}\"")), "{key}: {failed}");
            assert!(guide.contains(&format!("id=\"{key}\"")), "{key}");
            assert_eq!(said.insert(message, key), None, "{key}");
        }
        assert!(said.len() >= 12, "{said:?}");
        // R45: whatever a test comes to, people sign in by what passed before.
        provider.straighten();
        let live = world.browser().presses(&format!("/oauth/{method}/start")).await;
        assert!(live.location().starts_with(provider.issuer()));
    }

    async fn oa_17_a_client_secret_is_told_to_nobody_but_the_token_url_that_it_was_entered_for(world: World) {
        let (provider, other) = (Provider::plain(world.clock.clone()).await, Provider::plain(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let live = ana.tests(&provider, &method, json!({ "id": 7 })).await.body;
        assert!(live.contains("this set-up is live"), "{live}");

        // Kept where nothing about it changes.
        let renamed = ana.saves_with_secret(&method, "Acme login", &provider.configuration(), "").await.body;
        assert!(renamed.contains("Saved as a draft"), "{renamed}");
        assert!(ana.tests(&provider, &method, json!({ "id": 7 })).await.body.contains("this set-up is live"));
        // Asked for where it would be told to another, or for another.
        let mut elsewhere = provider.configuration();
        elsewhere.token_url = other.url(Endpoint::Token);
        let mut another = provider.configuration();
        another.client_id = "another".to_owned();
        for changed in [elsewhere, another] {
            let asked = ana.saves_with_secret(&method, "Acme SSO", &changed, "").await.body;
            assert!(!asked.contains("Saved as a draft") && asked.contains("aria-invalid"), "{asked}");
        }
        assert!(!other.asked().contains(&"/token".to_owned()));

        let recorded = world.texts("SELECT data FROM audit_events").await.join("\n");
        assert!(recorded.contains("login_method_edited") && !recorded.contains(CLIENT_SECRET), "{recorded}");
        assert!(!holds(&world.dump().await, CLIENT_SECRET), "CF-03");
    }

    async fn r45_what_is_tested_can_name_another_claim_as_the_identifier_while_nobody_is_known_by_it(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        let mut by_address = provider.configuration();
        by_address.identifier = ClaimPath::parse("email").unwrap();
        ana.saves(&method, "Acme SSO", &by_address).await;
        let me = json!({ "sub": "00u-ana", "email": "ana@example.org" });
        let page = ana.tests(&provider, &method, me.clone()).await.body;
        assert!(page.contains("can be reassigned"), "an address is no identifier: {page}");
        assert!(page.contains("doesn’t say that it has verified the email address"), "OA-10: {page}");

        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[claim]", "sub")];
        let shown = ana.submits("/a/acme/settings/login-methods", "login-methods/make-live", &fields).await.body;
        assert!(shown.contains("Live now:") && shown.contains("The identifier"), "{shown}");
        let hint = ana.list(&Default::default()).await.unwrap().facts.methods.pop().unwrap().hint.unwrap();
        assert_eq!((&*hint.claim, hint.example.as_deref()), ("sub", Some("00u-ana")), "the example for those who invite");
    }

    async fn az_16_every_change_of_a_login_method_asks_for_a_sign_in_of_the_last_minutes(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let page = ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await.body;
        let attempt = attempt_in(&page);
        let before = world.texts("SELECT stage || configuration FROM login_method_configurations ORDER BY 1").await;
        world.advance(Span::minutes(11));
        let tested = [("form[method]", &*method), ("form[attempt]", attempt)];
        let form = [("form[method]", &*method), ("form[name]", "Mine")];
        for (function, fields) in [
            ("login-methods/add", &[("preset", "openid")][..]),
            ("login-methods/save", &form),
            ("login-methods/drop-draft", &[("method", &*method)]),
            ("login-methods/make-live", &tested),
            ("login-methods/use-for-me", &tested),
            ("login-methods/switch", &[("method", &*method), ("on", "off")]),
            ("login-methods/remove", &[("method", &*method)]),
        ] {
            let fields = [&[("account", "acme")], fields].concat();
            assert_eq!(ana.call::<NextPage>(function, &fields).await, Err(AppError::ReauthenticationRequired), "{function}");
        }
        let begun = ana.presses(&format!("/a/acme/settings/login-methods/{method}/test")).await;
        assert!(!begun.location().starts_with("https://"), "{}", begun.location());
        let page = ana.get(&format!("/a/acme/settings/login-methods/{method}")).await.body;
        assert!(page.contains("confirm it’s you to change login methods"), "said before anybody types: {page}");
        assert_eq!(world.texts("SELECT stage || configuration FROM login_method_configurations ORDER BY 1").await, before);
    }

    async fn lg_01_a_draft_that_is_given_up_is_recorded_once(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        // The second time there is none.
        for _ in 0..2 {
            let fields = [("account", "acme"), ("method", &*method)];
            ana.call::<NextPage>("login-methods/drop-draft", &fields).await.unwrap();
        }
        let recorded = world.texts("SELECT data FROM audit_events WHERE kind = 'login_method_draft_dropped'").await;
        assert!(recorded.len() == 1 && recorded[0].contains(&method), "{recorded:?}");
    }

    async fn oa_23_what_a_test_brought_back_is_shown_for_a_quarter_of_an_hour_to_the_session_that_ran_it(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let start = format!("/a/acme/settings/login-methods/{method}/test");
        let me = json!({ "sub": "00u-ana", "nickname": "annie" });
        let tested = ana.goes_through(&provider, &start, me.clone()).await.location().to_owned();
        assert!(ana.get(&tested).await.body.contains("annie"));
        ana.sign_in("olga@example.org", PASSWORD).await.unwrap();
        assert!(!ana.get(&tested).await.body.contains("annie"), "another owner in the same browser");
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let tested = ana.goes_through(&provider, &start, me).await.location().to_owned();
        assert!(ana.get(&tested).await.body.contains("annie"));
        world.advance(Span::minutes(16));
        assert!(!ana.get(&tested).await.body.contains("annie"), "a quarter of an hour later");
    }

    async fn r45_a_test_whose_draft_was_replaced_makes_nothing_live(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        ana.invites_by(&method, "ben@example.org", "00u-ben", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mut draft = provider.configuration();
        draft.identifier = ClaimPath::parse("email").unwrap();
        ana.saves(&method, "Acme SSO", &draft).await;
        let page = ana.tests(&provider, &method, json!({ "sub": "00u-ana", "oid": "7", "email": "ana@example.org" })).await.body;
        let attempt = attempt_in(&page);
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let before = world.texts("SELECT stage || configuration FROM login_method_configurations ORDER BY 1").await;
        for claim in ["", "oid"] {
            let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[claim]", claim),
                          ("form[confirmed]", "yes")];
            let next: NextPage = ana.call("login-methods/make-live", &fields).await.unwrap();
            assert_eq!(next.notice, Some(Notice::TestGone), "{claim:?}");
        }
        assert_eq!(world.texts("SELECT stage || configuration FROM login_method_configurations ORDER BY 1").await, before);
    }

    async fn r45_what_open_invitations_lose_is_said_before_and_recorded(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        ana.invites_by(&method, "ben@example.org", "00u-ben", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mut draft = provider.configuration();
        draft.identifier = ClaimPath::parse("oid").unwrap();
        ana.saves(&method, "Acme SSO", &draft).await;
        let shown = ana.get(&format!("/a/acme/settings/login-methods/{method}")).await.body;
        assert!(shown.contains("Open invitations that lose their identifier") && shown.contains("ben@example.org"), "{shown}");
        let page = ana.tests(&provider, &method, json!({ "sub": "00u-ana", "oid": "7" })).await.body;
        let identifiers = async || world.count("SELECT COUNT(*) FROM members WHERE identifier = '00u-ben'").await;
        assert_eq!(identifiers().await, 1, "it asks first");
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt_in(&page)), ("form[confirmed]", "yes")];
        let next: NextPage = ana.call("login-methods/make-live", &fields).await.unwrap();
        assert_eq!((next.notice, identifiers().await), (Some(Notice::Live), 0));
        let log = ana.get("/a/acme/settings/audit").await.body;
        assert!(log.contains("Invitations to be given an identifier again: 1"), "{log}");
    }

    async fn az_16_what_was_typed_outlives_that_a_sign_in_is_asked_for_without_scripting_too(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        world.advance(Span::minutes(11));
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[preset]", "openid"), ("form[name]", "Typed name"),
            ("form[issuer]", "https://typed.example"), ("form[client_id]", "typed-id"), ("form[client_secret]", "typed-secret"),
        ];
        let page = format!("/a/acme/settings/login-methods/{method}");
        let shown = ana.submits(&page, "login-methods/save", &fields).await.body;
        for typed in ["Typed name", "https://typed.example", "typed-id"] {
            assert!(shown.contains(&format!("value=\"{typed}\"")), "{typed}: {shown}");
        }
        assert!(!shown.contains("typed-secret") && shown.contains("Sign in again"), "{shown}");
    }

    async fn r45_the_name_counts_once_a_test_has_passed_and_stands_for_one_method_alone(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let offered = async || world.browser().get("/login/acme").await.body;
        ana.saves(&method, "Corporate login", &provider.configuration()).await;
        assert!(offered().await.contains("Acme SSO") && !offered().await.contains("Corporate login"));
        ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await;
        assert!(offered().await.contains("Corporate login") && !offered().await.contains("Acme SSO"));

        let other = ana.adds_method().await;
        let refused = ana.saves(&other, "corporate LOGIN", &provider.configuration()).await.body;
        assert!(refused.contains("aria-invalid") && !refused.contains("Saved as a draft"), "{refused}");
    }

    async fn oa_09_only_what_can_name_a_person_is_offered_as_the_identifier(world: World) {
        let (_world, provider, ana, method) = world.with_acme_sso().await;
        let page = ana.tests(&provider, &method, json!({ "sub": "00u-ana", "oid": 7, "admin": true, "share": 0.5 })).await.body;
        assert!(page.contains(">admin<") && !page.contains(">iss<"), "{page}");
        let offered = |claim: &str| page.contains(&format!("name=\"form[claim]\" value=\"{claim}\""));
        assert!(offered("oid") && !offered("admin") && !offered("share"), "{page}");
    }

    async fn oa_17_a_typed_secret_outlasts_an_error_without_scripting_and_is_never_shown(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.adds_method().await;
        let form = ConfigurationForm::from(("", &provider.configuration()));
        let form = ConfigurationForm { method: method.clone(), ..form };
        let typed = ConfigurationForm { client_secret: CLIENT_SECRET.to_owned(), ..form.clone() };
        let page = owner.sends(&typed).await.body;
        assert!(page.contains("Kept from before; type to replace.") && !page.contains(CLIENT_SECRET), "{page}");
        assert!(!holds(format!("{:?}", world.rows().await["flashes"]).as_bytes(), CLIENT_SECRET));
        let kept = page.split("name=\"form[kept]\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

        // Another mistake later it is still there.
        let again = ConfigurationForm { kept: kept.clone(), ..form.clone() };
        assert!(owner.sends(&again).await.body.contains(&kept));
        let right = ConfigurationForm { name: "Acme SSO".to_owned(), ..again.clone() };
        // It is good for its own session and form alone.
        let other = world.browser();
        other.sign_in("ana@example.org", PASSWORD).await.unwrap();
        other.sends(&right).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM login_method_configurations").await, 0, "another session");
        assert!(owner.sends(&right).await.body.contains("Saved as a draft."));
        let tested = owner.tests(&provider, &method, json!({ "sub": "00u-ana", "email": "ana@example.org" })).await.body;
        assert!(tested.contains("00u-ana"), "the provider took the secret: {tested}");

        let second = owner.adds_method().await;
        assert_ne!(second, method);
        let other_form = ConfigurationForm { method: second, name: "Another".to_owned(), ..right.clone() };
        owner.sends(&other_form).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM login_method_configurations").await, 1, "another form");

        // What was saved since is not replaced by it.
        world.advance(Span::minutes(1));
        owner.saves_with_secret(&method, "Acme SSO", &provider.configuration(), "another one").await;
        owner.sends(&right).await;
        let failed = owner.tests(&provider, &method, json!({ "sub": "00u-ana" })).await.body;
        assert!(failed.contains("client-authentication"), "the other secret stays: {failed}");
    }
}
