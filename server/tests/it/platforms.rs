//! Roster as the OpenID provider of the platforms behind it: who gets in there, with what, and until when (OP).

use crate::support::{
    Browser, PASSWORD, both_databases, holds,
    platform::{Listener, SECRET, brought_back, client, error_in, later, public_client},
};
use app::{
    api::joining::Joined,
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use server::{
    config::{Client, SigningAlgorithm},
    openid_provider::{NewSigningKey, SigningKey},
};
use url::Url;
use uuid::Uuid;

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";

/// What a page leads to by itself.
fn leads_to(page: &str) -> String {
    let to = page.split("content=\"0;url=").nth(1).unwrap_or_else(|| panic!("{page}"));
    to.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// The links of a page, without those of its header.
fn links(page: &str) -> Vec<String> {
    let main = page.split("<main").nth(1).unwrap();
    let links = main.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    links.map(|link| link.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// The address that a sign-in page goes on to.
fn next_of(location: &str) -> String {
    let url = Url::parse("http://127.0.0.1:3000").unwrap().join(location).unwrap();
    url.query_pairs().find(|(name, _)| name == "next").unwrap_or_else(|| panic!("{location}")).1.into_owned()
}

async fn signs_in_going_on(browser: &Browser, email: &str, next: &str) -> String {
    let fields = [("form[email]", email), ("form[password]", PASSWORD), ("form[next]", next)];
    browser.call("session/sign-in", &fields).await.unwrap()
}

both_databases! {
    async fn op_01_op_09_a_platform_learns_who_somebody_is_and_what_they_may_do(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let grant = Grant::of(BuiltInRole::Editor).with("analytics.export");
        let ben = ana.brings_in(BEN, &grant).await;
        let bots = world.platform(client("bots"));
        let tokens = bots.signs_in(&ben).await;

        let claims = bots.reads(&tokens.id_token).await;
        assert_eq!(claims["iss"], "http://127.0.0.1:3000");
        assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("bots"), &json!("a nonce")));
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!(BEN), &json!(true)), "by the mailed link");
        assert_eq!((&claims["name"], &claims["roster:role"]), (&json!("ben"), &json!("editor")));
        assert_eq!(claims["roster:account"]["slug"], "acme");
        assert_eq!(claims["amr"], json!(["pwd"]));
        assert_eq!(claims["auth_time"], world.now().0 / 1000);
        assert!(claims["exp"].as_i64().unwrap() > world.now().0 / 1000);
        let held: Vec<_> = claims["roster:permissions"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        assert!(held.contains(&"analytics.export") && held.contains(&"bots.edit") && !held.contains(&"users.invite"));
        // The set-up's owner is verified by the operator, and somebody else.
        let of_ana = bots.reads(&bots.signs_in(&ana).await.id_token).await;
        assert_ne!(of_ana["sub"], claims["sub"]);
        assert_eq!(of_ana["roster:role"], "owner");

        // The same person is the same for the platform, and what changed counts at once.
        let info = bots.asks_for_user_info(&tokens.access).await;
        let info: Value = serde_json::from_str(&info.body).unwrap();
        assert_eq!((&info["sub"], &info["roster:role"]), (&claims["sub"], &json!("editor")));
        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let told = bots.introspects(&tokens.access).await;
        assert_eq!((&told["active"], &told["sub"], &told["roster:role"]), (&json!(true), &claims["sub"], &json!("viewer")));
        assert_eq!((&told["client_id"], &told["sid"]), (&json!("bots"), &claims["sid"]));
        let again = bots.tokens_in(&bots.refreshes(&tokens.refresh).await);
        let renewed = bots.reads(&again.id_token).await;
        assert_eq!((&renewed["roster:role"], renewed.get("nonce")), (&json!("viewer"), None));
        // Who opened what stands in the person's own log, once for each session.
        let events = world.texts("SELECT data FROM user_events WHERE kind = 'went_to_platform'").await;
        bots.signs_in(&ben).await;
        assert_eq!(world.texts("SELECT data FROM user_events WHERE kind = 'went_to_platform'").await, events);
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(ben.get("/me/activity").await.body.contains("Signed in to Bots &amp; Co"));
    }

    async fn op_01_claims_are_those_of_the_scopes(world: World) {
        let world = world.with_clients(&[Client { algorithm: SigningAlgorithm::Rs256, ..client("bots") }]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        let code = bots.code_in(&bots.asks(&ana, &[("scope", "openid")]).await);
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        let claims = bots.reads(&tokens.id_token).await;
        for kept_back in ["email", "email_verified", "name", "roster:role", "roster:permissions"] {
            assert!(!claims.contains_key(kept_back), "{kept_back}");
        }
        let info: Value = serde_json::from_str(&bots.asks_for_user_info(&tokens.access).await.body).unwrap();
        assert!(claims["roster:account"]["id"].is_string() && claims["roster:account"].get("name").is_none(), "{claims:?}");
        assert_eq!(info, json!({ "sub": claims["sub"], "roster:account": claims["roster:account"] }));
        // Signed by RSA, for those who know nothing else.
        let keys = world.browser().get("/oidc/jwks.json").await.body;
        assert!(keys.contains("RS256") && !keys.contains("\"d\""), "{keys}");
        let more = [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh), ("scope", "openid email")];
        assert_eq!(bots.posts("/oidc/token", &more).await.body, r#"{"error":"invalid_scope"}"#);
    }

    async fn op_02_nobody_is_sent_to_an_address_that_the_client_did_not_register(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        for wrong in [
            "https://bots.example.org/back",
            "https://bots.example.org/back?from=roster&x=1",
            "https://bots.example.org/back?from=roster#x",
            "https://bots.example.org/BACK?from=roster",
            "https://bots.example.org/x/../back?from=roster",
            "https://bots.example.org:443/back?from=roster",
            "http://bots.example.org/back?from=roster",
            "https://bots.example.org.evil.example/back?from=roster",
            "https://bots.example.org@evil.example/back?from=roster",
            "https://evil.example/",
            "//evil.example/",
            "/",
            "",
        ] {
            // Errors do not lead there either.
            for more in [("prompt", "none"), ("response_type", "token"), ("code_challenge", "")] {
                let answer = bots.asks(&ana, &[("redirect_uri", wrong), more]).await;
                assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""), "{wrong}");
                assert!(answer.body.contains("Bots &#38; Co") && !answer.body.contains("evil.example"), "{}", answer.body);
            }
        }
        let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", bots.sends_to(&[]));
        assert_eq!(ana.get(&twice).await.status, StatusCode::BAD_REQUEST);
        for unknown in ["", "botz", "BOTS"] {
            let answer = bots.asks(&ana, &[("client_id", unknown)]).await;
            assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""));
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins").await, 0);
    }

    async fn op_03_pkce_is_asked_of_everybody_and_only_by_s256(world: World) {
        let world = world.with_clients(&[client("bots"), public_client("page")]);
        let ana = world.owner(ANA).await;
        for own in [client("bots"), public_client("page")] {
            let platform = world.platform(own);
            for downgrade in [
                [("code_challenge", ""), ("code_challenge_method", "")],
                [("code_challenge", ""), ("code_challenge_method", "S256")],
                [("code_challenge_method", ""), ("nonce", "n")],
                [("code_challenge_method", "plain"), ("nonce", "n")],
            ] {
                assert_eq!(error_in(&platform.asks(&ana, &downgrade).await), "invalid_request", "{downgrade:?}");
            }
            let code = platform.code_in(&platform.asks(&ana, &[]).await);
            let strange = "a".repeat(43);
            for (verifier, error) in [("", "invalid_request"), (strange.as_str(), "invalid_grant")] {
                let answer = platform.exchanges_with(&code, &[("code_verifier", verifier)]).await;
                assert_eq!(answer.body, format!(r#"{{"error":"{error}"}}"#), "{verifier}");
            }
            platform.tokens_in(&platform.exchanges(&code).await);
        }
        let answered = world.platform(client("bots")).asks(&ana, &[("response_type", "token")]).await;
        assert!(brought_back(answered.location()).contains(&("iss".to_owned(), "http://127.0.0.1:3000".to_owned())));
    }

    async fn op_04_a_code_is_good_once_for_a_minute_and_for_its_own_client(world: World) {
        let world = world.with_clients(&[client("bots"), client("other"), public_client("page")]);
        let ana = world.owner(ANA).await;
        let (bots, other, page) = (world.platform(client("bots")), world.platform(client("other")), world.platform(public_client("page")));
        let grant_error = r#"{"error":"invalid_grant"}"#;
        // Mixed up.
        let code = bots.code_in(&bots.asks(&ana, &[]).await);
        for stranger in [&other, &page] {
            assert_eq!(stranger.exchanges(&code).await.body, grant_error);
        }
        assert_eq!(bots.exchanges_with(&code, &[("redirect_uri", "https://bots.example.org/bye")]).await.body, grant_error);
        assert_eq!(bots.exchanges_with(&code, &[("redirect_uri", "")]).await.body, grant_error);
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        assert_eq!(other.introspects(&tokens.access).await, json!({ "active": false }), "a token of another client's");
        assert_eq!(other.refreshes(&tokens.refresh).await.body, grant_error);
        other.posts("/oidc/revoke", &[("token", &tokens.refresh)]).await;
        assert_eq!(bots.introspects(&tokens.access).await["active"], true, "nobody else takes it back");
        // Brought twice: what came of it dies.
        assert_eq!(bots.exchanges(&code).await.body, grant_error);
        bots.has_lost(&tokens).await;
        // Too late.
        let code = bots.code_in(&bots.asks(&ana, &[]).await);
        world.advance(Span::seconds(60));
        assert_eq!(bots.exchanges(&code).await.body, grant_error);
    }

    async fn op_04_a_code_brought_ten_times_at_once_leaves_nothing_behind(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        bots.signs_in(&ana).await;
        let code = bots.code_in(&bots.asks(&ana, &[]).await);
        let answers = futures::future::join_all((0..10).map(|_| bots.exchanges(&code))).await;
        let given: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::OK).collect();
        assert_eq!(given.len(), 1);
        bots.has_lost(&bots.tokens_in(given[0])).await;
    }

    async fn op_05_a_refresh_token_is_exchanged_once_and_a_second_time_ends_everything(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        let first = bots.signs_in(&ana).await;
        let second = bots.tokens_in(&bots.refreshes(&first.refresh).await);
        assert_eq!(bots.introspects(&first.access).await["active"], true, "until its time is over");
        assert_eq!(bots.introspects(&first.refresh).await["active"], false);
        assert_eq!(bots.introspects(&second.refresh).await["active"], true);
        assert_eq!(bots.asks_for_user_info(&second.refresh).await.status, StatusCode::UNAUTHORIZED, "it is no access token");
        assert_eq!(bots.refreshes(&second.access).await.body, r#"{"error":"invalid_grant"}"#, "nor the other way round");
        world.advance(Span::minutes(10));
        assert_eq!(bots.introspects(&second.access).await["active"], false, "after ten minutes");
        let third = bots.tokens_in(&bots.refreshes(&second.refresh).await);
        assert_eq!(bots.refreshes(&first.refresh).await.body, r#"{"error":"invalid_grant"}"#);
        bots.has_lost(&third).await;
        // Whoever signs in again begins anew.
        let tokens = bots.signs_in(&ana).await;
        bots.posts("/oidc/revoke", &[("token", &tokens.access)]).await;
        assert_eq!(bots.introspects(&tokens.access).await["active"], false);
        let tokens = bots.tokens_in(&bots.refreshes(&tokens.refresh).await);
        assert_eq!(bots.posts("/oidc/revoke", &[("token", &tokens.refresh)]).await.status, StatusCode::OK);
        bots.has_lost(&tokens).await;
        assert_eq!(bots.posts("/oidc/revoke", &[("token", "no token at all")]).await.status, StatusCode::OK);
    }

    async fn op_06_removal_suspension_and_signing_out_end_what_a_platform_holds(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        let (ben, cem) = (ana.brings_in_as(BEN, BuiltInRole::Editor).await, ana.brings_in_as("cem@example.org", BuiltInRole::Editor).await);
        let (of_ben, of_cem, of_ana) = (bots.signs_in(&ben).await, bots.signs_in(&cem).await, bots.signs_in(&ana).await);
        let open = bots.code_in(&bots.asks(&ben, &[]).await);

        ana.removes(&ana.row(BEN).await).await.unwrap();
        bots.has_lost(&of_ben).await;
        assert_eq!(bots.exchanges(&open).await.body, r#"{"error":"invalid_grant"}"#, "a code on its way");
        let refused = bots.asks(&ben, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.body.contains("Bots &#38; Co"), "{}", refused.body);
        assert_eq!(error_in(&bots.asks(&ben, &[("prompt", "none"), ("account", "acme")]).await), "access_denied");

        ana.suspends(&ana.row("cem@example.org").await).await.unwrap();
        ana.reactivates(&ana.row("cem@example.org").await).await.unwrap();
        bots.has_lost(&of_cem).await;
        let of_cem = bots.signs_in(&cem).await;
        assert_eq!(bots.introspects(&of_ana.access).await["active"], true, "and nobody else's");
        cem.sign_out().await;
        bots.has_lost(&of_cem).await;

        // Proving the password once more renews the session, and ends nothing.
        later(&world);
        ana.sign_in(ANA, PASSWORD).await.unwrap();
        let of_ana = bots.tokens_in(&bots.refreshes(&of_ana.refresh).await);
        // A session ends by itself.
        world.advance(Span::days(8));
        bots.has_lost(&of_ana).await;
    }

    async fn op_06_what_no_longer_opens_the_account_opens_nothing_at_the_platform(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let world = world.configured(|config| config.client = vec![client("bots")]);
        let ana = ana.at(&world);
        let bots = world.platform(client("bots"));
        let claims = json!({ "sub": "00u-ben", "email": BEN });
        let ben = ana.brings_in_by(&provider, &method, BEN, claims, &Grant::of(BuiltInRole::Editor)).await;
        let tokens = bots.signs_in(&ben).await;
        assert_eq!(bots.reads(&tokens.id_token).await.get("amr"), None, "what a provider asked for is not known");
        // The method is switched off: the session is there, and opens nothing.
        let off = [("account", "acme"), ("method", method.as_str()), ("on", "off")];
        ana.post("login-methods/switch", &off).await;
        if ben.home().await.is_err() {
            bots.has_lost(&tokens).await;
        } else {
            panic!("the method is still on");
        }
    }

    async fn op_06_a_second_factor_that_the_account_requires_is_asked_for(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let app = ana.adds_app().await.unwrap();
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let bots = world.platform(client("bots"));
        let before = bots.signs_in(&ben).await;
        let requires = [("account", "acme"), ("form[of]", "everybody"), ("form[grace_days]", "0")];
        ana.call::<Value>("security/require-second-factor", &requires).await.unwrap();
        bots.has_lost(&before).await;
        let asked = bots.asks(&ben, &[]).await;
        assert!(asked.location().starts_with("/a/acme/second-factor?next="), "{}", asked.location());
        let next = next_of(asked.location());
        assert!(next.starts_with("/oidc/continue?request="), "{next}");
        assert_eq!(error_in(&bots.asks(&ben, &[("prompt", "none")]).await), "interaction_required");
        // Having one does not do: this session has to prove it.
        ben.adds_app().await.unwrap();
        let page = ben.get(&next).await;
        let page = if page.status == StatusCode::OK { page } else { panic!("{:?}", page.location()) };
        assert!(brought_back(&leads_to(&page.body)).iter().any(|(name, _)| name == "code"), "{}", page.body);
        // The owner signs in with both, and the platform hears so.
        world.advance(Span::seconds(60));
        let elsewhere = world.browser();
        elsewhere.signs_in_with(ANA, &app).await.unwrap();
        assert_eq!(bots.reads(&bots.signs_in(&elsewhere).await.id_token).await["amr"], json!(["mfa"]));
    }

    async fn op_07_a_platform_is_told_at_once_that_a_sign_in_ended_and_again_until_it_hears(world: World) {
        let listener = Listener::answering(&["503 Service Unavailable", "200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = listener.settings();
            config.client = vec![told.clone(), client("deaf")];
        });
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let (bots, deaf) = (world.platform(told), world.platform(client("deaf")));
        let claims = bots.reads(&bots.signs_in(&ben).await.id_token).await;
        deaf.signs_in(&ben).await;
        // A code that nobody exchanged gave nothing out.
        bots.asks(&ben, &[]).await;
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 0);

        ana.removes(&ana.row(BEN).await).await.unwrap();
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 1);
        // Not again before its time, then once more, and then never again.
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 1);
        world.advance(Span::seconds(6));
        for _ in 0..2 {
            world.services.tell_platforms().await.unwrap();
        }
        world.advance(Span::hours(2));
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 2);
        let token = listener.heard.lock().unwrap()[1].clone();
        let logout = bots.reads(&token).await;
        assert_eq!((&logout["iss"], &logout["aud"]), (&claims["iss"], &json!("bots")));
        assert_eq!((&logout["sub"], &logout["sid"]), (&claims["sub"], &claims["sid"]));
        assert_eq!(logout["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        assert!(logout.contains_key("jti") && logout.contains_key("exp") && !logout.contains_key("nonce"));
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins WHERE ended AND told_at IS NULL").await, 0);

        // A session that grew old ends as well.
        bots.signs_in(&ana).await;
        world.advance(Span::days(8));
        world.services.tell_platforms().await.unwrap();
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 3);
    }

    async fn op_07_a_private_address_is_told_nothing_unless_the_settings_allow_it(world: World) {
        let listener = Listener::answering(&["200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = server::config::OAuth { allow_hosts: Vec::new(), ..listener.settings() };
            config.client = vec![told.clone()];
        });
        let ana = world.owner(ANA).await;
        world.platform(told).signs_in(&ana).await;
        ana.sign_out().await;
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 0);
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins WHERE ended AND told_at IS NULL").await, 1);
    }

    async fn op_08_whoever_is_not_signed_in_signs_in_and_goes_on(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        let browser = world.browser();
        assert_eq!(error_in(&bots.asks(&browser, &[("prompt", "none")]).await), "login_required");
        let sent = bots.asks(&browser, &[("login_hint", ANA)]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        assert!(sent.location().starts_with("/login?next="), "{}", sent.location());
        let with_account = bots.asks(&browser, &[("account", "acme")]).await;
        assert!(with_account.location().starts_with("/login/acme?next="), "{}", with_account.location());
        let next = next_of(sent.location());
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins").await, 0, "strangers write nothing");
        assert_eq!(signs_in_going_on(&browser, ANA, &next).await, next);
        // Behind a form no redirect leads to another site, so a page does.
        let page = browser.get(&next).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Continue to Bots &#38; Co"), "{}", page.body);
        let to = leads_to(&page.body);
        assert!(to.starts_with("https://bots.example.org/back?from=roster&code="), "{to}");
        let code = brought_back(&to).into_iter().find(|(name, _)| name == "code").unwrap().1;
        bots.tokens_in(&bots.exchanges(&code).await);
        // The address holds for an hour, is nobody's to change, and leads nowhere else.
        let (path, sealed) = next.split_once('=').unwrap();
        let mut changed = sealed.to_owned().into_bytes();
        changed[60] = if changed[60] == b'A' { b'B' } else { b'A' };
        for broken in [String::from_utf8(changed).unwrap(), String::new(), "x".to_owned()] {
            let answer = browser.get(&format!("{path}={broken}")).await;
            assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""));
        }
        world.advance(Span::minutes(60));
        assert_eq!(browser.get(&next).await.status, StatusCode::BAD_REQUEST);
        drop(ana);
    }

    async fn op_08_somebody_invited_goes_on_to_the_platform_after_joining(world: World) {
        let only_beta = Client { account: Some("beta".to_owned()), ..client("betas") };
        let world = world.with_clients(&[client("bots"), only_beta.clone()]);
        let ana = world.owner(ANA).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let bots = world.platform(client("bots"));
        for (email, platform, goes_on) in [(BEN, &bots, true), ("cem@example.org", &world.platform(only_beta), false)] {
            ana.invites(email, &Grant::of(BuiltInRole::Editor)).await.unwrap();
            let browser = world.browser();
            assert!(platform.asks(&browser, &[]).await.location().starts_with("/login"));
            let invitation = browser.opens_link(&world.link_to(email, 0).await).await;
            let joined = browser.signs_up(&invitation, email).await.unwrap();
            let Joined::In { goes_on: back, .. } = joined else { panic!("{joined:?}") };
            assert_eq!(back.is_some(), goes_on, "{email}: a platform of another account is not open to them");
            let Some(back) = back else { continue };
            let page = browser.get(&back).await;
            let code = brought_back(&leads_to(&page.body)).into_iter().find(|(name, _)| name == "code").unwrap().1;
            let claims = bots.reads(&bots.tokens_in(&bots.exchanges(&code).await).id_token).await;
            assert_eq!((&claims["email"], &claims["roster:account"]["slug"]), (&json!(email), &json!("acme")));
            assert_eq!(browser.cookie("roster_platform"), None);
        }
    }

    async fn op_08_a_new_sign_in_is_asked_for_by_prompt_and_by_max_age(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        world.advance(Span::minutes(5));
        bots.code_in(&bots.asks(&ana, &[("max_age", "300")]).await);
        for asks in [("max_age", "299"), ("max_age", "0"), ("prompt", "login")] {
            let asked = bots.asks(&ana, &[asks]).await;
            assert!(asked.location().starts_with("/login/acme?next="), "{asks:?}: {}", asked.location());
            let next = next_of(asked.location());
            // Coming back without having signed in leads there again.
            assert!(ana.get(&next).await.location().starts_with("/login/acme?next="), "{asks:?}");
            later(&world);
            signs_in_going_on(&ana, ANA, &next).await;
            assert_eq!(ana.get(&next).await.status, StatusCode::OK, "{asks:?}");
            world.advance(Span::minutes(5));
        }
        assert_eq!(error_in(&bots.asks(&ana, &[("max_age", "1"), ("prompt", "none")]).await), "login_required");
        for wrong in ["none login", "everything"] {
            assert_eq!(error_in(&bots.asks(&ana, &[("prompt", wrong)]).await), "invalid_request");
        }
    }

    async fn op_08_whoever_is_in_several_accounts_chooses_one(world: World) {
        let world = world.with_clients(&[client("bots"), Client { account: Some("beta".to_owned()), ..client("betas") }]);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let (bots, betas) = (world.platform(client("bots")), world.platform(Client { account: Some("beta".to_owned()), ..client("betas") }));
        assert_eq!(error_in(&bots.asks(&ana, &[("prompt", "none")]).await), "account_selection_required");
        let chooser = bots.asks(&ana, &[]).await;
        assert_eq!(chooser.status, StatusCode::OK);
        let links = links(&chooser.body);
        assert_eq!(links.len(), 2, "{links:?}");
        let page = ana.get(links.iter().find(|link| link.ends_with("&account=beta")).unwrap()).await;
        let code = brought_back(&leads_to(&page.body)).into_iter().find(|(name, _)| name == "code").unwrap().1;
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        assert_eq!(bots.reads(&tokens.id_token).await["roster:account"]["name"], "Beta");
        // Where nobody may be asked, what was chosen holds.
        let code = bots.code_in(&bots.asks(&ana, &[("prompt", "none")]).await);
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        assert_eq!(bots.reads(&tokens.id_token).await["roster:account"]["slug"], "beta");
        let code = bots.code_in(&bots.asks(&ana, &[("account", "acme")]).await);
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        assert_eq!(bots.reads(&tokens.id_token).await["roster:account"]["slug"], "acme");
        // Nobody chooses an account that is not theirs, and a platform of one account takes no other.
        for (platform, account) in [(&bots, "beta"), (&bots, "no-such-account"), (&betas, "acme"), (&betas, "")] {
            let asked = platform.asks(&ben, &[("account", account)]).await;
            assert_eq!((asked.status, asked.location()), (StatusCode::FORBIDDEN, ""), "{account}");
            assert!(!asked.body.contains("Beta"), "an account is not named to those who are not in it");
            let quietly = platform.asks(&ben, &[("account", account), ("prompt", "none")]).await;
            assert_eq!(error_in(&quietly), "access_denied", "{account}");
        }
        let code = betas.code_in(&betas.asks(&ana, &[]).await);
        betas.tokens_in(&betas.exchanges(&code).await);
        // Somebody in no account reads why.
        ben.leaves().await.unwrap();
        let nowhere = bots.asks(&ben, &[]).await;
        assert_eq!(nowhere.status, StatusCode::FORBIDDEN);
        assert!(nowhere.body.contains("not a member of any account"), "{}", nowhere.body);
    }

    async fn op_09_a_platform_may_know_people_by_a_name_that_no_other_has(world: World) {
        let apart = Client { pairwise_subjects: true, ..client("apart") };
        let further = Client { pairwise_subjects: true, ..client("further") };
        let world = world.with_clients(&[client("bots"), client("cousin"), apart.clone(), further.clone()]);
        let ana = world.owner(ANA).await;
        let mut subjects = Vec::new();
        for own in [client("bots"), client("cousin"), apart.clone(), apart, further] {
            let platform = world.platform(own);
            let claims = platform.reads(&platform.signs_in(&ana).await.id_token).await;
            subjects.push(claims["sub"].as_str().unwrap().to_owned());
        }
        assert_eq!(subjects[0], subjects[1], "all others know the same");
        assert_eq!(subjects[2], subjects[3], "always the same");
        assert!(subjects[0] != subjects[2] && subjects[2] != subjects[4] && subjects[0] != subjects[4]);
        let users = world.texts(match world.services.database {
            server::storage::Database::Sqlite { .. } => "SELECT lower(hex(id)) FROM users",
            server::storage::Database::Postgres { .. } => "SELECT replace(id::text, '-', '') FROM users",
        }).await;
        assert!(!subjects.iter().any(|subject| users.contains(subject)), "no id of ours");
    }

    async fn op_09_r13_whoever_takes_an_address_over_is_somebody_else_to_platforms(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let bare = world.without_mail_server();
        let ana = world.owner(ANA).await;
        let bots = world.platform(client("bots"));
        ana.at(&bare).invites(BEN, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let eve = bare.browser();
        let link = ana.at(&bare).copies_link(&ana.row(BEN).await).await.unwrap().url;
        let id = eve.opens_link(&link).await;
        eve.signs_up_with(&id, BEN, "eve had the link before ben", &[]).await.unwrap();
        let of_eve = bots.signs_in(&eve).await;
        let claims_of_eve = bots.reads(&of_eve.id_token).await;
        assert_eq!(claims_of_eve["email_verified"], false);
        // The mailbox's owner proves it.
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites(BEN, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = world.browser().on("beta");
        let id = ben.opens_link(&world.link_to(BEN, 0).await).await;
        ben.signs_up(&id, BEN).await.unwrap();
        bots.has_lost(&of_eve).await;
        let claims = bots.reads(&bots.signs_in(&ben).await.id_token).await;
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!(BEN), &json!(true)));
        assert_ne!(claims["sub"], claims_of_eve["sub"]);
    }

    async fn op_10_programs_are_known_by_what_they_send_and_a_session_counts_for_nothing(world: World) {
        let world = world.with_clients(&[client("bots"), public_client("page")]);
        let ana = world.owner(ANA).await;
        let (bots, page) = (world.platform(client("bots")), world.platform(public_client("page")));
        let tokens = page.signs_in(&ana).await;
        // The cookie of a session opens none of them.
        for (method, path) in [(Method::GET, "/oidc/userinfo"), (Method::POST, "/oidc/token"), (Method::POST, "/oidc/introspect"), (Method::POST, "/oidc/revoke")] {
            let request = Request::builder().method(method).uri(path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin")
                .body(Body::from("token=x&client_id=bots")).unwrap();
            let answer = ana.send(request).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE) && !answer.headers.contains_key(header::SET_COOKIE));
        }
        // Everybody can say that they are a public client, so it hears nothing of tokens.
        assert_eq!(page.posts("/oidc/introspect", &[("token", &tokens.access)]).await.body, r#"{"error":"unauthorized_client"}"#);
        for (wrong, error) in [
            (vec![("client_id", "bots"), ("client_secret", "wrong")], "invalid_client"),
            (vec![("client_id", "bots")], "invalid_client"),
            (vec![("client_id", "page"), ("client_secret", SECRET)], "invalid_client"),
            (vec![("client_id", "nobody"), ("client_secret", SECRET)], "invalid_client"),
            (vec![("client_id", "bots"), ("client_id", "bots"), ("client_secret", SECRET)], "invalid_request"),
        ] {
            let answer = bots.posts_as("/oidc/introspect", None, &[&wrong[..], &[("token", "x")]].concat()).await;
            assert_eq!(answer.body, format!(r#"{{"error":"{error}"}}"#), "{wrong:?}");
        }
        let by_form = [("client_id", "bots"), ("client_secret", SECRET), ("token", "x")];
        assert_eq!(bots.posts_as("/oidc/introspect", None, &by_form).await.body, r#"{"active":false}"#);
        assert_eq!(bots.posts("/oidc/token", &[("grant_type", "password")]).await.body, r#"{"error":"unsupported_grant_type"}"#);
        assert_eq!(bots.posts("/oidc/token", &[]).await.body, r#"{"error":"invalid_request"}"#);
        // Failures are limited; a client that proves itself is let through all the same.
        let mut last = StatusCode::OK;
        for _ in 0..40 {
            last = bots.posts_as("/oidc/token", None, &[("client_id", "bots"), ("client_secret", "wrong")]).await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
        bots.signs_in(&ana).await;
    }

    async fn op_10_a_client_may_prove_itself_by_its_own_key_once_with_each_proof(world: World) {
        let made = NewSigningKey::make(Uuid::now_v7(), SigningAlgorithm::Es256).unwrap();
        let other = NewSigningKey::make(Uuid::now_v7(), SigningAlgorithm::Es256).unwrap();
        let set = json!({ "keys": [made.public_jwk] }).to_string();
        let own = Client { secret: None, public_keys: Some(set), ..client("bots") };
        let world = world.with_clients(std::slice::from_ref(&own));
        let ana = world.owner(ANA).await;
        let bots = world.platform(own);
        let code = bots.code_in(&bots.asks(&ana, &[]).await);
        let now = world.now().0 / 1000;
        let claims = json!({ "iss": "bots", "sub": "bots", "aud": "http://127.0.0.1:3000", "exp": now + 60, "jti": "1" });
        let signed = |key: &NewSigningKey, changes: Value| {
            let mut claims = claims.as_object().unwrap().clone();
            claims.extend(changes.as_object().unwrap().clone());
            SigningKey::read(key.id, SigningAlgorithm::Es256, &key.private).unwrap().sign("JWT", &claims).unwrap()
        };
        let sends = async |assertion: &str| {
            let fields = [
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion),
                ("token", code.as_str()),
            ];
            bots.posts_as("/oidc/introspect", None, &fields).await.status
        };
        for (wrong, changes) in [
            ("for somebody else", json!({ "aud": "https://elsewhere.example" })),
            ("by somebody else", json!({ "iss": "other" })),
            ("run out", json!({ "exp": now })),
            ("for too long", json!({ "exp": now + 601 })),
            ("not yet", json!({ "nbf": now + 60 })),
            ("without a number", json!({ "jti": "" })),
        ] {
            assert_eq!(sends(&signed(&made, changes)).await, StatusCode::UNAUTHORIZED, "{wrong}");
        }
        assert_eq!(sends(&signed(&other, json!({}))).await, StatusCode::UNAUTHORIZED, "signed with another key");
        assert_eq!(bots.posts("/oidc/introspect", &[("token", "x")]).await.status, StatusCode::UNAUTHORIZED, "with nothing");
        let first = signed(&made, json!({}));
        assert_eq!(sends(&first).await, StatusCode::OK);
        assert_eq!(sends(&first).await, StatusCode::UNAUTHORIZED, "a second time");
        let second = signed(&made, json!({ "jti": "2", "aud": ["http://127.0.0.1:3000/oidc/token"] }));
        let proof = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", second.as_str()),
            ("client_id", ""),
        ];
        let tokens = bots.exchanges_with(&code, &proof).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    }

    async fn op_10_pages_of_public_clients_may_read_answers_and_no_others(world: World) {
        let world = world.with_clients(&[Client { redirect_uris: vec!["https://confidential.example.org/back".to_owned()], ..client("bots") }, public_client("page")]);
        let asked = async |method: Method, path: &str, origin: &str| {
            let request = Request::builder().method(method).uri(path)
                .header(header::ORIGIN, origin)
                .header("sec-fetch-site", "cross-site")
                .body(Body::empty()).unwrap();
            let answer = world.browser().send(request).await;
            answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|origin| origin.to_str().unwrap().to_owned())
        };
        for path in ["/oidc/userinfo", "/oidc/token", "/oidc/revoke"] {
            for method in [Method::OPTIONS, Method::POST] {
                let own = "https://bots.example.org";
                assert_eq!(asked(method.clone(), path, own).await.as_deref(), Some(own), "{method} {path}");
                for foreign in ["https://confidential.example.org", "https://evil.example", "null", "http://bots.example.org"] {
                    assert_eq!(asked(method.clone(), path, foreign).await, None, "{method} {path} {foreign}");
                }
            }
        }
        for path in ["/oidc/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            assert_eq!(asked(Method::GET, path, "https://evil.example").await.as_deref(), Some("*"), "{path}");
        }
        for path in ["/oidc/introspect", "/oidc/authorize", "/login", "/api/session/whoami"] {
            assert_eq!(asked(Method::POST, path, "https://bots.example.org").await, None, "{path}");
        }
        let document: Value = serde_json::from_str(&world.browser().get("/.well-known/openid-configuration").await.body).unwrap();
        assert_eq!(document["issuer"], "http://127.0.0.1:3000");
        for (name, path) in [("authorization_endpoint", "/oidc/authorize"), ("token_endpoint", "/oidc/token"), ("jwks_uri", "/oidc/jwks.json"), ("end_session_endpoint", "/oidc/logout")] {
            assert_eq!(document[name], format!("http://127.0.0.1:3000{path}"));
        }
        // A form is answered by a link, which brings the session along.
        let form = Request::builder().method(Method::POST).uri("/oidc/authorize")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from("client_id=page&scope=openid")).unwrap();
        let answer = world.browser().send(form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/oidc/authorize?client_id=page&scope=openid"));
    }

    async fn op_11_a_platform_signs_people_out_only_where_it_signed_them_in(world: World) {
        let world = world.with_clients(&[client("bots"), client("other")]);
        let ana = world.owner(ANA).await;
        let (bots, other) = (world.platform(client("bots")), world.platform(client("other")));
        let elsewhere = world.browser();
        elsewhere.sign_in(ANA, PASSWORD).await.unwrap();
        let (here, there) = (bots.signs_in(&ana).await, bots.signs_in(&elsewhere).await);
        let asks = async |browser: &Browser, hint: &str, more: &str| {
            let back = "post_logout_redirect_uri=https%3A%2F%2Fbots.example.org%2Fbye&state=s";
            browser.get(&format!("/oidc/logout?id_token_hint={hint}&{back}{more}")).await
        };
        // Without a proof of it, or with somebody else's, a page asks.
        let forged = format!("{}x", here.id_token);
        for (hint, more) in [("", ""), (forged.as_str(), ""), (there.id_token.as_str(), ""), (here.id_token.as_str(), "&client_id=other"), ("", "&client_id=bots")] {
            let asked = asks(&ana, hint, more).await;
            assert_eq!((asked.status, asked.location()), (StatusCode::OK, ""), "{more}");
            assert!(asked.body.contains("action=\"/api/session/sign-out\""));
            assert!(ana.me().await.is_some());
        }
        // Somebody who says yes is led on.
        let asked = asks(&elsewhere, "", "&client_id=bots").await;
        let next = asked.body.split("name=\"next\" value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
        let next: String = elsewhere.call("session/sign-out", &[("next", &next)]).await.unwrap();
        assert_eq!(leads_to(&elsewhere.get(&next).await.body), "https://bots.example.org/bye?state=s");
        bots.has_lost(&there).await;

        let done = asks(&ana, &here.id_token, "&client_id=bots").await;
        assert_eq!(done.location(), "https://bots.example.org/bye?state=s");
        assert!(ana.me().await.is_none());
        bots.has_lost(&here).await;
        // Signed out already: on to the platform, and to no address that is not its own.
        assert_eq!(asks(&ana, &here.id_token, "").await.location(), "https://bots.example.org/bye?state=s");
        let evil = ana.get(&format!("/oidc/logout?id_token_hint={}&post_logout_redirect_uri=https%3A%2F%2Fevil.example", here.id_token)).await;
        assert_eq!(evil.location(), "/login");
        drop(other);
    }

    async fn op_12_neither_secrets_nor_tokens_lie_in_the_database_and_what_is_dead_is_deleted(world: World) {
        let ana = world.owner(ANA).await;
        let settings = Client { secret: None, ..client("bots") };
        let secret = world.services.add_client(&settings, false).await.unwrap().unwrap();
        assert!(world.services.add_client(&settings, false).await.is_err(), "there is one already");
        let with = |secret: &str| Client { secret: Some(server::config::Secret::new(secret)), ..settings.clone() };
        let bots = world.platform(with(secret.reveal()));
        let code = bots.code_in(&bots.asks(&ana, &[]).await);
        let tokens = bots.tokens_in(&bots.exchanges(&code).await);
        let dump = world.dump().await;
        for text in [secret.reveal(), &code, &tokens.access, &tokens.refresh] {
            assert!(!holds(&dump, text));
        }
        // A new secret; the earlier one is taken for an hour more.
        let newer = world.services.rotate_client("bots", Span::hours(1)).await.unwrap();
        let renewed = world.platform(with(newer.reveal()));
        assert_eq!(bots.introspects(&tokens.access).await["active"], true);
        assert_eq!(renewed.introspects(&tokens.access).await["active"], true);
        world.advance(Span::hours(1));
        assert_eq!(bots.posts("/oidc/introspect", &[("token", "x")]).await.status, StatusCode::UNAUTHORIZED);
        renewed.signs_in(&ana).await;
        // A key signs for ninety days; the one before it is published for a week more.
        let keys = async || {
            let keys: Value = serde_json::from_str(&world.browser().get("/oidc/jwks.json").await.body).unwrap();
            keys["keys"].as_array().unwrap().len()
        };
        let clean_up = async || assert!(world.services.clean_up_if_due(&tokio_util::sync::CancellationToken::new()).await.unwrap());
        assert_eq!(keys().await, 1);
        world.advance(Span::days(90));
        ana.sign_in(ANA, PASSWORD).await.unwrap();
        renewed.signs_in(&ana).await;
        clean_up().await;
        assert_eq!(keys().await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_tokens").await, 2, "those that are good");
        world.advance(Span::days(8));
        clean_up().await;
        assert_eq!(keys().await, 1);
        for _ in 0..2 {
            world.services.tell_platforms().await.unwrap();
        }
        world.advance(Span::days(31));
        clean_up().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins").await, 0);
        // A client that is removed is unknown.
        ana.sign_in(ANA, PASSWORD).await.unwrap();
        let tokens = renewed.signs_in(&ana).await;
        world.services.remove_client("bots").await.unwrap();
        assert_eq!(bots.asks_for_user_info(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(bots.asks(&ana, &[]).await.status, StatusCode::BAD_REQUEST);
    }
}
