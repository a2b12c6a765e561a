//! The only place with SQL: one text per statement for SQLite and PostgreSQL, one file per table family. A function on account data
//! takes an [`AccountScope`], which says that somebody's right to see it was established.
//!
//! Every function fails with the [`StorageError`] of the database; the documentation of a function names only other failures.

mod attempt;
mod changes;
mod pools;
mod tx;

pub use attempt::retried;
pub use changes::Changes;
pub(crate) use tx::{changed, on, run, statements};

pub mod account_erasure;
pub mod accounts;
pub mod address_changes;
pub mod api_answers;
pub mod api_keys;
pub mod audit;
pub mod backlog;
pub mod clean_up;
mod copies;
pub mod decisions;
pub mod diagnostics;
pub mod erasure;
pub mod flashes;
pub mod forward_auth;
pub mod identities;
pub mod invitation_refusals;
pub mod invitations;
pub mod job_leases;
pub mod login_methods;
pub mod members;
pub mod oauth_attempts;
pub(crate) mod operator_keys;
pub mod outbox;
pub mod ownership_offers;
pub mod passkey_challenges;
pub mod password_resets;
pub mod pending_sign_ins;
pub mod platform_clients;
pub mod platform_sign_ins;
pub mod rate_buckets;
pub mod remembered_browsers;
pub mod restoring;
pub mod roles;
pub mod sealed;
pub mod second_factor_requirements;
pub mod second_factors;
pub mod sessions;
pub mod signing_keys;
pub mod tokens;
pub mod user_events;
pub mod users;
pub mod webhooks;

pub use tx::Tx;

use crate::{config::Config, metrics::Metrics};
use app::domain::{ids::AccountId, time::Timestamp};
use sqlx::{Executor, PgPool, Pool, SqlitePool, error::DatabaseError, migrate::Migrator, sqlite::SqliteError};
use std::{
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use thiserror::Error;
use tx::{Driver, Transaction, TransactionSettings};

static SQLITE_MIGRATIONS: Migrator = sqlx_macros::migrate!("../migrations/sqlite");

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

/// Why a storage function failed.
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
    /// A file of an SQLite database cannot be used as it lies there.
    #[error("{}: {problem}", file.display())]
    File {
        /// The database.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Not `sqlite:` or `postgres:`.
    #[error("database_url: neither sqlite: nor postgres:")]
    UnknownScheme,
}

/// What the database itself calls an error.
enum Code {
    /// SQLite's primary result code.
    Sqlite(u32),
    /// PostgreSQL's SQLSTATE.
    Postgres(String),
}

fn code_of(error: &dyn DatabaseError) -> Code {
    let code = error.code().unwrap_or_default();
    match error.try_downcast_ref::<SqliteError>() {
        // The extended code has its kind in the lowest byte.
        Some(_) => Code::Sqlite(code.parse::<u32>().unwrap_or_default() & 0xff),
        None => Code::Postgres(code.into_owned()),
    }
}

/// Is the cause the state of the database, and not the statement? Then another try may succeed.
fn is_unavailable(error: &sqlx::Error) -> bool {
    use sqlx::Error;
    match error.as_database_error().map(code_of) {
        // No permission, busy, locked, out of memory, read-only, I/O, corrupt, full, cannot open, locking protocol, not a database.
        Some(Code::Sqlite(primary)) => matches!(primary, 3 | 5 | 6 | 7 | 8 | 10 | 11 | 13 | 14 | 15 | 26),
        // Connection, a demoted primary, time-outs, conflicts, resources, locks, shutdown, system and internal errors; who may not
        // connect; and statements that a pooler or a change of the schema took away.
        Some(Code::Postgres(code)) => {
            const CLASSES: &[&str] = &[
                "08", "25006", "25P03", "25P04", "40", "53", "55P03", "57", "58", "XX", "28", "3D000", "26000",
                "42P05", "0A000",
            ];
            CLASSES.iter().any(|class| code.starts_with(class))
        }
        None => matches!(
            error,
            Error::Io(_)
                | Error::Tls(_)
                | Error::Protocol(_)
                | Error::PoolTimedOut
                | Error::PoolClosed
                | Error::WorkerCrashed
                | Error::BeginFailed
        ),
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        attempt::note_error(&error);
        if error.as_database_error().is_some_and(DatabaseError::is_unique_violation) {
            Self::Taken(error)
        } else if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

impl StorageError {
    /// Replaces the violation of a unique constraint by `taken`; any other error stays.
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
        /// How transactions are run on them.
        settings: TransactionSettings,
    },
    /// PostgreSQL.
    Postgres {
        /// The connections.
        pool: PgPool,
        /// How transactions are run on them.
        settings: TransactionSettings,
    },
}

impl Database {
    /// Connects; makes the file of an SQLite database if there is none.
    ///
    /// # Errors
    /// [`StorageError::UnknownScheme`], or the database's own.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => pools::sqlite(url).await,
            Some("postgres" | "postgresql") => pools::postgres(url).await,
            _ => Err(StorageError::UnknownScheme),
        }
    }

    /// Brings the schema up to date. PostgreSQL lets one instance at a time do it; on SQLite `serve` holds the file's lock.
    ///
    /// # Errors
    /// [`StorageError::Migration`].
    pub async fn migrate(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite { writer, .. } => {
                // Migrations write much at once: their log is not to fill a small disk (F9).
                writer.execute(SMALL_LOG).await?;
                SQLITE_MIGRATIONS.run(writer).await?;
                writer.execute(USUAL_LOG).await?;
                if let Err(error) = copies::empty_log(writer).await {
                    // Whoever has a full disk can read all the same.
                    tracing::warn!(%error, "the write-ahead log keeps its space");
                }
            }
            Self::Postgres { pool, .. } => pools::migrate(pool).await?,
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

    /// A transaction for reading. What it sees is of one moment, on both databases.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_read(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            Self::Sqlite { readers, settings, .. } => Tx::Sqlite(begin(readers, "BEGIN", settings).await?),
            Self::Postgres { pool, settings } => Tx::Postgres(begin(pool, pools::POSTGRES_BEGIN_READ, settings).await?),
        })
    }

    /// For one statement alone that reads, which needs no transaction around it.
    ///
    /// # Errors
    /// The database's.
    pub async fn look_up(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            Self::Sqlite { readers, settings, .. } => {
                Tx::Sqlite(Transaction::alone(readers.acquire().await?, settings.clone()))
            }
            // Behind a pooler, a statement alone might be prepared on one connection and run on another.
            Self::Postgres { settings, .. } if settings.unnamed => self.begin_read().await?,
            Self::Postgres { pool, settings } => {
                Tx::Postgres(begin(pool, pools::POSTGRES_PROBE, settings).await?.with_nothing_to_end())
            }
        })
    }

    /// A transaction for writing. On SQLite it takes the write lock at once: a transaction that reads first and writes later would
    /// be refused without waiting.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_write(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            Self::Sqlite { writer, settings, .. } => Tx::Sqlite(begin(writer, "BEGIN IMMEDIATE", settings).await?),
            Self::Postgres { pool, settings } => Tx::Postgres(begin(pool, pools::POSTGRES_BEGIN, settings).await?),
        })
    }

    /// Waits until a transaction of this process that queued a mail was committed; at once, if that happened since the last time.
    pub async fn mail_queued(&self) {
        self.settings().mail_queued.notified().await;
    }

    /// Waits until a transaction of this process that ended a sign-in at a platform was committed; at once, if that happened since the last
    /// time.
    pub async fn platform_sign_out_noted(&self) {
        self.settings().platform_sign_outs.notified().await;
    }

    /// Waits until a transaction of this process that queued a delivery of a webhook was committed; at once, if that happened since the last
    /// time.
    pub async fn webhook_delivery_queued(&self) {
        self.settings().webhook_deliveries.notified().await;
    }

    /// Wakes whoever waits for [`Self::mail_queued`] without a mail: after the clock was set, which tests do.
    pub fn wake_mail_worker(&self) {
        self.settings().mail_queued.notify_one();
    }

    /// What is counted and timed of this database, and of what works on it.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.settings().metrics
    }

    /// The connections there are now.
    pub fn pools(&self) -> Vec<PoolNumbers> {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                vec![PoolNumbers::of("writer", writer), PoolNumbers::of("readers", readers)]
            }
            Self::Postgres { pool, .. } => vec![PoolNumbers::of("all", pool)],
        }
    }

    const fn settings(&self) -> &TransactionSettings {
        match self {
            Self::Sqlite { settings, .. } | Self::Postgres { settings, .. } => settings,
        }
    }

    /// Does the database take what is written? A row that is written each time tells: reading goes on when a disk is full or a
    /// primary was demoted.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn try_writing(&self, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin_write().await?;
        rate_buckets::reserve(&mut tx, "readyz", WRITE_PROBES, now).await?;
        tx.commit().await?;
        match self {
            Self::Sqlite { file, .. } => Ok(try_room(file).await.map_err(sqlx::Error::Io)?),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Can it be written to at all? SQLite opens a file that it may only read, and says so at the first write.
    ///
    /// # Errors
    /// [`StorageError::File`]. Whatever else is in the way may pass.
    pub async fn check_access(&self, now: Timestamp) -> Result<(), StorageError> {
        let Self::Sqlite { file, .. } = self else { return Ok(()) };
        let written = async {
            let mut tx = self.begin_write().await?;
            rate_buckets::reserve(&mut tx, "readyz", WRITE_PROBES, now).await
        };
        match written.await {
            Err(StorageError::Unavailable(error)) if is_read_only(&error) => Err(StorageError::File {
                file: file.clone(),
                problem: "read-only; Roster's user must be able to write to it, to the files beside it (-wal, -shm) and to its folder"
                    .to_owned(),
            }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Closes the connections, after their present work.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, .. } => {
                if let Err(error) = self.tell_instances().await {
                    tracing::debug!(%error, "the other instances could not be told of the last changes");
                }
                pool.close().await;
            }
        }
    }
}

/// How many connections a pool has.
#[derive(Clone, Copy, Debug)]
pub struct PoolNumbers {
    /// Which pool.
    pub name: &'static str,
    /// Connections that are open,
    pub size: i64,
    /// and those of them that nobody uses.
    pub idle: i64,
    /// How many it may have.
    pub max: i64,
}

impl PoolNumbers {
    fn of<DB: Driver>(name: &'static str, pool: &Pool<DB>) -> Self {
        let (size, max) = (i64::from(pool.size()), i64::from(pool.options().get_max_connections()));
        // The two are not read in one moment.
        Self { name, size, idle: i64::try_from(pool.num_idle()).unwrap_or(size).min(size), max }
    }
}

async fn begin<DB: Driver>(
    pool: &Pool<DB>,
    sql: &'static str,
    settings: &TransactionSettings,
) -> Result<Transaction<DB>, StorageError> {
    let (metrics, asked) = (&settings.metrics, Instant::now());
    let mut connections = 0;
    let begun = loop {
        connections += 1;
        let waiting = metrics.waits_for_connection();
        let connection = pool.acquire().await?;
        drop(waiting);
        match Transaction::begin(connection, sql, settings.clone()).await {
            // The connection is dead, and nothing was done on it. Those that are as old are not handed out any more.
            Err(StorageError::Unavailable(_))
                if settings.probe_timeout.is_some() && connections < MAX_CONNECTIONS_TRIED => {}
            begun => break begun?,
        }
    };
    metrics.database_begin_duration_seconds.observe(asked.elapsed().as_secs_f64());
    Ok(begun)
}

/// How many pages the write-ahead log of SQLite may have before they are taken over into the file: while the schema changes,
const SMALL_LOG: &str = "PRAGMA wal_autocheckpoint = 64";
/// and otherwise, as SQLite itself has it.
const USUAL_LOG: &str = "PRAGMA wal_autocheckpoint = 1000";

/// How many connections are tried for one transaction. Behind the first dead one comes a new one, but for a server that is going down.
const MAX_CONNECTIONS_TRIED: u32 = 3;

fn is_read_only(error: &sqlx::Error) -> bool {
    const READ_ONLY: u32 = 8;
    matches!(error.as_database_error().map(code_of), Some(Code::Sqlite(READ_ONLY)))
}

/// How often `/readyz` writes is bounded by whoever asks; here it only has to write.
const WRITE_PROBES: rate_buckets::Limit = rate_buckets::Limit { burst: 1, per_day: 86_400 };

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

/// Every statement of every file, as `file::NAME` and text. Those with `trigrams` in their name are for SQLite alone.
pub fn all_statements() -> Vec<(String, String)> {
    let of_files = [
        ("account_erasure", account_erasure::STATEMENTS),
        ("accounts", accounts::STATEMENTS),
        ("address_changes", address_changes::STATEMENTS),
        ("api_answers", api_answers::STATEMENTS),
        ("api_keys", api_keys::STATEMENTS),
        ("operator_keys", operator_keys::STATEMENTS),
        ("audit", audit::STATEMENTS),
        ("backlog", backlog::STATEMENTS),
        ("clean_up", clean_up::STATEMENTS),
        ("decisions", decisions::STATEMENTS),
        ("diagnostics", diagnostics::STATEMENTS),
        ("erasure", erasure::STATEMENTS),
        ("flashes", flashes::STATEMENTS),
        ("forward_auth", forward_auth::STATEMENTS),
        ("identities", identities::STATEMENTS),
        ("invitation_refusals", invitation_refusals::STATEMENTS),
        ("invitations", invitations::STATEMENTS),
        ("job_leases", job_leases::STATEMENTS),
        ("login_methods", login_methods::STATEMENTS),
        ("members", members::STATEMENTS),
        ("members::access", members::access::STATEMENTS),
        ("members::keys", members::keys::STATEMENTS),
        ("members::list", members::list::STATEMENTS),
        ("members::login", members::login::STATEMENTS),
        ("members::numbers", members::numbers::STATEMENTS),
        ("members::person", members::person::STATEMENTS),
        ("oauth_attempts", oauth_attempts::STATEMENTS),
        ("outbox::queue", outbox::queue::STATEMENTS),
        ("outbox::view", outbox::view::STATEMENTS),
        ("ownership_offers", ownership_offers::STATEMENTS),
        ("passkey_challenges", passkey_challenges::STATEMENTS),
        ("password_resets", password_resets::STATEMENTS),
        ("pending_sign_ins", pending_sign_ins::STATEMENTS),
        ("platform_clients", platform_clients::STATEMENTS),
        ("platform_sign_ins", platform_sign_ins::STATEMENTS),
        ("rate_buckets", rate_buckets::STATEMENTS),
        ("remembered_browsers", remembered_browsers::STATEMENTS),
        ("restoring", restoring::STATEMENTS),
        ("roles", roles::STATEMENTS),
        ("sealed", sealed::STATEMENTS),
        ("second_factor_requirements", second_factor_requirements::STATEMENTS),
        ("second_factors", second_factors::STATEMENTS),
        ("sessions", sessions::STATEMENTS),
        ("signing_keys", signing_keys::STATEMENTS),
        ("tokens", tokens::STATEMENTS),
        ("user_events", user_events::STATEMENTS),
        ("users", users::STATEMENTS),
        ("webhooks", webhooks::STATEMENTS),
        ("webhooks::deliveries", webhooks::deliveries::STATEMENTS),
        ("webhooks::told", webhooks::told::STATEMENTS),
    ];
    of_files
        .into_iter()
        .flat_map(|(file, statements)| {
            statements.iter().map(move |(name, sql)| (format!("{file}::{name}"), (*sql).to_owned()))
        })
        .chain(members::list::texts())
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
