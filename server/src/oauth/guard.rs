//! Restricts where requests may go (OA-15). Accounts name the addresses of their providers, so requests must not reach anything in the
//! operator's own network.

use app::domain::oauth::Fault;
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Name, Resolve, Resolving};
use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};
use thiserror::Error;
use url::{Host, Url};

/// Lets requests go to public addresses, and to the hosts that the operator allows.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allowed: Arc<HashSet<String>>,
    /// Hosts that are allowed only at these ports.
    ports: Arc<HashMap<String, HashSet<u16>>>,
}

/// A name resolves only to addresses that are refused.
#[derive(Debug, Error)]
#[error("the address is not open to providers")]
pub(super) struct Refused;

impl Guard {
    /// `allowed`: hosts as they stand in URLs, with a port if they are allowed at that one alone.
    pub(super) fn new(allowed: &[String]) -> Self {
        let (mut whole, mut ports) = (HashSet::new(), HashMap::<_, HashSet<u16>>::new());
        for entry in allowed {
            let with_port = entry.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
            match with_port.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
                Some((host, port)) => {
                    ports.entry(host.to_owned()).or_default().insert(port);
                }
                None => {
                    whole.insert(entry.clone());
                }
            }
        }
        Self { allowed: Arc::new(whole), ports: Arc::new(ports) }
    }

    /// Checks what can be checked without resolving a name: https, no user name or password, and no literal address that is refused. Names
    /// are checked when they are resolved.
    ///
    /// # Errors
    /// [`Fault::AddressRefused`].
    pub(super) fn admit(&self, url: &str) -> Result<Url, Fault> {
        let url = Url::parse(url).map_err(|_| Fault::AddressRefused)?;
        let literal = match url.host() {
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            None => return Err(Fault::AddressRefused),
        };
        let host = url.host_str().unwrap_or_default();
        // A host that is allowed at some ports is refused at all others, since the port is not known any more when its name is resolved.
        let open = match (self.ports.get(host), url.port_or_known_default()) {
            (Some(ports), Some(port)) => self.allowed.contains(host) || ports.contains(&port),
            (Some(_), None) => false,
            (None, _) => literal.is_none_or(is_public) || self.allowed.contains(host),
        };
        let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        if plain && open { Ok(url) } else { Err(Fault::AddressRefused) }
    }

    fn allows(&self, host: &str) -> bool {
        self.allowed.contains(host) || self.ports.contains_key(host)
    }
}

impl Resolve for Guard {
    /// Only addresses that were checked are passed on, so the connection goes to one of them.
    fn resolve(&self, name: Name) -> Resolving {
        let everything = self.allows(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let none = found.is_empty();
            let open: Vec<SocketAddr> = found.into_iter().filter(|at| everything || is_public(at.ip())).collect();
            if open.is_empty() && !none {
                return Err(Refused.into());
            }
            Ok(Box::new(open.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// The special networks of IPv4 (RFC 6890 and its registry).
const NOT_PUBLIC_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 8),       // this network, and the unspecified address
    v4(10, 0, 0, 8),      // private (RFC 1918)
    v4(100, 64, 0, 10),   // behind carriers (CGNAT)
    v4(127, 0, 0, 8),     // loopback
    v4(169, 254, 0, 16),  // link-local, among it the metadata of clouds
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 24),    // documentation
    v4(192, 88, 99, 24),  // 6to4 relays
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarks
    v4(198, 51, 100, 24), // documentation
    v4(203, 0, 113, 24),  // documentation
    v4(224, 0, 0, 4),     // multicast
    v4(240, 0, 0, 4),     // reserved, and the broadcast address
];

/// The public addresses of IPv6; everything else is not: loopback, link-local, unique local, multicast.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

/// The special networks within it.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),     // protocol assignments, among them Teredo
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4, which leads to any IPv4 address
    v6(0x3fff, 0, 20),     // documentation
];

/// The well-known prefix of NAT64 (RFC 6052): the address behind it counts.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// Is this an address of the public Internet?
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&ip)),
        IpAddr::V6(ip) => {
            let behind = if NAT64.contains(&ip) { Some(last_four(ip)) } else { ip.to_ipv4_mapped() };
            match behind {
                Some(behind) => is_public(IpAddr::V4(behind)),
                None => PUBLIC_V6.contains(&ip) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&ip)),
            }
        }
    }
}

fn last_four(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_15_only_public_addresses_are_open() {
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(refused.parse().unwrap()), "{refused}");
        }
        for open in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn oa_15_literal_addresses_and_other_schemes_are_refused_before_anything_is_sent() {
        let guard = Guard::new(&[]);
        for refused in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "http://id.example.org/",
            "https://user@id.example.org/",
            "https://:password@id.example.org/",
            "ftp://id.example.org/",
            "file:///etc/passwd",
            "https://",
            "id.example.org",
        ] {
            assert_eq!(guard.admit(refused).err(), Some(Fault::AddressRefused), "{refused}");
        }
        assert!(guard.admit("https://id.example.org:8443/token").is_ok());
        assert!(guard.admit("https://8.8.8.8/").is_ok());
    }

    #[test]
    fn oa_15_a_host_that_the_operator_allows_is_open_and_no_other() {
        let guard = Guard::new(&["10.0.0.7".to_owned(), "[fd00::7]".to_owned()]);
        assert!(guard.admit("https://10.0.0.7:8443/").is_ok());
        assert!(guard.admit("https://[fd00::7]/").is_ok());
        assert_eq!(guard.admit("https://10.0.0.8/").err(), Some(Fault::AddressRefused));
    }

    #[test]
    fn oa_15_a_host_that_is_allowed_at_a_port_is_closed_at_the_others() {
        let guard =
            Guard::new(&["id.corp.example:8443".to_owned(), "10.0.0.7:443".to_owned(), "[fd00::7]:9443".to_owned()]);
        for open in [
            "https://id.corp.example:8443/token",
            "https://10.0.0.7/",
            "https://[fd00::7]:9443/",
            "https://id.example.org:9/",
        ] {
            assert!(guard.admit(open).is_ok(), "{open}");
        }
        for closed in [
            "https://id.corp.example/",
            "https://id.corp.example:8444/",
            "https://10.0.0.7:8443/",
            "https://[fd00::7]/",
        ] {
            assert_eq!(guard.admit(closed), Err(Fault::AddressRefused), "{closed}");
        }
    }

    #[tokio::test]
    async fn oa_15_a_name_is_open_by_what_it_resolves_to() {
        let resolved =
            |guard: Guard| async move { guard.resolve("localhost".parse().unwrap()).await.map(Iterator::count) };
        let refused = resolved(Guard::new(&[])).await.unwrap_err();
        assert!(refused.is::<Refused>(), "{refused}");
        assert!(resolved(Guard::new(&["localhost".to_owned()])).await.unwrap() > 0);
    }
}
