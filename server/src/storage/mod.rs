//! The only place with SQL: one text per statement for SQLite and PostgreSQL, one file per table family. A function on account data
//! takes an [`AccountScope`], which says that somebody's right to see it was established.

mod tx;

pub(crate) use tx::{changed, on, statements};

pub mod accounts;
pub mod audit;
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
use app::domain::ids::AccountId;
use sqlx::{
    PgPool, SqlitePool,
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{str::FromStr, time::Duration};
use thiserror::Error;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// How long a request waits for a connection before the answer is 503 (F7).
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write (F5).
const WAIT_FOR_WRITER: Duration = Duration::from_secs(5);
const READERS: u32 = 8;

/// The proof that somebody's right to an account's data was established: made by loading the actor of a request, by an accepted
/// token, or by a named job of the system, and by nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountScope(AccountId);

impl AccountScope {
    /// The account.
    pub const fn id(self) -> AccountId {
        self.0
    }

    /// For those who establish the right: `service::actors`, `service::joining` and the system's jobs.
    pub(crate) const fn established(account: AccountId) -> Self {
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
            // SQLite: 5 busy, 6 locked, 13 full, with extended codes in the higher bits. PostgreSQL: 53 resources, 57P shutdown,
            // 08 connection, 25006 read-only (a demoted primary), 40 serialization and deadlock.
            let code = database.code().unwrap_or_default();
            let away = if code.len() == 5 {
                ["08", "25006", "40", "53", "57P"].iter().any(|class| code.starts_with(class))
            } else {
                code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13))
            };
            if away {
                return Self::Unavailable(error);
            }
        }
        let away = matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed
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
                let options = SqliteConnectOptions::from_str(url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .foreign_keys(true)
                    .busy_timeout(WAIT_FOR_WRITER);
                let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(WAIT_FOR_WRITER * 2);
                let writer = pool(1).connect_with(options.clone()).await?;
                let readers = pool(READERS).connect_with(options.read_only(true).create_if_missing(false)).await?;
                Ok(Self::Sqlite { writer, readers })
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

    /// Does the database answer?
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StorageError> {
        let mut tx = self.begin_read().await?;
        on!(&mut tx, c => sqlx::query(PING).execute(c).await.map(|_| ()))?;
        Ok(())
    }

    /// Closes the connections, after their present work.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

statements! {
    PING = "SELECT 1";
}

/// Every statement of every file, as `file::NAME` and text.
pub fn all_statements() -> Vec<(String, &'static str)> {
    [
        ("storage", STATEMENTS),
        ("accounts", accounts::STATEMENTS),
        ("audit", audit::STATEMENTS),
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
