//! One text per statement, one schema in two dialects.

use crate::support::all_databases;
use server::storage::{Database, all_statements};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test]
async fn every_statement_is_prepared_on_both_databases() {
    let databases = all_databases().await;
    let mut wrong = Vec::new();
    for (name, sql) in all_statements() {
        for (_, database) in &databases {
            let prepared = match database {
                Database::Sqlite { writer, .. } => {
                    writer.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await.map(|_| ())
                }
                Database::Postgres { pool, .. } => {
                    pool.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await.map(|_| ())
                }
            };
            // Found in another way by the other database.
            let is_for_sqlite = name.contains("trigrams") && matches!(database, Database::Postgres { .. });
            if let Err(error) = prepared
                && !is_for_sqlite
            {
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
          WHERE t.type = 'table' AND t.name NOT LIKE '\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'member_search%'",
    )
    .fetch_all(readers)
    .await
    .unwrap();
    rows.into_iter().map(|(table, column, kind, filled)| ((table, column), (common(&kind), filled == 0))).collect()
}

async fn postgres_columns(database: &Database) -> Columns {
    let Database::Postgres { pool, .. } = database else { panic!("PostgreSQL") };
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
          JOIN information_schema.tables USING (table_schema, table_name)
          WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE '\\_%'",
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
    let Database::Postgres { pool, .. } = database else { panic!("PostgreSQL") };
    sqlx::query_scalar(
        "SELECT indexname::text COLLATE \"C\" FROM pg_indexes WHERE schemaname = 'public'
            AND indexname NOT LIKE '%\\_pkey' AND indexname NOT LIKE '%\\_key' AND indexname <> 'members_search' ORDER BY 1",
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

/// One `SELECT`, `INSERT`, `UPDATE` or `DELETE` of a statement: its own words, without those of the subqueries in it.
struct Scope {
    words: Vec<String>,
    inner: Vec<Self>,
}

impl Scope {
    /// Reads a statement. Parentheses that hold no subquery stay words, so that the column list of an `INSERT` can be read.
    fn read(sql: &str) -> Self {
        let mut spaced = String::new();
        for c in sql.chars() {
            if matches!(c, '(' | ')' | ',' | '=') {
                spaced.extend([' ', c, ' ']);
            } else {
                spaced.push(c);
            }
        }
        let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
        Self::within(&mut words.into_iter().peekable())
    }

    fn within(words: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> Self {
        let mut scope = Self { words: Vec::new(), inner: Vec::new() };
        let mut depth = 0;
        while let Some(word) = words.next() {
            match word.as_str() {
                "(" if words.peek().is_some_and(|next| next == "SELECT") => scope.inner.push(Self::within(words)),
                ")" if depth == 0 => break,
                other => {
                    depth += i32::from(other == "(") - i32::from(other == ")");
                    scope.words.push(word);
                }
            }
        }
        scope
    }

    /// Does it read or write one of these tables itself?
    fn touches(&self, tables: &BTreeSet<String>) -> bool {
        self.words.windows(2).any(|pair| {
            matches!(pair, [verb, table] if ["FROM", "JOIN", "INTO", "UPDATE"].contains(&verb.as_str()) && tables.contains(table))
        })
    }

    /// Is the account a condition that every row must meet, or a column that an `INSERT` fills?
    fn names_the_account(&self) -> bool {
        if self.words.first().is_some_and(|word| word == "INSERT") {
            let columns = self.words.iter().skip_while(|word| *word != "(").take_while(|word| *word != ")");
            return columns.into_iter().any(|word| word == "account_id");
        }
        let mut depth = 0;
        let mut conditions = vec![Vec::new()];
        for word in self.words.iter().skip_while(|word| *word != "WHERE").skip(1) {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ if depth > 0 => {}
                "ORDER" | "GROUP" | "LIMIT" | "RETURNING" => break,
                // What one side of an `OR` demands, the other side does not.
                "OR" => return false,
                "AND" => conditions.push(Vec::new()),
                other => conditions.last_mut().unwrap().push(other),
            }
        }
        conditions.iter().any(|condition| {
            matches!(condition.as_slice(), [column, "=", parameter] | [column, "IS", "NOT", "DISTINCT", "FROM", parameter]
                if (*column == "account_id" || column.ends_with(".account_id")) && parameter.starts_with('$'))
        })
    }

    /// Is every part that touches account data bound to the account, by itself or by the rows around it?
    fn is_bound(&self, tables: &BTreeSet<String>) -> bool {
        if self.touches(tables) {
            self.names_the_account()
        } else {
            self.inner.iter().all(|inner| inner.is_bound(tables))
        }
    }
}

/// Statements on account data that do not ask for the account, and why each may.
const WITHOUT_ACCOUNT: &[(&str, &str)] = &[
    ("diagnostics::AUDIT_EVENTS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::API_KEYS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::DELIVERIES", "numbers of all accounts, for the host's operator"),
    ("diagnostics::INVITATIONS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::LOGIN_METHODS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::MAILS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::MEMBERS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::SECOND_FACTORS", "numbers of all accounts, for the host's operator"),
    ("diagnostics::WEBHOOKS", "numbers of all accounts, for the host's operator"),
    ("backlog::MAILS", "what waits in all accounts, in numbers alone"),
    ("backlog::WEBHOOKS", "what waits in all accounts, in numbers alone"),
    ("backlog::SIGN_OUTS", "what waits in all accounts, in numbers alone"),
    ("restoring::NEWEST", "after a restore, in every account"),
    ("restoring::PLATFORM_SIGN_INS", "after a restore, in every account"),
    ("restoring::OAUTH_ATTEMPTS", "after a restore, in every account"),
    ("restoring::API_ANSWERS", "after a restore, in every account"),
    ("restoring::INVITATION_LINKS", "after a restore, in every account"),
    ("restoring::OFFERS", "after a restore, in every account"),
    ("restoring::API_KEYS", "after a restore, in every account"),
    ("restoring::WEBHOOKS", "after a restore, in every account"),
    ("restoring::DELIVERIES", "after a restore, in every account"),
    ("restoring::MAILS", "after a restore, in every account"),
    ("restoring::ACTIVE", "after a restore, in every account"),
    ("accounts::BY_OTHER_METHODS", "the accounts of the user who is signed in, bound by user and session"),
    ("accounts::OF_USER", "the accounts of the user who is signed in, bound by user and session"),
    ("accounts::SIGN_IN_PAGES", "the mail to a user who forgot having no password"),
    ("accounts::FIND_BY_SLUG", "an address leads to its account, and establishes no right"),
    ("accounts::IS_KEPT_FROM", "an address that is kept from all accounts but one"),
    ("ownership_offers::END_BY_USER", "the offers of a user who takes the login back, in every account"),
    ("api_keys::REVOKE_OF_USER", "a user whose mailbox turned out to be somebody else's, in all accounts"),
    ("clean_up::API_ANSWERS", "clean-up of every account, by age alone"),
    ("clean_up::API_KEYS", "clean-up of every account, by age alone"),
    ("clean_up::ATTEMPTS", "clean-up of every account, by age alone"),
    ("clean_up::CONFIGURATIONS", "clean-up of every account, by age alone"),
    ("clean_up::DECISIONS", "clean-up of every account, by age alone"),
    ("clean_up::DELIVERY_ANSWERS", "clean-up of every account, by age alone"),
    ("clean_up::EARLIER", "clean-up of every account: what it finds establishes the scope of what is deleted"),
    ("clean_up::FORMER_SLUGS", "clean-up of every account, by age alone"),
    ("clean_up::LAPSED", "clean-up of every account: what it finds establishes the scope of what is deleted"),
    ("clean_up::MAILS", "clean-up of every account, by age alone"),
    ("clean_up::MAIL_TEXTS", "clean-up of every account, by age alone"),
    ("clean_up::OFFERS", "clean-up of every account, by age alone"),
    ("clean_up::REMOVED", "clean-up of every account: what it finds establishes the scope of what is deleted"),
    ("clean_up::UNCONFIRMED_FACTORS", "clean-up of every login and account, by age alone"),
    ("decisions::SUPERSEDE_OF_ASKER", "the requests of a login that is erased, in every account"),
    ("erasure::MAILS", "the mails about the login of a user who deleted it"),
    ("erasure::SECOND_FACTORS", "a login that is erased takes its factors along, in every account"),
    ("clean_up::UNUSED_HOST_CODES", "clean-up of every account, by age alone"),
    ("forward_auth::BY_CODE", "the hashes of code and browser establish the right"),
    ("forward_auth::END", "the hash of a cookie establishes the right"),
    ("forward_auth::MOVE_TO_SESSION", "a user's own sign-ins, in a session that was renewed"),
    ("identities::DELETE_OF_USER", "a user whose mailbox turned out to be somebody else's, in all accounts"),
    ("invitation_refusals::FIND_BY_TOKEN", "the hash of a token establishes the right"),
    ("invitations::ACCOUNT_OFFERED", "the address that the signed-in user proved establishes the right"),
    ("invitations::OFFERED_TO", "the invitations to the address that the signed-in user proved"),
    ("invitations::FIND_TOKEN", "the hash of a token establishes the right"),
    ("invitations::TO_REMIND", "the job that reminds goes through every account"),
    ("login_methods::ACCOUNT_OF", "everybody may knock at a login method"),
    (
        "members::access::ACCOUNTS_OF",
        "the accounts of the user who is signed in, or whose mailbox turned out to be somebody else's",
    ),
    ("members::access::ACTOR", "the actor of a request, bound by slug and user, establishes the right"),
    ("members::access::HOST_ACTOR", "the hash of a cookie establishes the right"),
    ("members::access::KEY_ACTOR", "the hash of a key establishes the right"),
    ("members::access::LOCK_FOR_USER", "the account's row alone, for a member of it: the actor is read afterwards"),
    ("members::access::SUSPEND_ALL_OF_USER", "a user whose mailbox turned out to be somebody else's, in all accounts"),
    ("members::person::ACCOUNTS_WITH_COPY", "the accounts of the user who is signed in, whose own copies they hold"),
    ("oauth_attempts::FIND", "the hash of the browser establishes the right"),
    ("oauth_attempts::CONSUME_STATE", "the hashes of state and browser establish the right"),
    ("oauth_attempts::DELETE_EXPIRED", "clean-up of every account's expired attempts"),
    ("oauth_attempts::INVITATION_JOINED_BY", "the hash of the browser establishes the right"),
    ("outbox::view::ALL", "the operator's list of mails"),
    ("outbox::queue::CLAIM", "the worker sends every account's mail"),
    ("outbox::queue::DEFER", "the worker's own lease, bound by mail and attempt"),
    ("outbox::queue::DUE", "the worker sends every account's mail"),
    ("outbox::view::FACTS_OF_DELETION", "the worker's mail, and what it says"),
    ("outbox::view::FACTS", "the worker's mail, and what it says"),
    ("outbox::view::FACTS_OF_MEMBER", "the worker's mail, and what it says"),
    ("outbox::view::FACTS_OF_ROLE", "the worker's mail, and what it says"),
    ("outbox::queue::FINISH", "the worker's own lease, bound by mail and attempt"),
    ("outbox::queue::HAND_OVER", "the worker's own lease, bound by mail and attempt"),
    ("outbox::view::ONE", "the operator's view of a mail"),
    ("outbox::queue::INSERT_LOGIN_MAIL", "a mail about somebody's own login, which belongs to no account"),
    ("outbox::queue::RELEASE", "the worker's own lease, bound by mail and attempt"),
    ("ownership_offers::OF_MAIL", "the worker's mail, and what it says"),
    ("platform_clients::BINDING", "the host's operator, who named the account in what the client registered"),
    ("platform_clients::UNBIND", "the host's operator, who removes the platform"),
    ("platform_sign_ins::BY_CODE", "the hash of a code establishes the right"),
    ("platform_sign_ins::CLOSED", "every account's sign-ins, as it establishes the scope of what is ended"),
    ("platform_sign_ins::LIVE", "every account's sign-ins, to look at some of them at a time"),
    ("platform_sign_ins::CLIENTS_TO_TELL", "the worker tells platforms of every account's sign-ins"),
    ("platform_sign_ins::IS_KNOWN", "the hash of a code or token establishes the right"),
    ("platform_sign_ins::CLAIM", "the worker tells platforms of every account's sign-ins"),
    ("platform_sign_ins::END_OF_CLIENT", "the host's operator removes a platform, for every account"),
    ("platform_sign_ins::END_OF_USER", "a user whose mailbox turned out to be somebody else's, in all accounts"),
    ("platform_sign_ins::END_OVER", "a user's own sign-ins, by the age of their sessions"),
    ("platform_sign_ins::END_WITHOUT_SESSION", "a user's own sign-ins, whose sessions are there no more"),
    ("platform_sign_ins::FIND", "the client's own sign-in, by an id that it was given signed"),
    ("platform_sign_ins::LAST_ACCOUNT", "the accounts of the user who is signed in, bound by user and session"),
    ("platform_sign_ins::MOVE_TO_SESSION", "a user's own sign-ins, in a session that was renewed"),
    ("platform_sign_ins::OF_TOKEN", "the hash of a token establishes the right"),
    ("platform_sign_ins::OVER", "every account's sign-ins, by the age of their sessions"),
    ("platform_sign_ins::TELL_LATER", "the worker tells platforms of every account's sign-ins"),
    ("platform_sign_ins::TOLD", "the worker tells platforms of every account's sign-ins"),
    ("platform_sign_ins::TO_TELL", "the worker tells platforms of every account's sign-ins"),
    ("clean_up::UNUSED_CODES", "clean-up of every account, by age alone"),
    ("clean_up::PLATFORM_SIGN_INS", "clean-up of every account, by age alone"),
    ("sealed::CLIENT_SECRETS", "the rotation of keys is every account's"),
    ("sealed::INVITATION_TOKENS", "the rotation of keys is every account's"),
    ("sealed::MAILED_CODES", "the rotation of keys is every account's"),
    ("sealed::OAUTH_ATTEMPTS", "the rotation of keys is every account's"),
    ("sealed::REPLACE_CLIENT_SECRET", "the rotation of keys is every account's"),
    ("sealed::REPLACE_INVITATION_TOKEN", "the rotation of keys is every account's"),
    ("sealed::REPLACE_MAILED_CODE", "the rotation of keys is every account's"),
    ("sealed::REPLACE_OAUTH_ATTEMPT", "the rotation of keys is every account's"),
    ("sealed::REPLACE_TOTP_SEED", "the rotation of keys is every account's"),
    ("sealed::TOTP_SEEDS", "the rotation of keys is every account's"),
    ("second_factor_requirements::OF_USER", "the accounts of the user who is signed in"),
    ("second_factor_requirements::TO_BE_REMINDED", "the mail worker's view of a member"),
    ("second_factor_requirements::WITH_REQUIREMENT", "the job that reminds goes through every account"),
    ("second_factors::CONFIRM", "a factor that was just found among the user's own, or those for the account"),
    ("second_factors::INSERT_PASSKEY", "passkeys belong to the login, and to no account"),
    ("second_factors::REMOVE_ALL", "the host's operator, or whoever takes a login over (R13)"),
    ("second_factors::REMOVE_ALL_DRAFTS", "the host's operator, or whoever takes a login over (R13)"),
    ("second_factors::REMOVE_SINCE", "the login's own, whose change of address is taken back"),
    ("second_factors::USE_PASSKEY", "passkeys belong to the login, and to no account"),
    ("second_factors::USE_STEP", "a factor that was just found among the user's own, or those for the account"),
    ("clean_up::WEBHOOK_DELIVERIES", "clean-up of every account, by age alone"),
    ("clean_up::WEBHOOK_SECRETS", "clean-up of every account, by age alone"),
    ("sealed::REPLACE_WEBHOOK_SECRET", "the rotation of keys is every account's"),
    ("sealed::WEBHOOK_SECRETS", "the rotation of keys is every account's"),
    ("webhooks::OWNERLESS", "the worker switches webhooks of every account off"),
    ("webhooks::deliveries::CLAIM", "the worker delivers for every account"),
    ("webhooks::deliveries::DUE", "the worker delivers for every account"),
    ("sessions::DELETE_BEYOND_ACCOUNT", "a user's own sessions, by the account of the method that was proved"),
    ("sessions::DELETE_BEYOND_SEVERAL", "a user's own sessions, by the accounts of the methods that were proved"),
];

#[tokio::test]
async fn az_14_every_statement_on_account_data_demands_the_account() {
    let [(sqlite, on_sqlite), (postgres, on_postgres)] = all_databases().await;
    let columns = sqlite_columns(&on_sqlite).await;
    let tables: BTreeSet<String> =
        columns.into_keys().filter(|(_, column)| column == "account_id").map(|(table, _)| table).collect();
    assert!(tables.len() >= 15, "{tables:?}");
    let statements = all_statements();
    let unbound: Vec<_> = statements.iter().filter(|(_, sql)| !Scope::read(sql).is_bound(&tables)).collect();
    let unbound: BTreeSet<&str> = unbound.into_iter().map(|(name, _)| name.as_str()).collect();
    let exceptions: BTreeSet<&str> = WITHOUT_ACCOUNT.iter().map(|(name, _)| *name).collect();
    // Both ways: a statement that demands no account must be named, and a name here must be one that needs to be.
    assert_eq!(unbound, exceptions);
    for (fresh, database) in [(sqlite, on_sqlite), (postgres, on_postgres)] {
        database.close().await;
        fresh.discard().await;
    }
}

#[test]
fn az_14_a_mention_of_the_account_is_not_a_demand_for_it() {
    let tables = BTreeSet::from(["members".to_owned(), "login_methods".to_owned()]);
    let is_bound = |sql: &str| Scope::read(sql).is_bound(&tables);
    for sql in [
        "SELECT id FROM members WHERE account_id = $1 AND id = $2",
        "SELECT m.id FROM members m WHERE m.id = $2 AND m.account_id = $1 ORDER BY m.id",
        "SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE account_id = $1 AND (a = 1 OR b = 2) LIMIT 1) m",
        "INSERT INTO members (id, account_id) VALUES ($1, $2)",
        "UPDATE members SET name = $3 WHERE account_id = $1 AND id = $2",
        "DELETE FROM session_proofs WHERE login_method_id IN (SELECT l.id FROM login_methods l WHERE l.account_id = $1)",
        "SELECT id FROM users WHERE id = $1",
    ] {
        assert!(is_bound(sql), "{sql}");
    }
    for sql in [
        "SELECT account_id FROM members WHERE id = $1",
        "SELECT m.id FROM members m JOIN login_methods l ON l.account_id = m.account_id WHERE m.id = $1",
        "SELECT m.id FROM members m JOIN login_methods l ON l.account_id = $1 WHERE m.id = $2",
        "SELECT id FROM members WHERE account_id = $1 OR id = $2",
        "SELECT id FROM members WHERE id = $2 AND account_id = $1 OR state = 'active'",
        "SELECT id FROM members WHERE account_id <> $1",
        "SELECT id FROM members WHERE (account_id = $1 OR TRUE)",
        "INSERT INTO members (id) VALUES ($1)",
        "UPDATE members SET account_id = $1",
        "UPDATE members SET account_id = $1 WHERE id = $2",
        "DELETE FROM members WHERE id = $1 RETURNING account_id",
        "DELETE FROM session_proofs WHERE login_method_id IN (SELECT l.id FROM login_methods l WHERE l.id = $1)",
    ] {
        assert!(!is_bound(sql), "{sql}");
    }
}
