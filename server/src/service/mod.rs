//! One file per operation: load facts, ask the domain, store result, mail and audit event in one transaction.

mod accept_invitation;
mod actors;
mod ask_for_new_link;
mod authenticate;
mod begin_oauth;
mod change_way_in;
mod check_audit;
mod check_password;
pub mod clean_up;
mod copy_link;
mod create_account;
mod cursor;
mod decide;
mod decline_invitation;
mod edit_member;
mod errors;
mod finish_oauth;
mod flash;
mod grant_owner;
mod invitation_facts;
mod invite_owner;
mod invite_user;
mod join_account;
mod join_by_method;
mod leave_account;
mod list_login_methods;
mod list_mails;
mod list_members;
mod list_ways_in;
mod mail_code;
mod note;
mod open_account;
mod passwords;
mod queue_mail;
mod reauthenticate;
mod remove_member;
mod resend_invitation;
mod rewrite_keys;
mod rotate_keys;
mod save_login_method;
mod set_up;
mod settle_sponsored;
mod show_account;
mod show_mail;
mod sign_in;
mod sign_in_by_method;
mod sign_out;
mod sign_up;
mod switch_login_method;
mod test_login_method;
mod view_invitation;

pub use create_account::CreatedAccount;
pub(crate) use flash::{without_flash, without_secrets};
pub use grant_owner::OwnerGranted;
pub use invite_owner::OwnerInvitation;
pub use rewrite_keys::{KeysRewritten, keep_keys};
pub use rotate_keys::{Resealed, Retired, Rotated, RotationError};
pub use show_mail::MailText;

use crate::{
    clock::Clock,
    config::{Config, DatabaseKind},
    http::cookies::Cookies,
    oauth,
    secrets::{KeyError, Keyring},
    storage::{Database, StorageError},
};
use app::domain::{permission::Catalogue, time::Timestamp};
use check_password::RefusedPasswords;
use passwords::Hasher;
use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::sync::Mutex;

/// How long what a probe was told holds for the next one.
const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

/// Everything that the operations need, cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Parts>);

/// The parts of [`Services`].
pub struct Parts {
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
    last_check: Mutex<Option<(Instant, bool)>>,
    hasher: Hasher,
    refused_passwords: Arc<RefusedPasswords>,
}

impl Deref for Services {
    type Target = Parts;

    fn deref(&self) -> &Parts {
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
        Self::on(config, clock, database, keyring)
    }

    /// Services on a database that is open and up to date.
    ///
    /// # Errors
    /// [`StartError::BreachedFile`].
    pub fn on(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        database: Database,
        keyring: Keyring,
    ) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Parts {
            cookies: Cookies::from(&*config),
            catalogue: config.catalogue(),
            refused_passwords: Arc::new(RefusedPasswords::load(config.passwords.breached_file.as_deref())?),
            hasher: Hasher::new(Duration::from_millis(config.passwords.turn_timeout_ms.into())),
            oauth: oauth::Client::new(&config.oauth)?,
            last_check: Mutex::default(),
            config,
            database,
            clock,
            keyring,
        })))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Is everything there that a request needs, room for writing among it (`/readyz`)? Asked of the database twenty times a second at
    /// most, however often the probes come.
    pub async fn is_ready(&self) -> bool {
        let mut last = self.last_check.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < BETWEEN_CHECKS
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

/// Makes the folder of the data, for its owner alone.
pub(crate) fn make_data_dir(path: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StartError::DataDir { path: path.display().to_string(), source })
}
