//! Copies of the database: written while it is in use, and looked at before one takes its place (F21). What an SQLite file needs is done here; for PostgreSQL,
//! `cli/backup.rs` calls PostgreSQL's own programs.

use super::{Database, StorageError};
use sqlx::{AssertSqlSafe, Executor, SqlitePool};
use std::path::Path;

/// What every database of Roster has.
const MARK: &str = "_sqlx_migrations";

impl Database {
    /// Writes all of one moment into an empty file, whoever writes meanwhile. `false` on PostgreSQL, which has programs for that.
    ///
    /// # Errors
    /// The database's; a full disk is one.
    pub async fn copy_to(&self, file: &Path) -> Result<bool, StorageError> {
        let Self::Sqlite { readers, .. } = self else { return Ok(false) };
        sqlx::query("VACUUM INTO $1").bind(file.to_string_lossy().into_owned()).execute(readers).await?;
        Ok(true)
    }

    /// What is wrong with an SQLite file: `None` if it is whole, and one of Roster's.
    ///
    /// # Errors
    /// The database's.
    pub async fn fault_of_file(&self) -> Result<Option<String>, StorageError> {
        let Self::Sqlite { readers, .. } = self else { return Ok(None) };
        let tables: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ($1, 'accounts')")
                .bind(MARK)
                .fetch_one(readers)
                .await?;
        if tables < 2 {
            return Ok(Some("it is no database of Roster".to_owned()));
        }
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(readers).await?;
        if said != ["ok"] {
            return Ok(Some(said.join("; ")));
        }
        let loose = sqlx::query("PRAGMA foreign_key_check").fetch_all(readers).await?;
        Ok((!loose.is_empty()).then(|| format!("{} rows name rows that are not there", loose.len())))
    }

    /// Has the database any table?
    ///
    /// # Errors
    /// The database's.
    pub async fn is_empty(&self) -> Result<bool, StorageError> {
        let tables: i64 = match self {
            Self::Sqlite { readers, .. } => {
                sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema").fetch_one(readers).await?
            }
            Self::Postgres { pool, .. } => {
                let sql = "SELECT COUNT(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
                sqlx::query_scalar(sql).fetch_one(pool).await?
            }
        };
        Ok(tables == 0)
    }

    /// Writes everything of an SQLite database into its one file, before it is renamed.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle_file(&self) -> Result<(), StorageError> {
        if let Self::Sqlite { writer, readers, .. } = self {
            readers.close().await;
            empty_log(writer).await?;
            writer.close().await;
        }
        Ok(())
    }
}

/// Takes what stands in the write-ahead log over into the file, and gives the log's space back. Where others read, as much as they allow.
pub(super) async fn empty_log(writer: &SqlitePool) -> Result<(), StorageError> {
    writer.execute(AssertSqlSafe("PRAGMA wal_checkpoint(TRUNCATE)")).await?;
    Ok(())
}
