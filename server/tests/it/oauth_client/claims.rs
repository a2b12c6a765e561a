//! What a provider says of a person: the claims of the ID token and of the user-info endpoint.

use super::*;

#[tokio::test]
async fn oa_06_scope_userinfo_claims() {
    let mut story = Story::openid().await;
    let email = |story: &Story, claims: &Claims| claims.person(&story.configuration).unwrap().email;
    let claims = story.signs_in().await.unwrap();
    assert_eq!(email(&story, &claims).as_deref(), Some("ben@example.org"), "the ID token does not hold it");
    // What is signed comes first.
    story.provider.twist(Twist::claim("email", json!("signed@example.org")));
    let claims = story.signs_in().await.unwrap();
    assert_eq!(email(&story, &claims).as_deref(), Some("signed@example.org"));
    // Not every provider has the endpoint.
    story.configuration.user_info_url = None;
    story.provider.straighten();
    let claims = story.signs_in().await.unwrap();
    assert_eq!(email(&story, &claims), None);
    assert_eq!(story.provider.asked().iter().filter(|path| *path == "/me").count(), 2);
}

/// The user-info endpoint answers as OpenID Connect Core 1.0, section 5.3.2, lets it.
fn signed_user_info(edit: fn(&mut serde_json::Map<String, Value>)) -> Twist {
    Twist::answers(Endpoint::UserInfo, move || {
        let mut claims = json!({ "sub": BEN, "email": "ben@example.org" }).as_object().unwrap().clone();
        edit(&mut claims);
        ([(header::CONTENT_TYPE, "application/jwt")], signed(&claims))
    })
}

#[tokio::test]
async fn a_sign_in_keeps_only_the_claims_that_it_looks_at() {
    let story = Story::openid().await;
    story.provider.twist(Twist::json(Endpoint::UserInfo, |claims| {
        claims.insert("picture".to_owned(), json!("x".repeat(50_000)));
    }));
    for (everything, pending) in [(false, false), (true, true)] {
        let (attempt, answer) = story.comes_back().await;
        let (by, secret) = (&story.configuration, Some(CLIENT_SECRET));
        let claims =
            story.client.finish(ACCOUNT, by, secret, REDIRECT_URI, &attempt, &answer, everything, NOON).await.unwrap();
        assert_eq!(claims.shown().iter().any(|claim| claim.path == "picture"), pending);
        assert_eq!(claims.person(by).unwrap().identifier, BEN);
        assert!(serde_json::to_string(&claims).unwrap().len() < 2_000);
    }
}

fn picture(kib: usize) -> Twist {
    Twist::json(Endpoint::UserInfo, move |claims| {
        claims.insert("picture".to_owned(), json!("x".repeat(kib * 1024)));
    })
}

#[tokio::test]
async fn oa_07_user_info_is_about_the_same_person() {
    for subject in [json!("24828976100"), json!(248_289_761_001_u64), json!(null), json!("")] {
        let story = Story::openid().await;
        story.provider.twist(Twist::json(Endpoint::UserInfo, move |claims| {
            drop(claims.insert("sub".to_owned(), subject.clone()))
        }));
        assert_eq!(story.identifier().await, Err(Fault::UserInfoSubject));
    }
    let story = Story::twisted(Twist::json(Endpoint::UserInfo, |claims| drop(claims.remove("sub")))).await;
    assert_eq!(story.identifier().await, Err(Fault::UserInfoSubject));
    // A subject that differs in case is another's.
    story.provider.straighten();
    story.provider.signs_in_as(json!({ "sub": "Ben" }));
    story.provider.twist(Twist::json(Endpoint::UserInfo, |claims| drop(claims.insert("sub".to_owned(), json!("ben")))));
    assert_eq!(story.identifier().await, Err(Fault::UserInfoSubject));
}

#[tokio::test]
async fn oa_09_the_identifier_is_text_or_a_whole_number_exactly_as_it_is() {
    let mut story = Story::plain().await;
    let long = "x".repeat(255);
    for (id, expected) in [
        (json!(583_231), "583231"),
        (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        (json!(-7), "-7"),
        (json!("583231"), "583231"),
        (json!("Ben"), "Ben"),
        (json!(" ben "), " ben "),
        (json!("00u1"), "00u1"),
        (json!("İ🦀"), "İ🦀"),
        (json!(long), &long),
    ] {
        story.provider.signs_in_as(json!({ "id": id }));
        assert_eq!(story.identifier().await.as_deref(), Ok(expected), "{id}");
    }
    for id in [
        json!(""),
        json!(null),
        json!(true),
        json!(1.5),
        json!(1e30),
        json!(["x"]),
        json!({ "value": "x" }),
        json!("x".repeat(256)),
        json!("a\nb"),
        json!("a\u{0}"),
    ] {
        story.provider.signs_in_as(json!({ "id": id }));
        assert_eq!(story.identifier().await, Err(Fault::NoIdentifier), "{id}");
    }
    story.provider.signs_in_as(json!({ "login": "ben" }));
    assert_eq!(story.identifier().await, Err(Fault::NoIdentifier));

    story.provider.signs_in_as(json!({ "user": { "ids": [{ "value": "first" }, { "value": "second" }] } }));
    for (path, expected) in [("user.ids[1].value", Ok("second")), ("user.ids[2].value", Err(&Fault::NoIdentifier))] {
        story.configuration.identifier = ClaimPath::parse(path).unwrap();
        assert_eq!(story.identifier().await.as_deref(), expected, "{path}");
    }
}

#[tokio::test]
async fn oa_10_only_json_true_says_that_an_address_was_checked() {
    let mut story = Story::openid().await;
    let person = |claims: Claims, story: &Story| claims.person(&story.configuration).unwrap();
    for (said, verified) in [
        (json!(true), true),
        (json!(false), false),
        (json!("true"), false),
        (json!("yes"), false),
        (json!(1), false),
        (json!([true]), false),
        (json!(null), false),
    ] {
        story.provider.signs_in_as(json!({ "sub": BEN, "email": "ben@example.org", "email_verified": said }));
        let claims = story.signs_in().await.unwrap();
        assert_eq!(person(claims, &story).email_verified, verified, "{said}");
    }
    story.provider.signs_in_as(json!({ "sub": BEN, "email": "ben@example.org" }));
    let claims = story.signs_in().await.unwrap();
    assert!(!person(claims.clone(), &story).email_verified);
    let named = person(claims.clone(), &story);
    assert_eq!(claims.warnings(&story.configuration, &named), [Warning::EmailNotVerified]);
    let mut without = story.configuration.clone();
    without.open_id.as_mut().unwrap().lacks_s256 = true;
    assert_eq!(claims.warnings(&without, &named), [Warning::EmailNotVerified, Warning::NoPkce]);

    // It says nothing of an address in another claim, nor of one that the ID token names instead.
    story
        .provider
        .signs_in_as(json!({ "sub": BEN, "mail": "a@example.org", "email": "b@example.org", "email_verified": true }));
    story.provider.twist(Twist::claim("email", json!("c@example.org")));
    let claims = story.signs_in().await.unwrap();
    let named = person(claims.clone(), &story);
    assert_eq!((named.email.as_deref(), named.email_verified), (Some("c@example.org"), false));
    story.configuration.email = ClaimPath::parse("mail").ok();
    let named = person(claims, &story);
    assert_eq!((named.email.as_deref(), named.email_verified), (Some("a@example.org"), false));
    story.provider.straighten();
    let claims = story.signs_in().await.unwrap();
    assert!(!person(claims, &story).email_verified, "mail is not what was checked");
}

#[tokio::test]
async fn r45_an_identifier_that_can_change_hands_is_warned_of() {
    let mut story = Story::openid().await;
    let claims = story.signs_in().await.unwrap();
    let warnings =
        |configuration: &Configuration| claims.warnings(configuration, &claims.person(configuration).unwrap());
    assert_eq!(warnings(&story.configuration), []);
    for mutable in ["email", "name", "given_name"] {
        story.configuration.identifier = ClaimPath::parse(mutable).unwrap();
        assert_eq!(warnings(&story.configuration), [Warning::MutableIdentifier], "{mutable}");
    }
    story.configuration.identifier = ClaimPath::parse("sub").unwrap();
    story.configuration.email = None;
    assert_eq!(warnings(&story.configuration), [Warning::NoEmail]);
}

#[tokio::test]
async fn oa_23_claims_are_shown_by_their_paths_shortened_and_without_what_is_the_tokens() {
    let mut story = Story::openid().await;
    story.provider.signs_in_as(json!({
        "sub": BEN,
        "email": "ben@example.org",
        "groups": ["a", "b"],
        "org": { "id": 7, "deep": { "a": { "b": { "c": { "d": 1 } } } } },
        "https://acme.example/role": "with dots",
        "about": "x".repeat(5_000),
        "nothing": null,
    }));
    let claims = story.signs_in().await.unwrap();
    let shown = claims.shown();
    let value = |path: &str| shown.iter().find(|claim| claim.path == path).map(|claim| claim.value.as_str());
    assert_eq!((value("sub"), value("groups[1]"), value("org.id")), (Some(BEN), Some("b"), Some("7")));
    assert_eq!(value("about").unwrap().chars().count(), 201);
    assert_eq!(value("https://acme.example/role"), Some("with dots"));
    for hidden in ["nonce", "aud", "exp", "iat", "nothing", "org.deep.a.b.c.d"] {
        assert_eq!(value(hidden), None, "{hidden}");
    }
    let mutable: Vec<&str> = shown.iter().filter(|claim| claim.mutable).map(|claim| claim.path.as_str()).collect();
    assert_eq!(mutable, ["email"]);
    // What is shown can be chosen.
    for claim in shown.iter().filter(|claim| claim.path != "about") {
        story.configuration.identifier = ClaimPath::parse(&claim.path).unwrap();
        let identifier = claims.person(&story.configuration).map(|person| person.identifier);
        assert!(identifier == Ok(claim.value.clone()) || claim.value == "true", "{claim:?}");
    }

    let many: serde_json::Map<String, Value> = (0..2_500).map(|n| (format!("claim_{n}"), json!(n))).collect();
    story.provider.twist(Twist::json(Endpoint::UserInfo, move |claims| claims.extend(many.clone())));
    assert_eq!(story.signs_in().await.unwrap().shown().len(), 60);
    assert!(!format!("{:?}", story.signs_in().await.unwrap()).contains(BEN), "no values in what is logged");
}

#[tokio::test]
async fn plain_oauth_knows_people_by_the_user_info_endpoint() {
    let mut story = Story::plain().await;
    let person = story.signs_in().await.unwrap().person(&story.configuration).unwrap();
    assert_eq!((person.identifier.as_str(), person.email.as_deref()), ("583231", Some("ben@example.org")));
    assert_eq!(story.provider.asked(), ["/authorize", "/token", "/me"]);
    story.configuration.user_info_url = None;
    assert_eq!(story.identifier().await, Err(Fault::UserInfo));
}

rows! {
    oa_06_userinfo_invalid_sub: Twist::json(Endpoint::UserInfo, |claims| {
        claims.insert("sub".to_owned(), json!("another"));
    }) => Err(Fault::UserInfoSubject);
    oa_06_user_info_signed: signed_user_info(|_| {}) => ben();
    oa_06_user_info_signed_for_us: signed_user_info(|claims| drop(claims.insert("aud".to_owned(), json!([CLIENT_ID])))) => ben();
    oa_06_user_info_signed_for_another_client: signed_user_info(|claims| {
        claims.insert("aud".to_owned(), json!("another"));
    }) => Err(Fault::UserInfoSigned);
    oa_06_user_info_signed_by_another_issuer: signed_user_info(|claims| {
        claims.insert("iss".to_owned(), json!("https://id.evil.example"));
    }) => Err(Fault::UserInfoSigned);
    oa_06_user_info_signed_about_another: signed_user_info(|claims| {
        claims.insert("sub".to_owned(), json!("another"));
    }) => Err(Fault::UserInfoSubject);
    oa_06_user_info_with_a_wrong_signature: Twist::answers(Endpoint::UserInfo, || {
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let token = format!("{}.{}.AAAA", part(json!({ "alg": "RS256" })), part(json!({ "sub": BEN })));
        ([(header::CONTENT_TYPE, "application/jwt; charset=utf-8")], token)
    }) => Err(Fault::UserInfoSigned);
    oa_06_user_info_encrypted: Twist::answers(Endpoint::UserInfo, || ([(header::CONTENT_TYPE, "application/jwt")], encrypted())) => Err(Fault::Encrypted);
    oa_06_user_info_of_another_kind: Twist::answers(Endpoint::UserInfo, html) => Err(Fault::UserInfo);
    oa_06_user_info_refused: Twist::answers(Endpoint::UserInfo, || StatusCode::FORBIDDEN) => Err(Fault::UserInfo);
    oa_06_user_info_of_1_mib: Twist::json(Endpoint::UserInfo, |claims| {
        claims.insert("picture".to_owned(), json!("x".repeat(1024 * 1024)));
    }) => Err(Fault::TooLarge);
    user_info_of_60_kib: picture(60) => ben();
    user_info_of_64_kib_and_more: picture(64) => Err(Fault::TooLarge);
}
