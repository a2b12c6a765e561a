//! The keys that tokens are signed with: made when they are first needed, sealed by the instance key, and renewed by age. A new key is published
//! before it signs, so that whoever kept the list for a while has it by then.

use crate::{
    config::SigningAlgorithm,
    context::Services,
    openid_provider::{NewSigningKey, SigningKey},
    secrets::SealedFor,
    service::errors::internal,
    storage::{StorageError, job_leases, signing_keys},
};
use app::{
    domain::time::{Span, Timestamp},
    error::AppError,
};
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The age at which another key is made. The earlier one stays published until the clean-up deletes it, a week later.
const MAX_KEY_AGE: Span = Span::days(90);
/// How long a key is published before it signs; twice as long as the list may be kept. The first of its algorithm signs at once, as no list
/// has another.
const PUBLISHED_FIRST: Span = Span::minutes(10);
/// Making a key takes a moment of a processor, and one is enough: requests of one process make it one after the other, and find the first one's.
static MAKING: Mutex<()> = Mutex::const_new(());
/// Instances of Roster let each other keep theirs.
const JOB: &str = "signing_keys";

impl Services {
    /// The key that signs by this algorithm.
    pub(in crate::service) async fn signing_key(&self, algorithm: SigningAlgorithm) -> Result<SigningKey, AppError> {
        let begun = self.now();
        let due = Timestamp(begun.0 - MAX_KEY_AGE.0);
        let mut tx = self.database.begin_read().await?;
        let newest = signing_keys::newest(&mut tx, algorithm).await?;
        drop(tx);
        if newest.is_none_or(|key| Timestamp(key.created_at) <= due) {
            self.make_signing_key(algorithm, due).await?;
        }
        let mut tx = self.database.begin_read().await?;
        let published = Timestamp(begun.0 - PUBLISHED_FIRST.0);
        let key = signing_keys::signing(&mut tx, algorithm, published).await?.ok_or(AppError::Unavailable)?;
        let private = self.keyring.open(SealedFor::SigningKey(key.id), &key.sealed)?;
        SigningKey::read(key.id, algorithm, &private).map_err(|error| internal(&error))
    }

    /// Makes a key, unless there is one that was made after `due`. Did it?
    async fn make_signing_key(&self, algorithm: SigningAlgorithm, due: Timestamp) -> Result<bool, AppError> {
        let _turn = MAKING.lock().await;
        let is_there =
            |newest: Option<signing_keys::StoredSigningKey>| newest.is_some_and(|key| Timestamp(key.created_at) > due);
        let mut tx = self.database.begin_read().await?;
        if is_there(signing_keys::newest(&mut tx, algorithm).await?) {
            return Ok(false);
        }
        drop(tx);
        let making = tokio::task::spawn_blocking(move || NewSigningKey::make(Uuid::now_v7(), algorithm));
        let made = making.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        let sealed = self.keyring.seal(SealedFor::SigningKey(made.id), &made.private);
        let mut tx = self.database.begin_write().await?;
        job_leases::lock(&mut tx, JOB).await?;
        if is_there(signing_keys::newest(&mut tx, algorithm).await?) {
            return Ok(false);
        }
        signing_keys::insert(&mut tx, made.id, algorithm, &sealed, &made.public_jwk, self.now()).await?;
        tx.commit().await?;
        tracing::info!(key = %made.id, algorithm = algorithm.name(), "a key for the tokens of platforms is published");
        Ok(true)
    }

    /// The public keys, as members of a JWK set. There is one before anything was signed.
    ///
    /// # Errors
    /// The database's.
    pub async fn public_signing_keys(&self) -> Result<Vec<Value>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let keys = signing_keys::public(&mut tx).await?;
        drop(tx);
        if !keys.is_empty() {
            return Ok(keys);
        }
        self.make_signing_key(SigningAlgorithm::Es256, Timestamp(i64::MIN)).await?;
        let mut tx = self.database.begin_read().await?;
        Ok(signing_keys::public(&mut tx).await?)
    }

    /// Makes keys that take the place of those that there are: after the instance key was replaced, which sealed them.
    ///
    /// # Errors
    /// The database's; answers how many were made.
    pub async fn renew_signing_keys(&self) -> Result<u32, AppError> {
        let mut made = 0;
        for algorithm in SigningAlgorithm::ALL {
            let mut tx = self.database.begin_read().await?;
            let known: Result<_, StorageError> = signing_keys::newest(&mut tx, algorithm).await;
            drop(tx);
            if let Some(known) = known? {
                made += u32::from(self.make_signing_key(algorithm, Timestamp(known.created_at)).await?);
            }
        }
        Ok(made)
    }
}
