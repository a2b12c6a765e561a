//! Databases that are busy, full, gone or replaced, as a process and its callers see it (F5, F7, F9).

use crate::{
    mail_server::MailServer,
    site::{Person, Site, number, texts},
    support::{Kind, Server},
};
use sqlx::Connection;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Kills a process when a statement comes by.
#[derive(Clone, Copy)]
pub struct Trap {
    pub statement: &'static str,
    /// Is the statement passed on to the database before that?
    pub passed_on: bool,
    pub pid: u32,
}

#[derive(Default)]
struct Ways {
    /// Where new connections lead.
    target: Mutex<String>,
    /// Nothing passes any more, and nobody is told.
    swallows: AtomicBool,
    /// Connections that there are end; new ones are taken.
    generation: std::sync::atomic::AtomicUsize,
    trap: Mutex<Option<Trap>>,
}

/// Stands between processes and PostgreSQL.
pub struct Proxy {
    port: u16,
    ways: Arc<Ways>,
}

fn address_of(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))
}

impl Proxy {
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ways = Arc::new(Ways { target: Mutex::new(address_of(url)), ..Ways::default() });
        let shared = ways.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let ways = shared.clone();
                tokio::spawn(async move {
                    let target = ways.target.lock().unwrap().clone();
                    // In a black hole, connections begin and nothing comes of them.
                    while ways.swallows.load(Ordering::SeqCst) {
                        sleep(Duration::from_millis(20)).await;
                    }
                    let Ok(server) = TcpStream::connect(target).await else { return };
                    let generation = ways.generation.load(Ordering::SeqCst);
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let over = async {
                        while ways.generation.load(Ordering::SeqCst) == generation {
                            sleep(Duration::from_millis(20)).await;
                        }
                    };
                    tokio::select! {
                        () = pass_on(from_client, to_server, &ways, true) => {}
                        () = pass_on(from_server, to_client, &ways, false) => {}
                        () = over => {}
                    }
                });
            }
        });
        Self { port, ways }
    }

    /// The same database by way of the proxy.
    pub fn url(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.to_string()
    }

    /// Sets a trap, and answers the one that nothing fell into.
    pub fn set_trap(&self, trap: Option<Trap>) -> Option<Trap> {
        std::mem::replace(&mut *self.ways.trap.lock().unwrap(), trap)
    }

    pub fn swallow(&self, swallows: bool) {
        self.ways.swallows.store(swallows, Ordering::SeqCst);
    }

    /// From now on everything leads to another server; connections to the one before break.
    pub fn switch_to(&self, url: &str) {
        *self.ways.target.lock().unwrap() = address_of(url);
        self.ways.generation.fetch_add(1, Ordering::SeqCst);
    }
}

async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, ways: &Ways, is_asked: bool) {
    let mut bytes = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        while ways.swallows.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(20)).await;
        }
        let holds = |text: &str| bytes[..read].windows(text.len()).any(|window| window == text.as_bytes());
        let trap = if is_asked { ways.trap.lock().unwrap().take_if(|trap| holds(trap.statement)) } else { None };
        if let Some(trap) = trap {
            if trap.passed_on && to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
            Command::new("kill").args(["-KILL", &trap.pid.to_string()]).status().unwrap();
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// One try to invite somebody, and what came of it.
struct Try {
    email: String,
    began: Instant,
    took: Duration,
    is_done: bool,
}

/// Invites again and again; each answer is yes, or 503 with when to come back.
async fn keeps_trying(ana: Person, method: String, name: usize, stop: Arc<AtomicBool>) -> Vec<Try> {
    let mut tries = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (email, began) = (format!("n{name}-{n}@example.org"), Instant::now());
        let reply = ana.invites(&method, &email).await.unwrap();
        assert!(reply.status == 200 || reply.says_come_back(), "{email}: {} {}", reply.head, reply.body);
        tries.push(Try { email, began, took: began.elapsed(), is_done: reply.status == 200 });
    }
    tries
}

/// Some who invite at the same time until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Vec<Try>>>,
}

impl Load {
    fn begin(ana: &Person, method: &str, callers: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..callers)
            .map(|name| tokio::spawn(keeps_trying(ana.clone(), method.to_owned(), name, stop.clone())))
            .collect();
        Self { stop, callers }
    }

    async fn end(self) -> Vec<Try> {
        self.stop.store(true, Ordering::SeqCst);
        let mut tries = Vec::new();
        for caller in self.callers {
            tries.extend(caller.await.unwrap());
        }
        tries
    }
}

/// What was acknowledged is there.
async fn everything_acknowledged_is_there(url: &str, tries: &[Try]) {
    let there: BTreeSet<_> = texts(url, "SELECT email_key FROM members").await.into_iter().collect();
    for acknowledged in tries.iter().filter(|one| one.is_done) {
        assert!(there.contains(&acknowledged.email), "{} was acknowledged", acknowledged.email);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_a_database_that_is_held_for_three_seconds_is_waited_for_and_for_ten_is_not() {
    let mail = MailServer::polite().await;
    let site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    for seconds in [3, 10] {
        let mut other = sqlx::SqliteConnection::connect(&site.database_url).await.unwrap();
        sqlx::raw_sql("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let holding = tokio::spawn(async move {
            sleep(Duration::from_secs(seconds)).await;
            sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        });
        let began = Instant::now();
        let replies = futures::future::join_all((0..4).map(|n| {
            let (ana, method) = (ana.clone(), method.clone());
            async move { ana.invites(&method, &format!("n{seconds}-{n}@example.org")).await.unwrap() }
        }))
        .await;
        let reading = ana.list(&[]).await;
        assert!(!reading.rows.is_empty(), "reading goes on");
        for reply in &replies {
            assert!(reply.status == 200 || seconds == 10 && reply.says_come_back(), "{} {}", reply.head, reply.body);
            assert!(!reply.body.contains("locked"), "{}", reply.body);
        }
        let done = replies.iter().filter(|reply| reply.status == 200).count();
        if seconds == 10 {
            assert!(done < replies.len(), "somebody was told to come back after {:?}", began.elapsed());
        }
        holding.await.unwrap();
        // Nothing half done.
        for table in ["members", "invitations"] {
            let there = format!("SELECT COUNT(*) FROM {table} WHERE email_key LIKE 'n{seconds}-%'");
            assert_eq!(number(&site.database_url, &there).await, i64::try_from(done).unwrap(), "{table}");
        }
        assert_eq!(ana.invites(&method, &format!("after{seconds}@example.org")).await.unwrap().status, 200);
    }
    let (_, log) = serving.stop();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f7_in_a_black_hole_everybody_gets_an_answer_and_afterwards_service_is_back_within_two_seconds() {
    let mail = MailServer::polite().await;
    let mut site = Site::new(Kind::Postgres, mail.address.port()).await;
    let direct = site.database_url.clone();
    let proxy = Proxy::to(&direct).await;
    site.database_url = proxy.url(&direct);
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let load = Load::begin(&ana, &ana.method().await, 6);
    sleep(Duration::from_secs(1)).await;
    let hole = Instant::now();
    proxy.swallow(true);
    sleep(Duration::from_secs(12)).await;
    let over = Instant::now();
    proxy.swallow(false);
    sleep(Duration::from_secs(4)).await;
    let tries = load.end().await;
    everything_acknowledged_is_there(&direct, &tries).await;
    let refused: Vec<_> = tries.iter().filter(|one| !one.is_done).collect();
    assert!(!refused.is_empty());
    for one in &tries {
        // What was under way waits for its statement; what comes later waits for a connection alone.
        let most = if one.began < hole { 8_000 } else { 3_600 };
        assert!(one.took < Duration::from_millis(most), "{:?} after the beginning: {:?}", one.began - hole, one.took);
    }
    let late = tries.iter().filter(|one| !one.is_done && one.began > over + Duration::from_secs(2));
    assert_eq!(late.count(), 0, "service is back within two seconds");
    let longest = tries.iter().filter(|one| one.began > hole).map(|one| one.took).max();
    println!("{} answers, {} of them 503, the longest {longest:?}", tries.len(), refused.len());
    let (_, log) = serving.stop();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f7_a_replica_that_was_promoted_serves_within_ten_seconds_and_has_all_that_was_acknowledged() {
    let primary = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let (primary, replica) = tokio::task::spawn_blocking(move || {
        let replica = primary.replica();
        (primary, replica)
    })
    .await
    .unwrap();
    // A commit is acknowledged when the replica has it.
    let mut admin = sqlx::PgConnection::connect(primary.url()).await.unwrap();
    for sql in [
        "ALTER ROLE postgres SET synchronous_commit = on",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    }
    drop(admin);
    let mail = MailServer::polite().await;
    let proxy = Proxy::to(primary.url()).await;
    let site = Site::on(tempfile::tempdir().unwrap(), proxy.url(primary.url()), mail.address.port());
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let load = Load::begin(&ana, &ana.method().await, 6);
    sleep(Duration::from_secs(2)).await;
    let primary = tokio::task::spawn_blocking(move || {
        primary.halt();
        primary
    })
    .await
    .unwrap();
    // It is led to one that only reads, before that is promoted.
    proxy.switch_to(replica.url());
    sleep(Duration::from_secs(2)).await;
    let ready = ana.get("/readyz").await.unwrap();
    assert!(ready.says_come_back(), "{}", ready.head);
    let replica = tokio::task::spawn_blocking(move || {
        replica.promote();
        replica
    })
    .await
    .unwrap();
    let promoted = Instant::now();
    sleep(Duration::from_secs(11)).await;
    let tries = load.end().await;
    everything_acknowledged_is_there(replica.url(), &tries).await;
    let back = tries.iter().filter(|one| one.is_done && one.began > promoted).map(|one| one.began + one.took).min();
    let back = back.expect("service is back") - promoted;
    println!("back {back:?} after the promotion");
    assert!(back < Duration::from_secs(10));
    let late = tries.iter().filter(|one| !one.is_done && one.began > promoted + Duration::from_secs(10));
    assert_eq!(late.count(), 0, "and stays");
    assert_eq!(ana.get("/readyz").await.unwrap().status, 200, "without a restart");
    serving.kill();
    drop((primary, replica));
}

/// A small file system of its own; `None` where none can be made.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_on_a_full_disk_reading_goes_on_and_writing_too_as_soon_as_there_is_space() {
    let mail = MailServer::polite().await;
    let mut site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let Some(disk) = SmallDisk::at(&site.file("disk")) else {
        println!("SKIPPED: no tmpfs can be mounted here; run it as root");
        return;
    };
    site.database_url = format!("sqlite:{}", disk.0.join("roster.db").display());
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    let ballast = disk.0.join("ballast");
    let full =
        Command::new("dd").arg("if=/dev/zero").arg(format!("of={}", ballast.display())).arg("bs=64k").output().unwrap();
    assert!(!full.status.success(), "dd stops where the disk ends");
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 0..400 {
        let email = format!("n{n}@example.org");
        let reply = ana.invites(&method, &email).await.unwrap();
        match reply.status {
            200 => acknowledged.push(email),
            _ => {
                assert!(reply.says_come_back(), "{} {}", reply.head, reply.body);
                refused += 1;
            }
        }
        if refused > 5 {
            break;
        }
    }
    assert!(refused > 5, "the disk is full");
    ana.list(&[]).await;
    let signed_in = Person::signs_in(serving.port, site.port, "ana@example.org").await.unwrap();
    assert!(signed_in.status == 200 || signed_in.says_come_back(), "{} {}", signed_in.head, signed_in.body);
    std::fs::remove_file(&ballast).unwrap();
    let space = Instant::now();
    while ana.invites(&method, "afterwards@example.org").await.unwrap().status != 200 {
        assert!(space.elapsed() < Duration::from_secs(2), "there is space again");
        sleep(Duration::from_millis(50)).await;
    }
    acknowledged.push("afterwards@example.org".to_owned());
    serving.kill();
    let there: BTreeSet<_> = texts(&site.database_url, "SELECT email_key FROM members").await.into_iter().collect();
    assert!(acknowledged.iter().all(|email| there.contains(email)), "{acknowledged:?}");
    assert_eq!(texts(&site.database_url, "PRAGMA integrity_check").await, ["ok"]);
}
