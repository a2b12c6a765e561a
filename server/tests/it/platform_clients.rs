//! Clients of Roster as an OpenID provider: whose they are, what they are refused, and what strangers cost who say that they are one (OP-04, OP-10,
//! OP-12, OP-13, EN-04).

use crate::support::{
    World, both_databases,
    platform::{BACK, Platform, SECRET, Tokens, client, error_in, public_client},
};
use app::{
    api::login_methods::NextPage,
    domain::{name::Slug, role::BuiltInRole, time::Span},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use server::{
    config::Client,
    service::{ClientError, NotServed, Opens},
};
use tokio_util::sync::CancellationToken;

const ANA: &str = "ana@example.org";
const INVALID_GRANT: &str = r#"{"error":"invalid_grant"}"#;
/// Longer than an address that was given up is kept from others.
const QUARTER: Span = Span::days(91);

/// A client of one account.
fn client_of(account: &str) -> Client {
    Client { account: Some(account.to_owned()), ..client("bots") }
}

async fn opens(world: &World) -> Opens {
    let clients = world.services.list_clients().await.unwrap();
    clients.into_iter().find(|(client, _)| client.settings.id == "bots").unwrap().0.opens
}

/// Nobody gets in there any more, and nothing that was given out is good.
async fn serves_nobody(world: &World, bots: &Platform, tokens: &Tokens) {
    bots.has_lost(tokens).await;
    let ana = world.browser();
    ana.sign_in(ANA, crate::support::PASSWORD).await.unwrap();
    for more in [("prompt", ""), ("prompt", "none"), ("account", "acme"), ("account", "beta")] {
        let asked = bots.asks(&ana, &[more]).await;
        assert_eq!((asked.status, asked.location()), (StatusCode::BAD_REQUEST, ""), "{more:?}");
        assert!(asked.body.contains("Bots &#38; Co is set up for one account"), "{}", asked.body);
    }
}

fn key_of(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

both_databases! {
    async fn op_13_a_client_of_the_settings_is_bound_to_the_account_and_not_to_its_address(world: World) {
        let world = world.configured(|config| {
            config.client = vec![client_of("acme")];
            config.sessions.idle_days = 200;
            config.sessions.absolute_days = 200;
        });
        let bots = world.platform(client_of("acme"));
        // There is no account yet, so there is nothing to bind it to, and nothing is written.
        assert_eq!(bots.asks(&world.browser(), &[]).await.status, StatusCode::BAD_REQUEST);
        world.services.synchronise_clients().await.unwrap();
        assert_eq!(opens(&world).await, Opens::Nothing(NotServed::NoAccount));
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_client_accounts").await, 0);
        let ana = world.owner(ANA).await;
        world.services.synchronise_clients().await.unwrap();
        let Opens::Only { account, .. } = opens(&world).await else { panic!("it is bound") };
        let first = bots.signs_in(&ana).await;
        assert_eq!(bots.reads(&first.id_token).await["roster:account"]["id"], account.to_string());

        // The account moves: the platform is still its own.
        let moved: NextPage = ana.call_in("account-settings/change-address", &[("form[slug]", "acme-two")]).await.unwrap();
        assert!(moved.path.contains("acme-two"), "{moved:?}");
        let tokens = bots.tokens_in(&bots.refreshes(&first.refresh).await);
        let info: Value = serde_json::from_str(&bots.asks_for_user_info(&tokens.access).await.body).unwrap();
        assert_eq!(info["roster:account"]["slug"], "acme-two");
        bots.signs_in(&ana).await;
        // Somebody else gets the address, as they can where it is no longer kept: they get nothing of the platform by it, and nobody else either
        // until the operator has looked.
        world.advance(QUARTER);
        let tokens = bots.signs_in(&ana).await;
        ana.sign_in(ANA, crate::support::PASSWORD).await.unwrap();
        world.changes("DELETE FROM former_slugs").await;
        ana.opens_account("Beta", "acme").await.unwrap();
        assert_eq!(opens(&world).await, Opens::Nothing(NotServed::Contradicted));
        serves_nobody(&world, &bots, &tokens).await;
        world.services.synchronise_clients().await.unwrap();
        assert_eq!(opens(&world).await, Opens::Nothing(NotServed::Contradicted), "the start does not bind it anew");
        // An operator who writes the new address into the file has it served again; one who means the other account says so.
        let corrected = world.with_clients(&[client_of("acme-two")]);
        assert_eq!(opens(&corrected).await, Opens::Only { account, slug: Slug::parse("acme-two").unwrap() });
        corrected.platform(client_of("acme-two")).signs_in(&ana).await;
        world.services.rebind_client("bots").await.unwrap();
        let Opens::Only { account: other, .. } = opens(&world).await else { panic!("it is bound") };
        assert_ne!(other, account);
        bots.has_lost(&tokens).await;
        let tokens = bots.signs_in(&ana).await;
        assert_eq!(bots.reads(&tokens.id_token).await["roster:account"]["name"], "Beta");
        assert!(matches!(world.services.rebind_client("nobody").await, Err(ClientError::NotInFile(_))));
    }

    async fn op_13_a_registered_client_is_bound_at_once_and_serves_nobody_after_its_account(world: World) {
        let world = world.configured(|config| {
            config.sessions.idle_days = 200;
            config.sessions.absolute_days = 200;
        });
        let ana = world.owner(ANA).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let settings = Client { secret: None, ..client_of("nowhere") };
        assert!(matches!(world.services.add_client(&settings, true).await, Err(ClientError::NoAccount(_))));
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_clients").await, 0);
        let settings = Client { account: Some("beta".to_owned()), ..settings };
        world.services.add_client(&settings, true).await.unwrap();
        let bots = world.platform(settings.clone());
        let tokens = bots.signs_in(&ana).await;
        let id = bots.account_of(&tokens).await;

        let beta = ana.on("beta");
        beta.call_in::<NextPage>("account-settings/change-address", &[("form[slug]", "beta-two")]).await.unwrap();
        world.advance(QUARTER);
        ana.sign_in(ANA, crate::support::PASSWORD).await.unwrap();
        world.changes("DELETE FROM former_slugs").await;
        ana.opens_account("Gamma", "beta").await.unwrap();
        assert_eq!(bots.account_of(&bots.signs_in(&ana).await).await, id, "whoever has the address now");
        let other = bots.asks(&ana, &[("account", "beta"), ("prompt", "none")]).await;
        assert_eq!(error_in(&other), "access_denied");

        let tokens = bots.signs_in(&ana).await;
        ana.on("beta-two").call_in::<NextPage>("account-settings/delete", &[("form[confirmation]", "Beta")]).await.unwrap();
        world.advance(Span::days(14));
        assert!(world.services.clean_up_if_due(&CancellationToken::new()).await.unwrap());
        assert_eq!(opens(&world).await, Opens::Nothing(NotServed::Erased));
        assert_eq!(bots.asks_for_user_info(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
        world.services.synchronise_clients().await.unwrap();
        assert_eq!(opens(&world).await, Opens::Nothing(NotServed::Erased), "it is not bound to whoever comes next");
        assert_eq!(bots.asks(&ana, &[]).await.status, StatusCode::BAD_REQUEST);
    }

    async fn op_13_a_client_that_is_not_registered_any_more_is_refused_at_the_next_call(world: World) {
        let with = world.with_clients(&[client("bots"), public_client("page")]);
        let without = world.with_clients(&[]);
        let ana = with.owner(ANA).await;
        for own in [client("bots"), public_client("page")] {
            let platform = with.platform(own.clone());
            let tokens = platform.signs_in(&ana).await;
            let code = platform.code_in(&platform.asks(&ana, &[]).await);
            let gone = without.platform(own);
            assert_eq!(gone.asks_for_user_info(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
            for answer in [
                gone.posts("/oidc/introspect", &[("token", &tokens.access)]).await,
                gone.refreshes(&tokens.refresh).await,
                gone.exchanges(&code).await,
            ] {
                assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#));
            }
            assert_eq!(gone.asks(&ana, &[]).await.status, StatusCode::BAD_REQUEST);
        }
    }

    async fn op_04_a_used_code_in_the_hands_of_a_stranger_ends_nothing(world: World) {
        let world = world.with_clients(&[client("bots"), client("other"), public_client("page"), public_client("page2")]);
        let ana = world.owner(ANA).await;
        for (own, another) in [(client("bots"), client("other")), (public_client("page"), public_client("page2"))] {
            let (platform, another) = (world.platform(own), world.platform(another));
            let code = platform.code_in(&platform.asks(&ana, &[]).await);
            let tokens = platform.tokens_in(&platform.exchanges(&code).await);
            // Whoever found the code has no verifier, or is another client, or knows the address alone.
            let strange = "a".repeat(43);
            for wrong in [("code_verifier", strange.as_str()), ("code_verifier", "short"), ("redirect_uri", "https://bots.example.org/bye"), ("redirect_uri", "")] {
                assert_eq!(platform.exchanges_with(&code, &[wrong]).await.body, INVALID_GRANT, "{wrong:?}");
            }
            assert_eq!(another.exchanges(&code).await.body, INVALID_GRANT);
            let secretless = [("grant_type", "authorization_code"), ("code", code.as_str()), ("client_id", "bots"), ("client_secret", "a guess")];
            assert_eq!(platform.posts_as("/oidc/token", None, &secretless).await.status, StatusCode::UNAUTHORIZED);
            assert_eq!(platform.asks_for_user_info(&tokens.access).await.status, StatusCode::OK);
            let tokens = platform.tokens_in(&platform.refreshes(&tokens.refresh).await);
            // The client itself: either it was robbed, or it is out of order. However late.
            world.advance(Span::minutes(3));
            assert_eq!(platform.exchanges(&code).await.body, INVALID_GRANT);
            assert_eq!(platform.asks_for_user_info(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
            assert_eq!(platform.refreshes(&tokens.refresh).await.body, INVALID_GRANT);
        }
    }

    async fn op_12_a_key_is_made_once_and_published_before_it_signs(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let other_instance = world.configured(|_| {});
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        let keys = async || {
            let set: Value = serde_json::from_str(&world.browser().get("/oidc/jwks.json").await.body).unwrap();
            set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
        };
        let asks = (0..12).map(|n| {
            let browser = if n % 2 == 0 { world.browser() } else { other_instance.browser() };
            async move { browser.get("/oidc/jwks.json").await.body }
        });
        let answers = futures::future::join_all(asks).await;
        assert!(answers.iter().all(|answer| answer == &answers[0]) && answers[0].contains("kid"), "{answers:?}");
        let first = keys().await;
        assert_eq!(first.len(), 1);
        assert_eq!(key_of(&bots.signs_in(&ana).await.id_token), first[0], "the first signs at once");

        world.advance(Span::days(90));
        ana.sign_in(ANA, crate::support::PASSWORD).await.unwrap();
        let codes = [bots.code_in(&bots.asks(&ana, &[]).await), bots.code_in(&bots.asks(&ana, &[]).await), bots.code_in(&bots.asks(&ana, &[]).await)];
        let answers = futures::future::join_all(codes.iter().map(|code| bots.exchanges(code))).await;
        for answer in &answers {
            assert_eq!(key_of(&bots.tokens_in(answer).id_token), first[0], "the new one is not known everywhere yet");
        }
        let published = keys().await;
        assert_eq!(published.len(), 2, "one more, however many asked");
        let listed = world.browser().get("/oidc/jwks.json").await;
        assert_eq!(listed.headers[header::CACHE_CONTROL], "public, max-age=300", "half of what a key waits");
        world.advance(Span::seconds(10 * 60 - 1));
        assert_eq!(key_of(&bots.signs_in(&ana).await.id_token), first[0]);
        world.advance(Span::seconds(1));
        let signs = key_of(&bots.signs_in(&ana).await.id_token);
        assert!(signs != first[0] && published.contains(&signs));
        assert_eq!(keys().await.len(), 2);
        // After the instance key was replaced.
        assert_eq!(world.services.renew_signing_keys().await.unwrap(), 1);
        assert_eq!(key_of(&bots.signs_in(&ana).await.id_token), signs);
        world.advance(Span::minutes(10));
        let renewed = key_of(&bots.signs_in(&ana).await.id_token);
        assert!(!published.contains(&renewed) && keys().await.contains(&renewed));
    }

    async fn op_10_en_04_whoever_brings_something_made_up_costs_reads_alone(world: World) {
        let world = world.with_clients(&[client("bots"), public_client("page")]);
        let ana = world.owner(ANA).await;
        let (bots, page) = (world.platform(client("bots")), world.platform(public_client("page")));
        page.signs_in(&ana).await;
        let made_up = "A".repeat(43);
        let before = world.rows().await;
        for n in 0..30 {
            let id = format!("nobody-{n}");
            for path in ["/oidc/token", "/oidc/introspect", "/oidc/revoke"] {
                let fields = [("client_id", id.as_str()), ("client_secret", SECRET), ("token", made_up.as_str()), ("grant_type", "refresh_token")];
                assert_eq!(bots.posts_as(path, None, &fields).await.status, StatusCode::UNAUTHORIZED, "{path}");
            }
        }
        assert_eq!(page.exchanges(&made_up).await.body, INVALID_GRANT);
        assert_eq!(page.refreshes(&made_up).await.body, INVALID_GRANT);
        assert_eq!(page.posts("/oidc/revoke", &[("token", &made_up)]).await.status, StatusCode::OK);
        assert_eq!(page.asks_for_user_info(&made_up).await.status, StatusCode::UNAUTHORIZED);
        for more in [("prompt", "none"), ("prompt", "login"), ("account", "acme"), ("account", "nowhere")] {
            page.asks(&world.browser(), &[more]).await;
        }
        world.browser().get("/oidc/logout?client_id=page&id_token_hint=x").await;
        assert_eq!(world.rows().await, before);
        // A wrong secret of a known client counts, until the bucket of the address is empty; what is refused then is not written either.
        let wrong = [("client_id", "bots"), ("client_secret", "wrong")];
        let mut tried = 0;
        while bots.posts_as("/oidc/token", None, &wrong).await.status == StatusCode::UNAUTHORIZED {
            tried += 1;
            assert!(tried < 200, "for ever");
        }
        assert_eq!(tried, 20);
        let before = world.rows().await;
        let refused = bots.posts_as("/oidc/token", None, &wrong).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(world.rows().await, before);
        bots.signs_in(&ana).await;
    }

    async fn op_10_origins_of_registered_clients_are_known_to_every_instance_and_forgotten_with_them(world: World) {
        let elsewhere = world.configured(|_| {});
        let asked = async |world: &World, origin: &str| {
            let request = Request::builder().method(Method::OPTIONS).uri("/oidc/token")
                .header(header::ORIGIN, origin)
                .header("sec-fetch-site", "cross-site")
                .body(Body::empty()).unwrap();
            world.browser().send(request).await.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        };
        let page = Client {
            redirect_uris: vec![BACK.to_owned(), "https://bots.example.org/other".to_owned(), "http://127.0.0.1:4000/".to_owned()],
            ..public_client("page")
        };
        let confidential = Client { redirect_uris: vec!["https://confidential.example.org/".to_owned()], ..public_client("bots") };
        world.services.add_client(&page, true).await.unwrap();
        world.services.add_client(&confidential, false).await.unwrap();
        for origin in ["https://bots.example.org", "http://127.0.0.1:4000"] {
            assert!(asked(&world, origin).await && asked(&elsewhere, origin).await, "{origin}");
        }
        for origin in ["https://confidential.example.org", "https://bots.example.org:444", "null"] {
            assert!(!asked(&world, origin).await, "{origin}");
        }
        // Those that an earlier version registered are added at the start.
        world.changes("DELETE FROM platform_client_origins").await;
        assert!(!asked(&world, "https://bots.example.org").await);
        elsewhere.services.synchronise_clients().await.unwrap();
        assert!(asked(&world, "https://bots.example.org").await);
        elsewhere.services.remove_client("page").await.unwrap();
        assert!(!asked(&world, "https://bots.example.org").await);
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_client_origins").await, 0);
    }

    async fn op_01_what_the_conformance_tests_ask_of_a_basic_provider_besides(world: World) {
        let world = world.with_clients(&[client("bots"), client("other")]);
        let ana = world.owner(ANA).await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let (bots, other) = (world.platform(client("bots")), world.platform(client("other")));
        // What a provider may leave alone, it does: hints and wishes change nothing.
        let wishes = [
            ("display", "page"), ("ui_locales", "se"), ("claims_locales", "se"), ("acr_values", "1 2"), ("login_hint", "somebody@example.org"),
            ("extra", "foobar"), ("claims", r#"{"userinfo":{"email":{"essential":true}}}"#), ("prompt", "consent"), ("max_age", "10000"),
            ("scope", "openid address phone offline_access"),
        ];
        for wish in wishes {
            let code = bots.code_in(&bots.asks(&ana, &[wish]).await);
            let claims = bots.reads(&bots.tokens_in(&bots.exchanges(&code).await).id_token).await;
            assert_eq!(claims["nonce"], "a nonce", "{wish:?}");
        }
        // What it does not know, it refuses by the name that the standard has for it.
        for (wrong, error) in [
            (("request", "e30.e30."), "request_not_supported"),
            (("request_uri", "https://bots.example.org/request"), "request_uri_not_supported"),
            (("response_type", "code token"), "unsupported_response_type"),
            (("response_type", "id_token"), "unsupported_response_type"),
            (("response_type", ""), "invalid_request"),
            (("response_mode", "form_post"), "invalid_request"),
            (("response_mode", "fragment"), "invalid_request"),
            (("scope", "profile"), "invalid_scope"),
            (("scope", ""), "invalid_scope"),
            (("max_age", "soon"), "invalid_request"),
        ] {
            let answer = bots.asks(&ana, &[wrong]).await;
            assert_eq!(error_in(&answer), error, "{wrong:?}");
            assert!(answer.location().contains("iss=http%3A%2F%2F127.0.0.1%3A3000") && answer.location().contains("state="), "{wrong:?}");
        }
        // Neither state nor nonce is asked for.
        let bare = bots.asks(&ana, &[("state", ""), ("nonce", "")]).await;
        assert!(bare.location().contains("code=") && !bare.location().contains("state="), "{}", bare.location());
        // Another sign-in has another nonce, and the same subject.
        let tokens = bots.signs_in(&ana).await;
        let code = bots.code_in(&bots.asks(&ana, &[("nonce", "another")]).await);
        let again = bots.reads(&bots.tokens_in(&bots.exchanges(&code).await).id_token).await;
        let claims = bots.reads(&tokens.id_token).await;
        assert_eq!((&again["nonce"], &again["sub"]), (&json!("another"), &claims["sub"]));
        assert_ne!(again["sid"], claims["sid"]);
        // User-info by GET and by POST, by the header alone.
        for (method, authorization, status) in [
            (Method::GET, Some(format!("Bearer {}", tokens.access)), StatusCode::OK),
            (Method::POST, Some(format!("bearer {}", tokens.access)), StatusCode::OK),
            (Method::GET, None, StatusCode::UNAUTHORIZED),
            (Method::GET, Some(format!("Basic {}", tokens.access)), StatusCode::UNAUTHORIZED),
            (Method::GET, Some(format!("Bearer {}", tokens.id_token)), StatusCode::UNAUTHORIZED),
        ] {
            let mut request = Request::builder().method(method.clone()).uri(format!("/oidc/userinfo?access_token={}", tokens.access));
            if let Some(authorization) = &authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            assert_eq!(world.browser().send(request.body(Body::empty()).unwrap()).await.status, status, "{method} {authorization:?}");
        }
        // An ID token of another client's sign-in signs nobody out of this one's.
        let of_other = other.signs_in(&ana).await;
        let asked = ana.at(&world).get(&format!("/oidc/logout?client_id=bots&id_token_hint={}", of_other.id_token)).await;
        assert_eq!((asked.status, asked.location()), (StatusCode::OK, ""));
        // After the rotation the earlier access token lives out its time, and the earlier refresh token ends everything.
        let rotated = bots.tokens_in(&bots.refreshes(&tokens.refresh).await);
        assert_eq!(bots.asks_for_user_info(&tokens.access).await.status, StatusCode::OK);
        assert_eq!(bots.refreshes(&tokens.refresh).await.body, INVALID_GRANT);
        for dead in [&tokens, &rotated] {
            assert_eq!(bots.introspects(&dead.access).await, json!({ "active": false }));
        }
        assert_eq!(other.introspects(&of_other.access).await["active"], true, "of another client");
    }
}
