//! Providers that are broken, slow, or not allowed: the fault of each, and what it costs.

use super::*;

#[tokio::test]
async fn oa_16_a_failure_says_what_was_expected_and_received() {
    let seconds = NOON.0 / 1000;
    let id_token = |token: String| {
        Twist::json(Endpoint::Token, move |answer| drop(answer.insert("id_token".to_owned(), json!(token))))
    };
    for (twist, fault, expected, received) in [
        (id_token(encrypted()), Fault::Encrypted, None, Some("alg RSA-OAEP-256, enc A256GCM")),
        (
            Twist::header(|header| drop(header.insert("alg".to_owned(), json!("ES512")))),
            Fault::Algorithm,
            None,
            Some("ES512"),
        ),
        (
            Twist::header(|header| drop(header.insert("alg".to_owned(), json!("ES256K")))),
            Fault::Algorithm,
            None,
            Some("ES256K"),
        ),
        (
            Twist::header(|header| drop(header.insert("alg".to_owned(), json!("a\nb")))),
            Fault::Algorithm,
            None,
            Some("a b"),
        ),
        (Twist::Signs(Signing::ClientSecret), Fault::Algorithm, None, Some("HS256")),
        (Twist::claim("aud", json!(["other"])), Fault::Audience, Some(CLIENT_ID), Some("[\"other\"]")),
        (
            Twist::json(Endpoint::Token, |answer| drop(answer.insert("token_type".to_owned(), json!("DPoP")))),
            Fault::TokenType,
            Some("Bearer"),
            Some("DPoP"),
        ),
        (Twist::answers(Endpoint::UserInfo, || StatusCode::FORBIDDEN), Fault::UserInfo, None, Some("403")),
        (Twist::says("server_error"), Fault::ProviderError, None, Some("server_error")),
        (Twist::answers(Endpoint::Token, || StatusCode::BAD_GATEWAY), Fault::ProviderError, None, Some("502")),
        (
            Twist::answers(Endpoint::Token, || Redirect::to("https://id.example/")),
            Fault::Redirected,
            None,
            Some("https://id.example/"),
        ),
        (Twist::answers(Endpoint::Keys, || StatusCode::NOT_FOUND), Fault::Keys, None, Some("404")),
        (Twist::claim("sub", json!(7)), Fault::IdToken, None, Some("sub: 7")),
        (Twist::claim("exp", json!("tomorrow")), Fault::IdToken, None, Some("exp: \"tomorrow\"")),
    ] {
        let story = Story::twisted(twist).await;
        let failure = story.fails().await;
        let found = (failure.fault, failure.expected.as_deref(), failure.received.as_deref());
        assert_eq!(found, (fault, expected, received));
    }
    let story = Story::twisted(Twist::claim("iss", json!("https://id.evil.example"))).await;
    let issuer = story.provider.issuer().to_owned();
    assert_eq!(story.fails().await, Failure::differs(Fault::IdTokenIssuer, &issuer, Some("https://id.evil.example")));
    let story = Story::twisted(Twist::claim("exp", json!(seconds - 61))).await;
    let failure = story.fails().await;
    assert_eq!(failure.expected.as_deref(), Some(&*seconds.to_string()));
    assert!(failure.received.unwrap().ends_with(&format!("exp {}", seconds - 61)));
    let long = "x".repeat(9_000);
    let story = Story::twisted(Twist::header(move |header| drop(header.insert("alg".to_owned(), json!(long))))).await;
    assert_eq!(story.fails().await.received.unwrap().len(), 200);
}

#[tokio::test]
async fn oa_15_a_name_that_leads_into_this_network_is_refused_unless_the_operator_allows_it() {
    let story = Story::openid().await;
    let guarded = Client::new(&OAuth { allow_hosts: Vec::new(), ..story.provider.settings() }).unwrap();
    let refused = Some(Fault::AddressRefused);
    assert_eq!(
        guarded.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault),
        refused
    );
    let elsewhere = OAuth { allow_hosts: vec!["id.corp.example".to_owned()], ..story.provider.settings() };
    assert_eq!(
        Client::new(&elsewhere)
            .unwrap()
            .discover(ACCOUNT, story.provider.issuer(), None)
            .await
            .err()
            .map(|failure| failure.fault),
        refused
    );

    // The token and user-info endpoints and the keys stand behind the same guard.
    let (pending, answer) = story.comes_back().await;
    let finished = guarded
        .finish(ACCOUNT, &story.configuration, Some(CLIENT_SECRET), REDIRECT_URI, &pending, &answer, false, NOON)
        .await;
    assert_eq!(finished.err().map(|failure| failure.fault), refused);
    assert_eq!(story.provider.asked(), ["/authorize"], "nobody but the browser came by");
    for inside in ["https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x", "https://169.254.169.254/x"] {
        let open_id = story
            .configuration
            .open_id
            .clone()
            .map(|it| app::domain::oauth::OpenId { jwks_url: inside.to_owned(), ..it });
        for configuration in [
            Configuration { token_url: inside.to_owned(), ..story.configuration.clone() },
            Configuration { user_info_url: Some(inside.to_owned()), ..story.configuration.clone() },
            Configuration { open_id, ..story.configuration.clone() },
        ] {
            let (pending, answer) = story.comes_back().await;
            let finished = story.client.finish(
                ACCOUNT,
                &configuration,
                Some(CLIENT_SECRET),
                REDIRECT_URI,
                &pending,
                &answer,
                false,
                NOON,
            );
            assert_eq!(finished.await.err().map(|failure| failure.fault), refused, "{inside}");
        }
    }
}

#[tokio::test]
async fn oa_15_literal_addresses_are_refused_in_every_notation() {
    let client = Client::new(&OAuth::default()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        assert_eq!(
            client.discover(ACCOUNT, &format!("https://{host}"), None).await.err().map(|failure| failure.fault),
            Some(Fault::AddressRefused),
            "{host}"
        );
    }
    assert_eq!(
        client.discover(ACCOUNT, "http://id.example.org", None).await.err().map(|failure| failure.fault),
        Some(Fault::AddressRefused)
    );
}

#[tokio::test]
async fn cf_05_a_certificate_counts_only_from_a_known_authority_and_for_the_right_name() {
    let story = Story::openid().await;
    let strict = Client::new(&OAuth { ca_file: None, ..story.provider.settings() }).unwrap();
    assert_eq!(
        strict.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault),
        Some(Fault::Tls)
    );
    let by_number = OAuth { allow_hosts: vec!["127.0.0.1".to_owned()], ..story.provider.settings() };
    let issuer = story.provider.issuer().replace("localhost", "127.0.0.1");
    assert_eq!(
        Client::new(&by_number).unwrap().discover(ACCOUNT, &issuer, None).await.err().map(|failure| failure.fault),
        Some(Fault::Tls),
        "it is localhost's"
    );
    assert_eq!(
        story.client.discover(ACCOUNT, "https://localhost:1", None).await.err().map(|failure| failure.fault),
        Some(Fault::Unreachable),
        "nobody is there"
    );
}

#[tokio::test]
async fn a_file_without_certificates_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let client = || Client::new(&OAuth { ca_file: Some(path.clone()), ..OAuth::default() });
    assert!(matches!(client(), Err(SetUpError::Tls(TlsError::CaFile(_)))));
    std::fs::write(&path, "nothing").unwrap();
    assert!(matches!(client(), Err(SetUpError::Tls(TlsError::NoCertificates))));
}

#[tokio::test]
async fn f23_a_provider_that_hangs_costs_five_seconds_and_a_slow_one_ten() {
    let slow = Story::openid().await;
    slow.provider.twist(Twist::Waits(Endpoint::Token, Duration::from_secs(4)));
    slow.provider.twist(Twist::Waits(Endpoint::Keys, Duration::from_secs(4)));
    slow.provider.twist(Twist::hangs(Endpoint::UserInfo));
    let hanging = Story::twisted(Twist::hangs(Endpoint::Token)).await;
    let discovered = Story::twisted(Twist::hangs(Endpoint::Discovery)).await;
    // Answers for ever, one byte at a time.
    let drips = Story::openid().await;
    drips.provider.twist(Twist::answers(Endpoint::Token, || {
        Body::from_stream(futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok::<_, std::io::Error>(" "), ()))
        }))
    }));
    let fine = Story::openid().await;

    let timed = async |story: &Story, what: &str| {
        let before = Instant::now();
        let fault = match what {
            "discovery" => {
                story.client.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault)
            }
            _ => story.signs_in().await.err(),
        };
        assert_eq!(fault, (what != "fine").then_some(Fault::TimedOut), "{what}");
        before.elapsed().as_secs_f32()
    };
    let (ten, five, five_too, five_as_well, at_once) = tokio::join!(
        timed(&slow, "slow"),
        timed(&hanging, "hanging"),
        timed(&discovered, "discovery"),
        timed(&drips, "drips"),
        timed(&fine, "fine"),
    );
    assert!((9.9..11.5).contains(&ten), "{ten}");
    for five in [five, five_too, five_as_well] {
        assert!((4.9..6.5).contains(&five), "{five}");
    }
    assert!(at_once < 4.0, "others are not held up: {at_once}");
}

#[tokio::test]
async fn oa_22_a_provider_that_keeps_failing_is_left_alone_for_a_while() {
    let story = Story::twisted(Twist::answers(Endpoint::Token, || StatusCode::INTERNAL_SERVER_ERROR)).await;
    let tokens_asked = || story.provider.asked().iter().filter(|path| *path == "/token").count();
    for _ in 0..5 {
        assert_eq!(story.identifier().await, Err(Fault::ProviderError));
    }
    assert_eq!((story.identifier().await, tokens_asked()), (Err(Fault::CircuitOpen), 5));
    assert!(
        story.client.discover(ACCOUNT, story.provider.issuer(), None).await.is_ok(),
        "its other endpoints are well"
    );

    passes(Duration::from_secs(30)).await;
    assert_eq!((story.identifier().await, tokens_asked()), (Err(Fault::ProviderError), 6));
    assert_eq!((story.identifier().await, tokens_asked()), (Err(Fault::CircuitOpen), 6), "one try");
    story.provider.straighten();
    passes(Duration::from_secs(30)).await;
    assert_eq!(story.identifier().await, ben());
    assert_eq!(story.identifier().await, ben());
}

/// What a provider that refuses says is its own affair (OA-16), but each kind of refusal is told apart.
#[tokio::test]
async fn oa_16_what_a_provider_says_becomes_a_code_of_ours() {
    for (error, fault) in [
        ("access_denied", Fault::Denied),
        ("invalid_scope", Fault::Scope),
        ("unauthorized_client", Fault::ClientRefused),
        ("unsupported_response_type", Fault::ClientRefused),
        ("invalid_request", Fault::ClientRefused),
        ("server_error", Fault::ProviderError),
        ("temporarily_unavailable", Fault::ProviderError),
        ("<script>alert(1)</script>", Fault::ProviderError),
        ("", Fault::ProviderError),
    ] {
        assert_eq!(Story::twisted(Twist::says(error)).await.identifier().await, Err(fault), "{error}");
    }
    for (status, error, fault) in [
        (400, "invalid_client", Fault::ClientAuthentication),
        (401, "invalid_client", Fault::ClientAuthentication),
        (400, "invalid_grant", Fault::Grant),
        (400, "invalid_scope", Fault::Scope),
        (400, "unauthorized_client", Fault::ClientRefused),
        (401, "unauthorized_client", Fault::ClientAuthentication),
        (403, "access_denied", Fault::ClientAuthentication),
        (403, "invalid_client", Fault::ClientAuthentication),
        (400, "invalid_request", Fault::TokenAnswer),
        (400, "unsupported_grant_type", Fault::TokenAnswer),
        (400, "<b>call 555-0100</b>", Fault::TokenAnswer),
        (503, "temporarily_unavailable", Fault::ProviderError),
        // GitHub says everything with 200.
        (200, "bad_verification_code", Fault::Grant),
        (200, "redirect_uri_mismatch", Fault::Grant),
        (200, "incorrect_client_credentials", Fault::ClientAuthentication),
    ] {
        let said = move || {
            let status = StatusCode::from_u16(status).unwrap();
            (status, axum::Json(json!({ "error": error, "error_description": "call 555-0100" })))
        };
        let story = Story::twisted(Twist::answers(Endpoint::Token, said)).await;
        assert_eq!(story.identifier().await, Err(fault), "{status} {error}");
    }
    let bare = Story::twisted(Twist::answers(Endpoint::Token, || StatusCode::UNAUTHORIZED)).await;
    assert_eq!(bare.identifier().await, Err(Fault::ClientAuthentication));
}

/// What admins are told is different for each way in which a provider can be wrong.
#[tokio::test]
async fn providers_that_are_broken_in_different_ways_have_different_faults() {
    let broken: Vec<(Twist, Fault)> = vec![
        (Twist::says("access_denied"), Fault::Denied),
        (Twist::says("unauthorized_client"), Fault::ClientRefused),
        (Twist::says("invalid_scope"), Fault::Scope),
        (Twist::says("server_error"), Fault::ProviderError),
        (Twist::callback(|answer| drop(answer.remove("iss"))), Fault::ResponseIssuer),
        (Twist::answers(Endpoint::Token, || StatusCode::UNAUTHORIZED), Fault::ClientAuthentication),
        (
            Twist::answers(Endpoint::Token, || {
                (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "invalid_grant" })))
            }),
            Fault::Grant,
        ),
        (Twist::answers(Endpoint::Token, html), Fault::TokenAnswer),
        (Twist::answers(Endpoint::Token, || Redirect::to("/")), Fault::Redirected),
        (Twist::answers(Endpoint::Token, || vec![b' '; 2 * 1024 * 1024]), Fault::TooLarge),
        (Twist::json(Endpoint::Token, |answer| drop(answer.remove("id_token"))), Fault::NoIdToken),
        (Twist::answers(Endpoint::Keys, || StatusCode::NOT_FOUND), Fault::Keys),
        (Twist::without_claim("sub"), Fault::IdToken),
        (Twist::Signs(Signing::None), Fault::Algorithm),
        (Twist::Signs(Signing::StrangeKey), Fault::Signature),
        (Twist::claim("iss", json!("https://id.evil.example")), Fault::IdTokenIssuer),
        (Twist::claim("aud", json!("stranger")), Fault::Audience),
        (Twist::claim("nonce", json!("another")), Fault::Nonce),
        (Twist::claim("exp", seconds(-3600)), Fault::Clock),
        (Twist::answers(Endpoint::UserInfo, || StatusCode::FORBIDDEN), Fault::UserInfo),
        (Twist::json(Endpoint::UserInfo, |claims| drop(claims.remove("sub"))), Fault::UserInfoSubject),
    ];
    let mut found: BTreeSet<Fault> = BTreeSet::new();
    let count = broken.len();
    for (twist, fault) in broken {
        assert_eq!(Story::twisted(twist).await.identifier().await, Err(fault));
        found.insert(fault);
    }
    for (twist, fault) in [
        (Twist::answers(Endpoint::Discovery, html), Fault::Discovery),
        (
            Twist::json(Endpoint::Discovery, |document| drop(document.insert("issuer".to_owned(), json!("x")))),
            Fault::DiscoveryIssuer,
        ),
    ] {
        assert_eq!(discovering(twist).await, Some(fault));
        found.insert(fault);
    }
    assert_eq!(found.len(), count + 2);
}

#[tokio::test]
async fn lg_02_what_is_logged_of_a_sign_in_holds_nothing_of_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(Arc::new(file.reopen().unwrap()));
    let _until_the_end = tracing::subscriber::set_default(subscriber.finish());

    let story = Story::openid().await;
    let (pending, answer) = story.comes_back().await;
    assert!(story.finishes(&pending, &answer).await.is_ok());
    assert_eq!(story.finishes(&pending, &answer).await, Err(Fault::Grant));
    story.provider.twist(Twist::says("access_denied"));
    assert_eq!(story.identifier().await, Err(Fault::Denied));

    let log = std::fs::read_to_string(file.path()).unwrap();
    assert!(log.contains(r#"fault="grant" host="localhost""#), "{log}");
    let code = answer.code.unwrap();
    let secret = [
        &code,
        &pending.verifier,
        &pending.state,
        &pending.nonce.unwrap(),
        CLIENT_SECRET,
        BEN,
        "ben@example.org",
        "555-0100",
    ];
    for secret in secret {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
