//! Tells platforms that a sign-in ended (OpenID Connect Back-Channel Logout 1.0): at once after the commit that ended it, and again until
//! they have heard it. The rows of ended sign-ins are the outbox; a lease on each lets one instance at a time tell it. Each platform is told at its
//! own pace, so that one that does not answer keeps no other waiting.

use crate::{
    context::Services,
    service::errors::internal,
    storage::{
        StorageError,
        platform_sign_ins::{self, EndToTell},
    },
};
use app::{
    domain::{ids::SessionId, time::Span},
    error::AppError,
};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;
use uuid::Uuid;

/// How often a server looks for what no commit of its own told it of: ends by a command or by age, and second tries.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How many a platform is told at once, and by how many requests at the same time.
const BATCH: i64 = 64;
const PARALLEL: usize = 4;
/// How many users' sign-ins, and how many sessions', are looked at in one go for what is over.
const LOOKED_AT: i64 = 256;
/// How long one instance has for one of them, and how long the platform has to answer.
const LEASE_TTL: Span = Span::seconds(30);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// After so many tries, with pauses from five seconds to an hour, nobody is told any more: a day has gone by.
const MAX_ATTEMPTS: i64 = 33;
/// How long a logout token may be taken.
const LOGOUT_TOKEN_TTL: Span = Span::minutes(2);
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Tells platforms of ended sign-ins until `stop`. What is on its way then is told by the next start, or by another instance.
pub async fn keep_telling_platforms(services: Services, stop: CancellationToken) {
    stop.run_until_cancelled(tell_for_ever(services)).await;
}

async fn tell_for_ever(services: Services) {
    // They end with this future.
    let mut telling = JoinSet::new();
    let mut clients = HashMap::new();
    let mut looked_at = None;
    loop {
        match services.end_what_is_over(looked_at).await {
            Ok(last) => looked_at = last,
            Err(error) => tracing::warn!(%error, "it cannot be seen yet which sign-ins at platforms are over"),
        }
        match services.clients_to_tell().await {
            Ok(due) => {
                for client in due {
                    if !clients.values().any(|known| *known == client) {
                        let task = telling.spawn(keep_telling_client(services.clone(), client.clone()));
                        clients.insert(task.id(), client);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "platforms cannot be told of ended sign-ins yet"),
        }
        tokio::select! {
            Some(ended) = telling.join_next_with_id() => {
                let task = match ended {
                    Ok((task, ())) => task,
                    Err(error) => error.id(),
                };
                clients.remove(&task);
            }
            () = services.database.platform_sign_out_noted() => {}
            () = sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// Tells one client what is due, until nothing is.
async fn keep_telling_client(services: Services, client: String) {
    loop {
        match services.tell_client(&client).await {
            Ok(0) => return,
            // There may be more.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(client, %error, "a platform cannot be told of ended sign-ins yet");
                return sleep(CHECK_INTERVAL).await;
            }
        }
    }
}

impl Services {
    /// Tells every platform what is due; answers how many ends were looked at.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_platforms(&self) -> Result<u64, StorageError> {
        self.end_what_is_over(None).await?;
        let clients = self.clients_to_tell().await?;
        let told = try_join_all(clients.iter().map(|client| self.tell_client(client))).await?;
        Ok(told.into_iter().sum())
    }

    async fn clients_to_tell(&self) -> Result<Vec<String>, StorageError> {
        let mut tx = self.database.begin_read().await?;
        platform_sign_ins::clients_to_tell(&mut tx, self.now()).await
    }

    /// Tells one client what is due, as many as fit into a batch; answers how many.
    async fn tell_client(&self, client: &str) -> Result<u64, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let due = platform_sign_ins::to_tell(&mut tx, client, self.now(), BATCH).await?;
        drop(tx);
        let count = due.len() as u64;
        let telling = stream::iter(due).map(|end| async move { self.tell_platform(&end).await });
        telling.buffer_unordered(PARALLEL).try_collect::<()>().await?;
        Ok(count)
    }

    /// Ends what is over without a change that would have ended it: sessions grow old by themselves, and the day comes from which on a second factor
    /// is required. Looks at the sessions after this one; answers where to go on, `None` at the beginning.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_what_is_over(&self, after: Option<SessionId>) -> Result<Option<SessionId>, StorageError> {
        let (oldest, idlest) = self.session_bounds();
        let mut tx = self.database.begin_read().await?;
        let users = platform_sign_ins::with_session_over(&mut tx, oldest, idlest, LOOKED_AT).await?;
        let after = after.unwrap_or(SessionId(Uuid::nil()));
        let (accounts, last) = platform_sign_ins::closed(&mut tx, after, LOOKED_AT, self.now()).await?;
        drop(tx);
        for user in users {
            let mut tx = self.database.begin_write().await?;
            platform_sign_ins::end_with_session_over(&mut tx, user, oldest, idlest).await?;
            tx.commit().await?;
        }
        for account in accounts {
            let mut tx = self.database.begin_write().await?;
            platform_sign_ins::end_closed(&mut tx, account, self.now()).await?;
            tx.commit().await?;
        }
        Ok(last)
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
                let posting = self.oauth.post_logout_token(end.account, &address, body);
                timeout(ANSWER_TIMEOUT, posting).await.unwrap_or(Err("no answer"))
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
