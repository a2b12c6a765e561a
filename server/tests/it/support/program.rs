//! A program with an API key, through the server's own router.

use super::{Browser, World};
use app::{
    api::{
        api_keys::{ApiKeyLine, ApiKeyMade, ApiKeysView},
        login_methods::NextPage,
    },
    error::AppError,
};
use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde_json::Value;

/// A program that sends a key.
#[derive(Clone)]
pub struct Program {
    browser: Browser,
    /// The key.
    pub key: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["type"].is_string());
        (self.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Program {
    pub fn new(world: &World, key: &str) -> Self {
        Self { browser: world.browser(), key: key.to_owned() }
    }

    /// The same program in front of another instance.
    pub fn at(&self, world: &World) -> Self {
        Self::new(world, &self.key)
    }

    /// Sends a request with more headers.
    pub async fn sends(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.browser.send(request.body(body).unwrap()).await;
        Reply { status: answer.status, headers: answer.headers, body: answer.body }
    }

    pub async fn gets(&self, path: &str) -> Reply {
        self.sends(Method::GET, path, &[], None).await
    }

    pub async fn posts(&self, path: &str, body: &Value) -> Reply {
        self.sends(Method::POST, path, &[], Some(body)).await
    }

    /// Posts without a body.
    pub async fn asks(&self, path: &str) -> Reply {
        self.sends(Method::POST, path, &[], None).await
    }

    pub async fn patches(&self, path: &str, if_match: &str, body: &Value) -> Reply {
        self.sends(Method::PATCH, path, &[("if-match", if_match)], Some(body)).await
    }

    pub async fn deletes(&self, path: &str) -> Reply {
        self.sends(Method::DELETE, path, &[], None).await
    }
}

impl Browser {
    /// Makes a key in the settings.
    pub async fn makes_key(&self, name: &str, permissions: &[&str], lifetime: &str) -> Result<ApiKeyMade, AppError> {
        let mut fields = vec![("form[name]", name), ("form[lifetime]", lifetime)];
        fields.extend(permissions.iter().map(|key| ("form[permissions][]", *key)));
        self.call_in("api-keys/make", &fields).await
    }

    /// Gives a program a key with these permissions.
    pub async fn equips(&self, name: &str, permissions: &[&str]) -> Program {
        Program::new(self.world(), &self.makes_key(name, permissions, "").await.unwrap().key)
    }

    pub async fn lists_keys(&self) -> Result<ApiKeysView, AppError> {
        self.call_in("api-keys/list", &[]).await
    }

    /// The key of this name in the settings.
    pub async fn key(&self, name: &str) -> ApiKeyLine {
        let keys = self.lists_keys().await.unwrap().keys;
        keys.into_iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no key {name}"))
    }

    pub async fn revokes_key(&self, name: &str) -> Result<NextPage, AppError> {
        let id = self.key(name).await.id.to_string();
        self.call_in("api-keys/revoke", &[("key", &id)]).await
    }

    pub async fn takes_key_over(&self, name: &str) -> Result<NextPage, AppError> {
        let id = self.key(name).await.id.to_string();
        self.call_in("api-keys/take-over", &[("key", &id)]).await
    }
}
