//! Tells those who wait for it that something in an account was changed, or that a session of a user ended, so that open pages can show it (R35,
//! R36). A notice names the account or the user and nothing else: what is new, each page asks for itself, with its own rights.
//!
//! [`Tx::commit`](super::Tx::commit) gives the notices of a transaction. Within one process they go from hand to hand; the instances on one
//! PostgreSQL pass them on by `NOTIFY`, in a transaction of their own and some together: one that notifies holds up all others that commit, so
//! those that change something do not.

use super::{AccountScope, Database, StorageError, Tx};
use app::domain::ids::UserId;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use uuid::Uuid;

/// The channel of PostgreSQL on which instances tell one another.
const CHANNEL: &str = "roster_changes";
/// How often an instance says that it is there. Whoever does not hear even itself listens on a connection that is dead.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(25);
/// The delay before listening, or telling, is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How often those who wait are told behind a pooler that shares connections by transaction: it passes no notices on.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How many notices go in one statement.
const MAX_NOTICES: usize = 1_000;

/// Who waits for changes in this process, and what other instances have not been told yet.
#[derive(Debug)]
pub struct ChangeNotices {
    /// What this instance calls itself, so that it knows its own notices; `None` where there are no others.
    instance: Option<Uuid>,
    waiting: Mutex<HashMap<Uuid, watch::Sender<()>>>,
    untold: Mutex<HashSet<Uuid>>,
    untold_added: Notify,
}

impl ChangeNotices {
    /// Those of a process that is alone on its database.
    pub(super) fn alone() -> Self {
        Self { instance: None, waiting: Mutex::default(), untold: Mutex::default(), untold_added: Notify::new() }
    }

    /// Those of one of several instances.
    pub(super) fn among_instances() -> Self {
        Self { instance: Some(Uuid::now_v7()), ..Self::alone() }
    }

    /// Says that something about these accounts and users was changed: to those who wait here at once, and soon to the other instances.
    pub(super) fn announce(&self, subjects: &[Uuid]) {
        for subject in subjects {
            self.tell(*subject);
        }
        if self.instance.is_some() && !subjects.is_empty() {
            lock(&self.untold).extend(subjects);
            self.untold_added.notify_one();
        }
    }

    /// What is changed about an account or a user, from now on.
    fn wait_for(self: &Arc<Self>, subject: Uuid) -> Changes {
        let receiver = lock(&self.waiting).entry(subject).or_insert_with(|| watch::Sender::new(())).subscribe();
        Changes { subject, receiver, notices: Arc::clone(self) }
    }

    fn tell(&self, subject: Uuid) {
        if let Some(sender) = lock(&self.waiting).get(&subject) {
            sender.send_replace(());
        }
    }

    /// Tells everybody, when it is not known what was missed.
    fn tell_all(&self) {
        for sender in lock(&self.waiting).values() {
            sender.send_replace(());
        }
    }

    /// What an instance says; a heartbeat names nobody.
    fn hear(&self, payload: &str) {
        let (instance, subject) = payload.split_once(' ').unwrap_or((payload, ""));
        let is_own = instance.parse().ok() == self.instance;
        if let (false, Ok(subject)) = (is_own, subject.parse()) {
            self.tell(subject);
        }
    }

    /// What other instances have to be told, as far as it fits into one statement.
    fn take_untold(&self) -> Vec<Uuid> {
        let mut untold = lock(&self.untold);
        let taken: Vec<_> = untold.iter().copied().take(MAX_NOTICES).collect();
        for subject in &taken {
            untold.remove(subject);
        }
        if !untold.is_empty() {
            self.untold_added.notify_one();
        }
        taken
    }

    fn give_back(&self, untold: &[Uuid]) {
        lock(&self.untold).extend(untold);
        if !untold.is_empty() {
            self.untold_added.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for what is changed about one account or user.
#[derive(Debug)]
pub struct Changes {
    subject: Uuid,
    receiver: watch::Receiver<()>,
    notices: Arc<ChangeNotices>,
}

impl Changes {
    /// Waits until something was changed; at once, if that happened since the last time. Several changes may be told as one.
    pub async fn next(&mut self) {
        // The sender is gone only when the process is about to end.
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let mut waiting = lock(&self.notices.waiting);
        // This receiver is still counted, and no other goes meanwhile that did not hold the lock.
        if waiting.get(&self.subject).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.subject);
        }
    }
}

impl Database {
    /// The changes of an account, from now on.
    pub fn changes_of(&self, scope: AccountScope) -> Changes {
        self.settings().changes.wait_for(scope.id().0)
    }

    /// The ends of a user's sessions, from now on.
    pub fn session_ends_of(&self, user: UserId) -> Changes {
        self.settings().changes.wait_for(user.0)
    }

    /// Passes notices on between the instances on one PostgreSQL; never ends. A process with SQLite is alone, and has nothing to do.
    pub async fn relay_changes(&self) {
        match self {
            Self::Sqlite { .. } => std::future::pending().await,
            Self::Postgres { pool, settings } if settings.unnamed => {
                tokio::join!(self.keep_telling(), poll(pool, &settings.changes));
            }
            Self::Postgres { pool, settings } => {
                tokio::join!(self.keep_telling(), keep_listening(pool, &settings.changes));
            }
        }
    }

    /// Tells the other instances what was changed here, and that this one is there.
    async fn keep_telling(&self) {
        let notices = &self.settings().changes;
        loop {
            let _ = timeout(HEARTBEAT_INTERVAL, notices.untold_added.notified()).await;
            if let Err(error) = self.tell_instances().await {
                tracing::debug!(%error, "the other instances cannot be told of changes yet");
                sleep(RETRY_DELAY).await;
            }
        }
    }

    /// Tells the other instances what they have not been told yet. A command does so before it ends.
    pub(super) async fn tell_instances(&self) -> Result<(), StorageError> {
        let notices = &self.settings().changes;
        let Some(instance) = notices.instance else { return Ok(()) };
        let subjects = notices.take_untold();
        let payloads: Vec<_> = match subjects.as_slice() {
            [] => vec![instance.to_string()],
            subjects => subjects.iter().map(|subject| format!("{instance} {subject}")).collect(),
        };
        let told = async {
            let mut tx = self.begin_write().await?;
            if let Tx::Postgres(tx) = &mut tx {
                sqlx::query(NOTIFY).bind(CHANNEL).bind(payloads).execute(tx.executor()).await?;
            }
            tx.commit().await
        };
        // What is broken off in the middle, as the process ends, is told when the database is closed.
        let untold = Untold { notices, subjects };
        told.await?;
        untold.told();
        Ok(())
    }
}

/// Gives notices back that were not told, whatever came between.
struct Untold<'a> {
    notices: &'a ChangeNotices,
    subjects: Vec<Uuid>,
}

impl Untold<'_> {
    fn told(mut self) {
        self.subjects.clear();
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        self.notices.give_back(&self.subjects);
    }
}

/// PostgreSQL's alone, and so not among the statements of both databases.
const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";

async fn keep_listening(pool: &PgPool, notices: &ChangeNotices) {
    loop {
        if let Err(error) = listen(pool, notices).await {
            tracing::debug!(%error, "changes of other instances cannot be heard");
        }
        sleep(RETRY_DELAY).await;
    }
}

/// Listens on a connection of its own, until it turns out to be dead.
async fn listen(pool: &PgPool, notices: &ChangeNotices) -> Result<(), sqlx::Error> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(SILENCE_TIMEOUT)
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // What was said while nobody listened is not said again.
        notices.tell_all();
        loop {
            match timeout(SILENCE_TIMEOUT, listener.try_recv()).await {
                Ok(Ok(Some(notice))) => notices.hear(notice.payload()),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
            }
        }
    }
}

async fn poll(pool: &PgPool, notices: &ChangeNotices) {
    while !pool.is_closed() {
        sleep(POLL_INTERVAL).await;
        notices.tell_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn r35_changes_of_an_account_are_told_to_those_who_wait_for_them_and_many_as_one() {
        let (acme, beta) = (Uuid::now_v7(), Uuid::now_v7());
        let notices = Arc::new(ChangeNotices::alone());
        let (mut of_acme, mut of_beta) = (notices.wait_for(acme), notices.wait_for(beta));
        notices.announce(&[acme]);
        notices.announce(&[acme]);
        assert!(of_acme.next().now_or_never().is_some());
        assert!(of_acme.next().now_or_never().is_none(), "both were told as one");
        assert!(of_beta.next().now_or_never().is_none());
        assert!(notices.take_untold().is_empty(), "there is nobody else to tell");
        drop((of_acme, of_beta));
        assert!(lock(&notices.waiting).is_empty(), "nobody waits any more");
    }

    #[test]
    fn r35_an_instance_hears_what_others_say_and_knows_its_own_words() {
        let (acme, there) = (Uuid::now_v7(), Uuid::now_v7());
        let here = Arc::new(ChangeNotices::among_instances());
        let mut of_acme = here.wait_for(acme);
        here.hear(&format!("{} {acme}", here.instance.unwrap()));
        here.hear(&there.to_string());
        here.hear(&format!("{there} nothing of ours"));
        assert!(of_acme.next().now_or_never().is_none());
        here.hear(&format!("{there} {acme}"));
        assert!(of_acme.next().now_or_never().is_some());
    }

    #[test]
    fn r35_what_does_not_fit_into_one_statement_is_told_in_the_next() {
        let notices = ChangeNotices::among_instances();
        let subjects: Vec<_> = (0..=MAX_NOTICES).map(|_| Uuid::now_v7()).collect();
        notices.announce(&subjects);
        assert_eq!(notices.take_untold().len(), MAX_NOTICES);
        assert_eq!(notices.take_untold().len(), 1);
    }
}
