//! ID tokens, and the keys that sign them.

use super::*;

#[tokio::test]
async fn oa_04_an_id_token_answers_one_attempt() {
    let story = Story::openid().await;
    let redirect = story.begins();
    assert_eq!(query(&redirect.url).get("nonce"), redirect.pending.nonce.as_ref());
    assert!(redirect.pending.nonce.is_some_and(|nonce| nonce.len() >= 43));

    let (pending, answer) = story.comes_back().await;
    let other = PendingAuthorization { nonce: story.begins().pending.nonce, ..pending };
    assert_eq!(story.finishes(&other, &answer).await, Err(Fault::Nonce));
    let (pending, answer) = story.comes_back().await;
    assert_eq!(story.finishes(&PendingAuthorization { nonce: None, ..pending }, &answer).await, Err(Fault::Nonce));

    let plain = Story::plain().await.begins();
    assert_eq!((query(&plain.url).get("nonce"), plain.pending.nonce), (None, None));
}

#[tokio::test]
async fn oa_06_signing_key_rotation() {
    let story = Story::openid().await;
    let keys_read = || story.provider.asked().iter().filter(|path| *path == "/keys").count();
    for _ in 0..3 {
        assert!(story.signs_in().await.is_ok());
    }
    assert_eq!(keys_read(), 1, "keys are pending");
    story.provider.rotate_key();
    assert!(story.signs_in().await.is_ok());
    assert_eq!(keys_read(), 2);

    // Whoever brings unknown keys has them read once a minute at most.
    story.provider.rotate_key();
    for _ in 0..3 {
        assert_eq!(story.identifier().await, Err(Fault::Signature));
    }
    assert_eq!(keys_read(), 2);
    passes(Duration::from_secs(60)).await;
    assert!(story.signs_in().await.is_ok());
    assert_eq!(keys_read(), 3);
    passes(Duration::from_secs(60 * 60)).await;
    assert!(story.signs_in().await.is_ok());
    assert_eq!(keys_read(), 4, "and read again after an hour in any case");
}

#[tokio::test]
async fn oa_06_signing_key_rotation_while_several_sign_in() {
    let story = Story::openid().await;
    assert!(story.signs_in().await.is_ok());
    story.provider.rotate_key();
    story.provider.twist(Twist::Waits(Endpoint::Keys, Duration::from_millis(300)));
    let all = futures::future::join_all((0..5).map(|_| story.identifier())).await;
    assert_eq!(all, vec![ben(); 5]);
    assert_eq!(story.provider.asked().iter().filter(|path| *path == "/keys").count(), 2, "one reads for all");
}

#[tokio::test]
async fn oa_06_signing_key_rotation_just_before_signing() {
    let story = Story::openid().await;
    assert!(story.signs_in().await.is_ok());
    let (pending, answer) = story.comes_back().await;
    story.provider.rotate_key();
    assert!(story.finishes(&pending, &answer).await.is_ok());
}

fn kid_absent(header: &mut serde_json::Map<String, Value>) {
    header.remove("kid");
}

fn padded_keys(kib: usize) -> Twist {
    Twist::json(Endpoint::Keys, move |document| drop(document.insert("x".to_owned(), json!("x".repeat(kib * 1024)))))
}

/// Keys that a token brings along are not looked at, whether they are the provider's or not.
#[tokio::test]
async fn oa_06_jku_and_jwk_in_the_header_change_nothing() {
    let brings = |header: &mut serde_json::Map<String, Value>| {
        header.insert("jku".to_owned(), json!("https://localhost:1/keys"));
        header.insert("jwk".to_owned(), json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }));
        header.insert("x5u".to_owned(), json!("https://localhost:1/chain"));
    };
    let story = Story::twisted(Twist::header(brings)).await;
    assert_eq!(story.identifier().await, ben());
    story.provider.twist(Twist::Signs(Signing::StrangeKey));
    assert_eq!(story.identifier().await, Err(Fault::Signature));
}

#[tokio::test]
async fn oa_06_kid_absent_multiple_jwks() {
    let another = |document: &mut serde_json::Map<String, Value>| {
        let keys = document["keys"].as_array_mut().unwrap();
        let mut other = keys[0].clone();
        other["kid"] = json!("other");
        other["n"] = json!(URL_SAFE_NO_PAD.encode([0xc5; 256]));
        keys.insert(0, other);
    };
    let story = Story::twisted(Twist::json(Endpoint::Keys, another)).await;
    story.provider.twist(Twist::header(kid_absent));
    assert_eq!(story.identifier().await, ben(), "one of the keys fits");
    story.provider.twist(Twist::Signs(Signing::StrangeKey));
    assert_eq!(story.identifier().await, Err(Fault::Signature), "none does");
}

#[tokio::test]
async fn oa_06_a_key_for_something_else_signs_nothing() {
    for (name, value) in [("use", "enc"), ("alg", "PS256"), ("alg", "RSA-OAEP")] {
        let story = Story::twisted(Twist::json(Endpoint::Keys, move |document| {
            let mut spare = document["keys"][0].clone();
            spare["kid"] = json!("spare");
            document["keys"][0][name] = json!(value);
            document["keys"].as_array_mut().unwrap().push(spare);
        }))
        .await;
        assert_eq!(story.identifier().await, Err(Fault::Signature), "{name} {value}");
    }
}

#[tokio::test]
async fn time_is_what_the_caller_says() {
    let story = Story::openid().await;
    let (pending, answer) = story.comes_back().await;
    story.clock.advance(Span::minutes(7));
    assert!(story.finishes(&pending, &answer).await.is_ok(), "the token is made when the code is exchanged");
    let (pending, answer) = story.comes_back().await;
    let Story { client, configuration, clock, .. } = &story;
    let late = clock.now() + Span::seconds(361);
    let finished =
        client.finish(ACCOUNT, configuration, Some(CLIENT_SECRET), REDIRECT_URI, &pending, &answer, false, late).await;
    assert_eq!(finished.unwrap_err().fault, Fault::Clock);
}

rows! {
    oa_06_idtoken_sig_rs256: Twist::Signs(Signing::Rs256) => ben();
    oa_06_kid_absent_single_jwks: Twist::header(kid_absent) => ben();
    oa_06_exp_within_the_leeway: Twist::claim("exp", seconds(-60)) => ben();
    oa_06_iat_within_the_leeway: Twist::claim("iat", seconds(60)) => ben();
    oa_06_aud_array_of_us_alone: Twist::claim("aud", json!([CLIENT_ID])) => ben();
    oa_06_azp_is_us: Twist::claim("azp", json!(CLIENT_ID)) => ben();
    oa_06_aud_array_with_others_but_issued_to_us: Twist::id_token(|claims| {
        claims.insert("aud".to_owned(), json!([CLIENT_ID, "project"]));
        claims.insert("azp".to_owned(), json!(CLIENT_ID));
    }) => ben();
    oa_06_invalid_iss: Twist::claim("iss", json!("https://id.evil.example")) => Err(Fault::IdTokenIssuer);
    oa_06_missing_iss: Twist::without_claim("iss") => Err(Fault::IdTokenIssuer);
    oa_06_missing_sub: Twist::without_claim("sub") => Err(Fault::IdToken);
    oa_06_empty_sub: Twist::claim("sub", json!("")) => Err(Fault::IdToken);
    oa_06_sub_is_a_number: Twist::claim("sub", json!(248_289_761_001_u64)) => Err(Fault::IdToken);
    oa_06_invalid_aud: Twist::claim("aud", json!("https://other.example")) => Err(Fault::Audience);
    oa_06_token_of_tenant_bs_client: Twist::claim("aud", json!(["client-of-b"])) => Err(Fault::Audience);
    oa_06_missing_aud: Twist::without_claim("aud") => Err(Fault::Audience);
    oa_06_aud_array_with_a_stranger: Twist::claim("aud", json!([CLIENT_ID, "stranger"])) => Err(Fault::Audience);
    oa_06_wrong_azp: Twist::claim("azp", json!("stranger")) => Err(Fault::Audience);
    oa_06_missing_iat: Twist::without_claim("iat") => Err(Fault::IdToken);
    oa_06_missing_exp: Twist::without_claim("exp") => Err(Fault::IdToken);
    oa_06_exp_is_text: Twist::claim("exp", json!("tomorrow")) => Err(Fault::IdToken);
    oa_06_exp_61_seconds_ago: Twist::claim("exp", seconds(-61)) => Err(Fault::Clock);
    oa_06_iat_in_the_future: Twist::claim("iat", seconds(61)) => Err(Fault::Clock);
    oa_06_nbf_in_the_future: Twist::claim("nbf", seconds(61)) => Err(Fault::Clock);
    oa_06_nonce_invalid: Twist::claim("nonce", json!("another")) => Err(Fault::Nonce);
    oa_06_nonce_missing: Twist::without_claim("nonce") => Err(Fault::Nonce);
    oa_06_idtoken_sig_none: Twist::Signs(Signing::None) => Err(Fault::Algorithm);
    oa_06_hs256_with_the_public_key: Twist::Signs(Signing::PublicKeyAsSecret) => Err(Fault::Algorithm);
    oa_06_hs256_with_the_clients_secret: Twist::Signs(Signing::ClientSecret) => Err(Fault::Algorithm);
    oa_06_invalid_sig_rs256: Twist::Signs(Signing::Broken) => Err(Fault::Signature);
    oa_06_another_key_under_the_known_kid: Twist::Signs(Signing::StrangeKey) => Err(Fault::Signature);
    oa_06_unknown_kid: Twist::header(|header| drop(header.insert("kid".to_owned(), json!("x")))) => Err(Fault::Signature);
    oa_06_a_header_that_must_be_understood: Twist::header(|header| {
        header.insert("crit".to_owned(), json!(["b64"]));
    }) => Err(Fault::IdToken);
    oa_06_not_a_token: Twist::json(Endpoint::Token, |answer| {
        answer.insert("id_token".to_owned(), json!("x.y"));
    }) => Err(Fault::IdToken);
    oa_06_no_id_token: Twist::json(Endpoint::Token, |answer| drop(answer.remove("id_token"))) => Err(Fault::NoIdToken);
    oa_06_jwks_of_10_000_keys: Twist::json(Endpoint::Keys, |document| {
        document.insert("keys".to_owned(), json!(vec![json!({ "kty": "oct", "k": "AAAA" }); 10_000]));
    }) => Err(Fault::Keys);
    oa_06_jwks_without_a_key: Twist::json(Endpoint::Keys, |document| {
        document.insert("keys".to_owned(), json!([]));
    }) => Err(Fault::Keys);
    oa_06_keys_not_there: Twist::answers(Endpoint::Keys, || StatusCode::NOT_FOUND) => Err(Fault::Keys);
    keys_of_250_kib: padded_keys(250) => ben();
    keys_of_256_kib_and_more: padded_keys(256) => Err(Fault::TooLarge);
}
