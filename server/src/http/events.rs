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
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

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
    in_all: u32,
    /// How many one address may have; `None` behind proxies, which speak for many.
    per_address: Option<u32>,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    by_user: HashMap<UserId, u32>,
    by_address: HashMap<IpAddr, u32>,
}

impl OpenStreams {
    /// Streams leave half of the connections to everything else, in all and for each address (F15).
    pub(super) fn of(config: &Config) -> Self {
        let half = |limit: u32| (limit / 2).max(1);
        Self(Arc::new(Counts {
            in_all: half(config.limits.connections),
            per_address: config.trusted_proxies.is_empty().then(|| half(config.limits.connections_per_address)),
            present: Mutex::default(),
        }))
    }

    /// Admits one more stream of a user.
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if the user or the address has too many, [`AppError::Unavailable`] if there are too many.
    fn admit(&self, user: UserId, address: IpAddr) -> Result<StreamPermit, AppError> {
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.by_user.values().sum::<u32>() >= self.0.in_all {
            return Err(AppError::Unavailable);
        }
        let of_user = present.by_user.get(&user).copied().unwrap_or_default();
        let of_address = present.by_address.get(&address).copied().unwrap_or_default();
        if of_user >= MAX_STREAMS_PER_USER || self.0.per_address.is_some_and(|most| of_address >= most) {
            return Err(AppError::RateLimited { retry_after_s: TOO_MANY_RETRY_S });
        }
        present.by_user.insert(user, of_user + 1);
        present.by_address.insert(address, of_address + 1);
        Ok(StreamPermit { streams: self.clone(), user, address })
    }
}

/// The permit of a stream; dropping it lets another one in.
struct StreamPermit {
    streams: OpenStreams,
    user: UserId,
    address: IpAddr,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut present = self.streams.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        take_one(&mut present.by_user, &self.user);
        take_one(&mut present.by_address, &self.address);
    }
}

fn take_one<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
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
    let user = caller.session().ok_or(AppError::Unauthenticated)?.user;
    let permit = streams.admit(user, caller.ip)?;
    let ends = Instant::now() + STREAM_LIFETIME;
    let reader = Reader { watch, stopping: services.stopping.clone(), ends, _permit: permit };
    Ok(Sse::new(events(reader)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

/// Who reads a stream.
struct Reader {
    watch: AccountWatch,
    stopping: CancellationToken,
    ends: Instant,
    _permit: StreamPermit,
}

impl Reader {
    /// The next notice; `None` when the stream ends.
    async fn next(&mut self) -> Option<AccountNotice> {
        tokio::select! {
            notice = self.watch.next() => Some(notice),
            () = self.stopping.cancelled() => None,
            () = sleep_until(self.ends) => None,
        }
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
                AccountNotice::Changed | AccountNotice::AccessChanged | AccountNotice::AddressChanged => {
                    Next::Notice(reader)
                }
                AccountNotice::AccessEnded | AccountNotice::SignInNeeded => Next::End,
            };
            // The browser drops an event that carries nothing.
            Some((Ok(Event::default().event(name_of(notice)).data("-")), next))
        }
        Next::End => None,
    })
}

/// The names that `app/src/pages/live.rs` listens for.
const fn name_of(notice: AccountNotice) -> &'static str {
    match notice {
        AccountNotice::Changed => "changed",
        AccountNotice::AccessChanged => "access-changed",
        AccountNotice::AddressChanged => "address-changed",
        AccountNotice::AccessEnded => "access-ended",
        AccountNotice::SignInNeeded => "sign-in-needed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user() -> UserId {
        UserId(Uuid::now_v7())
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    #[test]
    fn f15_a_user_has_so_many_streams_and_gets_others_back_when_they_end() {
        let streams = OpenStreams::of(&Config::default());
        let ana = user();
        let mut open: Vec<_> =
            (0..MAX_STREAMS_PER_USER).map(|_| streams.admit(ana, address(1)).ok().unwrap()).collect();
        assert!(matches!(streams.admit(ana, address(2)), Err(AppError::RateLimited { .. })));
        assert!(streams.admit(user(), address(1)).is_ok());
        open.pop();
        assert!(streams.admit(ana, address(1)).is_ok());
        drop(open);
        let present = streams.0.present.lock().unwrap();
        assert!(present.by_user.is_empty() && present.by_address.is_empty());
    }

    #[test]
    fn f15_streams_leave_half_of_the_connections_to_everything_else() {
        let mut config = Config::default();
        (config.limits.connections, config.limits.connections_per_address) = (8, 4);
        let streams = OpenStreams::of(&config);
        let open = |last| streams.admit(user(), address(last));
        let _open = (open(1).ok().unwrap(), open(1).ok().unwrap());
        assert!(matches!(open(1), Err(AppError::RateLimited { .. })), "of one address");
        let _others = (open(2).ok().unwrap(), open(3).ok().unwrap());
        assert!(matches!(open(4), Err(AppError::Unavailable)), "in all");
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let behind_proxy = OpenStreams::of(&config);
        let all: Vec<_> = (0..4).map(|_| behind_proxy.admit(user(), address(1)).ok().unwrap()).collect();
        assert_eq!(all.len(), 4, "an office may be behind one address");
    }
}
