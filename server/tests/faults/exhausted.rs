//! Clients that are slow, send too much or come all at once: memory stays bounded, and others are answered (F15, F16, F19).

use crate::{
    load::{Answers, memory_of},
    mail_server::MailServer,
    rounds,
    site::{Person, Site},
    support::Kind,
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Mebibytes that a process may have more than before.
const MOST_FOR_BODIES: u64 = 50;
/// Mebibytes that a process may have in all under a storm of sign-ins.
const MOST_FOR_SIGN_INS: u64 = 256;

async fn serving() -> (MailServer, Site, crate::support::binary::Serving, Person) {
    let mail = MailServer::polite().await;
    let site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    (mail, site, serving, ana)
}

/// Sends a body without an end until the server has had enough; answers how much it took, and what it said.
async fn pours(ana: Person, head: String) -> (usize, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", ana.port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let in_chunks = head.contains("chunked");
    let piece = if in_chunks { [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat() } else { vec![b'x'; 0x10000] };
    let mut sent = 0;
    while let Ok(Ok(())) = timeout(Duration::from_secs(5), stream.write_all(&piece)).await {
        sent += piece.len();
        if sent > 64 << 20 {
            break;
        }
    }
    let mut answer = vec![0; 64];
    let read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await.map_or(0, |read| read.unwrap_or(0));
    (sent, String::from_utf8_lossy(&answer[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_huge_bodies_are_refused_early_and_cost_no_memory() {
    let (_mail, site, serving, ana) = serving().await;
    let before = memory_of(serving.pid());
    let head = |length: &str| {
        format!(
            "POST /api/session/sign-in HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n",
            site.port
        )
    };
    let clients = rounds(40, 200);
    let heads = [head("Content-Length: 1073741824"), head("Transfer-Encoding: chunked")];
    let poured =
        futures::future::join_all((0..clients).map(|n| tokio::spawn(pours(ana.clone(), heads[n % 2].clone())))).await;
    let mut told = 0;
    let mut most = 0;
    for one in poured {
        let (sent, answer) = one.unwrap();
        // What the system holds on its way, at both ends, is a good deal more than what the process reads.
        assert!(sent < 16 << 20, "it took {sent} bytes");
        most = most.max(sent);
        told += usize::from(answer.starts_with("HTTP/1.1 413"));
    }
    let grown = memory_of(serving.pid()).saturating_sub(before);
    println!("{clients} bodies, {told} heard 413, at most {} KiB went, {grown} MiB more", most >> 10);
    assert!(grown <= MOST_FOR_BODIES, "{grown} MiB more");
    assert_eq!(ana.get("/readyz").await.unwrap().status, 200);
    let (_, log) = serving.stop();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes all the processor for a while: make faults"]
async fn f19_a_storm_of_sign_ins_costs_bounded_memory_and_each_is_answered() {
    let (_mail, site, serving, ana) = serving().await;
    let began = Instant::now();
    let many = rounds(60, 500);
    let storm: Vec<_> =
        (0..many).map(|_| tokio::spawn(Person::signs_in(site.port, site.port, "ana@example.org"))).collect();
    let mut others = Answers::default();
    while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
        let asked = Instant::now();
        assert_eq!(ana.get("/healthz").await.unwrap().status, 200);
        others.add(asked.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed();
    let mut signed_in = 0;
    for one in storm {
        let reply = one.await.unwrap().unwrap();
        assert!(reply.status == 200 || reply.says_come_back(), "{} {}", reply.head, reply.body);
        signed_in += usize::from(reply.status == 200);
    }
    let memory = memory_of(serving.pid());
    println!(
        "{signed_in} of {many} signed in, {:.0} a second, others {others}, {memory} MiB",
        f64::from(u32::try_from(signed_in).unwrap()) / took.as_secs_f64()
    );
    assert!(signed_in > 0);
    assert!(memory <= MOST_FOR_SIGN_INS, "{memory} MiB");
    // Figures of a debug build on a machine that builds something else meanwhile; `make faults` prints them.
    assert!(others.p95() < Duration::from_secs(2), "{others}");
    serving.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow clients are waited for: make faults"]
async fn f15_slow_clients_are_dropped_within_half_a_minute_and_keep_nobody_else_waiting() {
    let (_mail, site, serving, ana) = serving().await;
    let slow: Vec<_> = (0..600)
        .map(|n| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
                let began = Instant::now();
                let head = if n % 2 == 0 {
                    "GET / HTTP/1.1\r\n".to_owned()
                } else {
                    format!(
                        "POST /api/session/sign-in HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Site: same-origin\r\n\
                         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n",
                        site.port
                    )
                };
                let _ = stream.write_all(head.as_bytes()).await;
                // A byte now and then, until the other side has had enough.
                let mut answer = [0; 1024];
                loop {
                    match timeout(Duration::from_secs(2), stream.read(&mut answer)).await {
                        Ok(Ok(0) | Err(_)) => return began.elapsed(),
                        Ok(Ok(_)) => {}
                        Err(_) if stream.write_all(b"x").await.is_err() => return began.elapsed(),
                        Err(_) if began.elapsed() > Duration::from_secs(90) => return began.elapsed(),
                        Err(_) => {}
                    }
                }
            })
        })
        .collect();
    sleep(Duration::from_secs(2)).await;
    let mut others = Answers::default();
    while !slow.iter().all(tokio::task::JoinHandle::is_finished) {
        let asked = Instant::now();
        assert_eq!(ana.get("/readyz").await.unwrap().status, 200);
        others.add(asked.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    let mut longest = Duration::ZERO;
    for one in slow {
        longest = longest.max(one.await.unwrap());
    }
    println!("600 slow ones, each dropped after {longest:?} at most; others {others}");
    assert!(longest <= Duration::from_secs(35), "{longest:?}");
    assert!(others.p95() <= Duration::from_millis(500), "{others}");
    serving.kill();
}
