//! Whose key is this, and may it be used once more?

use crate::{
    context::Services,
    secrets::ApiKey,
    service::best_effort::best_effort,
    storage::{
        AccountScope, accounts, api_keys, members, operator_keys,
        rate_buckets::{self, Limit},
    },
};
use app::{
    domain::{
        ids::{AccountId, ApiKeyId},
        language::Language,
        name::Slug,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::{Caller, Credential},
};
use std::net::IpAddr;
use uuid::Uuid;

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

/// A request by a key in an account.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// The caller, as every operation takes it.
    pub caller: Caller,
    /// When the key expires.
    pub expires: Option<Timestamp>,
    /// A member's key, with its account; `None` for one of the host's operator, for which no answers are kept.
    pub(super) of_member: Option<(AccountScope, ApiKeyId)>,
}

/// A key that was looked at.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The key.
    pub key: Uuid,
    /// What is left of its bucket.
    pub allowance: Allowance,
    /// Where it acts.
    pub acts: Acts,
}

/// Where a key acts.
#[derive(Clone, Debug)]
pub enum Acts {
    /// In an account.
    In(Box<KeyUse>),
    /// Over all accounts, as a key of the host's operator does by which no account was named.
    OverAll(OperatorUse),
}

/// A request by a key of the host's operator.
#[derive(Clone, Debug)]
pub struct OperatorUse {
    /// The hash of the key.
    pub(in crate::service) hash: Vec<u8>,
}

/// Why a key is not taken.
#[derive(Clone, Debug)]
pub enum KeyRefusal {
    /// It opens nothing: unknown, revoked, expired, or its member has no access.
    NotLive,
    /// The request names an account that the key does not open.
    OtherAccount,
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
    /// Who asks by this key, and what is left of its bucket after this request. A key of the operator acts in the account that the request names;
    /// a member's has one account, and another one must not be named. Rights are read again by the operation, in its own transaction, so that a
    /// key that is revoked meanwhile does nothing.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub async fn authenticate_key(
        &self,
        key: &ApiKey,
        account: Option<AccountId>,
        ip: IpAddr,
    ) -> Result<Authenticated, KeyRefusal> {
        if key.is_operators() {
            self.authenticate_operator_key(key.hash(), account, ip).await
        } else {
            self.authenticate_members_key(key.hash(), account, ip).await
        }
    }

    async fn authenticate_members_key(
        &self,
        hash: Vec<u8>,
        account: Option<AccountId>,
        ip: IpAddr,
    ) -> Result<Authenticated, KeyRefusal> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let found = members::key_membership(&mut tx, &hash, now).await?.ok_or(KeyRefusal::NotLive)?;
        drop(tx);
        let scope = found.membership.scope;
        let allowance = self.take_turn(&format!("api:{}", found.key)).await?;
        if account.is_some_and(|account| account != scope.id()) {
            return Err(KeyRefusal::OtherAccount);
        }
        if found.last_used.is_none_or(|at| now >= at + USE_INTERVAL) {
            best_effort("use of an API key", async {
                let mut tx = self.database.begin_write().await?;
                api_keys::touch(&mut tx, scope, found.key, now).await?;
                tx.commit().await
            })
            .await;
        }
        let caller = caller(Credential::ApiKey(hash), found.membership.slug, ip);
        let key_use = KeyUse { caller, expires: found.expires, of_member: Some((scope, found.key)) };
        Ok(Authenticated { key: found.key.0, allowance, acts: Acts::In(Box::new(key_use)) })
    }

    async fn authenticate_operator_key(
        &self,
        hash: Vec<u8>,
        account: Option<AccountId>,
        ip: IpAddr,
    ) -> Result<Authenticated, KeyRefusal> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let found = operator_keys::live(&mut tx, &hash, now).await?.ok_or(KeyRefusal::NotLive)?;
        let named = match account {
            Some(account) => accounts::of_operator_key(&mut tx, account).await?,
            None => None,
        };
        drop(tx);
        let allowance = self.take_turn(&format!("operator:{}", found.id)).await?;
        if found.last_used.is_none_or(|at| now >= at + USE_INTERVAL) {
            best_effort("use of an operator's key", async {
                let mut tx = self.database.begin_write().await?;
                operator_keys::touch(&mut tx, found.id, now).await?;
                tx.commit().await
            })
            .await;
        }
        let acts = match (account, named) {
            (None, _) => Acts::OverAll(OperatorUse { hash }),
            (Some(_), None) => return Err(KeyRefusal::OtherAccount),
            (Some(account), Some((named, _))) => {
                let caller = caller(Credential::OperatorKey { hash, account }, named.slug, ip);
                Acts::In(Box::new(KeyUse { caller, expires: found.expires, of_member: None }))
            }
        };
        Ok(Authenticated { key: found.id, allowance, acts })
    }

    /// Takes a request from a key's bucket.
    async fn take_turn(&self, bucket: &str) -> Result<Allowance, KeyRefusal> {
        let limit = Limit::per_second(self.config.limits.api_burst, self.config.limits.api_per_s);
        let mut tx = self.database.begin_write().await?;
        let taken = rate_buckets::take_counted(&mut tx, bucket, limit, self.now()).await?;
        tx.commit().await?;
        let allowance = Allowance { burst: limit.burst, left: taken.left, full_in_s: taken.full_in.as_seconds() };
        match taken.wait {
            Some(wait) => Err(KeyRefusal::RateLimited { retry_after_s: wait.as_seconds(), allowance }),
            None => Ok(allowance),
        }
    }
}

/// A program in an account.
fn caller(credential: Credential, account: Slug, ip: IpAddr) -> Caller {
    Caller { credential, account, ip, language: Language::default(), in_background: true }
}
