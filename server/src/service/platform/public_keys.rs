//! The keys that tokens are signed with: made when they are first needed, sealed by the instance key, and renewed by age.

use crate::{
    config::SigningAlgorithm,
    context::Services,
    openid_provider::{NewSigningKey, SigningKey},
    secrets::SealedFor,
    service::errors::internal,
    storage::{StorageError, signing_keys},
};
use app::{
    domain::time::{Span, Timestamp},
    error::AppError,
};
use serde_json::Value;
use uuid::Uuid;

/// The age at which another key takes a key's place. The earlier one stays published until the clean-up deletes it, a week later.
const MAX_KEY_AGE: Span = Span::days(90);

impl Services {
    /// The key that signs by this algorithm.
    pub(in crate::service) async fn signing_key(&self, algorithm: SigningAlgorithm) -> Result<SigningKey, AppError> {
        let mut tx = self.database.begin_read().await?;
        let newest = signing_keys::newest(&mut tx, algorithm).await?;
        drop(tx);
        match newest.filter(|key| Timestamp(key.created_at) + MAX_KEY_AGE > self.now()) {
            Some(key) => {
                let private = self.keyring.open(SealedFor::SigningKey(key.id), &key.sealed)?;
                SigningKey::read(key.id, algorithm, &private).map_err(|error| internal(&error))
            }
            None => self.make_signing_key(algorithm).await,
        }
    }

    async fn make_signing_key(&self, algorithm: SigningAlgorithm) -> Result<SigningKey, AppError> {
        let making = tokio::task::spawn_blocking(move || NewSigningKey::make(Uuid::now_v7(), algorithm));
        let made = making.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        let sealed = self.keyring.seal(SealedFor::SigningKey(made.id), &made.private);
        // Two instances may do so at once: then both keys are published, and the newer one signs.
        let mut tx = self.database.begin_write().await?;
        signing_keys::insert(&mut tx, made.id, algorithm, &sealed, &made.public_jwk, self.now()).await?;
        tx.commit().await?;
        tracing::info!(key = %made.id, algorithm = algorithm.name(), "a key signs the tokens of platforms from now on");
        SigningKey::read(made.id, algorithm, &made.private).map_err(|error| internal(&error))
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
        self.make_signing_key(SigningAlgorithm::Es256).await?;
        let mut tx = self.database.begin_read().await?;
        Ok(signing_keys::public(&mut tx).await?)
    }

    /// Lets new keys sign in place of those that there are: after the instance key was replaced, which sealed them.
    ///
    /// # Errors
    /// The database's; answers how many were made.
    pub async fn renew_signing_keys(&self) -> Result<u32, AppError> {
        let mut made = 0;
        for algorithm in SigningAlgorithm::ALL {
            let mut tx = self.database.begin_read().await?;
            let known: Result<_, StorageError> = signing_keys::newest(&mut tx, algorithm).await;
            drop(tx);
            if known?.is_some() {
                self.make_signing_key(algorithm).await?;
                made += 1;
            }
        }
        Ok(made)
    }
}
