//! Fresh databases: copies of one that was migrated once.

use server::storage::Database;
use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::sync::OnceCell;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A database of one test's own.
pub struct Fresh {
    kind: Kind,
    url: String,
    name: String,
    dir: Option<tempfile::TempDir>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
static SQLITE_TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// The URL of a PostgreSQL server whose user may create databases.
fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL is not set: run `make test`, which starts a PostgreSQL of its own, or name one")
}

fn with_database(url: &str, name: &str) -> String {
    let mut url = url::Url::parse(url).expect("TEST_POSTGRES_URL is a URL");
    url.set_path(name);
    url.to_string()
}

async fn administer(sql: String) {
    use sqlx::{Connection, Executor};
    let mut connection = sqlx::PgConnection::connect(&postgres_url()).await.expect("PostgreSQL answers");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

async fn sqlite_template() -> PathBuf {
    let path = std::env::temp_dir().join(format!("roster-template-{}.db", std::process::id()));
    let database = Database::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
    path
}

async fn postgres_template() -> String {
    let name = format!("roster_template_{}", std::process::id());
    administer(format!("CREATE DATABASE {name}")).await;
    let database = Database::connect(&with_database(&postgres_url(), &name)).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
    name
}

fn next_name() -> String {
    format!("roster_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

/// A PostgreSQL database without a schema.
pub async fn empty_postgres() -> Fresh {
    let name = next_name();
    administer(format!("CREATE DATABASE {name}")).await;
    Fresh { kind: Kind::Postgres, url: with_database(&postgres_url(), &name), name, dir: None }
}

/// A migrated database with nothing in it.
pub async fn fresh(kind: Kind) -> Fresh {
    let name = next_name();
    match kind {
        Kind::Sqlite => {
            let template = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("roster.db");
            std::fs::copy(template, &path).unwrap();
            Fresh { kind, url: format!("sqlite:{}", path.display()), name, dir: Some(dir) }
        }
        Kind::Postgres => {
            let template = POSTGRES_TEMPLATE.get_or_init(postgres_template).await;
            administer(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
            Fresh { kind, url: with_database(&postgres_url(), &name), name, dir: None }
        }
    }
}

impl Fresh {
    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn connect(&self) -> Database {
        Database::connect(&self.url).await.unwrap()
    }

    /// Removes what the test left.
    pub async fn discard(self) {
        match self.kind {
            Kind::Sqlite => drop(self.dir),
            Kind::Postgres => administer(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await,
        }
    }
}

/// One fresh database of each kind.
pub async fn all_databases() -> [(Fresh, Database); 2] {
    let (sqlite, postgres) = (fresh(Kind::Sqlite).await, fresh(Kind::Postgres).await);
    let (on_sqlite, on_postgres) = (sqlite.connect().await, postgres.connect().await);
    [(sqlite, on_sqlite), (postgres, on_postgres)]
}

/// A PostgreSQL server of a test's own, which may be treated badly.
pub struct Server {
    folder: String,
    url: String,
}

impl Server {
    pub fn start() -> Self {
        Self::started(&["start"])
    }

    /// Another one that follows it.
    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn replica(&self) -> Self {
        Self::started(&["replica", &self.folder])
    }

    fn started(what: &[&str]) -> Self {
        let said = Self::told(what);
        let (folder, url) = said.trim_end().split_once('\n').unwrap();
        Self { folder: folder.to_owned(), url: url.to_owned() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its processes end at once, as by a fault; it accepts connections again when this returns.
    pub fn crash(&self) {
        Self::told(&["crash", &self.folder]);
    }

    /// Its processes end at once, and stay away.
    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn halt(&self) {
        Self::told(&["halt", &self.folder]);
    }

    /// One that follows becomes one that is written to.
    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn promote(&self) {
        Self::told(&["promote", &self.folder]);
    }

    fn told(what: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/postgres");
        // The server that stays behind must not keep a pipe of ours open.
        let output = tempfile::NamedTempFile::new().unwrap();
        let status = Command::new(script).args(what).stdout(output.reopen().unwrap()).status().unwrap();
        assert!(status.success(), "{what:?}");
        std::fs::read_to_string(output.path()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        Self::told(&["stop", &self.folder]);
    }
}
