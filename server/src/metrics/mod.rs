//! What is counted and timed for whoever runs the server. This is the one place where metrics are named; `docs/operations.md` lists them for people, and a
//! test holds the two against each other.
//!
//! No label names a person, an account or anything else that others choose: labels are routes of ours and words of ours, so that there are only so many.

mod labels;

pub use labels::{Denial, MailResult, Proved, Queue, QueueState, SignInResult, WebhookResult};

use prometheus_client::{
    encoding::prometheus_text,
    metrics::{MetricType, TypedMetric, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    fmt,
    sync::{LazyLock, atomic::AtomicU64},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The content type of [`Metrics::to_text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What all names begin with.
const PREFIX: &str = "roster";

/// Names and values of labels.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];
/// Counters, one for each combination of labels.
pub type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// Numbers that go up and down, one for each combination of labels.
pub type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
/// A number with a fraction that goes up and down.
pub type Fraction = Gauge<f64, AtomicU64>;
/// The times of answers: route, method and class of status.
pub type RequestTimes = Family<Vec<(&'static str, String)>, Histogram, fn() -> Histogram>;

/// A metric as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    name: &'static str,
    /// counter, gauge or histogram.
    pub kind: MetricType,
    /// What it says, in Markdown.
    pub help: &'static str,
}

impl Listed {
    /// Its name as one asks Prometheus for it; a histogram's is followed by `_bucket`, `_sum` or `_count`.
    pub fn name(&self) -> String {
        let total = if self.kind == MetricType::Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{total}", self.name)
    }
}

/// Declares what is measured: the doc comment is what Prometheus and the documentation say of it.
macro_rules! metrics {
    ($(#[doc = $help:literal] $field:ident: $type:ty = $new:expr;)*) => {
        /// Everything that is measured in one process.
        pub struct Metrics {
            $(#[doc = $help] pub $field: $type,)*
            registry: Registry,
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::with_prefix(PREFIX);
                $(
                    let $field: $type = $new;
                    registry.register(stringify!($field), $help.trim().trim_end_matches('.'), $field.clone());
                )*
                Self { $($field,)* registry }
            }
        }

        /// All metrics, in the order in which they are declared.
        pub static REGISTER: LazyLock<Vec<Listed>> = LazyLock::new(|| {
            vec![$(Listed {
                name: stringify!($field),
                kind: <$type as TypedMetric>::TYPE,
                help: $help.trim().trim_end_matches('.'),
            }),*]
        });
    };
}

metrics! {
    /// Always 1; its labels say which `version` runs, on which `database`.
    build_info: Gauges<2> = Gauges::default();
    /// When the process started, in seconds since 1970.
    process_start_time_seconds: Fraction = started_now();
    /// Memory that the process holds (resident set), as the system counts it.
    process_resident_memory_bytes: Gauge = Gauge::default();
    /// Descriptors that the process has open: connections, files.
    process_open_descriptors: Gauge = Gauge::default();
    /// How long requests took to be answered, by `route` (its template), `method` and class of `status`; `(none)` are files and addresses that there are not.
    http_request_duration_seconds: RequestTimes = RequestTimes::new_with_constructor(request_times);
    /// Requests that are being answered now; streams that pages hold open are not among them.
    http_requests_in_flight: Gauge = Gauge::default();
    /// Requests that were denied, by `reason`.
    denials: Counters<1> = each(Denial::ALL.map(|reason| [("reason", reason.key())]));
    /// Sign-ins, by what was `proved` and by `result`; `second_factor_asked` goes on as a sign-in that proves `second_factor`.
    sign_ins: Counters<2> = sign_ins();
    /// How long statements took in the database, its answer included.
    database_statement_duration_seconds: Histogram = Histogram::new(STATEMENT_BUCKETS);
    /// Statements that failed, whatever the reason; conflicts that are tried again are among them.
    database_statement_errors: Counter = Counter::default();
    /// How long it took until a transaction had a connection and had begun; on SQLite, writers wait here for one another.
    database_begin_duration_seconds: Histogram = Histogram::new(STATEMENT_BUCKETS);
    /// Transactions that wait for a connection now.
    database_transactions_waiting: Gauge = Gauge::default();
    /// Connections to the database, by `pool` and `state`.
    database_connections: Gauges<2> = Gauges::default();
    /// Connections that the database may have at most, by `pool`.
    database_connections_max: Gauges<1> = Gauges::default();
    /// 1 if the database answered when these numbers were asked for, else 0.
    database_up: Gauge = Gauge::default();
    /// How long passwords took to be hashed or measured, from when it was their turn.
    password_work_duration_seconds: Histogram = Histogram::new(STATEMENT_BUCKETS);
    /// Passwords that wait for their turn to be hashed or measured.
    password_work_waiting: Gauge = Gauge::default();
    /// Passwords whose turn did not come in time; these requests were answered 503.
    password_work_refused: Counter = Counter::default();
    /// What waits to be sent, by `queue` and `state`; of all instances together, as the database has it.
    queue_entries: Gauges<2> = Gauges::default();
    /// For how long the entry that is due longest waits to be taken, by `queue`; 0 if none does.
    queue_due_seconds: Gauges<1> = Gauges::default();
    /// The age of the oldest entry that has not been sent and is tried again, by `queue`; 0 if there is none.
    queue_oldest_retried_seconds: Gauges<1> = Gauges::default();
    /// Attempts to send a mail, by `result`.
    mail_attempts: Counters<1> = each(MailResult::ALL.map(|result| [("result", result.key())]));
    /// Attempts to deliver to a webhook, by `result`.
    webhook_attempts: Counters<1> = each(WebhookResult::ALL.map(|result| [("result", result.key())]));
    /// Runs of the daily clean-up by this instance, by `result`.
    cleanup_runs: Counters<1> = each([[("result", "succeeded")], [("result", "failed")]]);
    /// When this instance last finished the daily clean-up, in seconds since 1970; 0 if it has not. Of several instances, one does it.
    cleanup_last_success_timestamp_seconds: Gauge = Gauge::default();
    /// How much later than asked for a timer came, looked at twice a second: the delay that everything in this process has.
    runtime_lag_seconds: Histogram = Histogram::new(LAG_BUCKETS);
    /// Tasks that the process has under way: connections, requests, workers.
    runtime_tasks: Gauge = Gauge::default();
}

/// From what one look into an index takes, to the time limit of a statement.
const STATEMENT_BUCKETS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0];
/// From a page that needs nothing, to the time limit of a request.
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const LAG_BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

fn request_times() -> Histogram {
    Histogram::new(REQUEST_BUCKETS)
}

/// Counters that are there from the start, so that the first event is an increase.
fn each<const N: usize>(all: impl IntoIterator<Item = Labels<N>>) -> Counters<N> {
    let family = Counters::default();
    for labels in all {
        drop(family.get_or_create(&labels));
    }
    family
}

fn sign_ins() -> Counters<2> {
    each(Proved::ALL.into_iter().flat_map(|proved| SignInResult::ALL.map(|result| sign_in_labels(proved, result))))
}

const fn sign_in_labels(proved: Proved, result: SignInResult) -> Labels<2> {
    [("proved", proved.key()), ("result", result.key())]
}

fn started_now() -> Fraction {
    let started = Fraction::default();
    started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    started
}

impl Metrics {
    /// A request was answered. The route is its template; methods are the standard ones.
    pub fn answered(&self, route: &str, method: &http::Method, status: http::StatusCode, took: Duration) {
        let labels = vec![
            ("route", route.to_owned()),
            ("method", labels::method(method).to_owned()),
            ("status", labels::status_class(status).to_owned()),
        ];
        self.http_request_duration_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A statement ended.
    pub fn ran_statement(&self, took: Duration, succeeded: bool) {
        self.database_statement_duration_seconds.observe(took.as_secs_f64());
        if !succeeded {
            self.database_statement_errors.inc();
        }
    }

    /// A transaction waits for a connection, until what is answered is dropped.
    pub fn waits_for_connection(&self) -> Present {
        Present::of(&self.database_transactions_waiting)
    }

    /// A request was denied.
    pub fn denied(&self, reason: Denial) {
        self.denials.get_or_create(&[("reason", reason.key())]).inc();
    }

    /// Somebody tried to sign in.
    pub fn signed_in(&self, proved: Proved, result: SignInResult) {
        self.sign_ins.get_or_create(&sign_in_labels(proved, result)).inc();
    }

    /// A mail was tried.
    pub fn mail_tried(&self, result: MailResult) {
        self.mail_attempts.get_or_create(&[("result", result.key())]).inc();
    }

    /// A delivery to a webhook was tried.
    pub fn webhook_tried(&self, result: WebhookResult) {
        self.webhook_attempts.get_or_create(&[("result", result.key())]).inc();
    }

    /// The clean-up ended; `at` is in seconds since 1970.
    pub fn cleaned_up(&self, succeeded: bool, at: i64) {
        let result = if succeeded { "succeeded" } else { "failed" };
        self.cleanup_runs.get_or_create(&[("result", result)]).inc();
        if succeeded {
            self.cleanup_last_success_timestamp_seconds.set(at);
        }
    }

    /// All of it as Prometheus reads it.
    ///
    /// # Errors
    /// None that is known: a text can always grow.
    pub fn to_text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Something that is counted as long as it is there, whatever becomes of it.
#[derive(Debug)]
pub struct Present(Gauge);

impl Present {
    /// Counts one more.
    pub fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

/// The table of all metrics for people to read, in Markdown.
pub fn table() -> String {
    let mut table = String::from("| Metric | Kind | What it says |\n|---|---|---|\n");
    for listed in REGISTER.iter() {
        table.push_str(&format!("| `{}` | {} | {} |\n", listed.name(), listed.kind.as_str(), listed.help));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_there_before_anything_is_counted() {
        let text = Metrics::default().to_text().unwrap();
        for line in [
            "roster_sign_ins_total{proved=\"password\",result=\"wrong\"} 0",
            "roster_denials_total{reason=\"over_a_limit\"} 0",
            "roster_mail_attempts_total{result=\"accepted\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn methods_that_nobody_knows_are_one() {
        let metrics = Metrics::default();
        for method in ["GET", "BREW", "FOO"] {
            metrics.answered("/login", &method.parse().unwrap(), http::StatusCode::OK, Duration::from_millis(3));
        }
        let text = metrics.to_text().unwrap();
        let line = "roster_http_request_duration_seconds_count{route=\"/login\",method=\"other\",status=\"2xx\"} 2";
        assert!(text.contains(line), "{text}");
    }
}
