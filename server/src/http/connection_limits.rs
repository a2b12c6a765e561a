//! Limits the number of connections at the same time: in all, so that descriptors and memory suffice, and from one address, so that nobody
//! takes them all (F15, F27). Trusted proxies speak for many clients and are not limited.
//! tower's limits are not used, because they count requests, and a connection that sends none costs a descriptor as well.

use crate::config::Config;
use ipnet::IpNet;
use rustix::process::{Resource, getrlimit};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Descriptors that connections leave to the database, the mail server, providers and the log.
const RESERVED_DESCRIPTORS: u32 = 96;
/// Connections there may be however few descriptors the system gives.
const MIN_CONNECTIONS: u32 = 8;

/// The limits, and how many connections there are now.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    places: Arc<Semaphore>,
    per_address: u32,
    proxies: Arc<[IpNet]>,
    present: Counts,
}

impl ConnectionLimits {
    /// The limits of the configuration, as far as this process may open descriptors (`ulimit -n`).
    pub fn of(config: &Config) -> Self {
        let settings = &config.limits;
        let connections = settings.connections.min(connections_for(getrlimit(Resource::Nofile).current));
        if connections < settings.connections {
            tracing::warn!(
                connections,
                configured = settings.connections,
                "the limit of open files (ulimit -n) leaves room for fewer connections than limits.connections"
            );
        }
        Self::new(connections, settings.connections_per_address, config.trusted_proxies.clone())
    }

    /// Limits to `in_all` connections, and to `per_address` from one address that is not a proxy's.
    pub fn new(in_all: u32, per_address: u32, proxies: Vec<IpNet>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(in_all as usize)),
            per_address,
            proxies: proxies.into(),
            present: Arc::default(),
        }
    }

    /// Waits until one more connection is allowed.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Admits a connection; `None` if its address has too many.
    pub(super) fn admit(&self, place: Option<OwnedSemaphorePermit>, peer: IpAddr) -> Option<ConnectionPermit> {
        let peer = peer.to_canonical();
        if self.proxies.iter().any(|network| network.contains(&peer)) {
            return Some(ConnectionPermit { _place: place, counted: None });
        }
        let key = network_of(peer);
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let count = present.entry(key).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit { _place: place, counted: Some((Arc::clone(&self.present), key)) })
    }
}

/// How many connections this many descriptors are enough for; `None` is no limit.
fn connections_for(descriptors: Option<u64>) -> u32 {
    let descriptors = descriptors.and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX);
    descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(MIN_CONNECTIONS)
}

/// An address as limits count it: whole for IPv4, its /64 for IPv6.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

/// How many connections each address has.
type Counts = Arc<Mutex<HashMap<IpAddr, u32>>>;

/// The permit of a connection; dropping it lets another one in.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    _place: Option<OwnedSemaphorePermit>,
    counted: Option<(Counts, IpAddr)>,
}

impl ConnectionPermit {
    /// For connections that the system had accepted before the server stopped: none comes after them.
    pub(super) const fn last() -> Self {
        Self { _place: None, counted: None }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some((present, key)) = &self.counted else { return };
        let mut present = present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = present.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                present.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f27_connections_leave_descriptors_to_everything_else() {
        assert_eq!(connections_for(Some(1024)), 928);
        assert_eq!(connections_for(Some(128)), 32);
        assert_eq!((connections_for(Some(0)), connections_for(Some(100))), (8, 8));
        assert_eq!((connections_for(None), connections_for(Some(u64::MAX))), (u32::MAX - 96, u32::MAX - 96));
    }

    #[tokio::test]
    async fn f15_addresses_of_one_network_count_together_and_are_forgotten_when_they_are_gone() {
        let limits = ConnectionLimits::new(10, 1, Vec::new());
        let from = |ip: &str| limits.admit(None, ip.parse().unwrap());
        let first = from("2001:db8::1").unwrap();
        assert!(from("2001:db8::2").is_none(), "the same /64");
        let other = from("2001:db8:0:1::1").unwrap();
        let four = from("::ffff:203.0.113.7").unwrap();
        assert!(from("203.0.113.7").is_none(), "the same address in another form");
        drop((first, other, four));
        assert!(limits.present.lock().unwrap().is_empty());
        assert!(from("2001:db8::2").is_some());
    }
}
