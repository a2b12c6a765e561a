//! A platform that signs people in by Roster, as its developer would write it: it follows the protocol by hand, so that it can also break it.

use super::{Answer, Browser, World};
use crate::mail_server::Authority;
use app::domain::time::Span;
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value};
use server::{
    config::{self, Client, Secret, SigningAlgorithm},
    openid_provider::verified_claims,
};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::{Url, form_urlencoded};

pub const SECRET: &str = "a secret of the platform, long enough: +/%";
pub const BACK: &str = "https://bots.example.org/back?from=roster";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A confidential client.
pub fn client(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        name: "Bots & Co".to_owned(),
        secret: Some(Secret::new(SECRET)),
        secret_file: None,
        public_keys: None,
        public_keys_file: None,
        redirect_uris: vec![BACK.to_owned()],
        post_logout_redirect_uris: vec!["https://bots.example.org/bye".to_owned()],
        backchannel_logout_uri: None,
        account: None,
        pairwise_subjects: false,
        algorithm: SigningAlgorithm::Es256,
    }
}

/// A client without a secret.
pub fn public_client(id: &str) -> Client {
    Client { secret: None, ..client(id) }
}

/// What a platform was given.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id_token: String,
}

/// A platform, seen from its own server.
#[derive(Clone)]
pub struct Platform {
    world: World,
    pub client: Client,
}

impl World {
    /// The same deployment with these clients in its settings.
    pub fn with_clients(&self, clients: &[Client]) -> Self {
        self.configured(|config| config.client = clients.to_vec())
    }

    /// The platform of a client.
    pub fn platform(&self, client: Client) -> Platform {
        Platform { world: self.clone(), client }
    }
}

impl Platform {
    /// Where it sends people, with more parameters or others.
    pub fn sends_to(&self, changes: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut parameters = vec![
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", "openid profile email roster"),
            ("state", "a state & more"),
            ("nonce", "a nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("/oidc/authorize?{query}")
    }

    /// Sends a browser to Roster; what comes back at once.
    pub async fn asks(&self, browser: &Browser, changes: &[(&str, &str)]) -> Answer {
        browser.at(&self.world).get(&self.sends_to(changes)).await
    }

    /// The code that an answer brings back.
    pub fn code_in(&self, answer: &Answer) -> String {
        let back = brought_back(answer.location());
        let value = |name: &str| back.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert!(answer.location().starts_with("https://bots.example.org/back?from=roster&code="), "{answer:?}");
        assert_eq!(value("state").as_deref(), Some("a state & more"));
        assert_eq!(value("iss").as_deref(), Some("http://127.0.0.1:3000"));
        value("code").unwrap()
    }

    /// Posts a form as the platform's server does: with its secret in a header, and no cookie.
    pub async fn posts(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let credentials = self.client.secret.as_ref().map(|secret| {
            format!("Basic {}", STANDARD.encode(format!("{}:{}", part(&self.client.id), part(secret.expose()))))
        });
        let mut fields = fields.to_vec();
        if credentials.is_none() {
            fields.push(("client_id", &self.client.id));
        }
        self.posts_as(path, credentials.as_deref(), &fields).await
    }

    pub async fn posts_as(&self, path: &str, authorization: Option<&str>, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.world.browser().send(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn exchanges_with(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        self.posts("/oidc/token", &fields).await
    }

    pub async fn exchanges(&self, code: &str) -> Answer {
        self.exchanges_with(code, &[]).await
    }

    pub async fn refreshes(&self, refresh: &str) -> Answer {
        self.posts("/oidc/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await
    }

    pub fn tokens_in(&self, answer: &Answer) -> Tokens {
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(json["token_type"], "Bearer");
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token"), id_token: text("id_token") }
    }

    /// The whole way of somebody who is signed in at Roster.
    pub async fn signs_in(&self, browser: &Browser) -> Tokens {
        let code = self.code_in(&self.asks(browser, &[]).await);
        self.tokens_in(&self.exchanges(&code).await)
    }

    pub async fn introspects(&self, token: &str) -> Value {
        let answer = self.posts("/oidc/introspect", &[("token", token)]).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub async fn asks_for_user_info(&self, access: &str) -> Answer {
        let request = Request::builder()
            .uri("/oidc/userinfo")
            .header(header::AUTHORIZATION, format!("Bearer {access}"))
            .body(Body::empty())
            .unwrap();
        self.world.browser().send(request).await
    }

    /// The claims of a token, whose signature fits the keys that Roster publishes.
    pub async fn reads(&self, token: &str) -> Map<String, Value> {
        let keys: Value = serde_json::from_str(&self.world.browser().get("/oidc/jwks.json").await.body).unwrap();
        verified_claims(token, keys["keys"].as_array().unwrap()).expect("a signature of Roster's")
    }

    /// The account that a token opens, by the ID token beside it.
    pub async fn account_of(&self, tokens: &Tokens) -> Value {
        self.reads(&tokens.id_token).await["roster:account"]["id"].clone()
    }

    /// Is every token good for nothing any more? The refresh token is used up by asking.
    pub async fn has_lost(&self, tokens: &Tokens) {
        assert_eq!(self.introspects(&tokens.access).await, serde_json::json!({ "active": false }));
        assert_eq!(self.asks_for_user_info(&tokens.access).await.status.as_u16(), 401);
        let refreshed = self.refreshes(&tokens.refresh).await;
        assert_eq!((refreshed.status.as_u16(), refreshed.body.as_str()), (400, r#"{"error":"invalid_grant"}"#));
    }
}

/// What an address brings back.
pub fn brought_back(location: &str) -> Vec<(String, String)> {
    Url::parse(location).unwrap_or_else(|_| panic!("{location:?}")).query_pairs().into_owned().collect()
}

/// The error that an address brings back.
pub fn error_in(answer: &Answer) -> String {
    let back = brought_back(answer.location());
    back.into_iter().find(|(name, _)| name == "error").unwrap_or_else(|| panic!("{answer:?}")).1
}

/// Where a platform is told of ended sign-ins: it keeps what it is sent, and answers with these statuses, the last one from then on.
pub struct Listener {
    pub url: String,
    pub heard: Arc<Mutex<Vec<String>>>,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Listener {
    pub async fn answering(statuses: &'static [&'static str]) -> Self {
        let authority = Authority::of("localhost");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/ended", tcp.local_addr().unwrap().port());
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, tls) = (heard.clone(), authority.acceptor());
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let Ok(mut stream) = tls.accept(stream).await else { continue };
                let mut read = Vec::new();
                let mut part = [0; 4096];
                while let Ok(bytes @ 1..) = stream.read(&mut part).await {
                    read.extend_from_slice(&part[..bytes]);
                    let text = String::from_utf8_lossy(&read);
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_ascii_lowercase();
                    let length =
                        length.split("content-length: ").nth(1).and_then(|rest| rest.split_whitespace().next());
                    if body.len() >= length.unwrap().parse::<usize>().unwrap() {
                        break;
                    }
                }
                let text = String::from_utf8(read).unwrap();
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(text.split("logout_token=").nth(1).unwrap_or_default().to_owned());
                    kept.len() - 1
                };
                let status = statuses[number.min(statuses.len() - 1)];
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, heard, authority, folder: tempfile::tempdir().unwrap() }
    }

    /// The settings by which it can be reached.
    pub fn settings(&self) -> config::OAuth {
        self.settings_beside("")
    }

    /// The settings by which it can be reached, and whoever else these certificates vouch for.
    pub fn settings_beside(&self, certificates: &str) -> config::OAuth {
        let file = self.folder.path().join("authorities.pem");
        std::fs::write(&file, format!("{}{certificates}", self.authority.pem())).unwrap();
        config::OAuth { ca_file: Some(file), allow_hosts: vec!["localhost".to_owned()] }
    }

    /// What it heard last.
    pub fn last(&self) -> String {
        self.heard.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Waits until it has heard so many.
    pub async fn hears(&self, count: usize) {
        while self.count() < count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

/// A moment later.
pub fn later(world: &World) {
    world.advance(Span::seconds(1));
}
