//! The OAuth client and real providers, good and hostile (the tables of OA-06 and F23).

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

mod authorization;
mod claims;
mod discovery;
mod exchange;
mod faults;
mod id_token;

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

/// Moves the clock of timers, not the calendar's.
async fn passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn ben() -> Result<String, Fault> {
    Ok(BEN.to_owned())
}

/// An answer of another kind than JSON.
fn html() -> impl axum::response::IntoResponse {
    axum::response::Html("<h1>Please call 555-0100</h1>")
}

/// A token with five parts, as authentik makes one with an encryption key.
fn encrypted() -> String {
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT" });
    format!("{}.AAAA.BBBB.CCCC.DDDD", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The faults of discovering an issuer whose document is like this.
async fn discovering(twist: Twist) -> Option<Fault> {
    let story = Story::twisted(twist).await;
    story.client.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault)
}
