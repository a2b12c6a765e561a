//! A circuit breaker: a provider that keeps failing is not asked for a while, so that its people get an answer at once (OA-22, F23).
//!
//! No maintained library keeps one breaker for each account and endpoint, and forgets those that nobody uses.

use app::domain::{ids::AccountId, oauth::Fault};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// After this many failures in a row, the breaker opens: the provider is not asked.
const MAX_FAILURES: u32 = 5;
/// How long the breaker stays open; then one request tries again.
const OPEN_DURATION: Duration = Duration::from_secs(30);
/// How many endpoints are kept before those that failed long ago are dropped.
const MAX_ENDPOINTS: usize = 1_000;

/// An endpoint as one account knows it.
type Endpoint = (AccountId, String);

/// The endpoints that failed, for each account by itself: a hostile provider may name the endpoints of another account's.
#[derive(Clone, Debug, Default)]
pub(super) struct Breakers(Arc<Mutex<HashMap<Endpoint, EndpointFailures>>>);

#[derive(Debug)]
struct EndpointFailures {
    consecutive: u32,
    last: Instant,
    /// One request is trying again.
    probing: bool,
}

/// Permission for one request. If it is dropped without a result, the request has shown nothing.
#[derive(Debug)]
pub(super) struct Permit {
    breakers: Breakers,
    endpoint: Endpoint,
}

impl Breakers {
    /// May a request go to this endpoint, for this account?
    ///
    /// # Errors
    /// [`Fault::CircuitOpen`].
    pub(super) fn begin(&self, account: AccountId, endpoint: &str, now: Instant) -> Result<Permit, Fault> {
        let endpoint = (account, endpoint.to_owned());
        if let Some(failing) = self.lock().get_mut(&endpoint).filter(|failing| failing.consecutive >= MAX_FAILURES) {
            if failing.probing || now < failing.last + OPEN_DURATION {
                return Err(Fault::CircuitOpen);
            }
            failing.probing = true;
        }
        Ok(Permit { breakers: self.clone(), endpoint })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, EndpointFailures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The provider answered.
    pub(super) fn succeeded(self) {
        self.breakers.lock().remove(&self.endpoint);
    }

    /// The provider did not answer, or only that it is broken.
    pub(super) fn failed(self, now: Instant) {
        let mut known = self.breakers.lock();
        if known.len() >= MAX_ENDPOINTS {
            known.retain(|_, failing| now < failing.last + OPEN_DURATION);
        }
        let failing = known.entry(self.endpoint.clone()).or_insert(EndpointFailures {
            consecutive: 0,
            last: now,
            probing: false,
        });
        failing.consecutive = failing.consecutive.saturating_add(1);
        failing.last = now;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(failing) = self.breakers.lock().get_mut(&self.endpoint) {
            failing.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const TOKEN: &str = "https://id.example.org/token";

    #[test]
    fn f23_five_failures_in_a_row_open_the_breaker_and_one_try_closes_it() {
        let (breakers, start) = (Breakers::default(), Instant::now());
        let (acme, beta) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let may = |after: Duration| breakers.begin(acme, TOKEN, start + after);
        for _ in 0..4 {
            may(Duration::ZERO).unwrap().failed(start);
        }
        may(Duration::ZERO).unwrap().succeeded();
        for _ in 0..5 {
            may(Duration::ZERO).unwrap().failed(start);
        }
        assert_eq!(may(OPEN_DURATION - Duration::from_millis(1)).err(), Some(Fault::CircuitOpen));
        assert!(breakers.begin(acme, "https://id.example.org/other", start).is_ok(), "another endpoint");
        assert!(
            breakers.begin(beta, TOKEN, start).is_ok(),
            "OA-22: what one account brings about is no other's trouble"
        );

        let again = may(OPEN_DURATION).unwrap();
        assert_eq!(may(OPEN_DURATION).err(), Some(Fault::CircuitOpen), "one try at a time");
        again.failed(start + OPEN_DURATION);
        assert_eq!(may(OPEN_DURATION + Duration::from_secs(29)).err(), Some(Fault::CircuitOpen));

        drop(may(2 * OPEN_DURATION).unwrap());
        may(2 * OPEN_DURATION).expect("a try that was given up found nothing out").succeeded();
        assert!(may(2 * OPEN_DURATION).is_ok() && may(2 * OPEN_DURATION).is_ok());
    }

    #[test]
    fn f23_endpoints_that_failed_long_ago_are_forgotten() {
        let (breakers, start, acme) = (Breakers::default(), Instant::now(), AccountId(Uuid::nil()));
        for number in 0..3 * MAX_ENDPOINTS {
            let now = start + OPEN_DURATION * u32::try_from(number / MAX_ENDPOINTS).unwrap();
            breakers.begin(acme, &number.to_string(), now).unwrap().failed(now);
        }
        assert!(breakers.lock().len() <= MAX_ENDPOINTS, "{}", breakers.lock().len());
    }
}
