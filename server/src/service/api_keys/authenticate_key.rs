//! Whose key is this, and may it be used once more?

use crate::{
    context::Services,
    secrets::ApiKey,
    service::best_effort::best_effort,
    storage::{
        AccountScope, api_keys, members,
        rate_buckets::{self, Limit},
    },
};
use app::{
    domain::{
        ids::ApiKeyId,
        language::Language,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::{Caller, Credential},
};
use std::net::IpAddr;

/// Use of a key is written at most this often.
const USE_INTERVAL: Span = Span::minutes(5);

/// How much a key may still ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a row.
    pub burst: u32,
    /// Requests that are left at once.
    pub left: u32,
    /// Seconds until all of them are back.
    pub full_in_s: u64,
}

/// A request by a key.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// The caller, as every operation takes it.
    pub caller: Caller,
    /// The key.
    pub key: ApiKeyId,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// What is left of its bucket.
    pub allowance: Allowance,
    scope: AccountScope,
}

impl KeyUse {
    /// The account that the key opens.
    pub(super) const fn scope(&self) -> AccountScope {
        self.scope
    }
}

/// Why a key is not taken.
#[derive(Clone, Debug)]
pub enum KeyRefusal {
    /// It opens nothing: unknown, revoked, expired, or its member has no access.
    NotLive,
    /// It asked too often.
    RateLimited {
        /// Seconds until the next request.
        retry_after_s: u64,
        /// What is left.
        allowance: Allowance,
    },
    /// It could not be looked at.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for KeyRefusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Services {
    /// Who asks by this key, and what is left of its bucket after this request. Rights are read again by the operation, in its own
    /// transaction, so that a key that is revoked meanwhile does nothing.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub async fn authenticate_key(&self, key: &ApiKey, ip: IpAddr) -> Result<KeyUse, KeyRefusal> {
        let now = self.now();
        let hash = key.hash();
        let mut tx = self.database.begin_read().await?;
        let found = members::key_membership(&mut tx, &hash, now).await?.ok_or(KeyRefusal::NotLive)?;
        drop(tx);
        let limit = Limit::per_second(self.config.limits.api_burst, self.config.limits.api_per_s);
        let scope = found.membership.scope;
        let mut tx = self.database.begin_write().await?;
        let taken = rate_buckets::take_counted(&mut tx, &format!("api:{}", found.key), limit, now).await?;
        tx.commit().await?;
        let allowance = Allowance { burst: limit.burst, left: taken.left, full_in_s: taken.full_in.as_seconds() };
        if let Some(wait) = taken.wait {
            return Err(KeyRefusal::RateLimited { retry_after_s: wait.as_seconds(), allowance });
        }
        if found.last_used.is_none_or(|at| now >= at + USE_INTERVAL) {
            best_effort("use of an API key", async {
                let mut tx = self.database.begin_write().await?;
                api_keys::touch(&mut tx, scope, found.key, now).await?;
                tx.commit().await
            })
            .await;
        }
        let caller = Caller {
            credential: Credential::ApiKey(hash),
            account: found.membership.slug,
            ip,
            language: Language::default(),
            in_background: true,
        };
        Ok(KeyUse { caller, key: found.key, expires: found.expires, allowance, scope })
    }
}
