//! One transaction on either database, and the macros that keep one text per statement.

use super::{
    Code, StorageError, attempt,
    changes::ChangeNotices,
    code_of,
    webhooks::{self, NotedEvent},
};
use crate::metrics::Metrics;
use app::domain::ids::{AccountId, UserId};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{Either, Error, Execute, Executor, Postgres, SqlStr, Sqlite, pool::PoolConnection};
use std::{
    fmt, mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;

/// How long a rollback of a dropped transaction may take.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// A transaction on either database. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<Postgres>),
}

impl Tx {
    /// Writes what webhooks are told of the events that the transaction noted, and commits. If it queued a mail, the mail worker is woken, and so on;
    /// whoever waits for what it noted is told.
    ///
    /// # Errors
    /// The database's.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        webhooks::queue_noted(&mut self).await?;
        let mail_queued = self.mail_to_announce();
        let webhook_deliveries = self.webhook_delivery_to_announce();
        let platform_sign_outs = self.platform_sign_out_to_announce();
        let (changed, notices) = self.changes_to_announce();
        let done = match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        };
        attempt::note_commit(&done);
        if let (Ok(()), Some(mail_queued)) = (&done, mail_queued) {
            mail_queued.notify_one();
        }
        if let (Ok(()), Some(platform_sign_outs)) = (&done, platform_sign_outs) {
            platform_sign_outs.notify_one();
        }
        if let (Ok(()), Some(webhook_deliveries)) = (&done, webhook_deliveries) {
            webhook_deliveries.notify_one();
        }
        if done.is_ok() {
            notices.announce(&changed);
        }
        done
    }

    /// Something that pages show was changed in an account: the commit tells those who wait for it (R35).
    pub(super) fn note_change(&mut self, account: AccountId) {
        self.note(account.0);
    }

    /// A session of a user ended: the commit tells those pages of theirs that are open.
    pub(super) fn note_session_end(&mut self, user: UserId) {
        self.note(user.0);
    }

    fn note(&mut self, subject: Uuid) {
        let changed = match self {
            Self::Sqlite(tx) => &mut tx.changed,
            Self::Postgres(tx) => &mut tx.changed,
        };
        if !changed.contains(&subject) {
            changed.push(subject);
        }
    }

    fn changes_to_announce(&mut self) -> (Vec<Uuid>, Arc<ChangeNotices>) {
        let (changed, settings) = match self {
            Self::Sqlite(tx) => (&mut tx.changed, &tx.settings),
            Self::Postgres(tx) => (&mut tx.changed, &tx.settings),
        };
        (mem::take(changed), Arc::clone(&settings.changes))
    }

    /// A mail was queued: the commit tells the mail worker.
    pub(super) const fn note_mail(&mut self) {
        match self {
            Self::Sqlite(tx) => tx.queued_mail = true,
            Self::Postgres(tx) => tx.queued_mail = true,
        }
    }

    /// A sign-in at a platform may have ended: the commit tells the worker that tells platforms.
    pub(super) const fn note_platform_sign_out(&mut self) {
        match self {
            Self::Sqlite(tx) => tx.ended_platform_sign_in = true,
            Self::Postgres(tx) => tx.ended_platform_sign_in = true,
        }
    }

    /// Webhooks may have to be told of this event: the commit writes what they are told.
    pub(super) fn note_event(&mut self, event: NotedEvent) {
        match self {
            Self::Sqlite(tx) => tx.events.push(event),
            Self::Postgres(tx) => tx.events.push(event),
        }
    }

    pub(super) fn take_noted_events(&mut self) -> Vec<NotedEvent> {
        match self {
            Self::Sqlite(tx) => mem::take(&mut tx.events),
            Self::Postgres(tx) => mem::take(&mut tx.events),
        }
    }

    /// A delivery of a webhook was queued: the commit tells the worker that sends it.
    pub(super) const fn note_webhook_delivery(&mut self) {
        match self {
            Self::Sqlite(tx) => tx.queued_webhook_delivery = true,
            Self::Postgres(tx) => tx.queued_webhook_delivery = true,
        }
    }

    fn webhook_delivery_to_announce(&self) -> Option<Arc<Notify>> {
        let (queued, settings) = match self {
            Self::Sqlite(tx) => (tx.queued_webhook_delivery, &tx.settings),
            Self::Postgres(tx) => (tx.queued_webhook_delivery, &tx.settings),
        };
        queued.then(|| Arc::clone(&settings.webhook_deliveries))
    }

    fn platform_sign_out_to_announce(&self) -> Option<Arc<Notify>> {
        let (ended, settings) = match self {
            Self::Sqlite(tx) => (tx.ended_platform_sign_in, &tx.settings),
            Self::Postgres(tx) => (tx.ended_platform_sign_in, &tx.settings),
        };
        ended.then(|| Arc::clone(&settings.platform_sign_outs))
    }

    fn mail_to_announce(&self) -> Option<Arc<Notify>> {
        let (queued, settings) = match self {
            Self::Sqlite(tx) => (tx.queued_mail, &tx.settings),
            Self::Postgres(tx) => (tx.queued_mail, &tx.settings),
        };
        queued.then(|| Arc::clone(&settings.mail_queued))
    }
}

/// The settings of the transactions of a pool.
#[derive(Clone, Debug)]
pub struct TransactionSettings {
    /// How long one statement may take, waiting for the network included. A limit of the server itself does not help when the server is
    /// gone (F7).
    pub(super) timeout: Option<Duration>,
    /// How long the beginning of a transaction may take, where it tells whether the connection lives: PostgreSQL waits for nothing then (F6, F7).
    pub(super) probe_timeout: Option<Duration>,
    /// Without names on the server: a pooler between us and it may give the next transaction another connection.
    pub(super) unnamed: bool,
    /// Told when a connection turned out to be dead.
    pub(super) dead_connections: Arc<DeadConnections>,
    /// Told when a transaction that queued a mail was committed.
    pub(super) mail_queued: Arc<Notify>,
    /// Told when a transaction that ended a sign-in at a platform was committed.
    pub(super) platform_sign_outs: Arc<Notify>,
    /// Told when a transaction that queued a delivery of a webhook was committed.
    pub(super) webhook_deliveries: Arc<Notify>,
    /// Told of what committed transactions changed.
    pub(super) changes: Arc<ChangeNotices>,
    /// Counts and times what is done.
    pub(super) metrics: Arc<Metrics>,
}

impl Default for TransactionSettings {
    fn default() -> Self {
        Self {
            timeout: None,
            probe_timeout: None,
            unnamed: false,
            dead_connections: Arc::default(),
            mail_queued: Arc::default(),
            platform_sign_outs: Arc::default(),
            webhook_deliveries: Arc::default(),
            changes: Arc::new(ChangeNotices::alone()),
            metrics: Arc::default(),
        }
    }
}

/// When a connection last turned out to be dead: connections that are as old or older are then closed at once, and not tried one after the
/// other (F6, F7).
#[derive(Debug, Default)]
pub(super) struct DeadConnections(Mutex<Option<Instant>>);

impl DeadConnections {
    pub(super) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Are connections of this age suspected to be dead?
    pub(super) fn is_about(&self, age: Duration) -> bool {
        let raised = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.is_some_and(|raised| age >= raised.elapsed())
    }
}

impl TransactionSettings {
    /// Can the connection be used again after this error, once its transaction is rolled back? Only if the database refused one statement
    /// and goes on.
    fn is_sound_after(&self, error: &Error) -> bool {
        let Some(error) = error.as_database_error() else {
            if matches!(error, Error::Io(_)) {
                self.dead_connections.raise();
            }
            return false;
        };
        if error.is_unique_violation() || error.is_foreign_key_violation() || error.is_check_violation() {
            return true;
        }
        match code_of(error) {
            // Busy: nothing was done.
            Code::Sqlite(primary) => primary == 5,
            Code::Postgres(code) => {
                // A primary that was demoted or is going down.
                if code == "25006" || code.starts_with("57P") {
                    self.dead_connections.raise();
                }
                code.starts_with("40")
            }
        }
    }
}

/// A transaction that holds a connection of a pool. `sqlx::Transaction` gives every connection back to its pool. This one gives back
/// only those of which it is known that nothing is left on them: after a full disk, a lost network or a statement that was broken off,
/// the connection is closed, and the next transaction gets a new one (F7, F9, F10).
pub struct Transaction<DB: Driver> {
    connection: Option<PoolConnection<DB>>,
    settings: TransactionSettings,
    /// Can the connection be used for another transaction? Not while a statement runs.
    sound: bool,
    /// Is there something to roll back?
    begun: bool,
    /// Did it queue a mail?
    queued_mail: bool,
    /// Did it end a sign-in at a platform?
    ended_platform_sign_in: bool,
    /// Did it queue a delivery of a webhook?
    queued_webhook_delivery: bool,
    /// The events that webhooks may have to be told of.
    events: Vec<NotedEvent>,
    /// The accounts in which it changed something that pages show, and the users whose sessions it ended.
    changed: Vec<Uuid>,
}

/// A database whose connections run statements.
pub trait Driver: sqlx::Database + Sized {
    /// Runs a statement without results, such as `COMMIT`.
    fn run<'c>(connection: &'c mut Self::Connection, sql: &'static str) -> BoxFuture<'c, Result<(), Error>>;
}

impl Driver for Sqlite {
    fn run<'c>(connection: &'c mut Self::Connection, sql: &'static str) -> BoxFuture<'c, Result<(), Error>> {
        connection.execute(sql).map(|done| done.map(|_| ())).boxed()
    }
}

impl Driver for Postgres {
    fn run<'c>(connection: &'c mut Self::Connection, sql: &'static str) -> BoxFuture<'c, Result<(), Error>> {
        connection.execute(sql).map(|done| done.map(|_| ())).boxed()
    }
}

impl<DB: Driver> Transaction<DB> {
    /// Begins one by this statement, which shows whether the connection still lives; so nothing else has to be asked before.
    pub(super) async fn begin(
        connection: PoolConnection<DB>,
        sql: &'static str,
        settings: TransactionSettings,
    ) -> Result<Self, StorageError> {
        let limit = settings.probe_timeout.or(settings.timeout);
        let mut begun = Self::alone(connection, settings);
        begun.begun = true;
        begun.run_within(limit, sql).await?;
        Ok(begun)
    }

    /// One statement alone, of which the database makes a transaction by itself.
    pub(super) fn alone(connection: PoolConnection<DB>, settings: TransactionSettings) -> Self {
        Self {
            connection: Some(connection),
            settings,
            sound: true,
            begun: false,
            queued_mail: false,
            ended_platform_sign_in: false,
            queued_webhook_delivery: false,
            events: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// What was begun was no transaction.
    pub(super) fn with_nothing_to_end(mut self) -> Self {
        self.begun = false;
        self
    }

    async fn commit(mut self) -> Result<(), StorageError> {
        self.run("COMMIT").await?;
        // It goes back to its pool with nothing left to roll back.
        self.connection = None;
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StorageError> {
        self.run_within(self.settings.timeout, sql).await
    }

    async fn run_within(&mut self, limit: Option<Duration>, sql: &'static str) -> Result<(), StorageError> {
        self.sound = false;
        let done = within(limit, DB::run(self, sql)).await;
        self.sound = done.as_ref().map_or_else(|error| self.settings.is_sound_after(error), |()| true);
        Ok(done?)
    }

    /// Runs one statement, for [`on!`].
    pub(crate) fn executor(&mut self) -> Guarded<'_, DB> {
        let Self { connection, settings, sound, .. } = self;
        let Some(connection) = connection else { unreachable!("a transaction has its connection until it ends") };
        Guarded { connection, settings, sound }
    }
}

impl<DB: Driver> Drop for Transaction<DB> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.sound {
            connection.close_on_drop();
            return;
        }
        if !self.begun {
            return;
        }
        tokio::spawn(async move {
            if within(Some(ROLLBACK_TIMEOUT), DB::run(&mut connection, "ROLLBACK")).await.is_err() {
                connection.close_on_drop();
            }
        });
    }
}

impl<DB: Driver> Deref for Transaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        let Some(connection) = &self.connection else { unreachable!("a transaction has its connection until it ends") };
        connection
    }
}

impl<DB: Driver> DerefMut for Transaction<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        let Some(connection) = &mut self.connection else {
            unreachable!("a transaction has its connection until it ends")
        };
        connection
    }
}

impl<DB: Driver> fmt::Debug for Transaction<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transaction(…)")
    }
}

async fn within<T>(limit: Option<Duration>, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match limit {
        Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| Err(timed_out())),
        None => work.await,
    }
}

fn timed_out() -> Error {
    Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// Runs one statement on the connection of its transaction: within its time limit, and with a note of how it went.
pub(crate) struct Guarded<'c, DB: Driver> {
    connection: &'c mut PoolConnection<DB>,
    settings: &'c TransactionSettings,
    sound: &'c mut bool,
}

impl<DB: Driver> fmt::Debug for Guarded<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded(…)")
    }
}

impl<'c, DB: Driver> Executor<'c> for Guarded<'c, DB>
where
    for<'a> &'a mut DB::Connection: Executor<'a, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let Self { connection, settings, sound } = self;
        *sound = false;
        let began = Instant::now();
        let until = settings.timeout.map(|limit| began + limit);
        let results = (&mut **connection).fetch_many(Named { query, unnamed: settings.unnamed });
        stream::unfold(Some((results, sound)), move |running| async move {
            let (mut results, sound) = running?;
            let next = match until {
                Some(until) => timeout_at(until, results.next()).await.unwrap_or_else(|_| Some(Err(timed_out()))),
                None => results.next().await,
            };
            match next {
                Some(Ok(result)) => Some((Ok(result), Some((results, sound)))),
                Some(Err(error)) => {
                    *sound = settings.is_sound_after(&error);
                    settings.metrics.ran_statement(began.elapsed(), false);
                    Some((Err(error), None))
                }
                None => {
                    *sound = true;
                    settings.metrics.ran_statement(began.elapsed(), true);
                    None
                }
            }
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let Self { connection, settings, sound } = self;
        *sound = false;
        let row = (&mut **connection).fetch_optional(Named { query, unnamed: settings.unnamed });
        async move {
            let began = Instant::now();
            let row = within(settings.timeout, row).await;
            settings.metrics.ran_statement(began.elapsed(), row.is_ok());
            *sound = row.as_ref().map_or_else(|error| settings.is_sound_after(error), |_| true);
            row
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        (&mut **self.connection).prepare_with(sql, parameters)
    }
}

/// A statement that may have to be sent without a name.
struct Named<E> {
    query: E,
    unnamed: bool,
}

impl<'q, DB: Driver, E: Execute<'q, DB>> Execute<'q, DB> for Named<E> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.query.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, sqlx::error::BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        !self.unnamed && self.query.persistent()
    }
}

/// Runs one body on whichever connection the transaction has: `on!(tx, c => sqlx::query(SQL).bind(x).execute(c).await)`.
/// The body is compiled for both databases.
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {
        match $tx {
            $crate::storage::Tx::Sqlite(tx) => {
                let $c = tx.executor();
                $body
            }
            $crate::storage::Tx::Postgres(tx) => {
                let $c = tx.executor();
                $body
            }
        }
    };
}

/// Runs a statement without a result, with the values to be bound: `run!(tx, INSERT, id.0, now.0)`.
macro_rules! run {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::storage::on!($tx, c => sqlx::query($sql)$(.bind($value))*.execute(c).await.map(|_| ()))
            .map_err($crate::storage::StorageError::from)
    };
}

/// As [`run!`], and answers how many rows were changed: the way to learn whether a conditional update won.
macro_rules! changed {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::storage::on!($tx, c => sqlx::query($sql)$(.bind($value))*.execute(c).await.map(|done| done.rows_affected()))
            .map_err($crate::storage::StorageError::from)
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

pub(crate) use {changed, on, run, statements};
