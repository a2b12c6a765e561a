//! Tells an open page of an account, by server-sent events, when it is no longer up to date (R35, R36).

use super::answer;
use crate::{
    config::Config,
    context::Services,
    service::{AccountNotice, AccountWatch},
};
use app::{domain::ids::UserId, error::AppError, request::Visitor};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The shortest time between two notices on one stream: what happens meanwhile is told as one.
const MIN_NOTICE_INTERVAL: Duration = Duration::from_millis(300);
/// How often something is sent when there is nothing to tell: proxies close what is silent, and a reader who is gone shows.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a stream lasts. The browser opens another, and with it authenticates anew (SE-04).
const STREAM_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long a browser waits before it opens another stream.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// How many streams one user may have open in all browsers together.
const MAX_STREAMS_PER_USER: u32 = 20;
/// When a reader with too many is to come back.
const TOO_MANY_RETRY_S: u64 = 60;
/// nginx sends on at once what has this header.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Counts the streams that are open.
#[derive(Clone)]
pub(super) struct OpenStreams(Arc<Counts>);

struct Counts {
    max: u32,
    by_user: Mutex<HashMap<UserId, u32>>,
}

impl OpenStreams {
    /// Streams leave half of the connections to everything else (F15).
    pub(super) fn of(config: &Config) -> Self {
        Self(Arc::new(Counts { max: (config.limits.connections / 2).max(1), by_user: Mutex::default() }))
    }

    /// Admits one more stream of a user.
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if the user has too many, [`AppError::Unavailable`] if there are too many.
    fn admit(&self, user: UserId) -> Result<StreamPermit, AppError> {
        let mut by_user = self.0.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if by_user.values().sum::<u32>() >= self.0.max {
            return Err(AppError::Unavailable);
        }
        let count = by_user.entry(user).or_default();
        if *count >= MAX_STREAMS_PER_USER {
            return Err(AppError::RateLimited { retry_after_s: TOO_MANY_RETRY_S });
        }
        *count += 1;
        Ok(StreamPermit { streams: self.clone(), user })
    }
}

/// The permit of a stream; dropping it lets another one in.
struct StreamPermit {
    streams: OpenStreams,
    user: UserId,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut by_user = self.streams.0.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_user.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

/// `/a/{slug}/events`.
pub(super) async fn account(
    State(services): State<Services>,
    State(streams): State<OpenStreams>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
) -> Response {
    match begin(&services, &streams, &visitor, &slug).await {
        Ok(events) => ([UNBUFFERED], events).into_response(),
        Err(error) => answer::error(&error),
    }
}

async fn begin(
    services: &Services,
    streams: &OpenStreams,
    visitor: &Visitor,
    slug: &str,
) -> Result<impl IntoResponse + use<>, AppError> {
    let caller = visitor.caller_in(slug)?;
    let watch = services.watch_account(&caller).await?;
    let permit = streams.admit(caller.signed_in.user)?;
    let now = Instant::now();
    let reader =
        Reader { watch, stopping: services.stopping.clone(), ends: now + STREAM_LIFETIME, told: now, _permit: permit };
    Ok(Sse::new(events(reader)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

/// Who reads a stream.
struct Reader {
    watch: AccountWatch,
    stopping: CancellationToken,
    ends: Instant,
    /// When the last notice was sent.
    told: Instant,
    _permit: StreamPermit,
}

impl Reader {
    /// The next notice; `None` when the stream ends.
    async fn next(&mut self) -> Option<AccountNotice> {
        let next = async {
            sleep_until(self.told + MIN_NOTICE_INTERVAL).await;
            self.watch.next().await
        };
        let notice = tokio::select! {
            notice = next => Some(notice),
            () = self.stopping.cancelled() => None,
            () = sleep_until(self.ends) => None,
        };
        self.told = Instant::now();
        notice
    }
}

/// What comes next on a stream.
enum Next {
    Greeting(Reader),
    Notice(Reader),
    End,
}

fn events(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Next::Greeting(reader), async |next| match next {
        Next::Greeting(reader) => Some((Ok(Event::default().retry(RECONNECT_DELAY)), Next::Notice(reader))),
        Next::Notice(mut reader) => {
            let notice = reader.next().await?;
            let next = match notice {
                AccountNotice::Changed | AccountNotice::AccessChanged => Next::Notice(reader),
                AccountNotice::AccessEnded | AccountNotice::SignInNeeded => Next::End,
            };
            // The browser drops an event that carries nothing.
            Some((Ok(Event::default().event(name_of(notice)).data("-")), next))
        }
        Next::End => None,
    })
}

/// The names that `app/src/live.rs` listens for.
const fn name_of(notice: AccountNotice) -> &'static str {
    match notice {
        AccountNotice::Changed => "changed",
        AccountNotice::AccessChanged => "access-changed",
        AccountNotice::AccessEnded => "access-ended",
        AccountNotice::SignInNeeded => "sign-in-needed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn f15_a_user_has_so_many_streams_and_gets_others_back_when_they_end() {
        let streams = OpenStreams::of(&Config::default());
        let user = UserId(Uuid::now_v7());
        let mut open: Vec<_> = (0..MAX_STREAMS_PER_USER).map(|_| streams.admit(user).ok().unwrap()).collect();
        assert!(matches!(streams.admit(user), Err(AppError::RateLimited { .. })));
        assert!(streams.admit(UserId(Uuid::now_v7())).is_ok());
        open.pop();
        assert!(streams.admit(user).is_ok());
        drop(open);
        assert!(streams.0.by_user.lock().unwrap().is_empty());
    }

    #[test]
    fn f15_streams_leave_half_of_the_connections_to_everything_else() {
        let mut config = Config::default();
        config.limits.connections = 4;
        let streams = OpenStreams::of(&config);
        let user = || UserId(Uuid::now_v7());
        let _open = (streams.admit(user()).ok().unwrap(), streams.admit(user()).ok().unwrap());
        assert!(matches!(streams.admit(user()), Err(AppError::Unavailable)));
    }
}
