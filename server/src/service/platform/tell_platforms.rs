//! Tells platforms that a sign-in ended (OpenID Connect Back-Channel Logout 1.0): at once after the commit that ended it, and again until
//! they have heard it. The rows of ended sign-ins are the outbox; a lease on each lets one instance at a time tell it.

use crate::{
    context::Services,
    service::errors::internal,
    storage::{
        StorageError,
        platform_sign_ins::{self, EndToTell},
    },
};
use app::{domain::time::Span, error::AppError};
use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;
use uuid::Uuid;

/// How often a server looks for what no commit of its own told it of: ends by a command or by age, and second tries.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How many are told at once, and by how many requests at the same time.
const BATCH: i64 = 64;
const PARALLEL: usize = 16;
/// How long one instance has for one of them.
const LEASE_TTL: Span = Span::seconds(30);
/// After so many tries, with pauses from five seconds to an hour, nobody is told any more: a day has gone by.
const MAX_ATTEMPTS: i64 = 33;
/// How long a logout token may be taken.
const LOGOUT_TOKEN_TTL: Span = Span::minutes(2);
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Tells platforms of ended sign-ins until `stop`.
pub async fn keep_telling_platforms(services: Services, stop: CancellationToken) {
    loop {
        match services.tell_platforms().await {
            // There may be more.
            Ok(told) if told == BATCH.unsigned_abs() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "platforms cannot be told of ended sign-ins yet"),
        }
        tokio::select! {
            () = services.database.platform_sign_out_noted() => {}
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
    }
}

impl Services {
    /// Tells what is due; answers how many ends were looked at.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_platforms(&self) -> Result<u64, StorageError> {
        self.end_with_sessions_over().await?;
        let mut tx = self.database.begin_read().await?;
        let due = platform_sign_ins::to_tell(&mut tx, self.now(), BATCH).await?;
        drop(tx);
        let count = due.len() as u64;
        let mut telling =
            stream::iter(due).map(|end| async move { self.tell_platform(&end).await }).buffer_unordered(PARALLEL);
        while let Some(told) = telling.next().await {
            told?;
        }
        Ok(count)
    }

    /// Sessions grow old by themselves, without a change that would end their sign-ins.
    async fn end_with_sessions_over(&self) -> Result<(), StorageError> {
        let (oldest, idlest) = self.session_bounds();
        let mut tx = self.database.begin_read().await?;
        let users = platform_sign_ins::with_session_over(&mut tx, oldest, idlest, BATCH).await?;
        drop(tx);
        for user in users {
            let mut tx = self.database.begin_write().await?;
            platform_sign_ins::end_with_session_over(&mut tx, user, oldest, idlest).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn tell_platform(&self, end: &EndToTell) -> Result<(), StorageError> {
        let mut tx = self.database.begin_write().await?;
        if !platform_sign_ins::claim(&mut tx, end, self.now() + LEASE_TTL).await? {
            return Ok(());
        }
        let client = self.platform_client(&mut tx, &end.client_id).await?;
        let address = client.as_ref().and_then(|client| client.settings.backchannel_logout_uri.clone());
        let Some((client, address)) = client.zip(address) else {
            // Nobody wants to hear it.
            platform_sign_ins::set_told(&mut tx, end, self.now()).await?;
            return tx.commit().await;
        };
        tx.commit().await?;
        let told = match self.logout_token(&client.settings, end).await {
            Ok(token) => {
                let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
                self.oauth.post_logout_token(end.account, &address, body).await
            }
            Err(error) => {
                tracing::warn!(?error, "a logout token cannot be made");
                Err("no token")
            }
        };
        let mut tx = self.database.begin_write().await?;
        match told {
            Ok(()) => platform_sign_ins::set_told(&mut tx, end, self.now()).await?,
            Err(fault) if end.attempts + 1 >= MAX_ATTEMPTS => {
                tracing::error!(
                    client = end.client_id,
                    fault,
                    "a platform was not told of an ended sign-in, and is not told any more"
                );
                platform_sign_ins::set_told(&mut tx, end, self.now()).await?;
            }
            Err(fault) => {
                tracing::warn!(
                    client = end.client_id,
                    fault,
                    attempts = end.attempts + 1,
                    "a platform could not be told of an ended sign-in"
                );
                platform_sign_ins::tell_later(&mut tx, end, self.now() + pause(end.attempts)).await?;
            }
        }
        tx.commit().await
    }

    async fn logout_token(&self, client: &crate::config::Client, end: &EndToTell) -> Result<String, AppError> {
        let now = self.now();
        let claims: Map<String, Value> = [
            ("iss", json!(self.config.origin())),
            ("sub", json!(end.subject)),
            ("aud", json!(client.id)),
            ("iat", json!(now.0 / 1000)),
            ("exp", json!((now + LOGOUT_TOKEN_TTL).0 / 1000)),
            ("jti", json!(Uuid::now_v7())),
            ("sid", json!(end.id)),
            ("events", json!({ LOGOUT_EVENT: {} })),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let key = self.signing_key(client.algorithm).await?;
        key.sign("logout+jwt", &claims).map_err(|error| internal(&error))
    }
}

/// Five seconds, then twice as long each time, up to an hour.
fn pause(attempts: i64) -> Span {
    let doubled = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
    Span::seconds((5_i64 << doubled).min(3600))
}
