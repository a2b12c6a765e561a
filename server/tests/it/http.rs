//! What holds for every answer, and what is refused before anybody looks at it.

use crate::support::{Browser, PASSWORD, both_databases};
use app::domain::role::{BuiltInRole, Grant};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

fn nonce(policy: &str) -> String {
    let start = policy.find("'nonce-").expect("the policy has a nonce") + 7;
    policy[start..].split('\'').next().unwrap().to_owned()
}

/// Who is signed in, by a request that changes nothing.
async fn is_signed_in(browser: &Browser) -> bool {
    browser.me().await.is_some()
}

both_databases! {
    async fn br_01_every_page_has_a_strict_policy_with_a_fresh_nonce(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut nonces = Vec::new();
        for path in ["/login", "/login", "/accounts", "/a/acme/settings/users", "/invitation/unknown", "/no/such/page"] {
            let answer = ana.get(path).await;
            let policy = answer.headers["content-security-policy"].to_str().unwrap().to_owned();
            let (status, body) = (answer.status, &answer.body);
            assert!(policy.starts_with("default-src 'none'; script-src 'self' 'nonce-"), "{path}: {status} {policy} {body}");
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
            let nonce = nonce(&policy);
            assert!(answer.body.contains(&format!("nonce=\"{nonce}\"")), "{path}: the page's scripts carry the nonce");
            assert!(!answer.body.contains(" style=\""), "{path}: an inline style would be refused by the policy");
            nonces.push(nonce);
        }
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), 6, "every answer has a nonce of its own");
    }

    async fn br_01_the_guide_is_a_page_without_script_in_the_readers_language(world: World) {
        for (wanted, title) in [("en", "<title>Login methods"), ("de-AT,en;q=0.5", "<title>Anmeldemethoden")] {
            let accepts = [("accept-language", wanted), ("accept", "text/html")];
            let answer = world.browser().send(request(Method::GET, "/guide/login-methods", &accepts, "")).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(
                answer.headers["content-security-policy"],
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
            );
            assert!(answer.body.contains(&format!("<html lang=\"{}\">", &wanted[..2])), "{wanted}");
            assert!(answer.body.contains(title) && answer.body.contains("<h3 id=\"grant\">"), "{wanted}");
            assert!(!answer.body.contains("<script") && !answer.body.contains(" style="), "{wanted}");
        }
    }

    async fn br_03_br_15_every_answer_carries_the_protecting_headers_and_its_charset(world: World) {
        let ana = world.owner("ana@example.org").await;
        let answers = [
            ana.get("/login").await,
            ana.get("/no/such/page").await,
            ana.get("/healthz").await,
            ana.get("/i/x").await,
            ana.post("session/whoami", &[]).await,
            ana.post("users/list", &[("account", "nope")]).await,
            ana.post("no/such/function", &[]).await,
            ana.send(request(Method::POST, "/api/session/sign-out", &[("content-type", "text/plain"), SAME_ORIGIN], "x")).await,
            ana.send(request(Method::POST, "/api/session/sign-out", &[FORM, ("sec-fetch-site", "cross-site")], "")).await,
        ];
        for answer in answers {
            let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin");
            assert_eq!(header("cross-origin-resource-policy"), "same-origin");
            assert!(["same-origin", "no-referrer"].contains(&header("referrer-policy").as_str()));
            assert!(!header("permissions-policy").is_empty());
            assert!(!header("content-security-policy").is_empty());
            assert!(header("access-control-allow-origin").is_empty());
            assert!(answer.body.is_empty() || header("content-type").contains("charset=utf-8"), "{}", header("content-type"));
        }
    }

    async fn br_04_a_request_from_elsewhere_changes_nothing(world: World) {
        let ana = world.owner("ana@example.org").await;
        for headers in [
            &[FORM, ("sec-fetch-site", "cross-site")][..],
            &[FORM, ("sec-fetch-site", "same-site")],
            &[FORM, ("sec-fetch-site", "none")],
            &[FORM, ("origin", "https://evil.example")],
            &[FORM, ("origin", "null")],
            &[FORM],
        ] {
            let answer = ana.send(request(Method::POST, "/api/session/sign-out", headers, "")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
            assert!(is_signed_in(&ana).await);
        }
        // Signing somebody in from elsewhere is refused as well.
        let body = format!("form[email]=ana@example.org&form[password]={PASSWORD}");
        let stranger = world.browser();
        let answer = stranger.send(request(Method::POST, "/api/session/sign-in", &[FORM, ("sec-fetch-site", "cross-site")], &body)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let ours = [FORM, ("origin", "http://127.0.0.1:3000")];
        assert!(ana.send(request(Method::POST, "/api/session/sign-out", &ours, "")).await.status.is_success());
    }

    async fn br_06_only_form_encoding_is_taken(world: World) {
        let ana = world.owner("ana@example.org").await;
        for kind in [Some("text/plain"), Some("application/json"), Some("multipart/form-data; boundary=x"), None] {
            let mut headers = vec![SAME_ORIGIN];
            headers.extend(kind.map(|kind| ("content-type", kind)));
            let answer = ana.send(request(Method::POST, "/api/session/sign-out", &headers, "")).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind:?}");
        }
        assert!(is_signed_in(&ana).await);
    }

    async fn in_09_a_body_out_of_proportion_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        let body = format!("account=acme&form[email]={}", "x".repeat(70 * 1024));
        let answer = ana.send(request(Method::POST, "/api/users/invite", &[FORM, SAME_ORIGIN], &body)).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        let answer = ana.get(&format!("/login?next=/{}", "x".repeat(9000))).await;
        assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
    }

    async fn without_scripting_a_form_leads_on_to_the_page_that_shows_the_outcome(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id;
        let page = [FORM, SAME_ORIGIN, ("accept", "text/html"), ("referer", "http://127.0.0.1:3000/a/acme/settings/users/new")];
        let body = format!("account=acme&form[method]={method}&form[email]=ben@example.org&form[role]=viewer");
        let answer = ana.send(request(Method::POST, "/api/users/invite", &page, &body)).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert!(answer.location().starts_with("/a/acme/settings/users?flash="), "{}", answer.location());
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Viewer));

        let body = format!("account=acme&form[method]={method}&form[email]=nonsense&form[role]=viewer");
        let answer = ana.send(request(Method::POST, "/api/users/invite", &page, &body)).await;
        assert!(answer.status.is_redirection());
        let again = ana.get(answer.location()).await;
        assert_eq!(again.status, StatusCode::OK);
        assert!(again.body.contains("aria-invalid=\"true\""), "the error stands at its field");
    }

    async fn br_08_an_error_in_the_address_is_one_of_ours_or_nothing(world: World) {
        let browser = world.browser();
        for forged in ["/login?__err=PHNjcmlwdD4&__path=/api/session/sign-in", "/login?__err=x&__path=//evil.example"] {
            let answer = browser.get(forged).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(!answer.body.contains("<script>alert") && !answer.body.contains("evil.example"), "{forged}");
        }
        world.owner("ana@example.org").await;
    }
}
