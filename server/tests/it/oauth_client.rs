//! The OAuth client and real providers, good and hostile (the tables of OA-06 and F23).

use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Endpoint, Provider, Signing, Twist};
use app::domain::{
    oauth::{ClaimPath, ClientAuthentication, Configuration, Fault, Warning},
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
    oauth::{Begun, CallbackAnswer, Claims, Client, Kept, SetUpError},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;

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

    fn begins(&self) -> Begun {
        self.client.begin(&self.configuration, REDIRECT_URI).unwrap()
    }

    /// As far as the browser's way back.
    async fn comes_back(&self) -> (Kept, CallbackAnswer) {
        let begun = self.begins();
        let location = Url::parse(&self.provider.visit(&begun.url).await).unwrap();
        let answer: HashMap<String, String> = location.query_pairs().into_owned().collect();
        assert_eq!(answer.get("state"), Some(&begun.kept.state));
        let of = |name: &str| answer.get(name).cloned();
        (begun.kept, CallbackAnswer { code: of("code"), error: of("error"), iss: of("iss") })
    }

    async fn finishes(&self, kept: &Kept, answer: &CallbackAnswer) -> Result<Claims, Fault> {
        let Self { client, configuration, .. } = self;
        client.finish(configuration, Some(CLIENT_SECRET), REDIRECT_URI, kept, answer, self.clock.now()).await
    }

    /// A whole sign-in.
    async fn signs_in(&self) -> Result<Claims, Fault> {
        let (kept, answer) = self.comes_back().await;
        self.finishes(&kept, &answer).await
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
