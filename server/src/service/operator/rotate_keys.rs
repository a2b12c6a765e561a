//! Changing the instance key (CF-03): a new key seals, every value is sealed anew under it, and then the older keys can go. At each
//! step the key file opens every value there is, so that any of them can break off and be run again.

use crate::{
    context::Services,
    secrets::{KeyError, KeyFile},
    storage::{
        StorageError,
        sealed::{self, Column},
    },
};
use std::{
    path::Path,
    time::{Duration, SystemTime},
};
use thiserror::Error;
use uuid::Uuid;

/// Values that are read at once.
const BATCH_ROWS: i64 = 100;
/// How long after a change of the key file a request may still write what it sealed before; none takes longer than half of it.
const SETTLE_TIME: Duration = Duration::from_secs(60);

/// The outcome of a pass over all sealed values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that are under the present key now.
    pub values: usize,
    /// Values that no key of the file opens. They are left as they are.
    pub unopened: usize,
}

/// What a rotation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Does another key seal now? If not, an earlier rotation was carried on.
    pub new_key: bool,
    /// The values.
    pub resealed: Resealed,
}

/// What became of the older keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// They are gone.
    Done {
        /// How many there were.
        keys: usize,
        /// Values that were still under them.
        resealed: Resealed,
    },
    /// There is none.
    NoOlderKey,
    /// The key file was changed just now.
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
}

/// Why a rotation broke off. Nothing is lost: it can be run again.
#[derive(Debug, Error)]
pub enum RotationError {
    /// The key file.
    #[error("secret_key_file: {0}")]
    Key(#[from] KeyError),
    /// The database.
    #[error("database_url: {0}; nothing is lost, run this again")]
    Database(#[from] StorageError),
}

impl Services {
    /// Lets another key seal, and seals everything anew under it.
    ///
    /// # Errors
    /// [`RotationError`].
    pub async fn rotate_keys(&self) -> Result<Rotated, RotationError> {
        let path = &self.config.secret_key_file;
        let mut keys = KeyFile::read(path)?;
        let new_key = keys.rotate();
        if new_key {
            keys.write(path)?;
        }
        Ok(Rotated { new_key, resealed: self.reseal().await? })
    }

    /// Gives the older keys up, after what is still sealed under them was sealed anew.
    ///
    /// # Errors
    /// [`RotationError`].
    pub async fn retire_keys(&self) -> Result<Retired, RotationError> {
        let path = &self.config.secret_key_file;
        let mut keys = KeyFile::read(path)?;
        if !keys.has_older() {
            return Ok(Retired::NoOlderKey);
        }
        if let Some(wait) = SETTLE_TIME.checked_sub(age(path)?).filter(|wait| !wait.is_zero()) {
            return Ok(Retired::TooSoon { wait });
        }
        let resealed = self.reseal().await?;
        let retired = keys.retire();
        keys.write(path)?;
        Ok(Retired::Done { keys: retired, resealed })
    }

    /// Seals anew what is not under the present key, until a pass finds nothing more.
    async fn reseal(&self) -> Result<Resealed, StorageError> {
        let mut done = Resealed::default();
        while self.reseal_once(&mut done).await? {}
        Ok(done)
    }

    /// One pass; did it find anything to seal anew?
    async fn reseal_once(&self, done: &mut Resealed) -> Result<bool, StorageError> {
        let key = self.keyring.current();
        let mut found = false;
        done.unopened = 0;
        for column in Column::ALL {
            let mut after = Uuid::nil();
            loop {
                let mut tx = self.database.begin_read().await?;
                let batch = sealed::others(&mut tx, column, key, after, BATCH_ROWS).await?;
                drop(tx);
                let Some(last) = batch.last() else { break };
                after = last.id;
                for value in &batch {
                    let Ok(plain) = self.keyring.open(value.purpose, &value.sealed) else {
                        done.unopened += 1;
                        continue;
                    };
                    found = true;
                    let anew = self.keyring.seal(value.purpose, &plain);
                    // One row at a time: several in one transaction could be locked in another order than a request locks them.
                    let mut tx = self.database.begin_write().await?;
                    if sealed::replace(&mut tx, column, value, &anew).await? {
                        done.values += 1;
                    }
                    tx.commit().await?;
                }
            }
        }
        Ok(found)
    }
}

/// How long ago the file was changed, by the clock that its time was taken from.
fn age(path: &Path) -> Result<Duration, KeyError> {
    let changed = std::fs::metadata(path).and_then(|meta| meta.modified());
    let changed = changed.map_err(|source| KeyError::File { path: path.display().to_string(), source })?;
    Ok(SystemTime::now().duration_since(changed).unwrap_or_default())
}
