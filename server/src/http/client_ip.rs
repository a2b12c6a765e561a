//! The client's address: the peer's, unless the peer is a trusted proxy (EN-07).
//!
//! The `axum-client-ip` crate is not used, because it takes the rightmost address or none, and does not step over several proxies that are
//! known by their networks.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The address of the client: walks `X-Forwarded-For` from the right, where our own proxies write, to the first address that is not one of
/// them. What stands further left was written by the client, in whatever bytes it liked: it is split as bytes, from the right, so that
/// nothing in it hides what our proxies wrote.
pub(super) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_proxy = |ip: &IpAddr| is_trusted(*ip, trusted);
    if !is_proxy(&peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let mut nearest = peer;
    for entry in lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(ip) = std::str::from_utf8(entry).ok().and_then(parse) else { return nearest };
        nearest = ip;
        if !is_proxy(&ip) {
            return ip;
        }
    }
    nearest
}

/// Is this one of our own proxies, which is believed what it says of a request?
pub(super) fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|network| network.contains(&peer))
}

/// An address, with or without a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let ip =
        bare.parse::<IpAddr>().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let lines: Vec<_> = forwarded.iter().map(|line| line.as_bytes()).collect();
        seen_in_bytes(peer, &lines, trusted)
    }

    fn seen_in_bytes(peer: &str, forwarded: &[&[u8]], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_ip(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn en_07_a_forged_header_changes_nothing_without_a_trusted_proxy() {
        assert_eq!(seen("203.0.113.7", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(seen("203.0.113.7", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.7");
    }

    #[test]
    fn en_07_what_the_client_wrote_left_of_the_proxies_is_not_believed() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, 203.0.113.7"], &proxies), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "203.0.113.7, 10.0.0.2"], &proxies), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.7, nonsense, 10.0.0.2"], &proxies), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &[], &proxies), "10.0.0.1");
    }

    #[test]
    fn en_07_bytes_that_are_no_text_hide_nothing_that_a_proxy_wrote() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen_in_bytes("10.0.0.1", &[b"\xff, 203.0.113.7"], &proxies), "203.0.113.7");
        assert_eq!(
            seen_in_bytes("10.0.0.1", &[b"198.51.100.1", b"\xff,203.0.113.7, 10.0.0.2"], &proxies),
            "203.0.113.7"
        );
        assert_eq!(seen_in_bytes("10.0.0.1", &[b"203.0.113.7, \xff\xfe"], &proxies), "10.0.0.1");
        assert_eq!(seen_in_bytes("10.0.0.1", &[b",,,"], &proxies), "10.0.0.1");
    }

    #[test]
    fn addresses_are_read_with_ports_and_in_either_family() {
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.7:4711"], &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(seen("::1", &["[2001:db8::1]:4711"], &["::1/128"]), "2001:db8::1");
        assert_eq!(seen("::1", &["[2001:db8::1]"], &["::1/128"]), "2001:db8::1");
    }
}
