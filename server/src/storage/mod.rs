//! The only place with SQL: one text per statement for SQLite and PostgreSQL, one file per table family. A function on account data
//! takes an [`AccountScope`], which says that somebody's right to see it was established.

mod tx;

pub(crate) use tx::{changed, on, statements};

pub mod accounts;
pub mod audit;
pub mod clean_up;
pub mod decisions;
pub mod flashes;
pub mod identities;
pub mod invitations;
pub mod job_leases;
pub mod login_methods;
pub mod members;
pub mod oauth_attempts;
pub mod outbox;
pub mod rate_buckets;
pub mod sealed;
pub mod sessions;
pub mod tokens;
pub mod users;

pub use tx::Tx;

use crate::config::Config;
use app::domain::{ids::AccountId, time::Timestamp};
use sqlx::{
    Connection, PgPool, SqliteConnection, SqlitePool,
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};
use thiserror::Error;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// How long a request waits for a connection before the answer is 503 (F7).
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write (F5).
const WAIT_FOR_WRITER: Duration = Duration::from_secs(5);
const READERS: u32 = 8;

/// The proof that somebody's right to an account's data was established. Only the functions of this folder that establish a right make
/// one: loading the actor of a request, finding the token of an invitation, an attempt to sign in or a login method, making the
/// account, and what the system and the host's operator do. ARCHITECTURE.md names each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountScope(AccountId);

impl AccountScope {
    /// The account.
    pub const fn id(self) -> AccountId {
        self.0
    }

    /// For the functions of this folder that establish the right. Private: nobody outside makes a scope out of an id.
    const fn established(account: AccountId) -> Self {
        Self(account)
    }

    /// A scope for unit tests, which have no database to establish a right in.
    #[cfg(test)]
    pub(crate) const fn of_test(account: AccountId) -> Self {
        Self(account)
    }
}

/// What can go wrong below.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The database is away, busy or refuses to take a connection: 503.
    #[error("database unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// A rule of uniqueness stands against it.
    #[error("unique constraint: {0}")]
    Taken(sqlx::Error),
    /// Anything else.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// A row says something that Roster never writes.
    #[error("inconsistent {table}.{column}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The migrations cannot be run.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Not `sqlite:` or `postgres:`.
    #[error("database_url: neither sqlite: nor postgres:")]
    UnknownScheme,
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            if database.is_unique_violation() {
                return Self::Taken(error);
            }
            // SQLite: 5 busy, 6 locked, 8 read-only, 10 input or output, 13 full, 14 cannot open, with extended codes in the higher
            // bits. PostgreSQL: 53 resources, 57P shutdown, 57014 a statement timeout, 08 connection, 25006 read-only (a demoted
            // primary), 40 serialization and deadlock.
            let code = database.code().unwrap_or_default();
            let away = if code.len() == 5 {
                ["08", "25006", "40", "53", "57014", "57P"].iter().any(|class| code.starts_with(class))
            } else {
                code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
            };
            if away {
                return Self::Unavailable(error);
            }
        }
        // The last two: a connection that a fault left within a transaction, which its pool is about to throw away.
        let away = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed
                | sqlx::Error::InvalidSavePointStatement
        );
        if away { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl StorageError {
    /// What `taken` makes of a broken rule of uniqueness, and this error for all else.
    pub(crate) fn or_taken<E: From<Self>>(self, taken: impl FnOnce() -> E) -> E {
        if matches!(self, Self::Taken(_)) { taken() } else { self.into() }
    }

    /// A row holds something that Roster never writes.
    pub(crate) const fn inconsistent(table: &'static str, column: &'static str) -> Self {
        Self::Inconsistent { table, column }
    }
}

/// The database, whichever it is.
#[derive(Clone, Debug)]
pub enum Database {
    /// SQLite: one writer, many readers.
    Sqlite {
        /// One connection: SQLite takes one writer at a time.
        writer: SqlitePool,
        /// The others.
        readers: SqlitePool,
        /// The file.
        file: PathBuf,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

impl Database {
    /// Connects; makes the file of an SQLite database if there is none.
    ///
    /// # Errors
    /// [`StorageError::UnknownScheme`], or the database's own.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => {
                // What was acknowledged is on the disk (F1, F10): a mail may be out already that tells of it.
                let options = SqliteConnectOptions::from_str(url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(WAIT_FOR_WRITER);
                make_private(options.get_filename())?;
                let pool = |size| {
                    SqlitePoolOptions::new()
                        .max_connections(size)
                        .acquire_timeout(WAIT_FOR_WRITER * 2)
                        .after_release(|connection, _| Box::pin(is_sound(connection)))
                };
                let file = options.get_filename().to_owned();
                let writer = pool(1).connect_with(options.clone()).await?;
                let readers = pool(READERS).connect_with(options.read_only(true).create_if_missing(false)).await?;
                Ok(Self::Sqlite { writer, readers, file })
            }
            Some("postgres" | "postgresql") => {
                let pool = PgPoolOptions::new().max_connections(20).acquire_timeout(WAIT_FOR_CONNECTION);
                Ok(Self::Postgres(pool.connect(url).await?))
            }
            _ => Err(StorageError::UnknownScheme),
        }
    }

    /// Brings the schema up to date. PostgreSQL lets one instance at a time do it; on SQLite `serve` holds the file's lock.
    ///
    /// # Errors
    /// [`StorageError::Migration`].
    pub async fn migrate(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite { writer, .. } => SQLITE_MIGRATIONS.run(writer).await?,
            Self::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// Connects and brings the schema up to date, with the DDL role of its own where the operator named one.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(config: &Config) -> Result<Self, StorageError> {
        if let Some(url) = &config.migration_database_url {
            Self::connect(url.expose()).await?.migrate().await?;
            return Self::connect(config.database_url.expose()).await;
        }
        let database = Self::connect(config.database_url.expose()).await?;
        database.migrate().await?;
        Ok(database)
    }

    /// A transaction for reading.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_read(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction for writing. On SQLite it takes the write lock at once: a transaction that reads first and writes later would
    /// be refused without waiting.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_write(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Does the database take what is written? A row that is written each time tells: reading goes on when a disk is full or a
    /// primary was demoted.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn try_writing(&self, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin_write().await?;
        rate_buckets::take_later(&mut tx, "readyz", PROBES, now).await?;
        tx.commit().await?;
        match self {
            Self::Sqlite { file, .. } => Ok(try_room(file).await.map_err(sqlx::Error::Io)?),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Closes the connections, after their present work.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// How often `/readyz` writes is bounded by whoever asks; here it only has to write.
const PROBES: rate_buckets::Limit = rate_buckets::Limit { burst: 1, per_day: 86_400 };

/// Is there room on the disk for what a larger change writes? One row still finds it in the write-ahead log when nothing else does.
async fn try_room(database: &Path) -> std::io::Result<()> {
    let mut probe = database.as_os_str().to_owned();
    probe.push(".probe");
    let written = tokio::fs::write(&probe, vec![0; ROOM_TO_WRITE_BYTES]).await;
    tokio::fs::remove_file(&probe).await.or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) })?;
    written
}

/// What `/readyz` wants to be free: more than the pages of any one change.
const ROOM_TO_WRITE_BYTES: usize = 128 * 1024;

/// Is a connection fit to be used again? After a full disk or an I/O error SQLite has rolled back by itself; the library then counts a
/// transaction that is no more, and refuses every further one. Such a connection is closed, and the pool makes a new one (F9, F10).
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A rollback may still be on its way to the connection's thread; the answer to this comes after it.
    connection.ping().await?;
    let sound = !connection.is_in_transaction();
    if !sound {
        tracing::warn!("a connection was left within a transaction; it is made anew");
    }
    Ok(sound)
}

/// Makes the file of a new SQLite database for its owner alone, whatever the umask; SQLite gives the files beside it the same mode.
fn make_private(file: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::OpenOptionsExt;
    if file.as_os_str().is_empty() || file.to_string_lossy().contains(":memory:") {
        return Ok(());
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StorageError::Unavailable(sqlx::Error::Io(error))),
    }
}

/// Every statement of every file, as `file::NAME` and text.
pub fn all_statements() -> Vec<(String, &'static str)> {
    [
        ("accounts", accounts::STATEMENTS),
        ("audit", audit::STATEMENTS),
        ("clean_up", clean_up::STATEMENTS),
        ("decisions", decisions::STATEMENTS),
        ("flashes", flashes::STATEMENTS),
        ("identities", identities::STATEMENTS),
        ("invitations", invitations::STATEMENTS),
        ("job_leases", job_leases::STATEMENTS),
        ("login_methods", login_methods::STATEMENTS),
        ("members", members::STATEMENTS),
        ("oauth_attempts", oauth_attempts::STATEMENTS),
        ("outbox", outbox::STATEMENTS),
        ("rate_buckets", rate_buckets::STATEMENTS),
        ("sealed", sealed::STATEMENTS),
        ("sessions", sessions::STATEMENTS),
        ("tokens", tokens::STATEMENTS),
        ("users", users::STATEMENTS),
    ]
    .into_iter()
    .flat_map(|(file, statements)| statements.iter().map(move |(name, sql)| (format!("{file}::{name}"), *sql)))
    .collect()
}

/// The pattern of a substring search; `%`, `_` and the escape itself mean themselves.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn cf_02_a_new_sqlite_database_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roster.db");
        let database = Database::connect(&format!("sqlite:{}?mode=rwc", file.display())).await.unwrap();
        database.migrate().await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        database.close().await;
    }
}
