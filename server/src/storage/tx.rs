//! One transaction on either database, and the macros that keep one text per statement.

use sqlx::{Postgres, Sqlite};

/// A transaction on either database. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    /// Makes the transaction's changes stand.
    ///
    /// # Errors
    /// The database's.
    pub async fn commit(self) -> Result<(), super::StorageError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs one body on whichever connection the transaction has: `on!(tx, c => sqlx::query(SQL).bind(x).execute(c).await)`.
/// The body is compiled for both databases.
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {
        match $tx {
            $crate::storage::Tx::Sqlite(tx) => {
                let $c = &mut **tx;
                $body
            }
            $crate::storage::Tx::Postgres(tx) => {
                let $c = &mut **tx;
                $body
            }
        }
    };
}

/// How many rows a statement changed.
macro_rules! changed {
    ($tx:expr, $c:ident => $body:expr) => {
        on!($tx, $c => ($body).map(|done| done.rows_affected()))
    };
}

/// Declares a file's SQL texts and lists them in `STATEMENTS`, which a test prepares on both databases.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*
        /// The file's statements, by name.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

pub(crate) use {changed, on, statements};
