//! The authorization request and the response to it.

use super::*;

#[tokio::test]
async fn oa_01_oa_02_every_attempt_asks_for_a_code_with_its_own_challenge_and_the_code_is_worth_nothing_without_it() {
    let story = Story::openid().await;
    let (one, other) = (story.begins(), story.begins());
    for redirect in [&one, &other] {
        let asked = query(&redirect.url);
        assert_eq!(asked["response_type"], "code", "OA-01");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["code_challenge"], URL_SAFE_NO_PAD.encode(Sha256::digest(&redirect.pending.verifier)));
        assert_eq!(URL_SAFE_NO_PAD.decode(&redirect.pending.verifier).unwrap().len(), 32, "256 bits");
        assert!(!redirect.url.contains(&redirect.pending.verifier), "{}", redirect.url);
    }
    assert_ne!(one.pending.verifier, other.pending.verifier);
    assert_ne!(one.pending.state, other.pending.state);

    let (pending, answer) = story.comes_back().await;
    let stolen = PendingAuthorization { verifier: other.pending.verifier, ..pending };
    assert_eq!(story.finishes(&stolen, &answer).await, Err(Fault::Grant));
}

#[tokio::test]
async fn oa_21_the_address_that_the_browser_is_sent_to_says_what_the_account_set_up_and_no_more() {
    let mut story = Story::openid().await;
    story.configuration.authorization_url.push_str("?tenant=acme");
    story.configuration.parameters = vec![("prompt".to_owned(), "select_account".to_owned())];
    let redirect = story.begins();
    let asked = query(&redirect.url);
    for (name, value) in [
        ("tenant", "acme"),
        ("prompt", "select_account"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid email"),
        ("state", &redirect.pending.state),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert_eq!(asked.len(), 10, "{asked:?}");
    for bad in ["http://id.example.org/authorize", "https://127.0.0.1/authorize", "id.example.org"] {
        story.configuration.authorization_url = bad.to_owned();
        let redirect = story.client.begin(&story.configuration, REDIRECT_URI, None);
        assert_eq!(redirect.map(|redirect| redirect.url), Err(Fault::AddressRefused), "{bad}");
    }
}

#[tokio::test]
async fn oa_05_an_answer_of_another_issuer_never_brings_its_code_to_this_one() {
    let mut story = Story::openid().await;
    let (pending, right) = story.comes_back().await;
    let named = |iss: Option<&str>| AuthorizationResponse { iss: iss.map(str::to_owned), ..right.clone() };
    for iss in [None, Some("https://id.evil.example"), Some(&*format!("{}/", story.provider.issuer())), Some("")] {
        assert_eq!(story.finishes(&pending, &named(iss)).await, Err(Fault::ResponseIssuer), "{iss:?}");
    }
    let refused = AuthorizationResponse { error: Some("access_denied".to_owned()), ..named(None) };
    assert_eq!(
        story.finishes(&pending, &refused).await,
        Err(Fault::Denied),
        "an error that names nobody leads to nothing"
    );
    for iss in ["https://id.evil.example", ""] {
        let lies = AuthorizationResponse { iss: Some(iss.to_owned()), ..refused.clone() };
        assert_eq!(
            story.finishes(&pending, &lies).await,
            Err(Fault::ResponseIssuer),
            "{iss:?}: one that lies is not believed"
        );
    }
    assert!(!story.provider.asked().contains(&"/token".to_owned()), "{:?}", story.provider.asked());

    // One that did not announce it may leave it out, but not lie.
    story.configuration.open_id.as_mut().unwrap().names_itself = false;
    assert_eq!(story.finishes(&pending, &named(Some("https://id.evil.example"))).await, Err(Fault::ResponseIssuer));
    assert!(story.finishes(&pending, &named(None)).await.is_ok());
}

rows! {
    oa_06_iss_parameter_wrong: Twist::callback(|answer| {
        answer.insert("iss".to_owned(), json!("https://id.evil.example"));
    }) => Err(Fault::ResponseIssuer);
    oa_06_iss_parameter_missing: Twist::callback(|answer| drop(answer.remove("iss"))) => Err(Fault::ResponseIssuer);
    oa_06_neither_code_nor_error: Twist::callback(|answer| drop(answer.remove("code"))) => Err(Fault::ProviderError);
    oa_06_cancelled_in_the_words_of_linkedin: Twist::says("user_cancelled_login") => Err(Fault::Denied);
    oa_06_cancelled_in_the_words_of_apple: Twist::says("user_cancelled_authorize") => Err(Fault::Denied);
    oa_06_login_required: Twist::says("login_required") => Err(Fault::InteractionRequired);
    oa_06_consent_required: Twist::says("consent_required") => Err(Fault::InteractionRequired);
    oa_06_interaction_required: Twist::says("interaction_required") => Err(Fault::InteractionRequired);
    oa_06_account_selection_required: Twist::says("account_selection_required") => Err(Fault::InteractionRequired);
}
