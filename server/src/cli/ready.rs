//! `roster ready`: asks the server that runs on this machine whether it is ready, for whatever looks after containers and has no other program to ask with.

use super::Failure;
use crate::config::Config;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn ask(config: &Config) -> Result<(), Failure> {
    let address = reachable(config.listen);
    let answer =
        timeout(ANSWER_TIMEOUT, get(address)).await.map_err(|_| Failure::other(format!("{address}: no answer")))?;
    let answer = answer.map_err(|error| Failure::other(format!("{address}: {error}")))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        println!("ready");
        return Ok(());
    }
    Err(Failure::other(format!("{address}: not ready: {}", answer.lines().next().unwrap_or_default())))
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Where a server that listens on this address is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_this_machine_is_reached_at_its_loopback() {
        for (listen, reached) in
            [("0.0.0.0:3000", "127.0.0.1:3000"), ("[::]:80", "[::1]:80"), ("10.0.0.7:3000", "10.0.0.7:3000")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
