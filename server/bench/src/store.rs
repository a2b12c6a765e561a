//! The database under the server, for filling it and for what it costs alone.

use crate::{Result, processes};
use sqlx::{
    AssertSqlSafe, Executor, PgPool, Row, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::path::Path;
use url::Url;
use uuid::Uuid;

/// A kind of database, and where it is.
pub enum Engine {
    Sqlite,
    /// The URL of a superuser on this host.
    Postgres(String),
}

impl Engine {
    pub fn all(postgres: Option<&str>) -> Vec<Self> {
        let postgres = postgres.map(|url| Self::Postgres(url.to_owned()));
        [Self::Sqlite].into_iter().chain(postgres).collect()
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// A new database; SQLite's file stands in this folder.
    pub async fn make(&self, folder: &Path) -> Result<Store> {
        match self {
            Self::Sqlite => Ok(Store::Sqlite { url: format!("sqlite:{}", folder.join("roster.db").display()) }),
            Self::Postgres(url) => {
                let admin = PgPoolOptions::new().max_connections(1).connect(url).await?;
                let name = format!("roster_bench_{}", std::process::id());
                admin.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await?;
                admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
                let backend: i32 = admin.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)?;
                let server = processes::parent_of(backend.try_into()?)?;
                let mut database = Url::parse(url)?;
                database.set_path(&name);
                Ok(Store::Postgres { url: database.into(), name, admin, server })
            }
        }
    }
}

/// The server's database.
pub enum Store {
    Sqlite {
        url: String,
    },
    Postgres {
        url: String,
        name: String,
        admin: PgPool,
        /// The process that is the parent of all of PostgreSQL's.
        server: u32,
    },
}

/// Connections to it.
pub enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Store {
    pub fn url(&self) -> &str {
        match self {
            Self::Sqlite { url } | Self::Postgres { url, .. } => url,
        }
    }

    /// Processor time of the database's own processes until now; SQLite has none.
    pub fn processor_ms(&self) -> Result<f64> {
        match self {
            Self::Sqlite { .. } => Ok(0.0),
            Self::Postgres { server, .. } => processes::processor_ms_of_family(*server),
        }
    }

    /// Connections of the kind that the server has.
    pub async fn connect(&self) -> Result<Pool> {
        Ok(match self {
            Self::Sqlite { url } => {
                let options = url.parse::<SqliteConnectOptions>()?;
                let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
                Pool::Sqlite(pool.connect_with(options).await?)
            }
            Self::Postgres { url, .. } => {
                let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
                Pool::Postgres(pool.connect(url).await?)
            }
        })
    }

    pub async fn drop(self) -> Result<()> {
        if let Self::Postgres { name, admin, .. } = self {
            admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await?;
        }
        Ok(())
    }
}

impl Pool {
    pub async fn run(&self, sql: String) -> Result<()> {
        match self {
            Self::Sqlite(pool) => pool.execute(AssertSqlSafe(sql)).await.map(drop)?,
            Self::Postgres(pool) => pool.execute(AssertSqlSafe(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// The ids that a query finds.
    pub async fn ids(&self, sql: String) -> Result<Vec<Uuid>> {
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await?,
        })
    }

    /// What makes an id.
    pub const fn random_id(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "randomblob(16)",
            Self::Postgres(_) => "gen_random_uuid()",
        }
    }

    /// The bytes of an expression that is text.
    pub fn bytes_of(&self, text: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("CAST({text} AS BLOB)"),
            Self::Postgres(_) => format!("convert_to({text}, 'UTF8')"),
        }
    }

    /// An id as SQL.
    pub fn id(&self, id: Uuid) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{}'", id.simple()),
            Self::Postgres(_) => format!("'{id}'::uuid"),
        }
    }

    /// Bytes as SQL.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sqlite(_) => format!("X'{hex}'"),
            Self::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
