//! Accepts connections, limits their time, and ends them at a stop (F15, F22).
//!
//! `axum-server` is not used, because at a stop it drops the connections that still wait to be accepted, and it knows no limit by address.

use super::{
    connection_limits::{ConnectionLimits, ConnectionPermit},
    lengths::{Counted, Lengths},
    stalls::EndsStalledWrites,
};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use std::{io::ErrorKind, net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a client may take to send the head of a request, and how long a connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may take nothing of an answer before the connection is closed (F15).
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long nothing comes from a client before the system asks whether it is still there, and how often it asks.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// The largest head of a request that is read: more than [`super::guard`] lets through, so that most clients can read why they were
/// refused.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The delay after an accept that failed for want of something, such as descriptors (F27), and before connections are closed.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(250);

/// Serves within `limits` until `stop`; then accepts nothing any more, lets the requests that have begun end, and waits for them no longer than
/// `shutdown_timeout`. It speaks HTTP/1.1 alone: what HTTP/2 offers, the proxy in front offers, and what it opens to floods stays shut.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
    shutdown_timeout: Duration,
) {
    let connections = GracefulShutdown::new();
    loop {
        // While all places are taken, clients wait in the system's queue, which needs no descriptor.
        let place = tokio::select! {
            place = limits.place() => place,
            () = stop.cancelled() => break,
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match limits.admit(place, peer.ip()) {
                    Some(permit) => begin(stream, peer, app.clone(), permit, &connections),
                    None => tracing::debug!(peer = %peer.ip(), "one address has too many connections"),
                },
                Err(error) if is_of_one_connection(error.kind()) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            () = stop.cancelled() => break,
        }
    }
    for (stream, peer) in waiting(listener) {
        begin(stream, peer, app.clone(), ConnectionPermit::last(), &connections);
    }
    // Closing a connection from which nothing was read yet would lose a request that is already waiting there.
    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
    if tokio::time::timeout(shutdown_timeout, connections.shutdown()).await.is_err() {
        tracing::warn!("gave up on requests that did not end");
    }
}

/// Ends listening. Connections that the system has accepted for us by now would be reset with the listener, so they are taken out first;
/// the system is asked itself, since the runtime may not have heard of the latest yet.
fn waiting(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let mut accepted = Vec::new();
    while let Ok(one) = listener.accept() {
        accepted.push(one);
    }
    drop(listener);
    accepted
        .into_iter()
        .filter_map(|(stream, peer)| {
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, peer))
        })
        .collect()
}

fn begin(stream: TcpStream, peer: SocketAddr, app: Router, permit: ConnectionPermit, connections: &GracefulShutdown) {
    // A connection that is gone tells so by itself.
    let _ = prepare(&stream);
    let lengths = Lengths::default();
    let stream = Counted::new(stream, lengths.clone());
    let app = app.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        lengths.look_at(&mut request);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(EndsStalledWrites::new(stream, WRITE_TIMEOUT)), TowerToHyperService::new(app));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
        drop(permit);
    });
}

/// Answers are written whole: waiting to fill a packet would only delay them. Clients that vanished without a word are found by keepalive,
/// and those that take nothing of what the system holds for them any more are given up by the system too, after we did.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(WRITE_TIMEOUT))?;
    Ok(())
}

fn is_of_one_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::time::Instant;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    const SLOW: Duration = Duration::from_millis(400);

    async fn start(goodbye: Duration) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        start_with(ConnectionLimits::new(1_000, 1_000, Vec::new()), goodbye).await
    }

    async fn start_with(
        limits: ConnectionLimits,
        goodbye: Duration,
    ) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let slow = || async {
            tokio::time::sleep(SLOW).await;
            "whole"
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = tokio::spawn(serve(listener, Router::new().route("/", get(slow)), limits, stop.clone(), goodbye));
        (address, stop, served)
    }

    async fn send(address: SocketAddr, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn f22_a_stop_lets_requests_end_refuses_new_ones_and_waits_for_no_half_sent_one() {
        let (address, stop, served) = start(Duration::from_secs(2)).await;
        let mut whole = send(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let _half = send(address, "GET / HTTP/1.1\r\nHo").await;
        let _silent = send(address, "").await;
        tokio::time::sleep(SLOW / 4).await;

        let asked = Instant::now();
        stop.cancel();
        tokio::time::sleep(SLOW / 4).await;
        assert!(TcpStream::connect(address).await.is_err(), "new connections are refused at once");
        let mut answer = String::new();
        whole.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("whole"), "{answer}");
        served.await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test]
    async fn f22_a_request_that_arrives_with_the_stop_is_answered() {
        let (address, stop, served) = start(Duration::from_secs(2)).await;
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(send(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await);
        }
        stop.cancel();
        for mut stream in waiting {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("whole"), "{answer}");
        }
        served.await.unwrap();
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn f15_one_address_has_so_many_connections_and_gets_others_back_when_they_end() {
        let (address, _stop, _served) = start_with(ConnectionLimits::new(100, 2, Vec::new()), Duration::ZERO).await;
        let first = send(address, "").await;
        let _second = send(address, "").await;
        tokio::time::sleep(SLOW / 4).await;
        let ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        assert_eq!(answer(&mut send(address, ask).await).await, "", "the third is closed");
        drop(first);
        tokio::time::sleep(SLOW / 4).await;
        assert!(answer(&mut send(address, ask).await).await.ends_with("whole"));
    }

    #[tokio::test]
    async fn f15_a_trusted_proxy_may_have_as_many_as_there_are() {
        let limits = ConnectionLimits::new(100, 1, vec!["127.0.0.0/8".parse().unwrap()]);
        let (address, _stop, _served) = start_with(limits, Duration::ZERO).await;
        let _first = send(address, "").await;
        let mut second = send(address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer(&mut second).await.ends_with("whole"));
    }

    #[tokio::test]
    async fn f15_beyond_all_places_connections_wait_for_one() {
        let (address, stop, served) =
            start_with(ConnectionLimits::new(1, 10, Vec::new()), Duration::from_secs(2)).await;
        let ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let (mut first, mut second) = (send(address, ask).await, send(address, ask).await);
        let begun = Instant::now();
        let (first, second) = tokio::join!(answer(&mut first), answer(&mut second));
        assert!(first.ends_with("whole") && second.ends_with("whole"), "{first} {second}");
        assert!(begun.elapsed() >= SLOW * 2 - Duration::from_millis(50), "one after the other: {:?}", begun.elapsed());
        stop.cancel();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn br_16_ambiguous_requests_are_refused() {
        let (address, _stop, _served) = start(Duration::ZERO).await;
        for head in [
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            "\0\r\n\r\n",
        ] {
            let mut answer = String::new();
            send(address, head).await.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
        }
    }
}
