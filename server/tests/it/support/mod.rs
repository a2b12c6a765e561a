//! The real server on a fresh database, a real mail server, a clock set by hand, and browsers that talk to it through its router.

pub mod binary;
mod browser;
mod database;
pub mod factors;
pub mod passkeys;
pub mod platform;
mod program;
pub mod provider;
pub mod receiver;
mod ways;

pub use browser::{Answer, Browser, Events, Fields, PASSWORD, no_longer_in_acme};
pub use database::{Kind, Server, all_databases, empty_postgres, fresh};
pub use program::{Program, Reply};
pub use ways::attempt_in;

use crate::mail_server::{MailServer, Received};
use app::domain::time::{Span, Timestamp};
use futures::FutureExt;
use server::{
    clock::{Clock, HandSetClock},
    config::{Config, Smtp, SmtpTls},
    context::Services,
    mail::worker,
    secrets::Keyring,
    storage::Database,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Declares stories that run on SQLite and on PostgreSQL.
macro_rules! both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $story:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn story($world: $crate::support::World) $story

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $(#[$meta])*
            async fn on_sqlite() {
                $crate::support::World::tell($crate::support::Kind::Sqlite, story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $(#[$meta])*
            async fn on_postgres() {
                $crate::support::World::tell($crate::support::Kind::Postgres, story).await;
            }
        }
    )*};
}
pub(crate) use both_databases;

/// How long a story may take: some machines are slow, and none is as slow as that.
const STORY_TIMEOUT: Duration = Duration::from_secs(600);
/// 2026-05-04T09:00:00Z, a Monday.
const MONDAY: Timestamp = Timestamp(1_777_885_200_000);

/// One deployment of Roster: a server on a fresh database, with a mail server beside it.
#[derive(Clone)]
pub struct World {
    pub services: Services,
    pub clock: Arc<HandSetClock>,
    pub mail: Arc<MailServer>,
    router: axum::Router,
    worker: Arc<Mutex<Option<CancellationToken>>>,
}

impl World {
    /// Runs a story in a world of its own, and tidies up after it.
    pub async fn tell<F: Future<Output = ()>>(kind: Kind, story: impl FnOnce(World) -> F) {
        let fresh = database::fresh(kind).await;
        let mail = Arc::new(MailServer::polite().await);
        let world = World::on(fresh.connect().await, mail, |_| {});
        // Whatever a story waits for in vain, it fails by its name, and the others go on.
        timeout(STORY_TIMEOUT, story(world.clone())).await.expect("the story ends within ten minutes");
        world.stop_worker();
        world.rows_say_what_tables_say().await;
        world.services.database.close().await;
        fresh.discard().await;
    }

    /// Whatever a story did: what stands in the members' rows for the list is what the tables say, and the numbers of rows are right.
    pub async fn rows_say_what_tables_say(&self) {
        let wrong = format!(
            "SELECT COUNT(*) FROM members m JOIN member_statuses s ON s.id = m.id
              WHERE m.mail_trouble <> s.mail_trouble
                 OR m.has_extras <> EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = m.id)
                 OR NOT (m.status = s.status AND m.attention = s.attention AND COALESCE(m.lapses_at, 0) = COALESCE(s.lapses_at, 0)
                         OR m.status = 'expired' AND s.status = 'invited' AND m.attention AND m.lapses_at IS NULL
                            AND s.lapses_at <= {})",
            self.now().0
        );
        let counted = "SELECT account_id, role_key, login_method_id, status, COUNT(*) AS people,
                              COUNT(CASE WHEN mail_trouble THEN 1 END) AS mail_trouble, COUNT(CASE WHEN attention THEN 1 END) AS attention
                         FROM members WHERE purged_at IS NULL GROUP BY account_id, role_key, login_method_id, status";
        let kept = "SELECT account_id, role_key, login_method_id, status, people, mail_trouble, attention
                      FROM member_counts WHERE people <> 0 OR mail_trouble <> 0 OR attention <> 0";
        let uncounted = format!(
            "SELECT (SELECT COUNT(*) FROM ({counted} EXCEPT {kept}) x) + (SELECT COUNT(*) FROM ({kept} EXCEPT {counted}) y)"
        );
        for sql in [wrong, uncounted] {
            let checked = sqlx::AssertSqlSafe(sql.clone());
            let rows: Result<i64, _> = match &self.services.database {
                Database::Sqlite { readers, .. } => sqlx::query_scalar(checked).fetch_one(readers).await,
                Database::Postgres { pool, .. } => sqlx::query_scalar(checked).fetch_one(pool).await,
            };
            // Some stories leave no database behind.
            if let Ok(rows) = rows {
                assert_eq!(rows, 0, "{sql}");
            }
        }
    }

    /// A deployment on a database of the test's own.
    pub async fn around(database: Database) -> Self {
        Self::on(database, Arc::new(MailServer::polite().await), |_| {})
    }

    fn on(database: Database, mail: Arc<MailServer>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            smtp: Some(Smtp {
                host: "localhost".to_owned(),
                port: Some(mail.address.port()),
                tls: SmtpTls::None,
                username: None,
                password: None,
                password_file: None,
                from: "Roster <roster@example.org>".parse().unwrap(),
                ca_file: None,
            }),
            ..Config::default()
        };
        // Many worlds share few cores: a turn may be long in coming. `costs.rs` sets what operators have.
        config.passwords.turn_timeout_ms = 60_000;
        change(&mut config);
        let clock = Arc::new(HandSetClock::at(MONDAY));
        Self::with_services(Self::services(config, clock.clone(), database), clock, mail)
    }

    fn services(config: Config, clock: Arc<HandSetClock>, database: Database) -> Services {
        let keyring = if config.secret_key_file == Config::default().secret_key_file {
            Keyring::new([7; 32])
        } else {
            Keyring::load(&config.secret_key_file, true).unwrap()
        };
        Services::with_database(Arc::new(config), clock, database, keyring).unwrap()
    }

    fn with_services(services: Services, clock: Arc<HandSetClock>, mail: Arc<MailServer>) -> Self {
        let router = server::http::router(services.clone());
        Self { services, clock, mail, router, worker: Arc::default() }
    }

    /// The same database and clock behind another configuration: a second instance, or one without a mail server.
    pub fn configured(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.services.config).clone();
        change(&mut config);
        let services = Self::services(config, self.clock.clone(), self.services.database.clone());
        Self::with_services(services, self.clock.clone(), self.mail.clone())
    }

    /// Another process of this deployment, with connections of its own.
    pub fn on_database(&self, database: Database) -> Self {
        let services = Self::services((*self.services.config).clone(), self.clock.clone(), database);
        Self::with_services(services, self.clock.clone(), self.mail.clone())
    }

    /// The same deployment without a mail server (R61).
    pub fn without_mail_server(&self) -> Self {
        self.configured(|config| config.smtp = None)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, span: Span) {
        self.clock.advance(span);
    }

    /// A browser that nobody has signed in with.
    pub fn browser(&self) -> Browser {
        Browser::new(self.clone())
    }

    /// The owner of the first account, `acme`, signed in.
    pub async fn owner(&self, email: &str) -> Browser {
        let browser = self.browser();
        let link = self.services.setup_link().await.unwrap().expect("no account yet");
        browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        browser.set_up("Acme", "acme", email).await.unwrap();
        browser
    }

    /// Hands queued mails over to the mail server, and answers all it ever took.
    pub async fn deliver(&self, count: usize) -> Vec<Received> {
        self.start_worker();
        self.services.database.wake_mail_worker();
        self.mail.wait_for(count).await
    }

    /// The mail of this subject to somebody, in whatever place.
    pub async fn mail_about(&self, to: &str, subject: &str) -> Received {
        for nth in 0..6 {
            let mail = self.mail_to(to, nth).await;
            if mail.header("Subject").is_some_and(|text| text.contains(subject)) {
                return mail;
            }
        }
        panic!("{to} got no mail about {subject}");
    }

    /// The `nth` mail to an address, in the order of writing: several workers may hand them over in another.
    pub async fn mail_to(&self, address: &str, nth: usize) -> Received {
        self.start_worker();
        self.services.database.wake_mail_worker();
        // A minute: some machines are slow.
        for _ in 0..2400 {
            let mut to = self.mail.mails();
            to.retain(|mail| mail.to.iter().any(|to| to == address));
            to.sort_by_key(|mail| mail.header("Message-ID"));
            if to.len() > nth {
                return to.swap_remove(nth);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no mail number {nth} to {address}");
    }

    /// The path of the link in the `nth` mail to an address that carries one.
    pub async fn link_to(&self, address: &str, nth: usize) -> String {
        format!("/i/{}", self.mail_to(address, nth).await.token())
    }

    /// The path of the link to choose a new password in the `nth` mail to an address.
    pub async fn reset_link_to(&self, address: &str, nth: usize) -> String {
        format!("/r/{}", self.mail_to(address, nth).await.token_after("/r/"))
    }

    fn start_worker(&self) {
        let mut worker = self.worker.lock().unwrap();
        if worker.is_none() {
            let stop = CancellationToken::new();
            tokio::spawn(worker::run(self.services.clone(), stop.clone()));
            *worker = Some(stop);
        }
    }

    /// Was a waiting mail worker woken since the last look? To be asked while none runs.
    pub fn woke_worker(&self) -> bool {
        self.services.database.mail_queued().now_or_never().is_some()
    }

    /// Stops the mail worker, and waits until what it had begun is written.
    pub async fn stops_mailing(&self) {
        self.stop_worker();
        let mut rows = self.rows().await;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.rows().await;
            if now == rows {
                return;
            }
            rows = now;
        }
    }

    fn stop_worker(&self) {
        if let Some(stop) = self.worker.lock().unwrap().take() {
            stop.cancel();
        }
    }

    /// A number that a statement without parameters answers.
    pub async fn count(&self, sql: &'static str) -> i64 {
        match &self.services.database {
            Database::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_one(readers).await.unwrap(),
            Database::Postgres { pool, .. } => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    /// Changes rows behind the server's back; answers how many.
    pub async fn changes(&self, sql: &'static str) -> u64 {
        match &self.services.database {
            Database::Sqlite { writer, .. } => sqlx::query(sql).execute(writer).await.unwrap().rows_affected(),
            Database::Postgres { pool, .. } => sqlx::query(sql).execute(pool).await.unwrap().rows_affected(),
        }
    }

    /// The texts that a statement without parameters answers.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        match &self.services.database {
            Database::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_all(readers).await.unwrap(),
            Database::Postgres { pool, .. } => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
        }
    }

    /// The rows of all tables as texts, without the columns that say when somebody was last there.
    pub async fn rows(&self) -> BTreeMap<String, Vec<String>> {
        const ACTIVITY: [&str; 2] = ["last_seen_at", "last_active_at"];
        let mut rows = BTreeMap::new();
        let tables = match &self.services.database {
            Database::Sqlite { .. } => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'member_search%'"
            }
            Database::Postgres { .. } => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
            }
        };
        for table in self.texts(tables).await {
            let sql = match &self.services.database {
                Database::Sqlite { readers, .. } => {
                    let columns = sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
                    let columns: Vec<String> = sqlx::query_scalar(columns).fetch_all(readers).await.unwrap();
                    let columns = columns.iter().filter(|column| !ACTIVITY.contains(&column.as_str()));
                    let quoted: Vec<_> = columns.map(|column| format!("'{column}=' || quote({column})")).collect();
                    format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ' ' || "))
                }
                Database::Postgres { .. } => {
                    format!(
                        "SELECT (to_jsonb(t) - '{}' - '{}')::text FROM {table} t ORDER BY 1",
                        ACTIVITY[0], ACTIVITY[1]
                    )
                }
            };
            let sql = sqlx::AssertSqlSafe(sql);
            let found: Vec<String> = match &self.services.database {
                Database::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_all(readers).await.unwrap(),
                Database::Postgres { pool, .. } => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
            };
            rows.insert(table, found);
        }
        rows
    }

    /// All that the database holds, by tables on PostgreSQL, and on SQLite as it lies on the disk.
    pub async fn dump(&self) -> Vec<u8> {
        match &self.services.database {
            Database::Sqlite { .. } => {
                let file = self.texts("SELECT file FROM pragma_database_list WHERE name = 'main'").await.swap_remove(0);
                [std::fs::read(&file).unwrap(), std::fs::read(format!("{file}-wal")).unwrap_or_default()].concat()
            }
            Database::Postgres { pool, .. } => {
                let mut dump = String::new();
                let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
                for table in self.texts(tables).await {
                    let rows = format!("SELECT t::text FROM {table} t");
                    let rows: Vec<String> =
                        sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_all(pool).await.unwrap();
                    dump.extend(rows);
                }
                dump.into_bytes()
            }
        }
    }
}

/// As it is, or as PostgreSQL writes bytes.
pub fn holds(dump: &[u8], text: &str) -> bool {
    let found = |what: &[u8]| dump.windows(what.len()).any(|window| window == what);
    found(text.as_bytes()) || found(hex(text.as_bytes()).as_bytes())
}

/// Bytes as PostgreSQL writes them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
