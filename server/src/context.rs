//! What every operation needs: configuration, database, clock, keys, and the clients of the world outside. It stands below the layers, so
//! that the mail worker can be given it as well as the operations.

use crate::{
    clock::Clock,
    config::{Config, DatabaseKind},
    cookies::Cookies,
    metrics::Metrics,
    oauth,
    openid_provider::SigningKey,
    passwords::{Hasher, RefusedPasswords},
    secrets::{KeyError, Keyring},
    storage::{Database, StorageError},
};
use app::domain::{permission::Catalogue, time::Timestamp};
use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How long the result of a readiness check is reused.
const READINESS_TTL: Duration = Duration::from_millis(50);

/// Everything that the operations need, cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Context>);

/// What [`Services`] shares.
pub struct Context {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub database: Database,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The instance keys.
    pub keyring: Keyring,
    /// The cookies of this base URL.
    pub cookies: Cookies,
    /// The permissions there are.
    pub catalogue: Catalogue,
    /// Talks to the accounts' providers.
    pub oauth: oauth::Client,
    /// Cancelled when the process is told to stop: what would go on without end has to end (F22).
    pub stopping: CancellationToken,
    /// Hashes passwords.
    pub(crate) hasher: Hasher,
    /// The passwords that nobody may choose.
    pub(crate) refused_passwords: Arc<RefusedPasswords>,
    /// The key that signs what hosts are told, and when it was read: not for every one of their questions.
    pub(crate) assertion_key: Mutex<Option<(Timestamp, Arc<SigningKey>)>>,
    last_check: Mutex<Option<(Instant, bool)>>,
}

impl Deref for Services {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0
    }
}

/// Why the services cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The database.
    #[error("database_url: {0}")]
    Database(#[from] StorageError),
    /// The instance key.
    #[error("secret_key_file: {0}")]
    Key(#[from] KeyError),
    /// The folder of the data.
    #[error("data_dir: {path}: {source}")]
    DataDir {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The settings for reaching providers.
    #[error(transparent)]
    OAuth(#[from] oauth::SetUpError),
    /// The list of breached passwords.
    #[error("passwords.breached_file: {path}: {source}")]
    BreachedFile {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Services {
    /// Loads the key, opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`StartError`], naming the setting at fault.
    pub async fn start(config: Arc<Config>, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let sqlite = config.database_url.kind() == DatabaseKind::Sqlite;
        if sqlite {
            make_data_dir(&config.data_dir)?;
        }
        let keyring = Keyring::load(&config.secret_key_file, sqlite)?;
        let database = Database::open(&config).await?;
        Self::with_database(config, clock, database, keyring)
    }

    /// Makes the services for a database that is open and migrated.
    ///
    /// # Errors
    /// [`StartError::BreachedFile`].
    pub fn with_database(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        database: Database,
        keyring: Keyring,
    ) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Context {
            cookies: Cookies::from(&*config),
            catalogue: config.catalogue(),
            refused_passwords: Arc::new(refused_passwords(&config)?),
            hasher: Hasher::new(
                Duration::from_millis(config.passwords.turn_timeout_ms.into()),
                Arc::clone(database.metrics()),
            ),
            oauth: oauth::Client::new(&config.oauth)?,
            stopping: CancellationToken::new(),
            assertion_key: Mutex::default(),
            last_check: Mutex::default(),
            config,
            database,
            clock,
            keyring,
        })))
    }

    /// What is counted and timed in this process.
    pub fn metrics(&self) -> &Metrics {
        self.database.metrics()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Is the server ready: does the database answer, and is there room to write (`/readyz`)? The database is asked twenty times a second
    /// at most, however often probes come.
    pub async fn is_ready(&self) -> bool {
        let mut last = self.last_check.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < READINESS_TTL
        {
            return ready;
        }
        let ready = match self.database.try_writing(self.now()).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "not ready");
                false
            }
        };
        *last = Some((Instant::now(), ready));
        ready
    }
}

fn refused_passwords(config: &Config) -> Result<RefusedPasswords, StartError> {
    let Some(path) = config.passwords.breached_file.as_deref() else { return Ok(RefusedPasswords::default()) };
    RefusedPasswords::load(path).map_err(|source| StartError::BreachedFile { path: path.display().to_string(), source })
}

/// Makes the folder of the data, for its owner alone.
pub(crate) fn make_data_dir(path: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StartError::DataDir { path: path.display().to_string(), source })
}
