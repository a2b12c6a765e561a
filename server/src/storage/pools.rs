//! Makes the connections of both databases, and decides when they are closed.

use super::{
    Database, StorageError,
    changes::ChangeNotices,
    tx::{DeadConnections, TransactionSettings},
};
use sqlx::{
    Connection, Executor, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use url::Url;

/// How long a request waits for a connection before the answer is 503 (F7).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write (F5).
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READ_CONNECTIONS: u32 = 8;
const POSTGRES_CONNECTIONS: u32 = 20;
/// How long a live connection may take to answer the first thing that it is told.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a statement may take as seen from here, since a server that is gone ends nothing. A little longer than the server's own limit.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(6);
/// The beginning of a transaction that writes, in one message. The limits go with it and not with the connection, so that a pooler need
/// not know them: they end what waits too long for a lock, and what an instance left behind that died in the middle.
pub(super) const POSTGRES_BEGIN: &str =
    "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";
/// The beginning of one that reads: everything of one moment, as on SQLite.
pub(super) const POSTGRES_BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL statement_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";
/// What a connection is told first for one statement alone: nothing, which a live one answers.
pub(super) const POSTGRES_PROBE: &str = "";
/// How often two connections are compared. One look is enough but for a pooler that is busy.
const POOLER_PROBES: usize = 8;
/// What a migration waits for and takes its time over. The lock ends with the transaction, whatever becomes of us, and through a
/// pooler of transactions too; and the names of statements that somebody left on the connection are not in the way of ours. The lock's number is `roster` in bytes.
const BEGIN_MIGRATION: &str = "
    SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT pg_advisory_xact_lock(125823003944306); DEALLOCATE ALL";
/// Where distributions put the socket of a local server.
const SOCKET_FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

pub(super) async fn sqlite(url: &str) -> Result<Database, StorageError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit that was acknowledged is on the disk (F1, F10): a mail that tells of it may already have been sent.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(SQLITE_BUSY_TIMEOUT);
    let file = options.get_filename().to_owned();
    make_private(&file)?;
    let pool = |size| {
        let pool = SqlitePoolOptions::new().max_connections(size).acquire_timeout(SQLITE_BUSY_TIMEOUT * 2);
        // A file does not go away as a server does.
        pool.test_before_acquire(false)
    };
    let named = |error: sqlx::Error| StorageError::File { file: file.clone(), problem: error.to_string() };
    let writer = pool(1).connect_with(options.clone()).await.map_err(named)?;
    let readers = pool(SQLITE_READ_CONNECTIONS)
        .connect_with(options.read_only(true).create_if_missing(false))
        .await
        .map_err(named)?;
    Ok(Database::Sqlite { writer, readers, file, settings: TransactionSettings::default() })
}

pub(super) async fn postgres(url: &str) -> Result<Database, StorageError> {
    let parsed = Url::parse(url).map_err(|error| sqlx::Error::Configuration(error.into()))?;
    // No settings are sent at the start of a connection, since a pooler refuses those that it does not know; values are sent in binary
    // anyhow.
    let mut options = PgConnectOptions::from_str(url)?.extra_float_digits(None);
    if !names_host(&parsed)
        && let Some(folder) = socket_folder(options.get_port())
    {
        options = options.socket(folder);
    }
    let dead_connections = Arc::<DeadConnections>::default();
    let told = dead_connections.clone();
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The beginning of a transaction shows whether a connection lives (`begin` in mod.rs).
        .test_before_acquire(false)
        .before_acquire(move |_, meta| {
            let dead_connections = told.clone();
            Box::pin(async move { Ok(!dead_connections.is_about(meta.age)) })
        })
        .connect_with(options)
        .await?;
    let unnamed = keeps_no_statements(&parsed) || shares_connections(&pool).await?;
    let settings = TransactionSettings {
        timeout: Some(STATEMENT_TIMEOUT),
        probe_timeout: Some(PROBE_TIMEOUT),
        unnamed,
        dead_connections,
        changes: Arc::new(ChangeNotices::among_instances()),
        ..TransactionSettings::default()
    };
    Ok(Database::Postgres { pool, settings })
}

/// Brings the schema up to date in one transaction, one instance at a time.
pub(super) async fn migrate(pool: &PgPool) -> Result<(), StorageError> {
    let mut migrations = sqlx_macros::migrate!("../migrations/postgres");
    migrations.set_locking(false);
    let mut connection = pool.acquire().await?;
    // The connection knows statements by names that are gone.
    connection.close_on_drop();
    let mut tx = connection.begin().await?;
    tx.execute(BEGIN_MIGRATION).await?;
    migrations.run(&mut *tx).await?;
    tx.execute("DEALLOCATE ALL").await?;
    let searches_by_index: bool =
        tx.fetch_one("SELECT COUNT(*) > 0 FROM pg_class WHERE relname = 'members_search'").await?.try_get(0)?;
    if !searches_by_index {
        tracing::info!(
            "search in the Users list looks through all rows of an account, as the extension pg_trgm could not be made; README.md says how to \
             make it later"
        );
    }
    Ok(tx.commit().await?)
}

/// Does the URL say that no statement is to be kept on a connection?
fn keeps_no_statements(url: &Url) -> bool {
    url.query_pairs().any(|(key, value)| key == "statement-cache-capacity" && value == "0")
}

/// Does a pooler of transactions stand between us and the server? Then two connections of ours turn out to be one of its own, or one
/// of ours changes. A statement kept there by its name would be somebody else's the next time.
async fn shares_connections(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let (mut one, mut other) = (pool.acquire().await?, pool.acquire().await?);
    let first = backend_of(&mut one).await?;
    for _ in 0..POOLER_PROBES {
        if backend_of(&mut other).await? == first || backend_of(&mut one).await? != first {
            tracing::info!(
                "a pooler shares PostgreSQL connections by transaction: no prepared statement is kept on a connection"
            );
            return Ok(true);
        }
    }
    Ok(false)
}

async fn backend_of(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)
}

/// Does the URL, or the environment as libpq reads it, say where the server is?
fn names_host(url: &Url) -> bool {
    url.host_str().is_some_and(|host| !host.is_empty())
        || url.query_pairs().any(|(key, _)| key == "host" || key == "hostaddr")
        || ["PGHOST", "PGHOSTADDR"].iter().any(|name| std::env::var_os(name).is_some())
}

fn socket_folder(port: u16) -> Option<&'static str> {
    SOCKET_FOLDERS.into_iter().find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists())
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
        Err(error) => Err(StorageError::File { file: file.to_owned(), problem: error.to_string() }),
    }
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
