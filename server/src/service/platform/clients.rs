//! The clients: platforms that sign people in by Roster. They stand in the settings file, or were registered by `roster client`.

use super::TokenError;
use crate::{
    config::{self, client_settings},
    context::Services,
    openid_provider::{TOKEN, verified_claims},
    secrets::Token,
    service::sessions::sign_in::ip_key,
    storage::{
        StorageError, Tx, platform_clients, platform_sign_ins,
        rate_buckets::{self, Limit},
    },
};
use app::domain::time::{Span, Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{fmt, net::IpAddr};
use thiserror::Error;
use url::Url;

/// How long what a client signs of itself may be good at most, and how far its clock may be ahead.
const MAX_ASSERTION_TTL: Span = Span::minutes(10);
const CLOCK_SKEW: Span = Span::seconds(30);

/// A client, and how it proves itself.
#[derive(Clone, Debug)]
pub struct PlatformClient {
    /// What it registered.
    pub settings: config::Client,
    /// The hashes of the secrets that are taken; a public client has none.
    secrets: Vec<Vec<u8>>,
}

impl PlatformClient {
    fn from_settings(settings: &config::Client) -> Self {
        let secret = settings.secret.as_ref().map(|secret| hash(secret.expose()));
        let settings = config::Client { secret: None, secret_file: None, ..settings.clone() };
        Self { settings, secrets: secret.into_iter().collect() }
    }

    /// Has it neither secret nor key, as pages and apps have none?
    pub const fn is_public(&self) -> bool {
        self.secrets.is_empty() && self.settings.public_keys.is_none()
    }

    /// What people are called by it: by one name for all clients, or by one of its own.
    pub(super) fn sector(&self) -> &str {
        if self.settings.pairwise_subjects { &self.settings.id } else { "" }
    }

    fn knows(&self, secret: Option<&str>) -> bool {
        match secret.filter(|secret| !secret.is_empty()) {
            None => self.is_public(),
            Some(secret) => self.secrets.contains(&hash(secret)),
        }
    }

    /// What the client says of itself, signed with a key of its own.
    fn assertion(&self, assertion: &str) -> Option<Map<String, Value>> {
        let set: Value = serde_json::from_str(self.settings.public_keys.as_deref()?).ok()?;
        verified_claims(assertion, set.get("keys")?.as_array()?)
    }
}

/// Secrets are random, so that a plain hash keeps them.
fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// How a client says who it is, at the endpoints for programs.
#[derive(Clone, Default)]
pub struct ClientCredentials {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Option<String>,
    /// What it says of itself, signed (RFC 7523).
    pub assertion: Option<String>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCredentials(…)")
    }
}

/// Why the operator cannot do that with a client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is one of this id, in the database or in the settings file.
    #[error("there is a client {0} already")]
    Known(String),
    /// There is none that the command line could change.
    #[error("there is no client {0} that was made by `client add`; those of the settings file are changed there")]
    Unknown(String),
    /// A public client has none to rotate.
    #[error("client {0} has no secret")]
    Public(String),
    /// It cannot be registered so.
    #[error("{0}")]
    Settings(#[from] config::ConfigError),
    /// The database's.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

impl Services {
    /// The client of this id.
    pub(super) async fn platform_client(&self, tx: &mut Tx, id: &str) -> Result<Option<PlatformClient>, StorageError> {
        if let Some(settings) = self.config.client.iter().find(|client| client.id == id) {
            return Ok(Some(PlatformClient::from_settings(settings)));
        }
        Ok(platform_clients::find(tx, id).await?.map(|client| self.registered(client)))
    }

    fn registered(&self, client: platform_clients::RegisteredClient) -> PlatformClient {
        let now = self.now();
        let earlier = client.earlier_secret.filter(|(_, until)| *until > now).map(|(hash, _)| hash);
        PlatformClient { secrets: client.secret_hash.into_iter().chain(earlier).collect(), settings: client.settings }
    }

    /// All clients; whether they stand in the settings file.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_clients(&self) -> Result<Vec<(PlatformClient, bool)>, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let registered = platform_clients::all(&mut tx).await?;
        let in_file = self.config.client.iter().map(|client| (PlatformClient::from_settings(client), true));
        Ok(in_file.chain(registered.into_iter().map(|client| (self.registered(client), false))).collect())
    }

    /// Is this the origin of a page that a public client is made of? Such a page may read what the endpoints answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_origin_of_public_client(&self, origin: &str) -> Result<bool, StorageError> {
        let clients = self.list_clients().await?;
        let origins = clients.iter().filter(|(client, _)| client.is_public()).flat_map(|(client, _)| {
            client.settings.redirect_uris.iter().filter_map(|uri| Some(Url::parse(uri).ok()?.origin()))
        });
        Ok(origins.into_iter().any(|known| known.is_tuple() && known.ascii_serialization() == origin))
    }

    /// Registers a client; answers its secret, which is shown once, unless it is public.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_client(&self, settings: &config::Client, public: bool) -> Result<Option<Token>, ClientError> {
        client_settings(settings)?;
        let known = || ClientError::Known(settings.id.clone());
        if self.config.client.iter().any(|client| client.id == settings.id) {
            return Err(known());
        }
        let secret = (!public && settings.public_keys.is_none()).then(Token::new);
        let mut tx = self.database.begin_write().await?;
        let hash = secret.as_ref().map(Token::hash);
        platform_clients::insert(&mut tx, settings, hash.as_deref(), self.now())
            .await
            .map_err(|error| error.or_taken(known))?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Gives a client another secret; the one before it is taken for `overlap` more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_client(&self, id: &str, overlap: Span) -> Result<Token, ClientError> {
        let secret = Token::new();
        let mut tx = self.database.begin_write().await?;
        let client = platform_clients::find(&mut tx, id).await?.ok_or_else(|| ClientError::Unknown(id.to_owned()))?;
        if client.secret_hash.is_none()
            || !platform_clients::set_secret(&mut tx, id, &secret.hash(), self.now() + overlap).await?
        {
            return Err(ClientError::Public(id.to_owned()));
        }
        tx.commit().await?;
        Ok(secret)
    }

    /// Removes a client: its tokens are dead with it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_client(&self, id: &str) -> Result<(), ClientError> {
        let mut tx = self.database.begin_write().await?;
        if !platform_clients::delete(&mut tx, id).await? {
            return Err(ClientError::Unknown(id.to_owned()));
        }
        platform_sign_ins::end_of_client(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// The client that these credentials are of. Failures are counted by address.
    pub(super) async fn authenticate_client(
        &self,
        ip: IpAddr,
        credentials: &ClientCredentials,
    ) -> Result<PlatformClient, TokenError> {
        let mut tx = self.database.begin_read().await?;
        let client = self.platform_client(&mut tx, &credentials.id).await?;
        drop(tx);
        // What is no client's id may be a secret in the wrong place: it does not go to the log.
        let known = client.as_ref().map(|client| client.settings.id.clone());
        if let Some(client) = client
            && self.is_proved(&client, credentials).await?
        {
            return Ok(client);
        }
        let limits = &self.config.limits;
        let limit = Limit::per_second(limits.sign_in_burst, limits.sign_in_per_s);
        let mut tx = self.database.begin_write().await?;
        let room = rate_buckets::take(&mut tx, &ip_key("client", ip), limit, self.now()).await?;
        tx.commit().await?;
        tracing::warn!(client = known, %ip, "a client could not prove itself");
        Err(room.map_or_else(TokenError::RateLimited, |()| TokenError::InvalidClient))
    }
    async fn is_proved(&self, client: &PlatformClient, credentials: &ClientCredentials) -> Result<bool, StorageError> {
        let Some(assertion) = &credentials.assertion else { return Ok(client.knows(credentials.secret.as_deref())) };
        let Some(claims) = client.assertion(assertion).filter(|_| credentials.secret.is_none()) else {
            return Ok(false);
        };
        let now = self.now();
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let time = |name: &str| {
            claims.get(name).and_then(Value::as_i64).map(|seconds| Timestamp(seconds.saturating_mul(1000)))
        };
        let (issuer, id) = (self.config.origin(), client.settings.id.as_str());
        let addressed = [&issuer, &self.config.link(TOKEN)].into_iter().any(|own| is_audience(&claims, own));
        let in_time = time("exp").is_some_and(|exp| exp > now && exp <= now + MAX_ASSERTION_TTL)
            && time("nbf").is_none_or(|nbf| nbf <= now + CLOCK_SKEW);
        if text("iss") != id || text("sub") != id || text("jti").is_empty() || !addressed || !in_time {
            return Ok(false);
        }
        // Each is taken once: whoever overhears one has nothing of it. The bucket is full again when it has run out.
        let key = format!("assertion:{id}:{}", URL_SAFE_NO_PAD.encode(hash(text("jti"))));
        let mut tx = self.database.begin_write().await?;
        let first = rate_buckets::take(&mut tx, &key, Limit::per_day(1), now).await?.is_ok();
        tx.commit().await?;
        Ok(first)
    }
}

/// Is this among whom the claims are for?
fn is_audience(claims: &Map<String, Value>, own: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == own,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(own)),
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
    }
}
