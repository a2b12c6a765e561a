//! The token endpoint: a code, or a refresh token, is exchanged for tokens.
//!
//! Access tokens are opaque: a platform that asks hears what holds now, and a removal needs nobody to wait for a signature to expire. They and
//! refresh tokens are kept as hashes.

use super::{ClientCredentials, PlatformClient};
use crate::{
    context::Services,
    openid_provider::{Scopes, SigningKey, at_hash},
    secrets::Token,
    service::{actors::Actor, errors::internal},
    storage::{
        Tx,
        platform_sign_ins::{self, PlatformSignIn, TokenKind},
        retried, sessions,
    },
};
use app::{domain::time::Span, error::AppError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt, net::IpAddr};

/// How long an access token is good.
pub(super) const ACCESS_TOKEN_TTL: Span = Span::minutes(10);
/// How long an ID token may be taken.
const ID_TOKEN_TTL: Span = Span::minutes(10);

/// Why a client gets nothing (RFC 6749, 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The request is not in order.
    InvalidRequest,
    /// The client did not prove itself.
    InvalidClient,
    /// What the client brought is good for nothing, or not any more.
    InvalidGrant,
    /// The client may not do this.
    UnauthorizedClient,
    /// There are codes and refresh tokens.
    UnsupportedGrantType,
    /// Other scopes than at first.
    InvalidScope,
    /// Too many failures.
    RateLimited(Span),
    /// Roster's own trouble.
    Failed(AppError),
}

impl From<AppError> for TokenError {
    fn from(error: AppError) -> Self {
        Self::Failed(error)
    }
}

impl From<crate::storage::StorageError> for TokenError {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a client sends.
#[derive(Clone, Default)]
#[allow(missing_docs, reason = "each field is the parameter of its name")]
pub struct TokenForm {
    pub grant_type: String,
    pub code: String,
    pub code_verifier: String,
    pub redirect_uri: String,
    pub refresh_token: String,
    pub scope: String,
}

impl fmt::Debug for TokenForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenForm(…)")
    }
}

impl Services {
    /// Exchanges a code or a refresh token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn issue_tokens(
        &self,
        ip: IpAddr,
        credentials: &ClientCredentials,
        form: &TokenForm,
    ) -> Result<Value, TokenError> {
        let client = self.authenticate_client(ip, credentials).await?;
        // What was made up is refused before anything is locked or written: everybody can say that they are a public client.
        let presented = if form.code.is_empty() { &form.refresh_token } else { &form.code };
        if let Some(token) = Token::parse(presented) {
            let mut tx = self.database.begin_read().await?;
            if !platform_sign_ins::is_known(&mut tx, &token.hash()).await? {
                tracing::info!(client = client.settings.id, "a client brought nothing that Roster gave out");
                return Err(TokenError::InvalidGrant);
            }
        }
        // Before the transaction: the first one may have to be made.
        let key = self.signing_key(client.settings.algorithm).await?;
        // The inner result is decided: what was written beside a refusal stays.
        let issued = retried(|| async {
            match form.grant_type.as_str() {
                "authorization_code" => self.exchange_code(&client, &key, form).await,
                "refresh_token" => self.exchange_refresh_token(&client, &key, form).await,
                "" => Ok(Err(TokenError::InvalidRequest)),
                _ => Ok(Err(TokenError::UnsupportedGrantType)),
            }
        })
        .await?;
        if let Err(error) = &issued {
            tracing::info!(client = client.settings.id, ?error, "a client got no tokens");
        }
        issued
    }

    async fn exchange_code(
        &self,
        client: &PlatformClient,
        key: &SigningKey,
        form: &TokenForm,
    ) -> Result<Result<Value, TokenError>, AppError> {
        let refused = Ok(Err(TokenError::InvalidGrant));
        if form.code.is_empty() || form.code_verifier.is_empty() {
            return Ok(Err(TokenError::InvalidRequest));
        }
        let (Some(code), now) = (Token::parse(&form.code), self.now()) else { return refused };
        let mut tx = self.database.begin_write().await?;
        let found = platform_sign_ins::find_by_code(&mut tx, &code.hash()).await?;
        let Some(sign_in) = found.filter(|sign_in| sign_in.client_id == client.settings.id) else { return refused };
        // Whoever found a code somewhere has no verifier, and ends nothing (RFC 9700, 4.5).
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(form.code_verifier.as_bytes()));
        let verified = is_verifier(&form.code_verifier) && digest == sign_in.code_challenge;
        if !verified || form.redirect_uri != sign_in.redirect_uri {
            return refused;
        }
        if sign_in.code_used.is_some() {
            return end_family(tx, &sign_in).await;
        }
        if sign_in.code_expires <= now {
            return refused;
        }
        let Some(actor) = self.member_of(&mut tx, &sign_in).await? else { return refused };
        if !platform_sign_ins::use_code(&mut tx, &sign_in, now).await? {
            return end_family(tx, &sign_in).await;
        }
        let tokens = self.tokens(&mut tx, key, &sign_in, &actor, sign_in.nonce.as_deref()).await?;
        tx.commit().await?;
        Ok(Ok(tokens))
    }

    async fn exchange_refresh_token(
        &self,
        client: &PlatformClient,
        key: &SigningKey,
        form: &TokenForm,
    ) -> Result<Result<Value, TokenError>, AppError> {
        let refused = Ok(Err(TokenError::InvalidGrant));
        if form.refresh_token.is_empty() {
            return Ok(Err(TokenError::InvalidRequest));
        }
        let (Some(token), now) = (Token::parse(&form.refresh_token), self.now()) else { return refused };
        let mut tx = self.database.begin_write().await?;
        let found = platform_sign_ins::find_by_token(&mut tx, &token.hash()).await?;
        let own = found
            .filter(|(sign_in, token)| sign_in.client_id == client.settings.id && token.kind == TokenKind::Refresh);
        let Some((sign_in, token)) = own else { return refused };
        if token.used.is_some() {
            return end_family(tx, &sign_in).await;
        }
        if token.expires <= now {
            return refused;
        }
        if !form.scope.is_empty() && Scopes::parse(&form.scope) != Scopes::parse(&sign_in.scopes) {
            return Ok(Err(TokenError::InvalidScope));
        }
        let Some(actor) = self.member_of(&mut tx, &sign_in).await? else { return refused };
        if !platform_sign_ins::use_refresh_token(&mut tx, &token, now).await? {
            return end_family(tx, &sign_in).await;
        }
        let tokens = self.tokens(&mut tx, key, &sign_in, &actor, None).await?;
        tx.commit().await?;
        Ok(Ok(tokens))
    }

    async fn tokens(
        &self,
        tx: &mut Tx,
        key: &SigningKey,
        sign_in: &PlatformSignIn,
        actor: &Actor,
        nonce: Option<&str>,
    ) -> Result<Value, AppError> {
        let (access, refresh, now) = (Token::new(), Token::new(), self.now());
        let access_expires = now + ACCESS_TOKEN_TTL;
        let refresh_expires = now + Span::days(i64::from(self.config.sessions.idle_days));
        platform_sign_ins::insert_token(tx, sign_in, TokenKind::Access, &access.hash(), access_expires, now).await?;
        platform_sign_ins::insert_token(tx, sign_in, TokenKind::Refresh, &refresh.hash(), refresh_expires, now).await?;

        let mut claims = self.member_claims(tx, sign_in, actor).await?;
        let mut add = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        add("iss", json!(self.config.origin()));
        add("aud", json!(sign_in.client_id));
        add("iat", json!(now.0 / 1000));
        add("exp", json!((now + ID_TOKEN_TTL).0 / 1000));
        add("auth_time", json!(sign_in.authenticated_at.0 / 1000));
        add("sid", json!(sign_in.id));
        add("at_hash", json!(at_hash(access.reveal())));
        if let Some(nonce) = nonce {
            add("nonce", json!(nonce));
        }
        // A passkey stands for a password and a second factor at once, so beside a second factor nothing is said of a password (RFC 8176).
        if actor.has_proved_second_factor {
            add("amr", json!(["mfa"]));
        } else if sessions::password_proved(tx, actor.session).await?.is_some() {
            add("amr", json!(["pwd"]));
        }
        let id_token = key.sign("JWT", &claims).map_err(|error| internal(&error))?;
        Ok(json!({
            "access_token": access.reveal(),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_TTL.as_seconds(),
            "refresh_token": refresh.reveal(),
            "id_token": id_token,
            "scope": sign_in.scopes,
        }))
    }
}

/// Somebody brought what was used up: either the client was robbed, or a thief came first. Everything that came of the sign-in dies
/// (RFC 9700, 4.14; RFC 6749, 4.1.2).
async fn end_family(mut tx: Tx, sign_in: &PlatformSignIn) -> Result<Result<Value, TokenError>, AppError> {
    platform_sign_ins::end(&mut tx, sign_in).await?;
    tx.commit().await?;
    tracing::warn!(client = sign_in.client_id, sign_in = %sign_in.id, "a code or a refresh token was brought twice");
    Ok(Err(TokenError::InvalidGrant))
}

/// RFC 7636, 4.1.
fn is_verifier(verifier: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved)
}
