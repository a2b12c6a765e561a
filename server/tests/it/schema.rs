//! One text per statement, one schema in two dialects.

use crate::support::all_databases;
use server::storage::{Database, all_statements};
use sqlx::{Executor, SqlSafeStr};
use std::collections::BTreeMap;

#[tokio::test]
async fn every_statement_is_prepared_on_both_databases() {
    let databases = all_databases().await;
    let mut wrong = Vec::new();
    for (name, sql) in all_statements() {
        for (_, database) in &databases {
            let prepared = match database {
                Database::Sqlite { writer, .. } => writer.prepare(sql.into_sql_str()).await.map(|_| ()),
                Database::Postgres(pool) => pool.prepare(sql.into_sql_str()).await.map(|_| ()),
            };
            if let Err(error) = prepared {
                wrong.push(format!("{name}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (fresh, database) in databases {
        database.close().await;
        fresh.discard().await;
    }
}

/// Table and column, with the type in one vocabulary and whether it may be empty.
type Columns = BTreeMap<(String, String), (String, bool)>;

fn common(kind: &str) -> String {
    match kind.to_ascii_lowercase().as_str() {
        "uuid" | "bytea" | "blob" => "bytes",
        "bigint" | "integer" => "integer",
        "text" => "text",
        "boolean" => "boolean",
        other => panic!("an unexpected type: {other}"),
    }
    .to_owned()
}

async fn sqlite_columns(database: &Database) -> Columns {
    let Database::Sqlite { readers, .. } = database else { panic!("SQLite") };
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\" FROM sqlite_master t JOIN pragma_table_info(t.name) c
          WHERE t.type = 'table' AND t.name NOT LIKE '\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(readers)
    .await
    .unwrap();
    rows.into_iter().map(|(table, column, kind, filled)| ((table, column), (common(&kind), filled == 0))).collect()
}

async fn postgres_columns(database: &Database) -> Columns {
    let Database::Postgres(pool) = database else { panic!("PostgreSQL") };
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
          WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().map(|(table, column, kind, empty)| ((table, column), (common(&kind), empty == "YES"))).collect()
}

async fn sqlite_indexes(database: &Database) -> Vec<String> {
    let Database::Sqlite { readers, .. } = database else { panic!("SQLite") };
    sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
        .fetch_all(readers)
        .await
        .unwrap()
}

async fn postgres_indexes(database: &Database) -> Vec<String> {
    let Database::Postgres(pool) = database else { panic!("PostgreSQL") };
    sqlx::query_scalar(
        "SELECT indexname::text COLLATE \"C\" FROM pg_indexes WHERE schemaname = 'public'
            AND indexname NOT LIKE '%\\_pkey' AND indexname NOT LIKE '%\\_key' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn both_migration_folders_end_in_the_same_schema() {
    let [(sqlite, on_sqlite), (postgres, on_postgres)] = all_databases().await;
    assert_eq!(sqlite_columns(&on_sqlite).await, postgres_columns(&on_postgres).await);
    assert_eq!(sqlite_indexes(&on_sqlite).await, postgres_indexes(&on_postgres).await);
    for (fresh, database) in [(sqlite, on_sqlite), (postgres, on_postgres)] {
        database.close().await;
        fresh.discard().await;
    }
}

#[tokio::test]
async fn cf_03_every_column_of_sealed_values_is_known_to_the_rotation_of_keys() {
    let [(sqlite, on_sqlite), (postgres, on_postgres)] = all_databases().await;
    let sealed = |(table, column): &(String, String)| {
        (column == "sealed" || column == "secret").then(|| format!("UPDATE {table} SET {column} = "))
    };
    let columns: Vec<_> = sqlite_columns(&on_sqlite).await.keys().filter_map(sealed).collect();
    let known = all_statements().into_iter().filter(|(name, _)| name.starts_with("sealed::REPLACE"));
    let known: Vec<_> = known.map(|(_, sql)| sql).collect();
    assert_eq!(columns.len(), known.len(), "{columns:?}");
    for column in columns {
        assert!(known.iter().any(|sql| sql.starts_with(&column)), "{column}");
    }
    for (fresh, database) in [(sqlite, on_sqlite), (postgres, on_postgres)] {
        database.close().await;
        fresh.discard().await;
    }
}

#[test]
fn both_migration_folders_hold_the_same_names() {
    let names = |kind: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(kind);
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn az_14_every_statement_on_account_data_names_the_account() {
    // Tables of account data; the outbox worker, the token look-up and the actor's place are the named exceptions.
    const TABLES: [&str; 7] = [
        "members ",
        "member_permissions ",
        "invitations ",
        "invitation_tokens ",
        "invitation_token_holders ",
        "roles ",
        "login_methods ",
    ];
    // So is the rotation of keys, which is every account's.
    const EXCEPTIONS: [&str; 10] = [
        "members::ACTOR",
        "members::HOLD",
        "accounts::OF_USER",
        "accounts::BY_OTHER_METHODS",
        "invitations::FIND_TOKEN",
        "outbox::FACTS",
        "sessions::INSERT_PASSWORD_PROOF",
        "outbox::CLAIM",
        "sealed::INVITATION_TOKENS",
        "sealed::REPLACE_INVITATION_TOKEN",
    ];
    for (name, sql) in all_statements() {
        let touches = TABLES.iter().any(|table| {
            ["FROM ", "JOIN ", "INTO ", "UPDATE "].iter().any(|verb| sql.contains(&format!("{verb}{table}")))
        });
        assert!(
            !touches || EXCEPTIONS.contains(&name.as_str()) || sql.contains("account_id"),
            "{name} reads or writes account data without the account"
        );
    }
}

#[test]
fn no_statement_sorts_by_words_of_people() {
    // PostgreSQL would sort them by the language of its cluster and SQLite by bytes: neither is how people sort. Names are sorted by
    // their keys, or after they were read.
    for (name, sql) in all_statements() {
        for order in sql.split("ORDER BY ").skip(1) {
            let order = order.split("LIMIT").next().unwrap_or_default();
            let by_words = order
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| ["name", "email", "name_key"].contains(&word));
            assert!(!by_words, "{name} sorts by a text: {order}");
        }
    }
}
