//! Reads what is measured, and measures what no event tells: what waits in the database, connections, memory, and the delay of timers.

use crate::{
    context::Services,
    metrics::{Queue, QueueState},
    storage::{
        StorageError,
        backlog::{self, Backlog},
    },
};
use app::domain::time::{Span, Timestamp};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the delay of timers is looked at.
const LAG_INTERVAL: Duration = Duration::from_millis(500);
/// How long the database may take over the queues, so that the other numbers come before Prometheus gives up.
const QUEUES_TIMEOUT: Duration = Duration::from_secs(3);

impl Services {
    /// Everything that is measured, as Prometheus reads it.
    ///
    /// # Errors
    /// None that is known.
    pub async fn read_metrics(&self) -> Result<String, std::fmt::Error> {
        let metrics = self.metrics();
        let kind = self.config.database_url.kind().name();
        metrics.build_info.get_or_create(&[("version", env!("CARGO_PKG_VERSION")), ("database", kind)]).set(1);
        for pool in self.database.pools() {
            let connections =
                |state| metrics.database_connections.get_or_create_owned(&[("pool", pool.name), ("state", state)]);
            connections("idle").set(pool.idle);
            connections("busy").set(pool.size - pool.idle);
            metrics.database_connections_max.get_or_create(&[("pool", pool.name)]).set(pool.max);
        }
        let runtime = tokio::runtime::Handle::current().metrics();
        metrics.runtime_tasks.set(i64::try_from(runtime.num_alive_tasks()).unwrap_or(i64::MAX));
        if let Some((memory, descriptors)) = of_process() {
            metrics.process_resident_memory_bytes.set(memory);
            metrics.process_open_descriptors.set(descriptors);
        }
        let read = tokio::time::timeout(QUEUES_TIMEOUT, self.read_queues()).await;
        let up = matches!(read, Ok(Ok(())));
        metrics.database_up.set(i64::from(up));
        if !up {
            // Numbers of before would say that nothing changes.
            metrics.queue_entries.clear();
            metrics.queue_due_seconds.clear();
            metrics.queue_oldest_retried_seconds.clear();
        }
        metrics.to_text()
    }

    async fn read_queues(&self) -> Result<(), StorageError> {
        let (metrics, now) = (self.metrics(), self.now());
        let mut tx = self.database.begin_read().await?;
        let all = backlog::read(&mut tx, now).await?;
        for queue in Queue::ALL {
            let at = |state| all.iter().find(|backlog| backlog.queue == queue && backlog.state == state);
            for state in QueueState::ALL {
                let entries = at(state).map_or(0, |backlog| backlog.entries);
                metrics.queue_entries.get_or_create(&[("queue", queue.key()), ("state", state.key())]).set(entries);
            }
            let labels = [("queue", queue.key())];
            let seconds = |since: fn(&Backlog) -> Timestamp, state| {
                at(state).map_or(0, |backlog| (now - since(backlog)).max(Span(0)).0 / 1000)
            };
            metrics.queue_due_seconds.get_or_create(&labels).set(seconds(|backlog| backlog.next, QueueState::Due));
            let oldest = seconds(|backlog| backlog.since, QueueState::Retried);
            metrics.queue_oldest_retried_seconds.get_or_create(&labels).set(oldest);
        }
        Ok(())
    }
}

/// Looks at how late timers come, until `stop`.
pub async fn keep_measuring_lag(services: Services, stop: CancellationToken) {
    loop {
        let asked = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(LAG_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        let lag = asked.elapsed().saturating_sub(LAG_INTERVAL);
        services.metrics().runtime_lag_seconds.observe(lag.as_secs_f64());
    }
}

/// The memory and the open descriptors of this process, where the system tells (Linux).
fn of_process() -> Option<(i64, i64)> {
    let pages: i64 = std::fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()?;
    let page = i64::try_from(rustix::param::page_size()).ok()?;
    let descriptors = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some((pages.saturating_mul(page), i64::try_from(descriptors).ok()?))
}
