//! Forward-auth: who gets to a platform behind a proxy that asks Roster, with what, and until when (FA). `proxies.rs` has the real proxies.

use crate::support::{
    Answer, Browser, PASSWORD, World, both_databases, holds,
    platform::{client, later},
};
use app::{
    api::{joining::Joined, roles::RoleCreated},
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;
use server::config::{Config, ForwardAuth};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";
const HOST: &str = "wiki.example.org";

/// A host whose paths have rules of every kind.
fn wiki() -> ForwardAuth {
    let rules = |path: &str, key: &str| BTreeMap::from([(path.to_owned(), key.to_owned())]);
    ForwardAuth {
        host: HOST.to_owned(),
        name: "Wiki & Co".to_owned(),
        account: None,
        public: vec!["/assets".to_owned()],
        permissions: rules("/admin", "users.edit"),
        roles: rules("/desk", "agent"),
    }
}

fn other() -> ForwardAuth {
    ForwardAuth { host: "shop.example.org:8443".to_owned(), name: "Shop".to_owned(), ..wiki() }
}

impl World {
    fn with_hosts(&self, hosts: &[ForwardAuth]) -> Self {
        self.configured(|config: &mut Config| {
            config.forward_auth = hosts.to_vec();
            config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        })
    }
}

/// What the proxy of a host asks about a page that a browser wants there; `more` is what else the browser sent.
async fn asks_with(browser: &Browser, host: &str, uri: &str, more: &[(&'static str, &str)]) -> Answer {
    let mut request = Request::builder()
        .uri("/auth/forward")
        .header("x-forwarded-host", host)
        .header("x-forwarded-uri", uri)
        .header("x-forwarded-proto", "https");
    let method = more.iter().find(|(name, _)| *name == "x-forwarded-method").map_or("GET", |(_, method)| *method);
    request = request.header("x-forwarded-method", method).header(header::ACCEPT, "text/html");
    for (name, value) in more.iter().filter(|(name, _)| *name != "x-forwarded-method") {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::empty()).unwrap()).await
}

async fn asks(browser: &Browser, uri: &str) -> Answer {
    asks_with(browser, HOST, uri, &[("sec-fetch-mode", "navigate")]).await
}

/// Opens an address of Roster's folder at a host.
async fn opens(browser: &Browser, address: &str) -> Answer {
    let url = Url::parse(address).unwrap();
    let host =
        url.port().map_or(url.host_str().unwrap().to_owned(), |port| format!("{}:{port}", url.host_str().unwrap()));
    let path = &url[url::Position::BeforePath..];
    let request = Request::builder().uri(path).header(header::HOST, host).header("sec-fetch-site", "none");
    browser.send(request.body(Body::empty()).unwrap()).await
}

/// An address of Roster's own as its path.
fn own(address: &str) -> String {
    address.strip_prefix("http://127.0.0.1:3000").unwrap_or_else(|| panic!("{address}")).to_owned()
}

/// What a page leads to by itself.
fn leads_to(page: &str) -> String {
    let to = page.split("content=\"0;url=").nth(1).unwrap_or_else(|| panic!("{page}"));
    to.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// The way of somebody who is signed in at Roster to a host: up to the code that comes back.
async fn brings_code(browser: &Browser, host: &str, uri: &str) -> String {
    let first = asks_with(browser, host, uri, &[]).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{first:?}");
    assert!(first.location().starts_with(&format!("https://{host}/.roster/sign-in?next=")), "{}", first.location());
    let begun = opens(browser, first.location()).await;
    assert_eq!(begun.headers["cache-control"], "no-store");
    let back = browser.get(&own(begun.location())).await;
    assert!(back.location().starts_with(&format!("https://{host}/.roster/callback?code=")), "{back:?}");
    back.location().to_owned()
}

/// The whole way; answers where it led.
async fn comes_in(browser: &Browser, host: &str, uri: &str) -> String {
    let callback = brings_code(browser, host, uri).await;
    let done = opens(browser, &callback).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{done:?}");
    done.location().to_owned()
}

both_databases! {
    async fn fa_01_a_platform_is_told_of_the_member_in_headers_and_signed(world: World) {
        let world = world.with_hosts(&[wiki()]).configured(|config| config.client = vec![client("bots")]);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in(BEN, &Grant::of(BuiltInRole::Editor).with("analytics.export")).await;
        let bots = world.platform(client("bots"));
        let sub = bots.reads(&bots.signs_in(&ben).await.id_token).await["sub"].clone();
        let renamed = [("form[name]", "Ben Pérezł 100%"), ("form[language]", "en")];
        let changed = ben.post("me/change-profile", &renamed).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);

        assert_eq!(comes_in(&ben, HOST, "/pages/1?a=b&c=%26").await, "/pages/1?a=b&c=%26", "where they wanted to go");
        let passed = asks(&ben, "/pages/1").await;
        assert_eq!((passed.status, passed.body.as_str()), (StatusCode::OK, ""));
        let told = |name: &str| passed.headers[name].to_str().unwrap();
        assert_eq!(told("remote-user"), sub.as_str().unwrap(), "as in ID tokens");
        assert_eq!((told("remote-email"), told("roster-role")), (BEN, "editor"));
        assert_eq!(told("remote-name"), "Ben P%C3%A9rez%C5%82 100%25");
        let permissions: Vec<&str> = told("roster-permissions").split(',').collect();
        assert!(permissions.contains(&"analytics.export") && permissions.contains(&"bots.edit") && !permissions.contains(&"users.edit"));

        let claims = bots.reads(told("roster-assertion")).await;
        assert_eq!((&claims["iss"], &claims["aud"], &claims["sub"]), (&json!("http://127.0.0.1:3000"), &json!(HOST), &sub));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
        assert_eq!(claims["iat"], world.now().0 / 1000);
        assert_eq!((&claims["name"], &claims["roster:account"]["slug"]), (&json!("Ben Pérezł 100%"), &json!("acme")));
        assert_eq!(claims["roster:account"]["id"], told("roster-account"));
        assert_eq!(claims["roster:permissions"], json!(permissions));
        // It is in the person's own log, once for each session.
        let begun = opens(&ben, "https://wiki.example.org/.roster/sign-in").await;
        opens(&ben, ben.get(&own(begun.location())).await.location()).await;
        assert_eq!(asks(&ben, "/").await.status, StatusCode::OK);
        assert_eq!(world.texts("SELECT data FROM user_events WHERE kind = 'went_to_platform'").await.len(), 2);
    }

    async fn fa_02_whatever_ends_access_counts_at_the_next_question(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Admin).await;
        let cem = ana.brings_in_as("cem@example.org", BuiltInRole::Agent).await;
        for browser in [&ana, &ben, &cem] {
            comes_in(browser, HOST, "/").await;
            assert_eq!(asks(browser, "/").await.status, StatusCode::OK);
        }
        // A role that is changed.
        assert_eq!((asks(&ben, "/admin/users").await.status, asks(&ben, "/desk").await.status), (StatusCode::OK, StatusCode::FORBIDDEN));
        assert_eq!((asks(&cem, "/admin").await.status, asks(&cem, "/desk/1").await.status), (StatusCode::FORBIDDEN, StatusCode::OK));
        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let denied = asks(&ben, "/admin/users").await;
        assert_eq!(denied.status, StatusCode::FORBIDDEN);
        assert!(denied.body.contains("You don’t have access to this part of Wiki &amp; Co"), "{}", denied.body);
        assert_eq!(asks(&ben, "/").await.headers["roster-role"], "viewer");
        // Removed: the next question leads away, to a page that says why.
        ana.removes(&ana.row(BEN).await).await.unwrap();
        let away = asks(&ben, "/").await;
        assert_eq!(away.status, StatusCode::SEE_OTHER);
        assert!(away.headers.get("remote-user").is_none());
        let page = ben.get(&own(opens(&ben, away.location()).await.location())).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("Wiki &#38; Co"), "{}", page.body);
        // Suspended, and in again: the way is open once more.
        ana.suspends(&ana.row("cem@example.org").await).await.unwrap();
        assert_eq!(asks(&cem, "/").await.status, StatusCode::SEE_OTHER);
        ana.reactivates(&ana.row("cem@example.org").await).await.unwrap();
        later(&world);
        cem.sign_in("cem@example.org", PASSWORD).await.unwrap();
        comes_in_again(&cem).await;
        // Signed out of Roster.
        cem.sign_out().await;
        assert_eq!(asks(&cem, "/").await.status, StatusCode::SEE_OTHER);
        // Signed out at the host alone, by a link there and by none from elsewhere.
        let elsewhere = Request::builder().uri("/.roster/sign-out").header(header::HOST, HOST).header("sec-fetch-site", "cross-site");
        let asked = ana.send(elsewhere.body(Body::empty()).unwrap()).await;
        assert!(asked.body.contains("Sign out of Wiki &amp; Co?"), "{}", asked.body);
        assert_eq!(asks(&ana, "/").await.status, StatusCode::OK);
        let cookie = ana.cookie("__Host-roster_forward").unwrap();
        let out = opens(&ana, "https://wiki.example.org/.roster/sign-out").await;
        assert!(out.body.contains("still signed in to Roster"), "{}", out.body);
        ana.set_cookie("__Host-roster_forward", &cookie);
        assert_eq!(asks(&ana, "/").await.status, StatusCode::SEE_OTHER, "dead on the server");
        assert!(ana.me().await.is_some());
        // A session ends by itself, whatever the platform asks in the background.
        comes_in_again(&ana).await;
        world.advance(Span::days(6));
        assert_eq!(asks(&ana, "/").await.status, StatusCode::OK, "a person opened a page: that is use");
        for _ in 0..3 {
            world.advance(Span::days(3));
            asks_with(&ana, HOST, "/poll", &[("sec-fetch-mode", "cors")]).await;
        }
        assert_eq!(asks(&ana, "/").await.status, StatusCode::SEE_OTHER);
    }

    async fn fa_02_a_second_factor_that_the_account_requires_is_asked_for_first(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        comes_in(&ben, HOST, "/").await;
        let requires = [("account", "acme"), ("form[of]", "everybody"), ("form[grace_days]", "0")];
        ana.call::<serde_json::Value>("security/require-second-factor", &requires).await.unwrap();
        let asked = asks(&ben, "/x").await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
        let begun = opens(&ben, asked.location()).await;
        let page = ben.get(&own(begun.location())).await;
        assert!(page.location().starts_with("/a/acme/second-factor?next=%2Fauth%2Fforward%2Fcontinue"), "{}", page.location());
        ben.adds_app().await.unwrap();
        let on = Url::parse("http://x").unwrap().join(page.location()).unwrap();
        let next = on.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
        let led = leads_to(&ben.get(&next).await.body);
        assert_eq!(opens(&ben, &led).await.location(), "/x");
        assert_eq!(asks(&ben, "/x").await.status, StatusCode::OK);
    }

    async fn fa_03_a_code_is_good_once_for_a_minute_at_its_host_and_in_its_browser(world: World) {
        let world = world.with_hosts(&[wiki(), other()]);
        let ana = world.owner(ANA).await;
        let code = brings_code(&ana, HOST, "/x").await;
        // In another browser, at another host, and with a changed code.
        let thief = world.browser();
        opens(&thief, "https://wiki.example.org/.roster/sign-in").await;
        let elsewhere = code.replace(HOST, &other().host);
        for (browser, address) in [(&thief, code.as_str()), (&world.browser(), code.as_str()), (&ana, elsewhere.as_str()), (&ana, "https://wiki.example.org/.roster/callback?code=x"), (&ana, "https://wiki.example.org/.roster/callback")] {
            let refused = opens(browser, address).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{address}");
            assert!(refused.headers.get(header::SET_COOKIE).is_none() && refused.body.contains("Start again"), "{}", refused.body);
        }
        let done = opens(&ana, &code).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/x"));
        let set = done.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(set.starts_with("__Host-roster_forward="), "{set}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(set.split("; ").any(|part| part == attribute), "{attribute}: {set}");
        }
        assert!(!set.contains("Domain"), "{set}");
        assert_eq!(opens(&ana, &code).await.status, StatusCode::BAD_REQUEST, "once");
        // The cookie of a host opens no other.
        assert_eq!(asks(&ana, "/").await.status, StatusCode::OK);
        assert_eq!(asks_with(&ana, &other().host, "/", &[]).await.status, StatusCode::SEE_OTHER);
        // Neither code nor cookie nor nonce lies in the database.
        let dump = world.dump().await;
        for secret in [code.rsplit('=').next().unwrap(), &ana.cookie("roster_forward").unwrap(), &ana.cookie("forward_nonce").unwrap()] {
            assert!(!holds(&dump, secret));
        }
        let late = brings_code(&ana, &other().host, "/").await;
        world.advance(Span::seconds(60));
        assert_eq!(opens(&ana, &late).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(world.count("SELECT COUNT(*) FROM forward_auth_sign_ins").await, 2);
        world.services.clean_up_if_due(&tokio_util::sync::CancellationToken::new()).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM forward_auth_sign_ins").await, 1, "what nobody took is deleted");
    }

    async fn fa_03_ten_at_once_with_one_code_make_one_cookie(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        let code = brings_code(&ana, HOST, "/").await;
        let answers = futures::future::join_all((0..10).map(|_| opens(&ana, &code))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count(), 1);
    }

    async fn fa_03_nothing_leads_to_an_address_that_is_not_in_the_settings(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        for next in ["//evil.example/", "https://evil.example/", "/\\evil.example", "/%2f%2fevil.example", "\r\nSet-Cookie: x=y", "/.roster/sign-out", &format!("/{}", "x".repeat(2_000))] {
            let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let begun = opens(&ana, &format!("https://wiki.example.org/.roster/sign-in?next={query}")).await;
            let back = ana.get(&own(begun.location())).await;
            assert_eq!(opens(&ana, back.location()).await.location(), "/", "{next}");
        }
        // Hosts that nobody set up, Roster's own among them.
        for host in ["evil.example", "wiki.example.org.evil.example", "wiki.example.org:8443", "127.0.0.1:3000", "x.wiki.example.org", "wiki.example.org."] {
            for path in ["sign-in", "callback?code=x", "sign-out", "denied"] {
                assert_eq!(opens(&ana, &format!("https://{host}/.roster/{path}")).await.status, StatusCode::NOT_FOUND, "{host}");
            }
            assert_eq!(asks_with(&ana, host, "/", &[]).await.status, StatusCode::NOT_FOUND, "{host}");
        }
        // The same host, to whoever came there before and to whoever did not.
        assert_eq!(asks_with(&ana, "WIKI.example.org:443", "/", &[]).await.status, StatusCode::OK);
        assert_eq!(asks_with(&world.browser(), "WIKI.example.org:443", "/", &[]).await.status, StatusCode::SEE_OTHER);
        // A request that was made up, or took too long.
        let begun = own(opens(&ana, "https://wiki.example.org/.roster/sign-in").await.location());
        let changed = begun.replacen("request=", "request=AAAA", 1);
        for wrong in ["/auth/forward/begin", "/auth/forward/continue?request=x", &changed] {
            assert_eq!(ana.get(wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        world.advance(Span::minutes(30));
        assert_eq!(ana.get(&begun).await.status, StatusCode::BAD_REQUEST);
        // A host that the settings no longer name.
        let begun = own(opens(&ana, "https://wiki.example.org/.roster/sign-in").await.location());
        assert_eq!(ana.at(&world.with_hosts(&[other()])).get(&begun).await.status, StatusCode::BAD_REQUEST);
    }

    async fn fa_03_whoever_is_not_signed_in_signs_in_and_goes_on(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        let browser = world.browser();
        let begun = opens(&browser, asks(&browser, "/pages").await.location()).await;
        let page = browser.get(&own(begun.location())).await;
        assert!(page.location().starts_with("/login?next=%2Fauth%2Fforward%2Fcontinue"), "{}", page.location());
        let on = Url::parse("http://x").unwrap().join(page.location()).unwrap();
        let next = on.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
        let fields = [("form[email]", ANA), ("form[password]", PASSWORD), ("form[next]", next.as_str())];
        let on: String = browser.call("session/sign-in", &fields).await.unwrap();
        assert_eq!(on, next);
        // Behind a form, a page leads to the other host (BR-01).
        let led = leads_to(&browser.get(&on).await.body);
        assert_eq!(opens(&browser, &led).await.location(), "/pages");
        // Somebody invited comes first, and goes on after joining.
        ana.invites(BEN, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let ben = world.browser();
        let begun = opens(&ben, asks(&ben, "/pages").await.location()).await;
        ben.get(&own(begun.location())).await;
        let id = ben.opens_link(&world.link_to(BEN, 0).await).await;
        let Joined::In { goes_on: Some(next), .. } = ben.signs_up(&id, BEN).await.unwrap() else { panic!("not in") };
        assert!(next.starts_with("/auth/forward/continue?request="), "{next}");
        let led = leads_to(&ben.get(&next).await.body);
        assert_eq!(opens(&ben, &led).await.location(), "/pages");
    }

    async fn fa_04_paths_need_what_the_settings_say(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        let stranger = world.browser();
        // Everybody, and nobody is named; whoever is signed in is.
        let public = asks(&stranger, "/assets/site.css").await;
        assert_eq!(public.status, StatusCode::OK);
        // Empty, and not missing: proxies would leave something else there.
        for name in ["remote-user", "remote-email", "remote-name", "roster-account", "roster-role", "roster-permissions", "roster-assertion"] {
            assert_eq!(public.headers[name], "", "{name}");
        }
        comes_in(&ana, HOST, "/").await;
        assert_eq!(asks(&ana, "/assets/site.css").await.headers["remote-email"], ANA);
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        comes_in(&ben, HOST, "/").await;
        for passed in ["/", "/administrator", "/pages/admin", "/a%20page"] {
            assert_eq!(asks(&ben, passed).await.status, StatusCode::OK, "{passed}");
        }
        for denied in ["/admin", "/admin/", "/%61dmin", "/admin?x", "/assets/../admin", "/assets/%2e%2e/admin", "//admin", "/assets%2f..%2fadmin", "/ADMIN", "/admin;x", "/assets/..;/admin", "/%2561dmin", "admin"] {
            for browser in [&ben, &stranger] {
                let answer = asks(browser, denied).await;
                assert!(matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::SEE_OTHER), "{denied}: {}", answer.status);
                assert!(answer.headers.get("remote-user").is_none());
            }
        }
        let ambiguous = asks(&ana, "/assets/../admin").await;
        assert_eq!(ambiguous.status, StatusCode::FORBIDDEN, "not even for those who may");
        assert!(ambiguous.body.contains("more than one way"), "{}", ambiguous.body);
        assert_eq!(asks(&ana, "/admin").await.status, StatusCode::OK);
        // A role of the account's own.
        let fields = [("account", "acme"), ("form[name]", "Editors of people"), ("form[permissions][]", "users.edit")];
        let role = ana.call::<RoleCreated>("roles/create", &fields).await.unwrap().role;
        let grant = Grant { role, extras: BTreeSet::new() };
        ana.edits(&ana.row(BEN).await, &grant).await.unwrap();
        let passed = asks(&ben, "/admin").await;
        assert_eq!((passed.status, passed.headers["roster-permissions"].to_str().unwrap()), (StatusCode::OK, "users.edit"));
        // The page for proxies that show none of the answer.
        let page = opens(&ben, "https://wiki.example.org/.roster/denied").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("Ask an admin"), "{}", page.body);
    }

    async fn fa_06_en_07_only_a_trusted_proxy_is_believed_and_only_by_its_own_headers(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        comes_in(&ana, HOST, "/").await;
        let nobody = world.configured(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(asks(&ana.at(&nobody), "/assets").await.status, StatusCode::BAD_REQUEST);
        // What a client writes beside the proxy's own headers counts for nothing.
        let viewer = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        comes_in(&viewer, HOST, "/").await;
        for forged in [("x-original-url", "https://wiki.example.org/assets"), ("x-original-uri", "/assets"), ("forwarded", "host=wiki.example.org"), ("remote-user", "ana")] {
            assert_eq!(asks_with(&viewer, HOST, "/admin", &[forged]).await.status, StatusCode::FORBIDDEN, "{forged:?}");
        }
        // What is there twice, or not at all, is not believed.
        for twice in [("x-forwarded-uri", "/assets"), ("x-forwarded-host", "evil.example")] {
            assert_eq!(asks_with(&viewer, HOST, "/admin", &[twice]).await.status, StatusCode::BAD_REQUEST, "{twice:?}");
        }
        let bare = Request::builder().uri("/auth/forward").header("x-forwarded-host", HOST).body(Body::empty()).unwrap();
        assert_eq!(ana.send(bare).await.status, StatusCode::BAD_REQUEST);
        // Programs are told; what cannot be opened later leads nowhere.
        let stranger = world.browser();
        for program in [[("sec-fetch-mode", "cors"), ("x-y", "z")], [("x-forwarded-method", "POST"), ("sec-fetch-mode", "navigate")]] {
            let answer = asks_with(&stranger, HOST, "/", &program).await;
            assert_eq!((answer.status, answer.location()), (StatusCode::UNAUTHORIZED, ""), "{program:?}");
        }
        // For a proxy that passes no redirect on.
        let request = Request::builder()
            .uri("/auth/forward?redirect=no")
            .header("x-forwarded-host", HOST)
            .header("x-forwarded-uri", "/x")
            .header("x-forwarded-method", "GET")
            .header("sec-fetch-mode", "navigate");
        let answer = stranger.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::UNAUTHORIZED, "https://wiki.example.org/.roster/sign-in?next=%2Fx"));
    }

    async fn fa_07_whoever_is_in_several_accounts_chooses_one_and_a_host_may_be_one_accounts(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let begun = own(opens(&ana, asks(&ana, "/x").await.location()).await.location());
        let chooser = ana.get(&begun).await;
        assert_eq!(chooser.status, StatusCode::OK);
        assert!(chooser.body.contains("Wiki &#38; Co opens one of your accounts"), "{}", chooser.body);
        let chosen = format!("{}&account=beta", begun.replace("/begin", "/continue"));
        let led = leads_to(&ana.get(&chosen).await.body);
        assert_eq!(opens(&ana, &led).await.location(), "/x");
        let claims = world.platform(client("x")).reads(asks(&ana, "/").await.headers["roster-assertion"].to_str().unwrap()).await;
        assert_eq!(claims["roster:account"]["slug"], "beta");
        // Nobody chooses an account that is not theirs.
        let begun = own(opens(&ben, asks(&ben, "/").await.location()).await.location());
        for account in ["beta", "no-such-account", "../x"] {
            let refused = ben.get(&format!("{}&account={account}", begun.replace("/begin", "/continue"))).await;
            assert_eq!((refused.status, refused.location()), (StatusCode::FORBIDDEN, ""), "{account}");
        }
        // For one account alone: what was opened before counts no more.
        let acme = world.with_hosts(&[ForwardAuth { account: Some("acme".to_owned()), ..wiki() }]);
        assert_eq!(asks(&ana.at(&acme), "/").await.status, StatusCode::SEE_OTHER);
        comes_in(&ana.at(&acme), HOST, "/").await;
        assert_eq!(asks(&ana.at(&acme), "/").await.headers["roster-role"], "owner");
        // Somebody in no account reads why.
        ben.leaves().await.unwrap();
        let begun = own(opens(&ben, asks(&ben, "/").await.location()).await.location());
        let nowhere = ben.get(&begun).await;
        assert_eq!(nowhere.status, StatusCode::FORBIDDEN);
        assert!(nowhere.body.contains("not a member of any account"), "{}", nowhere.body);
    }

    async fn fa_07_a_host_stays_with_its_account_whoever_has_the_slug_later(world: World) {
        let world = world.with_hosts(&[ForwardAuth { account: Some("acme".to_owned()), ..wiki() }]);
        let ana = world.owner(ANA).await;
        world.services.pin_accounts_of_hosts().await.unwrap();
        // Acme goes by another address, and somebody else takes the old one.
        world.changes("UPDATE accounts SET slug = 'acme-support' WHERE slug = 'acme'").await;
        world.services.create_account("Impostor", "acme", "eve@example.org").await.unwrap();
        let eve = world.browser();
        let id = eve.opens_link(&world.link_to("eve@example.org", 0).await).await;
        eve.signs_up(&id, "eve@example.org").await.unwrap();
        let begun = own(opens(&eve, asks(&eve, "/").await.location()).await.location());
        assert_eq!(eve.get(&begun).await.status, StatusCode::FORBIDDEN);
        comes_in(&ana, HOST, "/").await;
        let claims = world.platform(client("x")).reads(asks(&ana, "/").await.headers["roster-assertion"].to_str().unwrap()).await;
        assert_eq!(claims["roster:account"]["slug"], "acme-support");
        // By its id, an account needs no slug; one that is not there lets nobody in.
        let id = claims["roster:account"]["id"].as_str().unwrap().to_owned();
        let by_id = world.with_hosts(&[ForwardAuth { account: Some(id), ..wiki() }]);
        comes_in(&ana.at(&by_id), HOST, "/").await;
        let none = world.with_hosts(&[ForwardAuth { account: Some("nobody-yet".to_owned()), ..wiki() }]);
        let ana = ana.at(&none);
        let begun = own(opens(&ana, asks(&ana, "/").await.location()).await.location());
        assert_eq!(ana.get(&begun).await.status, StatusCode::FORBIDDEN);
    }

    async fn fa_08_a_question_writes_nothing(world: World) {
        let world = world.with_hosts(&[wiki()]);
        let ana = world.owner(ANA).await;
        comes_in(&ana, HOST, "/").await;
        asks(&ana, "/").await;
        world.stops_mailing().await;
        let before = world.rows().await;
        for uri in ["/", "/admin", "/assets", "/desk", "//"] {
            for browser in [&ana, &world.browser()] {
                asks(browser, uri).await;
            }
        }
        assert_eq!(world.rows().await, before);
    }
}

async fn comes_in_again(browser: &Browser) {
    opens(browser, "https://wiki.example.org/.roster/sign-out").await;
    comes_in(browser, HOST, "/").await;
    assert_eq!(asks(browser, "/").await.status, StatusCode::OK);
}
