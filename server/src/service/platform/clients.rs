//! The clients: platforms that sign people in by Roster. They stand in the settings file, or were registered by `roster client`.

use super::TokenError;
use crate::{
    config::{self, client_settings},
    context::Services,
    openid_provider::{TOKEN, verified_claims},
    secrets::Token,
    service::sessions::sign_in::ip_key,
    storage::{
        StorageError, Tx, accounts, platform_clients, platform_sign_ins,
        rate_buckets::{self, Limit},
    },
};
use app::{
    domain::{
        ids::AccountId,
        name::Slug,
        time::{Span, Timestamp},
    },
    error::AppError,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, fmt, net::IpAddr};
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
    /// The accounts that it opens.
    pub opens: Opens,
    /// The hashes of the secrets that are taken; a public client has none.
    secrets: Vec<Vec<u8>>,
}

/// Which accounts a client opens. One that was registered for an account is bound to its id: the address can change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opens {
    /// Every account.
    Every,
    /// This one alone, at the address that it has now.
    Only {
        /// The account.
        account: AccountId,
        /// Its address.
        slug: Slug,
    },
    /// None.
    Nothing(NotServed),
}

/// Why a client serves nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotServed {
    /// It has not been bound, as there was no account at the address.
    #[error("there is no account at the address that it names")]
    NoAccount,
    /// The account that it was bound to is erased.
    #[error("the account that it was bound to is deleted")]
    Erased,
    /// The settings name an address that is another account's than the one it was bound to.
    #[error("it was bound to another account than the one that has the address now")]
    Contradicted,
}

impl PlatformClient {
    /// May members of this account sign in there?
    pub(super) fn opens(&self, wanted: AccountId) -> bool {
        match &self.opens {
            Opens::Every => true,
            Opens::Only { account, .. } => *account == wanted,
            Opens::Nothing(_) => false,
        }
    }

    /// The address of its only account.
    pub(super) fn only_account(&self) -> Option<&Slug> {
        match &self.opens {
            Opens::Only { slug, .. } => Some(slug),
            Opens::Every | Opens::Nothing(_) => None,
        }
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
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// It is bound where it stands.
    #[error(
        "there is no client {0} of one account in the settings file; one that was made by `client add` is removed and added again"
    )]
    NotInFile(String),
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
            return Ok(Some(self.client_of_file(tx, settings).await?));
        }
        match platform_clients::find(tx, id).await? {
            Some(client) => Ok(Some(self.registered(tx, client).await?)),
            None => Ok(None),
        }
    }

    async fn client_of_file(&self, tx: &mut Tx, settings: &config::Client) -> Result<PlatformClient, StorageError> {
        let opens = match &settings.account {
            None => Opens::Every,
            Some(address) => match platform_clients::binding(tx, &settings.id, address).await? {
                None => Opens::Nothing(NotServed::NoAccount),
                Some(binding) => match (binding.account, binding.named) {
                    (None, _) => Opens::Nothing(NotServed::Erased),
                    (Some((account, _)), Some(named)) if named != account => Opens::Nothing(NotServed::Contradicted),
                    (Some((account, slug)), _) => Opens::Only { account, slug },
                },
            },
        };
        let secret = settings.secret.as_ref().map(|secret| hash(secret.expose()));
        let settings = config::Client { secret: None, secret_file: None, ..settings.clone() };
        Ok(PlatformClient { settings, opens, secrets: secret.into_iter().collect() })
    }

    /// What `client add` was told of an account counts as it was then: the address may be somebody else's by now.
    async fn registered(
        &self,
        tx: &mut Tx,
        client: platform_clients::RegisteredClient,
    ) -> Result<PlatformClient, StorageError> {
        let opens = match &client.settings.account {
            None => Opens::Every,
            Some(address) => match platform_clients::binding(tx, &client.settings.id, address).await? {
                None => Opens::Nothing(NotServed::NoAccount),
                Some(binding) => binding
                    .account
                    .map_or(Opens::Nothing(NotServed::Erased), |(account, slug)| Opens::Only { account, slug }),
            },
        };
        let now = self.now();
        let earlier = client.earlier_secret.filter(|(_, until)| *until > now).map(|(hash, _)| hash);
        let secrets = client.secret_hash.into_iter().chain(earlier).collect();
        Ok(PlatformClient { secrets, opens, settings: client.settings })
    }

    /// The client of this id, for somebody who comes by it. One that names an account is bound to it as soon as there is one at the address.
    pub(super) async fn client_for_people(&self, id: &str) -> Result<Option<PlatformClient>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let client = self.platform_client(&mut tx, id).await?;
        drop(tx);
        match client {
            Some(client) if client.opens == Opens::Nothing(NotServed::NoAccount) => {
                self.bind_client(&client.settings).await?;
                let mut tx = self.database.begin_read().await?;
                Ok(self.platform_client(&mut tx, id).await?)
            }
            Some(_) | None => Ok(client),
        }
    }

    /// Binds a client to the account that it names, unless it is bound. Without such an account nothing is written.
    async fn bind_client(&self, settings: &config::Client) -> Result<(), StorageError> {
        let Some(address) = &settings.account else { return Ok(()) };
        let Ok(slug) = Slug::parse(address) else { return Ok(()) };
        let mut tx = self.database.begin_read().await?;
        let is_bound = platform_clients::binding(&mut tx, &settings.id, address).await?.is_some();
        if is_bound || accounts::for_operator(&mut tx, &slug).await?.is_none() {
            return Ok(());
        }
        drop(tx);
        let mut tx = self.database.begin_write().await?;
        platform_clients::bind(&mut tx, &settings.id, address).await?;
        tx.commit().await
    }

    /// At the start: binds clients to their accounts, keeps the origins of those that an earlier version registered, and says in the log which
    /// clients serve nobody.
    ///
    /// # Errors
    /// The database's.
    pub async fn synchronise_clients(&self) -> Result<(), StorageError> {
        for (client, in_file) in self.list_clients().await? {
            self.bind_client(&client.settings).await?;
            if client.is_public() && !in_file {
                let mut tx = self.database.begin_write().await?;
                platform_clients::set_origins(&mut tx, &client.settings.id, &origins(&client.settings)).await?;
                tx.commit().await?;
            }
        }
        for (client, _) in self.list_clients().await? {
            if let Opens::Nothing(why) = client.opens {
                tracing::error!(client = client.settings.id, %why, "a platform serves nobody");
            }
        }
        Ok(())
    }

    /// Binds a client of the settings file to the account that has the address in the file now. What was begun at it ends.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rebind_client(&self, id: &str) -> Result<(), ClientError> {
        let settings = self.config.client.iter().find(|client| client.id == id);
        let address = settings.and_then(|client| client.account.as_deref());
        let address = address.ok_or_else(|| ClientError::NotInFile(id.to_owned()))?;
        let mut tx = self.database.begin_write().await?;
        if !platform_clients::bind_anew(&mut tx, id, address).await? {
            return Err(ClientError::NoAccount(address.to_owned()));
        }
        platform_sign_ins::end_of_client(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// All clients; whether they stand in the settings file.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_clients(&self) -> Result<Vec<(PlatformClient, bool)>, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let mut clients = Vec::new();
        for settings in &self.config.client {
            clients.push((self.client_of_file(&mut tx, settings).await?, true));
        }
        for client in platform_clients::all(&mut tx).await? {
            clients.push((self.registered(&mut tx, client).await?, false));
        }
        Ok(clients)
    }

    /// Is this the origin of a page that a public client is made of? Such a page may read what the endpoints answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_origin_of_public_client(&self, origin: &str) -> Result<bool, StorageError> {
        let is_public = |client: &&config::Client| client.secret.is_none() && client.public_keys.is_none();
        if self.config.client.iter().filter(is_public).any(|client| origins(client).contains(origin)) {
            return Ok(true);
        }
        let mut tx = self.database.begin_read().await?;
        platform_clients::has_origin(&mut tx, origin).await
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
        if secret.is_none() && settings.public_keys.is_none() {
            platform_clients::set_origins(&mut tx, &settings.id, &origins(settings)).await?;
        }
        match &settings.account {
            None => platform_clients::unbind(&mut tx, &settings.id).await?,
            Some(address) if !platform_clients::bind_anew(&mut tx, &settings.id, address).await? => {
                return Err(ClientError::NoAccount(address.clone()));
            }
            Some(_) => {}
        }
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
        // Somebody who names no client tries nothing: that is looked up, and no more.
        let Some(known) = known else { return Err(TokenError::InvalidClient) };
        let limits = &self.config.limits;
        let limit = Limit::per_second(limits.sign_in_burst, limits.sign_in_per_s);
        let key = ip_key("client", ip);
        let mut tx = self.database.begin_read().await?;
        rate_buckets::look(&mut tx, &key, limit, self.now()).await?.map_err(TokenError::RateLimited)?;
        drop(tx);
        let mut tx = self.database.begin_write().await?;
        let room = rate_buckets::take(&mut tx, &key, limit, self.now()).await?;
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

/// The origins of the pages that a client is made of.
fn origins(client: &config::Client) -> BTreeSet<String> {
    let of = |uri: &String| Some(Url::parse(uri).ok()?.origin()).filter(url::Origin::is_tuple);
    client.redirect_uris.iter().filter_map(of).map(|origin| origin.ascii_serialization()).collect()
}

/// Is this among whom the claims are for?
fn is_audience(claims: &Map<String, Value>, own: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == own,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(own)),
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
    }
}
