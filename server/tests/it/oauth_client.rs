//! The OAuth client and real providers, good and hostile (the tables of OA-06 and F23).

use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Endpoint, Provider, Signing, Twist, signed};
use app::domain::{
    ids::AccountId,
    oauth::{ClaimPath, ClientAuthentication, Configuration, Failure, Fault, Warning},
    time::{Span, Timestamp},
};
use axum::{
    body::Body,
    http::{StatusCode, header},
    response::Redirect,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use server::{
    clock::{Clock, HandSetClock},
    config::OAuth,
    oauth::{AuthorizationRedirect, AuthorizationResponse, Claims, Client, PendingAuthorization, SetUpError},
    tls::TlsError,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::nil());
const NOON: Timestamp = Timestamp(1_777_896_000_000);
const REDIRECT_URI: &str = "https://roster.example.org/oauth/callback/7";

/// A provider, and Roster with a login method set up for it.
struct Story {
    provider: Provider,
    client: Client,
    configuration: Configuration,
    clock: Arc<HandSetClock>,
}

impl Story {
    async fn openid() -> Self {
        let clock = Arc::new(HandSetClock::at(NOON));
        Self::with(Provider::openid(clock.clone()).await, clock)
    }

    async fn plain() -> Self {
        let clock = Arc::new(HandSetClock::at(NOON));
        Self::with(Provider::plain(clock.clone()).await, clock)
    }

    fn with(provider: Provider, clock: Arc<HandSetClock>) -> Self {
        let client = Client::new(&provider.settings()).unwrap();
        Self { client, configuration: provider.configuration(), provider, clock }
    }

    async fn twisted(twist: Twist) -> Self {
        let story = Self::openid().await;
        story.provider.twist(twist);
        story
    }

    fn begins(&self) -> AuthorizationRedirect {
        self.client.begin(&self.configuration, REDIRECT_URI, None).unwrap()
    }

    /// As far as the browser's way back.
    async fn comes_back(&self) -> (PendingAuthorization, AuthorizationResponse) {
        let redirect = self.begins();
        let location = Url::parse(&self.provider.visit(&redirect.url).await).unwrap();
        let answer: HashMap<String, String> = location.query_pairs().into_owned().collect();
        assert_eq!(answer.get("state"), Some(&redirect.pending.state));
        let of = |name: &str| answer.get(name).cloned();
        (redirect.pending, AuthorizationResponse { code: of("code"), error: of("error"), iss: of("iss") })
    }

    async fn finishes(&self, pending: &PendingAuthorization, answer: &AuthorizationResponse) -> Result<Claims, Fault> {
        self.finishes_or_says_why(pending, answer).await.map_err(|failure| failure.fault)
    }

    async fn finishes_or_says_why(
        &self,
        pending: &PendingAuthorization,
        answer: &AuthorizationResponse,
    ) -> Result<Claims, Failure> {
        let (by, secret, now) = (&self.configuration, Some(CLIENT_SECRET), self.clock.now());
        self.client.finish(ACCOUNT, by, secret, REDIRECT_URI, pending, answer, true, now).await
    }

    /// What a sign-in that fails says of it.
    async fn fails(&self) -> Failure {
        let (pending, answer) = self.comes_back().await;
        self.finishes_or_says_why(&pending, &answer).await.unwrap_err()
    }

    /// A whole sign-in.
    async fn signs_in(&self) -> Result<Claims, Fault> {
        let (pending, answer) = self.comes_back().await;
        self.finishes(&pending, &answer).await
    }

    /// The identifier of who signs in.
    async fn identifier(&self) -> Result<String, Fault> {
        Ok(self.signs_in().await?.person(&self.configuration)?.identifier)
    }
}

fn query(url: &str) -> HashMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Seconds since 1970 so far from now.
fn seconds(from_now: i64) -> Value {
    json!(NOON.0 / 1000 + from_now)
}

const BEN: &str = "248289761001";

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

#[tokio::test]
async fn oa_06_discovery_openid_config() {
    let story = Story::openid().await;
    let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
    assert_eq!(discovered.client_authentications, [ClientAuthentication::Basic, ClientAuthentication::None]);
    let mut configuration = Configuration {
        open_id: None,
        authorization_url: String::new(),
        token_url: String::new(),
        user_info_url: None,
        ..story.configuration.clone()
    };
    discovered.fill_in(&mut configuration);
    assert_eq!(configuration, story.configuration);

    // The least that a document says.
    story.provider.twist(Twist::json(Endpoint::Discovery, |document| {
        document.retain(|name, _| name.ends_with("_endpoint") || name == "issuer" || name == "jwks_uri");
        document.remove("userinfo_endpoint");
    }));
    let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
    assert_eq!(discovered.client_authentications, [ClientAuthentication::Basic], "the default of the specification");
    assert_eq!((discovered.names_itself, discovered.user_info_url), (false, None));
    assert!(!discovered.lacks_s256, "who says nothing of it may know it");
    for (methods, lacks) in [(json!(["plain", "S256"]), false), (json!(["plain"]), true), (json!([]), true)] {
        story.provider.twist(Twist::json(Endpoint::Discovery, move |document| {
            document.insert("code_challenge_methods_supported".to_owned(), methods.clone());
        }));
        let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
        assert_eq!(discovered.lacks_s256, lacks);
    }
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

/// Moves the clock of timers, not the calendar's.
async fn passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// One row of the table each: the provider does one thing in its own way, and the sign-in ends as it must.
macro_rules! rows {
    ($($name:ident: $twist:expr => $outcome:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let story = Story::twisted($twist).await;
            assert_eq!(story.identifier().await, $outcome);
        }
    )*};
}

fn ben() -> Result<String, Fault> {
    Ok(BEN.to_owned())
}

fn kid_absent(header: &mut serde_json::Map<String, Value>) {
    header.remove("kid");
}

/// An answer of another kind than JSON.
fn html() -> impl axum::response::IntoResponse {
    axum::response::Html("<h1>Please call 555-0100</h1>")
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
    oa_06_userinfo_invalid_sub: Twist::json(Endpoint::UserInfo, |claims| {
        claims.insert("sub".to_owned(), json!("another"));
    }) => Err(Fault::UserInfoSubject);
    oa_06_jwks_of_10_000_keys: Twist::json(Endpoint::Keys, |document| {
        document.insert("keys".to_owned(), json!(vec![json!({ "kty": "oct", "k": "AAAA" }); 10_000]));
    }) => Err(Fault::Keys);
    oa_06_jwks_without_a_key: Twist::json(Endpoint::Keys, |document| {
        document.insert("keys".to_owned(), json!([]));
    }) => Err(Fault::Keys);
    oa_06_keys_not_there: Twist::answers(Endpoint::Keys, || StatusCode::NOT_FOUND) => Err(Fault::Keys);
    oa_06_iss_parameter_wrong: Twist::callback(|answer| {
        answer.insert("iss".to_owned(), json!("https://id.evil.example"));
    }) => Err(Fault::ResponseIssuer);
    oa_06_iss_parameter_missing: Twist::callback(|answer| drop(answer.remove("iss"))) => Err(Fault::ResponseIssuer);
    oa_06_neither_code_nor_error: Twist::callback(|answer| drop(answer.remove("code"))) => Err(Fault::ProviderError);
    oa_06_token_endpoint_200_with_text_html: Twist::answers(Endpoint::Token, html) => Err(Fault::TokenAnswer);
    oa_06_token_endpoint_302: Twist::answers(Endpoint::Token, || Redirect::to("https://id.evil.example/")) => Err(Fault::Redirected);
    oa_06_token_type_of_another_kind: Twist::json(Endpoint::Token, |answer| {
        answer.insert("token_type".to_owned(), json!("mac"));
    }) => Err(Fault::TokenType);
    oa_06_token_type_missing: Twist::json(Endpoint::Token, |answer| drop(answer.remove("token_type"))) => ben();
    oa_06_token_type_null: Twist::json(Endpoint::Token, |answer| drop(answer.insert("token_type".to_owned(), Value::Null))) => ben();
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
    oa_06_cancelled_in_the_words_of_linkedin: Twist::says("user_cancelled_login") => Err(Fault::Denied);
    oa_06_cancelled_in_the_words_of_apple: Twist::says("user_cancelled_authorize") => Err(Fault::Denied);
    oa_06_login_required: Twist::says("login_required") => Err(Fault::InteractionRequired);
    oa_06_consent_required: Twist::says("consent_required") => Err(Fault::InteractionRequired);
    oa_06_interaction_required: Twist::says("interaction_required") => Err(Fault::InteractionRequired);
    oa_06_account_selection_required: Twist::says("account_selection_required") => Err(Fault::InteractionRequired);
    oa_06_expires_in_as_text: expires_in(json!("3600")) => ben();
    oa_06_expires_in_as_a_fraction: expires_in(json!(3599.5)) => ben();
    oa_06_expires_in_negative: expires_in(json!(-1)) => ben();
    oa_06_expires_in_null: expires_in(Value::Null) => ben();
    oa_06_user_info_of_another_kind: Twist::answers(Endpoint::UserInfo, html) => Err(Fault::UserInfo);
    oa_06_user_info_refused: Twist::answers(Endpoint::UserInfo, || StatusCode::FORBIDDEN) => Err(Fault::UserInfo);
    oa_06_user_info_of_1_mib: Twist::json(Endpoint::UserInfo, |claims| {
        claims.insert("picture".to_owned(), json!("x".repeat(1024 * 1024)));
    }) => Err(Fault::TooLarge);
    user_info_of_60_kib: picture(60) => ben();
    user_info_of_64_kib_and_more: picture(64) => Err(Fault::TooLarge);
    keys_of_250_kib: padded_keys(250) => ben();
    keys_of_256_kib_and_more: padded_keys(256) => Err(Fault::TooLarge);
}

/// The user-info endpoint answers as OpenID Connect Core 1.0, section 5.3.2, lets it.
fn signed_user_info(edit: fn(&mut serde_json::Map<String, Value>)) -> Twist {
    Twist::answers(Endpoint::UserInfo, move || {
        let mut claims = json!({ "sub": BEN, "email": "ben@example.org" }).as_object().unwrap().clone();
        edit(&mut claims);
        ([(header::CONTENT_TYPE, "application/jwt")], signed(&claims))
    })
}

/// A token with five parts, as authentik makes one with an encryption key.
fn encrypted() -> String {
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT" });
    format!("{}.AAAA.BBBB.CCCC.DDDD", URL_SAFE_NO_PAD.encode(header.to_string()))
}

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
        let wanted = Failure { fault, expected: expected.map(str::to_owned), received: received.map(str::to_owned) };
        assert_eq!(failure, wanted);
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
async fn oa_20_a_discovery_document_elsewhere_is_read_where_the_account_says_and_still_names_the_issuer() {
    let story = Story::openid().await;
    let named = "https://login.example/11111111-2222/v2.0/";
    story.provider.twist(Twist::json(Endpoint::Discovery, move |document| {
        document.insert("issuer".to_owned(), json!(named));
    }));
    let (own, at) = (story.provider.issuer(), story.provider.url(Endpoint::Discovery));
    let refused = story.client.discover(ACCOUNT, own, None).await.unwrap_err();
    assert_eq!(refused, Failure::differs(Fault::DiscoveryIssuer, own, Some(named)));
    assert_eq!(story.client.discover(ACCOUNT, named, Some(&at)).await.unwrap().issuer, named);
    assert!(story.client.discover(ACCOUNT, own, Some(&at)).await.is_err());
}

#[tokio::test]
async fn oa_15_an_address_without_https_in_a_discovery_document_is_named() {
    for (member, url) in [
        ("token_endpoint", "http://id.example/token"),
        ("jwks_uri", "http://id.example/keys"),
        ("userinfo_endpoint", "ftp://x/"),
    ] {
        let story = Story::twisted(Twist::json(Endpoint::Discovery, move |document| {
            document.insert(member.to_owned(), json!(url));
        }))
        .await;
        let failure = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap_err();
        assert_eq!(failure, Failure::received(Fault::DiscoveryEndpoint, &format!("{member}: {url}")));
    }
    let story = Story::twisted(Twist::json(Endpoint::Discovery, |document| {
        document.insert("jwks_uri".to_owned(), json!("https://10.0.0.1/keys"));
    }))
    .await;
    let failure = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap_err();
    assert_eq!(failure, Failure::received(Fault::AddressRefused, "jwks_uri: https://10.0.0.1/keys"));
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

fn expires_in(value: Value) -> Twist {
    Twist::json(Endpoint::Token, move |answer| drop(answer.insert("expires_in".to_owned(), value.clone())))
}

fn picture(kib: usize) -> Twist {
    Twist::json(Endpoint::UserInfo, move |claims| {
        claims.insert("picture".to_owned(), json!("x".repeat(kib * 1024)));
    })
}

fn padded_keys(kib: usize) -> Twist {
    Twist::json(Endpoint::Keys, move |document| drop(document.insert("x".to_owned(), json!("x".repeat(kib * 1024)))))
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
async fn oa_06_code_replay() {
    let story = Story::openid().await;
    let (pending, answer) = story.comes_back().await;
    assert!(story.finishes(&pending, &answer).await.is_ok());
    assert_eq!(story.finishes(&pending, &answer).await, Err(Fault::Grant));
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

/// The faults of discovering an issuer whose document is like this.
async fn discovering(twist: Twist) -> Option<Fault> {
    let story = Story::twisted(twist).await;
    story.client.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault)
}

#[tokio::test]
async fn oa_20_the_document_names_the_issuer_that_was_asked_exactly() {
    let names = |edit: fn(&str) -> String| {
        Twist::json(Endpoint::Discovery, move |document| {
            let issuer = edit(document["issuer"].as_str().unwrap());
            document.insert("issuer".to_owned(), json!(issuer));
        })
    };
    for other in [
        |issuer: &str| format!("{issuer}/"),
        |_: &str| "https://id.evil.example".to_owned(),
        |issuer: &str| issuer.to_uppercase(),
    ] {
        assert_eq!(discovering(names(other)).await, Some(Fault::DiscoveryIssuer));
    }
    // One with a slash at the end is another issuer, whose document is in the same place.
    let story = Story::twisted(names(|issuer| format!("{issuer}/"))).await;
    let issuer = format!("{}/", story.provider.issuer());
    assert_eq!(story.client.discover(ACCOUNT, &issuer, None).await.unwrap().issuer, issuer);
}

#[tokio::test]
async fn oa_20_a_document_that_is_none_is_refused() {
    let without = |name: &'static str| Twist::json(Endpoint::Discovery, move |document| drop(document.remove(name)));
    for twist in [
        Twist::answers(Endpoint::Discovery, || StatusCode::NOT_FOUND),
        Twist::answers(Endpoint::Discovery, html),
        Twist::answers(Endpoint::Discovery, || "[]"),
        without("issuer"),
        without("authorization_endpoint"),
        without("token_endpoint"),
        without("jwks_uri"),
    ] {
        assert_eq!(discovering(twist).await, Some(Fault::Discovery));
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        for (refused, fault) in [
            ("http://localhost/x", Fault::DiscoveryEndpoint),
            ("https://169.254.169.254/x", Fault::AddressRefused),
            ("/relative", Fault::DiscoveryEndpoint),
            ("javascript:alert(1)", Fault::DiscoveryEndpoint),
        ] {
            let twist = Twist::json(Endpoint::Discovery, move |document| {
                document.insert(name.to_owned(), json!(refused));
            });
            assert_eq!(discovering(twist).await, Some(fault), "{name} {refused}");
        }
    }
}

#[tokio::test]
async fn oa_15_a_document_of_10_mib_is_not_read_to_its_end() {
    let huge = || Body::from(vec![b' '; 10 * 1024 * 1024]);
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, huge)).await, Some(Fault::TooLarge));
    // Nor is one that does not say how long it is.
    let endless = || Body::from_stream(futures::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 65_536])));
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, endless)).await, Some(Fault::TooLarge));
}

#[tokio::test]
async fn oa_15_redirects_are_not_followed() {
    let story = Story::openid().await;
    let elsewhere = story.provider.url(Endpoint::Keys);
    for status in [301, 302, 303, 307, 308] {
        let (story, to) = (Story::openid().await, elsewhere.clone());
        story.provider.twist(Twist::answers(Endpoint::Discovery, move || {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to.clone())])
        }));
        assert_eq!(
            story.client.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault),
            Some(Fault::Redirected),
            "{status}"
        );
    }
    assert!(story.provider.asked().is_empty(), "{:?}", story.provider.asked());
}

/// 60 kB that would become 9 MiB of white space: small enough to be read, and never unpacked, so it is just not JSON.
#[tokio::test]
async fn oa_15_a_gzip_bomb_is_not_unpacked() {
    let bomb = || ([(header::CONTENT_ENCODING, "gzip"), (header::CONTENT_TYPE, "application/json")], gzip_of_spaces());
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, bomb)).await, Some(Fault::Discovery));
}

/// Deflate blocks of a run of spaces, 258 at a time; enough of the format (RFC 1951, RFC 1952) for a bomb.
fn gzip_of_spaces() -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // A literal space, code 0x30 + 0x20 in 8 bits.
    bits.extend((0..8).rev().map(|bit| (0x50 >> bit) & 1 == 1));
    for _ in 0..37_000 {
        // Length 258 is symbol 285, 8 bits of 0xc5; distance 1 is 5 bits of zero.
        bits.extend((0..8).rev().map(|bit| (0xc5 >> bit) & 1 == 1));
        bits.extend([false; 5]);
    }
    bits.extend([false; 7]);
    let packed = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(*bit)));
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(packed).chain([0; 8]).collect()
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

#[tokio::test]
async fn plain_oauth_knows_people_by_the_user_info_endpoint() {
    let mut story = Story::plain().await;
    let person = story.signs_in().await.unwrap().person(&story.configuration).unwrap();
    assert_eq!((person.identifier.as_str(), person.email.as_deref()), ("583231", Some("ben@example.org")));
    assert_eq!(story.provider.asked(), ["/authorize", "/token", "/me"]);
    story.configuration.user_info_url = None;
    assert_eq!(story.identifier().await, Err(Fault::UserInfo));
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
