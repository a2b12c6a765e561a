//! What tokens tell: user-info, introspection (RFC 7662), and revocation (RFC 7009). All three read session and membership as they are now.

use super::{ClientCredentials, TokenError};
use crate::{
    context::Services,
    secrets::Token,
    service::actors::Actor,
    storage::{
        Tx,
        platform_sign_ins::{self, PlatformSignIn, PlatformToken, TokenKind},
        retried,
    },
};
use app::error::AppError;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

impl Services {
    /// The claims of the member whose access token this is; `None` if it is good for nothing, or not any more.
    ///
    /// # Errors
    /// The database's.
    pub async fn user_info(&self, access_token: &str) -> Result<Option<Map<String, Value>>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let live = self.live_token(&mut tx, access_token).await?;
        let Some((sign_in, _, actor)) = live.filter(|(_, token, _)| token.kind == TokenKind::Access) else {
            return Ok(None);
        };
        Ok(Some(self.member_claims(&mut tx, &sign_in, &actor).await?))
    }

    /// What is to be said of a token of this client's. A client hears nothing of others' tokens, and a public client nothing at all, as
    /// everybody can say that they are it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn introspect(
        &self,
        ip: IpAddr,
        credentials: &ClientCredentials,
        token: &str,
    ) -> Result<Value, TokenError> {
        let client = self.authenticate_client(ip, credentials).await?;
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient);
        }
        let mut tx = self.database.begin_read().await?;
        let live = self.live_token(&mut tx, token).await?;
        let Some((sign_in, token, actor)) = live.filter(|(sign_in, ..)| sign_in.client_id == client.settings.id) else {
            return Ok(json!({ "active": false }));
        };
        let mut claims = self.member_claims(&mut tx, &sign_in, &actor).await?;
        let mut add = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        add("active", json!(true));
        add("iss", json!(self.config.origin()));
        add("client_id", json!(client.settings.id));
        add("scope", json!(sign_in.scopes));
        add("sid", json!(sign_in.id));
        add("iat", json!(token.created.0 / 1000));
        add("exp", json!(token.expires.0 / 1000));
        if token.kind == TokenKind::Access {
            add("token_type", json!("Bearer"));
        }
        Ok(Value::Object(claims))
    }

    /// Takes a token of this client's back. With a refresh token, everything that came of its sign-in dies.
    ///
    /// # Errors
    /// [`TokenError`]; a token that is good for nothing is none.
    pub async fn revoke(&self, ip: IpAddr, credentials: &ClientCredentials, token: &str) -> Result<(), TokenError> {
        let client = self.authenticate_client(ip, credentials).await?;
        let Some(token) = Token::parse(token) else { return Ok(()) };
        let mut tx = self.database.begin_read().await?;
        if platform_sign_ins::find_by_token(&mut tx, &token.hash()).await?.is_none() {
            return Ok(());
        }
        drop(tx);
        Ok(retried(|| async {
            let mut tx = self.database.begin_write().await?;
            let found = platform_sign_ins::find_by_token(&mut tx, &token.hash()).await?;
            let Some((sign_in, token)) = found.filter(|(sign_in, _)| sign_in.client_id == client.settings.id) else {
                return Ok(());
            };
            match token.kind {
                TokenKind::Access => platform_sign_ins::delete_token(&mut tx, &token).await?,
                TokenKind::Refresh => platform_sign_ins::end(&mut tx, &sign_in).await?,
            }
            Ok(tx.commit().await?)
        })
        .await?)
    }

    /// A token that is good, with the member as the account has them now.
    async fn live_token(
        &self,
        tx: &mut Tx,
        token: &str,
    ) -> Result<Option<(PlatformSignIn, PlatformToken, Actor)>, AppError> {
        let Some(token) = Token::parse(token) else { return Ok(None) };
        let now = self.now();
        let found = platform_sign_ins::find_by_token(tx, &token.hash()).await?;
        let Some((sign_in, token)) = found.filter(|(_, token)| token.expires > now && token.used.is_none()) else {
            return Ok(None);
        };
        let actor = self.member_of(tx, &sign_in).await?;
        Ok(actor.map(|actor| (sign_in, token, actor)))
    }
}
