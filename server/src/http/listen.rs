//! Connections: accepted, bounded in time, and brought to an end (F15, F22).

use super::lengths::{Counted, Lengths};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{io::ErrorKind, net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a client may take to send the head of a request, and how long a connection may wait for the next one.
const LONGEST_HEAD: Duration = Duration::from_secs(15);
/// More than the headers that [`super::guard`] lets through, so that most clients read why they were refused.
const LARGEST_HEAD: usize = 32 * 1024;
/// The pause after an accept that failed for want of something, such as descriptors (F27), and before connections are closed.
const BREATH: Duration = Duration::from_millis(250);

/// Serves until `stop`; then accepts nothing any more, lets the requests that have begun end, and waits for them no longer than
/// `longest_goodbye`. It speaks HTTP/1.1 alone: what HTTP/2 offers, the proxy in front offers, and what it opens to floods stays shut.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken, longest_goodbye: Duration) {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => begin(stream, peer, app.clone(), &connections),
                Err(error) if is_of_one_connection(error.kind()) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(BREATH).await;
                }
            },
            () = stop.cancelled() => break,
        }
    }
    for (stream, peer) in waiting(listener) {
        begin(stream, peer, app.clone(), &connections);
    }
    // A connection ends at once if nothing was read from it yet, even when a whole request waits to be.
    tokio::time::sleep(BREATH).await;
    if tokio::time::timeout(longest_goodbye, connections.shutdown()).await.is_err() {
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

fn begin(stream: TcpStream, peer: SocketAddr, app: Router, connections: &GracefulShutdown) {
    // Answers are written whole; waiting to fill a packet would only delay them. A connection that is gone tells so by itself.
    let _ = stream.set_nodelay(true);
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
        .header_read_timeout(LONGEST_HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    });
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
        let slow = || async {
            tokio::time::sleep(SLOW).await;
            "whole"
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = tokio::spawn(serve(listener, Router::new().route("/", get(slow)), stop.clone(), goodbye));
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
