//! The exchange of a code for tokens.

use super::*;

#[tokio::test]
async fn oa_06_client_test() {
    let story = Story::openid().await;
    let claims = story.signs_in().await.unwrap();
    let person = claims.person(&story.configuration).unwrap();
    assert_eq!(person.identifier, BEN);
    assert_eq!((person.email.as_deref(), person.email_verified), (Some("ben@example.org"), true));
    assert_eq!(person.name().as_deref(), Some("Ben Bø"));
    assert_eq!(story.provider.asked(), ["/authorize", "/token", "/keys", "/me"]);
}

#[tokio::test]
async fn oa_06_client_secret_basic_and_the_other_ways_to_prove_oneself() {
    let mut story = Story::openid().await;
    for way in ClientAuthentication::ALL {
        story.provider.authenticates(way);
        for tried in ClientAuthentication::ALL {
            story.configuration.client_authentication = tried;
            let expected = if tried == way { Ok(BEN.to_owned()) } else { Err(Fault::ClientAuthentication) };
            assert_eq!(story.identifier().await, expected, "{tried:?} for {way:?}");
        }
    }
    story.configuration.client_authentication = ClientAuthentication::Basic;
    let (pending, answer) = story.comes_back().await;
    let Story { client, configuration, .. } = &story;
    let without = client.finish(ACCOUNT, configuration, None, REDIRECT_URI, &pending, &answer, false, NOON).await;
    assert_eq!(without, Err(Fault::ClientAuthentication.into()));
}

fn expires_in(value: Value) -> Twist {
    Twist::json(Endpoint::Token, move |answer| drop(answer.insert("expires_in".to_owned(), value.clone())))
}

/// GitHub's old form and text/plain are read alike (plain OAuth needs no ID token); what is no token answer stays none.
#[tokio::test]
async fn oa_06_token_answers_are_read_whatever_their_content_type() {
    let form = "access_token=abc&token_type=Bearer&expires_in=x";
    for (kind, body) in [
        ("application/x-www-form-urlencoded", form),
        ("text/plain", r#"{"access_token":"abc","token_type":"BEARER"}"#),
        ("text/html", r#"{"access_token":"abc","token_type":"bearer"}"#),
    ] {
        let answer = move || ([(header::CONTENT_TYPE, kind)], body);
        // It was read: what is missed is the ID token, which proves the person.
        let story = Story::twisted(Twist::answers(Endpoint::Token, answer)).await;
        assert_eq!(story.identifier().await, Err(Fault::NoIdToken), "{kind}");
    }
}

#[tokio::test]
async fn oa_06_code_replay() {
    let story = Story::openid().await;
    let (pending, answer) = story.comes_back().await;
    assert!(story.finishes(&pending, &answer).await.is_ok());
    assert_eq!(story.finishes(&pending, &answer).await, Err(Fault::Grant));
}

#[tokio::test]
async fn oa_13_a_code_is_good_for_the_redirect_uri_that_it_was_asked_for() {
    let story = Story::openid().await;
    let (pending, answer) = story.comes_back().await;
    let Story { client, configuration, .. } = &story;
    let elsewhere = format!("{REDIRECT_URI}/");
    let finished =
        client.finish(ACCOUNT, configuration, Some(CLIENT_SECRET), &elsewhere, &pending, &answer, false, NOON).await;
    assert_eq!(finished.unwrap_err().fault, Fault::Grant);
}

rows! {
    oa_06_token_endpoint_200_with_text_html: Twist::answers(Endpoint::Token, html) => Err(Fault::TokenAnswer);
    oa_06_token_endpoint_302: Twist::answers(Endpoint::Token, || Redirect::to("https://id.evil.example/")) => Err(Fault::Redirected);
    oa_06_token_type_of_another_kind: Twist::json(Endpoint::Token, |answer| {
        answer.insert("token_type".to_owned(), json!("mac"));
    }) => Err(Fault::TokenType);
    oa_06_token_type_missing: Twist::json(Endpoint::Token, |answer| drop(answer.remove("token_type"))) => ben();
    oa_06_token_type_null: Twist::json(Endpoint::Token, |answer| drop(answer.insert("token_type".to_owned(), Value::Null))) => ben();
    oa_06_expires_in_as_text: expires_in(json!("3600")) => ben();
    oa_06_expires_in_as_a_fraction: expires_in(json!(3599.5)) => ben();
    oa_06_expires_in_negative: expires_in(json!(-1)) => ben();
    oa_06_expires_in_null: expires_in(Value::Null) => ben();
}
