//! The way to a provider and back, as browsers go it: what it is bound to, what it leaves behind, and what it costs others (OA-03, OA-13,
//! OA-14, OA-16 to OA-18, OA-22, R47, F23, LG-02).

use crate::support::{
    Answer, Browser, PASSWORD, World, both_databases, holds,
    provider::{CLIENT_ID, CLIENT_SECRET, Endpoint, Provider, Twist},
};
use app::{
    api::accounts::MyAccounts,
    api::login_methods::NextPage,
    domain::{
        fields::{Field, FieldErrors, Problem},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use std::collections::HashMap;
use url::Url;

fn ana() -> Value {
    json!({ "sub": "00u-ana", "email": "ana@example.org" })
}

fn ben() -> Value {
    json!({ "sub": "00u-ben", "email": "ben@example.org" })
}

fn query(url: &str) -> HashMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Acme with a provider, by which Ben signs in.
struct Acme {
    world: World,
    provider: Provider,
    owner: Browser,
    method: String,
    ben: Browser,
}

impl Acme {
    async fn of(world: &World) -> Self {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let ben =
            owner.brings_in_by(&provider, &method, "ben@example.org", ben(), &Grant::of(BuiltInRole::Editor)).await;
        ben.sign_out().await;
        Self { world, provider, owner, method, ben }
    }

    fn start(&self) -> String {
        format!("/oauth/{}/start", self.method)
    }

    /// Olga, an owner who has no password and signs in by the provider alone.
    async fn brings_in_olga(&self) -> Browser {
        let owner = Grant::of(BuiltInRole::Owner);
        self.owner.brings_in_by(&self.provider, &self.method, "olga@example.org", olga_claims(), &owner).await
    }

    /// Olga goes to the provider and back, on to the page that `page` leads on to.
    async fn comes_back(&self, olga: &Browser, page: &str) -> Answer {
        self.sets_out_for(olga, olga_claims(), page).await
    }

    async fn sets_out_for(&self, browser: &Browser, claims: Value, page: &str) -> Answer {
        let next =
            page.split_once("next=").map_or(page.to_owned(), |(_, next)| next.replace("%2F", "/").replace("%2D", "-"));
        browser.goes_through(&self.provider, &format!("{}?next={next}", self.start()), claims).await
    }

    /// A browser sets out, somebody signs in at the provider; the address that leads back.
    async fn sets_out(&self, browser: &Browser, claims: Value) -> String {
        self.provider.signs_in_as(claims);
        let back = self.provider.visit(browser.presses(&self.start()).await.location()).await;
        let back = Url::parse(&back).unwrap();
        format!("{}?{}", back.path(), back.query().unwrap())
    }
}

fn olga_claims() -> Value {
    json!({ "sub": "00u-olga", "email": "olga@example.org" })
}

/// The page where one proves anew who one is, on the way to Login methods.
fn reauthentication(account: &str) -> String {
    format!("/a/{account}/reauthenticate?next=%2Fa%2F{account}%2Fsettings%2Flogin%2Dmethods")
}

/// Something that asks for a fresh sign-in.
async fn adds(owner: &Browser) -> Result<NextPage, AppError> {
    owner.call("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await
}

fn code_in(text: &str) -> String {
    let lines = text.lines().map(|line| line.replace(' ', ""));
    let mut codes = lines.filter(|line| line.len() == 8 && line.parse::<u32>().is_ok());
    codes.next().expect("eight digits")
}

fn refused(answer: &Answer) -> bool {
    answer.location() == "/login/acme?problem=attempt" && answer.headers.get(header::SET_COOKIE).is_none()
}

both_databases! {
    async fn r16_a_right_password_leads_to_the_login_method_that_the_account_takes(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        // Ben has a password from another account, and is in Acme by its provider.
        let beta = owner.opens_account("Beta", "beta").await.unwrap();
        let ben_in_beta = owner.on(beta.slug.as_str()).brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let id = ben_in_beta.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = ben_in_beta.arrives(&provider, &method, &id, ben()).await;
        ben_in_beta.joins_by(&id, &arrived, "Ben").await.unwrap();

        let by_password = world.browser();
        by_password.sign_in("ben@example.org", PASSWORD).await.unwrap();
        let mine: MyAccounts = by_password.call("accounts/list", &[]).await.unwrap();
        assert_eq!(mine.accounts.iter().map(|line| line.slug.as_str()).collect::<Vec<_>>(), ["beta"]);
        assert_eq!(mine.others.iter().map(|other| other.slug.as_str()).collect::<Vec<_>>(), ["acme"]);
        assert_eq!(mine.others[0].way.start, format!("/oauth/{method}/start"));
        let page = by_password.get("/accounts").await.body;
        assert!(page.contains("Continue with Acme SSO"), "{page}");

        // Removed from Beta, Ben is still led to Acme, and not told that there is nothing.
        let row = owner.on("beta").row("ben@example.org").await;
        owner.on("beta").removes(&row).await.unwrap();
        let again = world.browser();
        assert_eq!(again.sign_in("ben@example.org", PASSWORD).await.unwrap(), "/accounts");
        let page = again.get("/accounts").await.body;
        assert!(page.contains("Continue with Acme SSO") && !page.contains("You’re not a member of any account yet"), "{page}");

        // OA-12: whoever came by Acme's provider alone learns nothing of other accounts.
        let by_provider = world.browser();
        by_provider.signs_in_by(&provider, &method, ben()).await;
        let mine: MyAccounts = by_provider.call("accounts/list", &[]).await.unwrap();
        assert_eq!((mine.accounts.len(), mine.others.len()), (1, 0));

        // A method that is off leads nowhere.
        let off = [("account", "acme"), ("method", method.as_str()), ("on", "off")];
        owner.call::<NextPage>("login-methods/switch", &off).await.unwrap();
        let mine: MyAccounts = again.call("accounts/list", &[]).await.unwrap();
        assert_eq!((mine.accounts.len(), mine.others.len()), (0, 0));
    }

    async fn oa_03_a_return_is_good_once_in_the_browser_that_set_out_and_for_ten_minutes(world: World) {
        let acme = Acme::of(&world).await;
        // The attacker's own sign-in, finished in somebody else's browser, would sign that person in as the attacker.
        let (attacker, victim) = (acme.world.browser(), acme.world.browser());
        let back = acme.sets_out(&attacker, ben()).await;
        assert!(refused(&victim.get(&back).await), "a browser that never set out");
        acme.sets_out(&victim, ben()).await;
        assert!(refused(&victim.get(&back).await), "a browser that set out on a way of its own");
        assert!(victim.me().await.is_none());

        assert_eq!(attacker.get(&back).await.location(), "/a/acme");
        attacker.sign_out().await;
        assert!(refused(&attacker.get(&back).await), "once more");

        let back = acme.sets_out(&attacker, ben()).await;
        acme.world.advance(Span::minutes(10));
        assert!(refused(&attacker.get(&back).await), "ten minutes later");
        for strange in ["", "?code=x", "?code=x&state=", "?code=x&state=x", "?state=x", "?error=access_denied"] {
            assert!(refused(&attacker.get(&format!("/oauth/{}/callback{strange}", acme.method)).await), "{strange}");
        }
        assert!(attacker.me().await.is_none());
    }

    async fn r47_each_way_has_a_state_a_challenge_and_a_nonce_of_its_own_and_returns_to_the_configured_address(world: World) {
        let acme = Acme::of(&world).await;
        let browser = acme.world.browser();
        let mut seen = Vec::new();
        for host in ["127.0.0.1:3000", "evil.example"] {
            // OA-13, INV-20: whatever the request says of itself.
            let request = Request::get(acme.start())
                .header(header::HOST, host)
                .header("sec-fetch-site", "same-origin")
                .header("x-forwarded-host", "evil.example")
                .header("x-forwarded-proto", "https")
                .body(Body::empty())
                .unwrap();
            let begun = browser.send(request).await;
            let asked = query(begun.location());
            assert_eq!(asked["redirect_uri"], format!("http://127.0.0.1:3000/oauth/{}/callback", acme.method));
            assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"));
            for name in ["state", "nonce", "code_challenge"] {
                assert!(asked[name].len() >= 43, "{name}: 256 bits");
                seen.push(asked[name].clone());
            }
            let cookie = begun.headers[header::SET_COOKIE].to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            assert_eq!(begun.headers[header::REFERRER_POLICY], "no-referrer");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6, "nothing twice");
    }

    async fn oa_14_a_sign_in_leads_on_to_pages_of_our_own_alone(world: World) {
        let acme = Acme::of(&world).await;
        for (next, leads_to) in [
            ("/a/acme/settings/users?q=x", "/a/acme/settings/users?q=x"),
            ("//evil.example", "/a/acme"),
            ("/\\evil.example", "/a/acme"),
            ("https://evil.example", "/a/acme"),
            ("https:evil.example", "/a/acme"),
            ("/\t/evil.example", "/a/acme"),
            ("\t//evil.example", "/a/acme"),
            ("javascript:alert(1)", "/a/acme"),
            ("/x\r\nSet-Cookie: a=b", "/a/acme"),
        ] {
            let next = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
            let start = format!("{}?next={next}", acme.start());
            let arrived = acme.ben.goes_through(&acme.provider, &start, ben()).await;
            assert_eq!(arrived.location(), leads_to, "{next}");
        }
    }

    async fn oa_16_of_what_a_provider_says_a_page_shows_a_word_of_ours(world: World) {
        let acme = Acme::of(&world).await;
        acme.provider.twist(Twist::says("<script>alert(1)</script>"));
        let back = acme.ben.signs_in_by(&acme.provider, &acme.method, ben()).await;
        assert_eq!(back.location(), "/login/acme?problem=provider-error");
        let page = acme.ben.get(back.location()).await.body;
        assert!(!page.contains("alert(1)") && !page.contains("555-0100"), "{page}");
    }

    async fn oa_22_f23_a_provider_that_hangs_keeps_its_own_people_waiting_and_nobody_else(world: World) {
        let (down, up) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&down, &up]);
        let owner = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Editor);
        let (method, other) = (owner.sets_up(&down, "Down", ana()).await, owner.sets_up(&up, "Up", ana()).await);
        let theirs = owner.brings_in_by(&down, &method, "ben@example.org", ben(), &grant).await;
        let carl = json!({ "sub": "00u-carl" });
        let others = owner.brings_in_by(&up, &other, "carl@example.org", carl.clone(), &grant).await;
        down.twist(Twist::hangs(Endpoint::Token));

        down.signs_in_as(ben());
        let back = Url::parse(&down.visit(theirs.presses(&format!("/oauth/{method}/start")).await.location()).await).unwrap();
        let back = format!("{}?{}", back.path(), back.query().unwrap());
        let tokens_asked = || down.asked().iter().filter(|path| *path == "/token").count();
        let before = tokens_asked();
        let waiting = { let theirs = theirs.clone(); tokio::spawn(async move { theirs.get(&back).await }) };
        while tokens_asked() == before {
            tokio::task::yield_now().await;
        }
        // Reading, writing and the other provider, while that one is waited for.
        others.sign_out().await;
        assert_eq!(others.signs_in_by(&up, &other, carl).await.location(), "/a/acme");
        owner.invites("dora@example.org", &grant).await.unwrap();
        owner.list(&Default::default()).await.unwrap();
        assert!(!waiting.is_finished(), "the others were done before it was given up");
        let given_up = waiting.await.unwrap();
        assert_eq!(given_up.location(), "/login/acme?problem=timed-out");
        let said = theirs.get(given_up.location()).await.body;
        assert!(said.contains("isn’t responding"), "{said}");
    }

    async fn oa_17_oa_18_lg_02_what_is_secret_about_a_sign_in_is_found_neither_on_pages_nor_in_the_database(world: World) {
        let acme = Acme::of(&world).await;
        let back = acme.sets_out(&acme.ben, ben()).await;
        let under_way = acme.world.dump().await;
        let arrived = acme.ben.get(&back).await;
        let home = acme.ben.get(arrived.location()).await;
        let tested = acme.owner.tests(&acme.provider, &acme.method, ana()).await;
        let mut pages = vec![home.body, tested.body];
        for path in ["", "/users", "/login-methods", &format!("/login-methods/{}", acme.method), "/outbox"] {
            pages.push(acme.owner.get(&format!("/a/acme/settings{path}")).await.body);
        }
        let dump = acme.world.dump().await;
        assert!(holds(&dump, CLIENT_ID) && holds(&dump, "ben@example.org"), "it is a dump");

        let asked = query(&format!("https://localhost{back}"));
        let mut secrets = vec![CLIENT_SECRET.to_owned(), asked["code"].clone(), asked["state"].clone(), PASSWORD.to_owned()];
        secrets.push(acme.ben.cookie("session").unwrap());
        secrets.extend(acme.provider.gave_out());
        assert!(secrets.len() > 8, "codes, tokens, verifiers and nonces: {}", secrets.len());
        for secret in secrets {
            for (place, bytes) in [("while it is under way", &under_way), ("afterwards", &dump)] {
                assert!(!holds(bytes, &secret), "{place}: {secret}");
            }
            for page in &pages {
                assert!(!page.contains(&secret), "{secret}: {page}");
            }
        }
    }

    async fn oa_03_no_other_site_sends_anybody_to_a_provider(world: World) {
        let acme = Acme::of(&world).await;
        let sent = async |path: &str, from: &'static str| {
            let request = Request::get(path).header("sec-fetch-site", from).body(Body::empty()).unwrap();
            acme.owner.send(request).await
        };
        let test = format!("/a/acme/settings/login-methods/{}/test", acme.method);
        // A link in a mail or a chat is opened with "none".
        for elsewhere in ["cross-site", "same-site", "none", ""] {
            // Else somebody could be signed in as another, at that other's provider, without having asked for it.
            let shown = sent(&format!("{}?next=/a/acme/settings/users", acme.start()), elsewhere).await;
            let page = "/login/acme?next=%2Fa%2Facme%2Fsettings%2Fusers";
            assert_eq!(shown.location(), page, "the page where one chooses to go: {elsewhere}");
            assert!(shown.headers.get(header::SET_COOKIE).is_none());
            assert!(acme.world.browser().get(page).await.body.contains(&acme.start()), "and from where one can");
            let shown = sent(&test, elsewhere).await;
            assert_eq!(shown.location(), format!("/a/acme/settings/login-methods/{}", acme.method), "{elsewhere}");
        }
        for way in [acme.start(), test] {
            assert!(sent(&way, "same-origin").await.location().starts_with(acme.provider.issuer()), "{way}");
            // Browsers that know no such header name the page.
            for (page, goes) in [(None, false), (Some("https://evil.example/"), false), (Some("http://127.0.0.1:3000/login"), true)] {
                let mut request = Request::get(&way);
                if let Some(page) = page {
                    request = request.header(header::REFERER, page);
                }
                let begun = acme.owner.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(begun.location().starts_with(acme.provider.issuer()), goes, "{way} from {page:?}");
            }
        }
    }

    async fn r14_a_providers_return_leaves_the_session_of_another_user_alone(world: World) {
        let acme = Acme::of(&world).await;
        let before = acme.owner.cookie("session");
        let back = acme.owner.signs_in_by(&acme.provider, &acme.method, ben()).await;
        assert_eq!(back.location(), "/login/acme?problem=signed-in-as-another");
        assert_eq!(acme.owner.cookie("session"), before, "the browser keeps its session");
        assert_eq!(acme.owner.me().await.unwrap().email, "ana@example.org", "which lives on");
        let page = acme.owner.get(back.location()).await.body;
        assert!(page.contains("Sign out first"), "{page}");
        // Whoever signs out first may come back as somebody else.
        acme.owner.sign_out().await;
        assert_eq!(acme.owner.signs_in_by(&acme.provider, &acme.method, ben()).await.location(), "/a/acme");
        assert_eq!(acme.owner.me().await.unwrap().email, "ben@example.org");
    }

    async fn r49_se_11_an_accounts_provider_ends_no_session_but_those_that_it_began(world: World) {
        let acme = Acme::of(&world).await;
        // Ben has a password as well, for an account of his own.
        acme.world.services.create_account("Own", "own", "ben@example.org").await.unwrap();
        let own = acme.world.browser().on("own");
        let id = own.opens_link(&acme.world.link_to("ben@example.org", 1).await).await;
        own.signs_up(&id, "ben@example.org").await.unwrap();
        // And a session that proved a provider of each of two accounts.
        acme.owner.opens_account("Beta", "beta").await.unwrap();
        let (beta, of_both) = (acme.owner.on("beta"), acme.world.browser());
        let by_beta = beta.sets_up(&acme.provider, "Beta SSO", ana()).await;
        beta.invites_by(&by_beta, "ben@example.org", "00u-ben", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        own.signs_in_by(&acme.provider, &acme.method, ben()).await;
        let id = own.opens_link(&acme.world.link_to("ben@example.org", 2).await).await;
        let arrived = own.arrives(&acme.provider, &by_beta, &id, ben()).await;
        own.joins_by(&id, &arrived, "").await.unwrap();
        for method in [&acme.method, &by_beta] {
            of_both.goes_through(&acme.provider, &format!("/oauth/{method}/start"), ben()).await;
        }
        for _ in 0..25 {
            acme.world.advance(Span::seconds(1));
            let another = acme.world.browser();
            assert_eq!(another.signs_in_by(&acme.provider, &acme.method, ben()).await.location(), "/a/acme");
        }
        assert_eq!(own.home().await.unwrap().name, "Own");
        assert_eq!(of_both.on("beta").home().await.unwrap().name, "Beta", "nor one that it has a part in");
        let ends = "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email_key = 'ben@example.org'";
        assert_eq!(world.count(ends).await, 22, "twenty by the provider, and these two");
    }

    async fn en_04_only_ways_that_lead_nowhere_count_against_an_address(world: World) {
        let acme = Acme::of(&world).await;
        let office = || async { acme.world.browser().signs_in_by(&acme.provider, &acme.method, ben()).await };
        for _ in 0..40 {
            assert_eq!(office().await.location(), "/a/acme", "a whole office signs in at nine");
        }
        let mut room = 0;
        while acme.world.browser().presses(&acme.start()).await.location().starts_with("https://") {
            room += 1;
            assert!(room <= 60, "no end");
        }
        let refused = acme.world.browser().presses(&acme.start()).await;
        assert_eq!(refused.status, 429);
        acme.world.advance(Span::minutes(1));
        assert_eq!(office().await.location(), "/a/acme");
    }

    async fn oa_22_what_one_accounts_provider_fails_at_holds_up_nobody_elsewhere(world: World) {
        let acme = Acme::of(&world).await;
        let beta = acme.owner.opens_account("Beta", "beta").await.unwrap();
        let owner = acme.owner.on(beta.slug.as_str());
        let method = owner.sets_up(&acme.provider, "Beta SSO", ana()).await;
        // Acme's people go to the provider and do not come back.
        let mut gone = 0;
        while acme.world.browser().presses(&acme.start()).await.location().starts_with("https://") {
            gone += 1;
            assert!(gone <= 60, "no end");
        }
        assert_eq!(acme.world.browser().presses(&acme.start()).await.status, 429);
        let there = acme.world.browser().presses(&format!("/oauth/{method}/start")).await;
        assert!(there.location().starts_with("https://"), "{}", there.location());
        // All accounts together are bounded, too.
        let mut room = 1;
        while acme.world.browser().presses(&format!("/oauth/{method}/start")).await.location().starts_with("https://") {
            room += 1;
            assert!(room <= 60, "no end");
        }
    }

    async fn coming_back_without_joining_counts_and_little_is_kept_of_it(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "cleo@example.org", "00u-cleo", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("cleo@example.org", 0).await;
        provider.twist(Twist::json(Endpoint::UserInfo, |claims| {
            claims.extend((0..500).map(|n| (format!("more-{n}"), json!("x".repeat(100)))));
        }));
        let cleo = world.browser();
        let id = cleo.opens_link(&link).await;
        let start = format!("/oauth/{method}/start?invitation={id}");
        let claims = json!({ "sub": "00u-cleo", "email": "cleo@example.org" });
        let mut returns = 0;
        loop {
            provider.signs_in_as(claims.clone());
            let begun = cleo.presses(&start).await;
            if begun.status == 429 {
                break;
            }
            let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
            cleo.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
            returns += 1;
            assert!(returns <= 60, "no end");
        }
        let longest = "SELECT CAST(COALESCE(MAX(LENGTH(sealed)), 0) AS BIGINT) FROM oauth_attempts WHERE purpose = 'join'";
        let bytes = world.count(longest).await;
        assert!((100..1_000).contains(&bytes), "{bytes}");
        // Whoever joins gets the try back.
        world.advance(Span::minutes(1));
        let arrived = cleo.arrives(&provider, &method, &id, claims).await;
        cleo.joins_by(&id, &arrived, "Cleo").await.unwrap();
    }

    async fn az_16_a_session_at_the_provider_that_is_hours_old_is_no_fresh_sign_in(world: World) {
        let acme = Acme::of(&world).await;
        let row = acme.owner.row("ana@example.org").await;
        acme.owner.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        acme.owner.changes_login_method(&row, &acme.method, "00u-ana").await.unwrap();
        let asked = |url: &str| query(url).get("max_age").cloned();
        assert_eq!(asked(acme.world.browser().presses(&acme.start()).await.location()), None, "the first sign-in of a browser");

        // The provider lets Ana through without asking, for the third hour.
        let hours_ago = json!(world.now().0 / 1000 - 3 * 3600);
        acme.provider.twist(Twist::claim("auth_time", hours_ago));
        assert_eq!(acme.owner.signs_in_by(&acme.provider, &acme.method, ana()).await.location(), "/a/acme");
        let add = async || acme.owner.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await;
        assert_eq!(add().await, Err(app::error::AppError::ReauthenticationRequired));
        // So it is told to ask, and says that it did.
        assert_eq!(asked(acme.owner.presses(&acme.start()).await.location()).as_deref(), Some("300"));
        acme.provider.straighten();
        acme.provider.twist(Twist::claim("auth_time", json!(world.now().0 / 1000)));
        acme.owner.signs_in_by(&acme.provider, &acme.method, ana()).await;
        add().await.unwrap();
        // From the future it is no fresher than now, and names no sign-in at all.
        acme.world.advance(Span::minutes(11));
        acme.provider.straighten();
        acme.provider.twist(Twist::claim("auth_time", json!(world.now().0 / 1000 + 1_000_000)));
        acme.owner.signs_in_by(&acme.provider, &acme.method, ana()).await;
        assert_eq!(add().await, Err(app::error::AppError::ReauthenticationRequired));
        // A few seconds are the difference of two clocks.
        acme.provider.straighten();
        acme.provider.twist(Twist::claim("auth_time", json!(world.now().0 / 1000 + 30)));
        acme.owner.signs_in_by(&acme.provider, &acme.method, ana()).await;
        add().await.unwrap();
        acme.world.advance(Span::minutes(11));
        assert_eq!(add().await, Err(app::error::AppError::ReauthenticationRequired));
    }

    async fn az_16_a_time_of_the_sign_in_with_fractions_of_a_second_is_one(world: World) {
        let acme = Acme::of(&world).await;
        let olga = acme.brings_in_olga().await;
        acme.world.advance(Span::minutes(11));
        assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired));
        // As Canaille says it.
        acme.provider.twist(Twist::claim("auth_time", json!(world.now().0 as f64 / 1000.0 - 1.25)));
        let back = acme.comes_back(&olga, &reauthentication("acme")).await;
        assert_eq!(back.location(), "/a/acme/settings/login-methods");
        adds(&olga).await.unwrap();
    }

    async fn az_16_where_a_provider_proves_no_fresh_sign_in_a_mailed_code_does_and_the_page_says_why(world: World) {
        let acme = Acme::of(&world).await;
        let olga = acme.brings_in_olga().await;
        // Signing in without having been told to ask anew proves nothing, and is nothing to be offered another proof for.
        acme.provider.twist(Twist::claim("auth_time", json!(0)));
        acme.comes_back(&olga, "/a/acme/settings/login-methods").await;
        acme.world.advance(Span::minutes(11));
        let last_week = world.now().0 / 1000 - 7 * 86_400;
        let cases = [
            (Twist::claim("auth_time", json!(0)), "sends 0 as the time of your sign-in"),
            (Twist::without_claim("auth_time"), "does not say when you signed in there"),
            (Twist::claim("auth_time", json!(null)), "does not say when you signed in there"),
            (Twist::claim("auth_time", json!(last_week)), "although Roster asked for a new sign-in"),
            (Twist::claim("auth_time", json!(-17)), "that cannot be right: -17"),
            (Twist::claim("auth_time", json!(1_790_000_000_000_i64)), "that cannot be right: 1790000000000"),
            (Twist::claim("auth_time", json!("soon")), "that cannot be right: \"soon\""),
        ];
        for (mails, (twist, why)) in (1..).zip(cases) {
            acme.world.advance(Span::hours(1));
            acme.provider.straighten();
            acme.provider.twist(twist);
            assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired), "{why}");
            let page = reauthentication("acme");
            let back = acme.comes_back(&olga, &page).await;
            assert_eq!(back.location(), page, "{why}");
            assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired), "{why}");
            let shown = olga.get(&page).await.body;
            assert!(shown.contains(why) && shown.contains("Email me a code") && !shown.contains("Your password"), "{why}: {shown}");
            let refused = olga.call::<NextPage>("reauthentication/password", &[("account", "acme"), ("form[password]", PASSWORD)]).await;
            assert_eq!(refused, Err(AppError::ReauthenticationRequired), "there is no password");

            let fields = [("account", "acme"), ("form[next]", "/a/acme/settings/login-methods")];
            let sent = olga.submits(&page, "reauthentication/mail-code", &fields).await.body;
            assert!(sent.contains("A code is on its way"), "{sent}");
            let code = code_in(&acme.world.mail_to("olga@example.org", mails).await.part("text/plain"));
            let wrong = if code == "00000000" { "00000001" } else { "00000000" };
            let proves = async |browser: &Browser, code: &str| {
                let fields = [&fields[..], &[("form[code]", code)]].concat();
                browser.call::<NextPage>("reauthentication/code", &fields).await
            };
            let wrong_code = || Err(FieldErrors::one(Field::Code, Problem::WrongCode).into());
            assert_eq!(proves(&olga, wrong).await, wrong_code());
            let shown = olga.submits(&page, "reauthentication/code", &[&fields[..], &[("form[code]", wrong)]].concat()).await.body;
            assert!(shown.contains("This code is wrong or has expired"), "{shown}");
            assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired), "a wrong code");
            assert_eq!(proves(&olga, &format!("{} {}", &code[..4], &code[4..])).await.unwrap().path, "/a/acme/settings/login-methods");
            adds(&olga).await.unwrap();
            assert_eq!(proves(&olga, &code).await, wrong_code(), "a code is good once");
            assert!(olga.get(&page).await.body.contains("You’ve just signed in"));
        }
        acme.world.advance(Span::minutes(11));
        assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired), "good for as long as any sign-in");
    }

    async fn az_16_a_mailed_code_is_good_in_the_session_that_asked_for_it_and_for_ten_minutes(world: World) {
        let acme = Acme::of(&world).await;
        let olga = acme.brings_in_olga().await;
        acme.provider.twist(Twist::claim("auth_time", json!(0)));
        let theirs = acme.world.browser();
        for browser in [&olga, &theirs] {
            acme.comes_back(browser, "/a/acme").await;
            acme.comes_back(browser, &reauthentication("acme")).await;
        }
        let mails = async |browser: &Browser| browser.call::<NextPage>("reauthentication/mail-code", &[("account", "acme")]).await;
        let proves = async |browser: &Browser, code: &str| {
            let answer = browser.call::<NextPage>("reauthentication/code", &[("account", "acme"), ("form[code]", code)]).await;
            answer.map(|next| assert_eq!(next, NextPage::silent("/a/acme".to_owned())))
        };
        let wrong_code = || Err(FieldErrors::one(Field::Code, Problem::WrongCode).into());
        mails(&olga).await.unwrap();
        let code = code_in(&acme.world.mail_to("olga@example.org", 1).await.part("text/plain"));
        assert_eq!(proves(&theirs, &code).await, wrong_code(), "another session of the same user");
        acme.world.advance(Span::minutes(10));
        assert_eq!(proves(&olga, &code).await, wrong_code(), "ten minutes later");
        assert!(!holds(&acme.world.dump().await, &code), "INV-02");
        for n in 0.. {
            assert!(n < 60, "no end");
            if let Err(error) = mails(&olga).await {
                assert!(matches!(error, AppError::RateLimited { .. }) && n >= 3, "{n}: {error:?}");
                break;
            }
        }
        for n in 0.. {
            assert!(n < 60, "no end");
            match proves(&olga, "00000000").await {
                Err(AppError::RateLimited { .. }) => break,
                other => assert_eq!(other, wrong_code(), "{n}"),
            }
        }
        // A provider that can prove it is asked, and nothing else counts.
        acme.provider.straighten();
        acme.comes_back(&theirs, "/a/acme").await;
        acme.world.advance(Span::minutes(11));
        assert_eq!(mails(&theirs).await, Err(AppError::ReauthenticationRequired));
        let page = theirs.get(&reauthentication("acme")).await.body;
        assert!(page.contains("Continue with Acme SSO") && !page.contains("Email me a code"), "{page}");
    }

    async fn az_16_the_own_password_counts_where_the_provider_proves_no_fresh_sign_in(world: World) {
        let acme = Acme::of(&world).await;
        let row = acme.owner.row("ana@example.org").await;
        acme.owner.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        acme.owner.changes_login_method(&row, &acme.method, "00u-ana").await.unwrap();
        acme.provider.twist(Twist::without_claim("auth_time"));
        let back = reauthentication("acme");
        acme.sets_out_for(&acme.owner, ana(), &back).await;
        assert_eq!(acme.sets_out_for(&acme.owner, ana(), &back).await.location(), back);
        let page = acme.owner.get(&back).await.body;
        assert!(page.contains("Your password") && !page.contains("Email me a code"), "{page}");
        acme.world.advance(Span::minutes(11));
        let proves = async |password: &str| {
            let fields = [("account", "acme"), ("form[password]", password), ("form[next]", "//evil.example")];
            acme.owner.call::<NextPage>("reauthentication/password", &fields).await
        };
        assert_eq!(proves("certainly the wrong one").await, Err(AppError::WrongCredentials));
        assert_eq!(adds(&acme.owner).await, Err(AppError::ReauthenticationRequired));
        assert_eq!(proves(PASSWORD).await.unwrap().path, "/a/acme", "OA-14");
        adds(&acme.owner).await.unwrap();
        let bea = acme.owner.brings_in_as("bea@example.org", BuiltInRole::Owner).await;
        // The reason is remembered with the session: no second way to the provider and back before each proof.
        acme.world.advance(Span::minutes(11));
        assert_eq!(adds(&acme.owner).await, Err(AppError::ReauthenticationRequired));
        assert!(acme.owner.get(&back).await.body.contains("does not say when you signed in there"));
        // Email & password is asked for on the same page.
        acme.world.advance(Span::minutes(11));
        assert!(bea.get(&back).await.body.contains("Your password"));
        let fields = [("account", "acme"), ("form[password]", PASSWORD)];
        assert_eq!(bea.submits(&back, "reauthentication/password", &fields).await.status, 200);
        adds(&bea).await.unwrap();
    }

    async fn az_16_without_any_other_proof_a_provider_that_was_told_to_ask_is_believed_and_no_other(world: World) {
        let acme = Acme::of(&world).await;
        let bare = acme.world.without_mail_server();
        let olga = acme.brings_in_olga().await.at(&bare);
        acme.world.advance(Span::minutes(11));
        acme.provider.twist(Twist::without_claim("auth_time"));
        // A way that a stranger began in this browser was not told to ask: what the session is at the return changes nothing.
        let session = olga.cookie("session").expect("signed in");
        olga.set_cookie("roster_session_3000", "");
        let back = acme.sets_out(&olga, olga_claims()).await;
        olga.set_cookie("roster_session_3000", &session);
        olga.get(&back).await;
        assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired));
        acme.comes_back(&olga, "/a/acme").await;
        adds(&olga).await.unwrap();
        // One that says itself that the sign-in is old is not believed, and the page says what to do there.
        acme.world.advance(Span::minutes(11));
        acme.provider.straighten();
        acme.provider.twist(Twist::claim("auth_time", json!(world.now().0 / 1000 - 86_400)));
        let page = reauthentication("acme");
        assert_eq!(acme.comes_back(&olga, &page).await.location(), page);
        assert_eq!(adds(&olga).await, Err(AppError::ReauthenticationRequired));
        let shown = olga.get(&page).await.body;
        assert!(shown.contains("sign out there first") && shown.contains("There’s no other way"), "{shown}");
    }

    async fn az_16_oa_23_a_test_says_what_the_provider_can_prove_of_a_fresh_sign_in(world: World) {
        let acme = Acme::of(&world).await;
        let tests = async || acme.owner.tests(&acme.provider, &acme.method, ana()).await.body;
        assert!(tests().await.contains("It can confirm a fresh sign-in"));
        let url = acme.owner.presses(&format!("/a/acme/settings/login-methods/{}/test", acme.method)).await.location().to_owned();
        assert_eq!(query(&url).get("max_age").map(String::as_str), Some("300"));
        for (twist, says) in [
            (Twist::claim("auth_time", json!(0)), "sends 0 as the time of the sign-in"),
            (Twist::claim("auth_time", json!(world.now().0 / 1000 - 86_400)), "names an earlier one"),
            (Twist::without_claim("auth_time"), "does not say when someone signed in there"),
            (Twist::claim("auth_time", json!(-1)), "that cannot be right: -1"),
        ] {
            acme.provider.straighten();
            acme.provider.twist(twist);
            let page = tests().await;
            assert!(page.contains(says) && page.contains("a code by email"), "{says}: {page}");
        }
    }

    async fn en_01_en_03_who_signs_in_by_a_provider_alone_looks_like_nobody_to_the_password_form(world: World) {
        let acme = Acme::of(&world).await;
        let stranger = acme.world.browser();
        let tries = async |email: &str| {
            let fields = [("form[email]", email), ("form[password]", "certainly the wrong one")];
            let answer = stranger.post("session/sign-in", &fields).await;
            (answer.status, answer.body)
        };
        assert_eq!(tries("ben@example.org").await, tries("nobody@example.org").await);

        // An account's page says how it lets people in; one that there is not looks like one with passwords alone.
        let ways = async |account: &str| stranger.post("session/sign-in-options", &[("account", account), ("next", "")]).await.body;
        assert!(ways("acme").await.contains("Acme SSO"));
        acme.owner.opens_account("Beta", "beta").await.unwrap();
        assert_eq!(ways("beta").await, ways("no-such-account").await);
        assert_eq!(stranger.get(&format!("/oauth/{}/start", uuid::Uuid::now_v7())).await.status, 404);
    }
}
