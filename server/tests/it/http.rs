//! What holds for every answer, and what is refused before anybody looks at it.

use crate::support::{Browser, PASSWORD, both_databases};
use app::{
    api::members::UsersPage,
    domain::{
        permission::PermissionKey,
        policy::Refusal,
        role::{BuiltInRole, Grant},
    },
    error::{AppError, BadRequest},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use base64::{Engine, engine::general_purpose::URL_SAFE};

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

    async fn br_04_what_is_turned_away_says_why_to_people_and_to_pages(world: World) {
        let ana = world.owner("ana@example.org").await;
        let (html, large) = (("accept", "text/html"), "x".repeat(70 * 1024));
        let foreign = [("host", "www.example.org"), ("origin", "http://www.example.org")];
        type Case<'a> = (Vec<(&'a str, &'a str)>, &'a str, StatusCode, &'a str);
        let cases: Vec<Case<'_>> = vec![
            (vec![FORM, ("sec-fetch-site", "cross-site")], "", StatusCode::FORBIDDEN, "did not come from one of its own pages"),
            (vec![FORM, ("origin", "null")], "", StatusCode::FORBIDDEN, "Referrer-Policy"),
            (vec![FORM], "", StatusCode::FORBIDDEN, "Sec-Fetch-Site"),
            (vec![FORM, SAME_ORIGIN, foreign[0], foreign[1]], "", StatusCode::FORBIDDEN, "Open http://127.0.0.1:3000"),
            (vec![SAME_ORIGIN, ("content-type", "text/plain")], "", StatusCode::UNSUPPORTED_MEDIA_TYPE, "takes forms only"),
            (vec![FORM, SAME_ORIGIN], &large, StatusCode::PAYLOAD_TOO_LARGE, "more than Roster accepts"),
            (vec![FORM, SAME_ORIGIN, ("x-much", &large)], "", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Delete the cookies"),
            (vec![FORM, SAME_ORIGIN, ("sec-fetch-site", "same-origin")], "", StatusCode::BAD_REQUEST, "couldn’t read"),
            (vec![FORM, SAME_ORIGIN], "next=%00", StatusCode::BAD_REQUEST, "couldn’t read"),
        ];
        for (headers, body, status, words) in cases {
            let page = [&headers[..], &[html]].concat();
            let shown = ana.send(request(Method::POST, "/api/session/sign-out", &page, body)).await;
            assert_eq!(shown.status, status, "{headers:?}: {}", shown.body);
            assert!(shown.body.contains(words) && shown.body.starts_with("<!DOCTYPE html>"), "{headers:?}: {}", shown.body);
            assert!(!shown.body.contains("No response from the server"), "{headers:?}: {}", shown.body);
            let answered = ana.send(request(Method::POST, "/api/session/sign-out", &headers, body)).await;
            let error = answered.read::<()>().unwrap_err();
            assert!(matches!(error, AppError::BadRequest(_)) && error.status() == status, "{headers:?}: {error:?}");
        }
        let long = ana.get(&format!("/login?next=/{}", "x".repeat(9000))).await;
        assert!(long.body.contains("too long"), "{}", long.body);
        assert!(is_signed_in(&ana).await, "nothing was done");
    }

    async fn br_04_a_form_is_taken_behind_a_proxy_that_hides_the_referrer(world: World) {
        let ana = world.owner("ana@example.org").await;
        let headers = [FORM, SAME_ORIGIN, ("origin", "null"), ("accept", "text/html")];
        let answer = ana.send(request(Method::POST, "/api/session/sign-out", &headers, "")).await;
        assert!(answer.status.is_redirection(), "{}: {}", answer.status, answer.body);
        assert!(!is_signed_in(&ana).await);
        // Without a referrer the error leads to the function's own page, and no JSON is shown to anybody.
        let refused = ana.send(request(Method::POST, "/api/session/sign-in", &headers, "form[email]=a@example.org&form[password]=x")).await;
        assert!(refused.status.is_redirection(), "{}: {}", refused.status, refused.body);
        assert!(ana.get(refused.location()).await.body.contains("Wrong email or password"));
    }

    async fn oa_13_a_provider_that_answers_by_a_form_is_told_apart_in_words(world: World) {
        let path = format!("/oauth/{}/callback", uuid::Uuid::now_v7());
        let headers = [FORM, ("sec-fetch-site", "cross-site"), ("origin", "https://appleid.apple.com"), ("accept", "text/html")];
        let answer = world.browser().send(request(Method::POST, &path, &headers, "code=c&state=s")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains("response_mode=form_post"), "{}", answer.body);
        assert!(answer.body.contains("href=\"/guide/login-methods#form_post\""), "{}", answer.body);
        let guide = world.browser().get("/guide/login-methods").await.body;
        assert!(guide.contains("id=\"form_post\"") && guide.contains("Apple"));
    }

    async fn in_08_a_nul_or_a_text_out_of_proportion_is_refused_alike_on_both_databases(world: World) {
        let ana = world.owner("ana@example.org").await;
        for path in ["/a/acme/settings/users?q=a%00b", "/a/%00", "/login?account=%00", "/language/en?next=%00"] {
            assert_eq!(ana.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
        }
        let long = "x".repeat(60_000);
        for (field, value) in [("search", "a\0b"), ("search", &long), ("role", "\0"), ("role", &long), ("unknown", "x")] {
            let field = format!("query[{field}]");
            let answer = ana.post("users/list", &[("account", "acme"), (&field, value)]).await;
            assert_eq!(answer.read::<UsersPage>(), Err(BadRequest::Malformed.into()), "{field}");
        }
    }

    async fn in_10_what_cannot_be_a_header_ends_in_no_redirect_and_no_panic(world: World) {
        let ana = world.owner("ana@example.org").await;
        for path in [
            "/login?account=a%0Ab", "/login?account=a%0D%0ASet-Cookie:%20x=y", "/a/%0Ab", "/a/%0Ab/settings/users", "/a/%FF",
            "/login?next=%0A", "/language/en?next=%0A", "/%0A", "/invitation/%0A", "/oauth/%0A/start", "/i/%0A", "/s/%0A",
        ] {
            for browser in [&ana, &world.browser()] {
                let answer = browser.get(path).await;
                assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
                assert!(answer.headers.get("set-cookie").is_none_or(|cookie| !cookie.to_str().unwrap().starts_with("x=")), "{path}");
            }
        }
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

    async fn br_08_no_text_from_the_address_stands_in_a_box_of_ours(world: World) {
        const TEXT: &str = "call 0800 000000";
        world.owner("ana@example.org").await;
        for error in [
            AppError::NoLongerAMember { account: TEXT.to_owned() },
            AppError::ChangedMeanwhile { by: Some(TEXT.to_owned()), at: world.now() },
            AppError::Internal { request_id: TEXT.to_owned() },
            AppError::Refused(Refusal::AboveYourOwn { missing: [PermissionKey::new(TEXT)].into() }),
            AppError::Refused(Refusal::TheyHoldMore { missing: [PermissionKey::new(TEXT)].into() }),
            AppError::Refused(Refusal::NoSelfPromotion { gained: [PermissionKey::new(TEXT)].into() }),
            BadRequest::ForeignHost { address: TEXT.to_owned() }.into(),
        ] {
            let encoded = URL_SAFE.encode(serde_json::to_vec(&error).unwrap());
            let answer = world.browser().get(&format!("/login?__path=/api/session/sign-in&__err={encoded}")).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(!answer.body.contains(TEXT), "{error:?}");
        }
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
