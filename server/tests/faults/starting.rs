//! Starts that are broken off, at once, in another time or on wrong settings, and stops under load (F11, F20, F22, F26).

use crate::{
    mail_server::MailServer,
    rounds,
    site::{Person, Site, number, texts},
    support::{
        Kind, PASSWORD,
        binary::{Serving, free_port, run, text},
    },
};
use rand::RngExt;
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

/// All columns, and the migrations that were made.
async fn schema(url: &str) -> Vec<String> {
    let columns = if url.starts_with("sqlite:") {
        "SELECT t.name || '.' || c.name || ' ' || c.type FROM sqlite_schema t, pragma_table_info(t.name) c
          WHERE t.type = 'table' AND t.name NOT LIKE 'member_search%' ORDER BY 1"
    } else {
        "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
          WHERE table_schema = 'public' ORDER BY 1"
    };
    let mut schema = texts(url, columns).await;
    schema
        .extend(texts(url, "SELECT CAST(version AS TEXT) FROM _sqlx_migrations WHERE success ORDER BY version").await);
    schema
}

async fn killed_while_migrating(kind: Kind, rounds: usize) {
    let whole = Site::new(kind, 1).await;
    let began = Instant::now();
    assert!(whole.command(&["migrate"]).status().unwrap().success());
    let takes = u64::try_from(began.elapsed().as_millis()).unwrap();
    let wanted = schema(&whole.database_url).await;
    let mut site = Site::new(kind, 1).await;
    let mut broken_off = 0;
    for _ in 0..rounds {
        let mut migrating = site.command(&["migrate"]).spawn().unwrap();
        sleep(Duration::from_millis(rand::rng().random_range(0..=takes))).await;
        migrating.kill().unwrap();
        if migrating.wait().unwrap().success() {
            site = Site::new(kind, 1).await;
        } else {
            broken_off += 1;
        }
    }
    let output = site.command(&["migrate"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(schema(&site.database_url).await, wanted);
    println!("{kind:?}: {broken_off} of {rounds} broken off, of {takes} ms");
    assert!(broken_off > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_migration_that_was_killed_goes_on_where_it_was_on_sqlite() {
    killed_while_migrating(Kind::Sqlite, rounds(10, 100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_migration_that_was_killed_begins_anew_on_postgres() {
    killed_while_migrating(Kind::Postgres, rounds(10, 100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_four_processes_that_start_at_once_on_an_empty_database_all_serve() {
    let site = Site::new(Kind::Postgres, 1).await;
    let ports: Vec<_> = (0..4).map(|_| free_port()).collect();
    let serving = futures::future::join_all(ports.iter().map(|port| site.serve_on(*port))).await;
    for one in serving {
        let ready = Person::new(site.port).at(one.port).get("/readyz").await.unwrap();
        assert_eq!(ready.status, 200);
        let (code, log) = one.stop();
        assert_eq!(code, Some(0), "{log}");
    }
    let twice = "SELECT COUNT(*) - COUNT(DISTINCT version) FROM _sqlx_migrations";
    assert_eq!(number(&site.database_url, twice).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_told_to_stop_under_load_it_answers_what_was_asked_and_leaves_no_lease() {
    let mail = MailServer::polite().await;
    let site = Site::new(Kind::Postgres, mail.address.port()).await;
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    let told = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..6)
        .map(|name| {
            let (ana, method, told) = (ana.clone(), method.clone(), told.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    let email = format!("n{name}-{n}@example.org");
                    let before = !told.load(Ordering::SeqCst);
                    match ana.invites(&method, &email).await {
                        Ok(reply) if reply.status == 200 => acknowledged.push(email),
                        Ok(reply) => panic!("{}", reply.head),
                        // Nobody took the connection any more.
                        Err(error) if before => return (acknowledged, Some(error.to_string())),
                        Err(_) => return (acknowledged, None),
                    }
                }
                unreachable!("it is told to stop some time")
            })
        })
        .collect();
    // The head of a request, and no more.
    let mut half = TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
    half.write_all(&ana.request("POST", "/api/users/list", "account=acme").as_bytes()[..60]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || serving.stop());
    sleep(Duration::from_millis(30)).await;
    told.store(true, Ordering::SeqCst);
    let (code, log) = stopping.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let mut all = Vec::new();
    for caller in callers {
        let (acknowledged, broken) = caller.await.unwrap();
        // A connection that the system took in the last moment and the process did not: nothing was done of it.
        if let Some(error) = broken {
            println!("a call of the last moment: {error}");
        }
        all.extend(acknowledged);
    }
    println!("{} answered, stopped after {:?}", all.len(), began.elapsed());
    assert!(all.len() > 10);
    let there = texts(&site.database_url, "SELECT email_key FROM members WHERE state = 'invited'").await;
    assert!(all.iter().all(|email| there.contains(email)));
    assert!(there.len() <= all.len() + 6, "at most one of each caller was not heard of");
    let leases = "SELECT COUNT(*) FROM outbox WHERE state = 'queued' AND lease_until IS NOT NULL";
    assert_eq!(number(&site.database_url, leases).await, 0);
}

#[test]
fn f26_thirty_wrong_settings_stop_the_start_each_with_one_line_that_names_its_key() {
    let dir = tempfile::tempdir().unwrap();
    for (setting, key) in [
        ("smtp.tls=maybe", "smtp.tls"),
        ("smtp.port=mail", "smtp.port"),
        ("smtp.port=70000", "smtp.port"),
        ("smtp.from=nobody", "smtp.from"),
        ("smtp.host=", "smtp"),
        ("smtp.nonsense=1", "smtp"),
        ("mail.workers=0", "mail.workers"),
        ("mail.workers=1000", "mail.workers"),
        ("mail.timeout_s=0", "mail.timeout_s"),
        ("mail.answer_timeout_s=1", "mail.answer_timeout_s"),
        ("log.level=loud", "log.level"),
        ("log.format=xml", "log.format"),
        ("accounts.create=anybody", "accounts.create"),
        ("accounts.language=tlh", "accounts.language"),
        ("passwords.shortest=1", "passwords.shortest"),
        ("passwords.breached_file=nowhere.txt", "passwords.breached_file"),
        ("passwords.turn_timeout_ms=-1", "passwords.turn_timeout_ms"),
        ("sessions.idle_days=0", "sessions.idle_days"),
        ("sessions.absolute_days=100000", "sessions.absolute_days"),
        ("sessions.step_up_minutes=x", "sessions.step_up_minutes"),
        ("sessions.most_per_user=0", "sessions.most_per_user"),
        ("invitations.resends_per_day=many", "invitations.resends_per_day"),
        ("limits.sign_in_burst=0", "limits.sign_in_burst"),
        ("limits.sign_in_per_s=-1", "limits.sign_in_per_s"),
        ("limits.sign_in_per_s=NaN", "limits.sign_in_per_s"),
        ("limits.connections=1", "limits.connections"),
        ("limits.mails_per_account_day=0", "limits.mails_per_account_day"),
        ("trusted_proxies=everybody", "trusted_proxies"),
        ("platform_url=javascript:alert(1)", "platform_url"),
        ("nonsense=1", "nonsense"),
    ] {
        let output = run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--set", setting]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{setting}: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{setting}: {error}");
        assert!(error.contains(key), "{setting}: {error}");
    }
}

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Serves at another time, which a file says; the clock that only goes forward is left alone.
fn serve_at(site: &Site, when: &Path) -> Serving {
    let mut command = site.serve_command(site.port);
    command
        .env("LD_PRELOAD", FAKETIME)
        .env("FAKETIME_TIMESTAMP_FILE", when)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Serving::started(command, site.port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libfaketime, and takes its time: make faults"]
async fn f11_the_clock_jumps_and_nothing_panics_hangs_or_comes_back_to_life() {
    if !Path::new(FAKETIME).exists() {
        println!("SKIPPED: no libfaketime; on Debian: apt-get install libfaketime");
        return;
    }
    let mail = MailServer::polite().await;
    let site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let when = site.file("when");
    let is_now = |moment: &str| std::fs::write(&when, moment).unwrap();
    is_now("@2027-06-01 12:00:00");
    let serving = serve_at(&site, &when);
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    // An hour and a day forwards and backwards: the session goes on.
    for moment in ["@2027-06-01 13:00:00", "@2027-06-01 11:00:00", "@2027-06-02 12:00:00", "@2027-05-31 12:00:00"] {
        is_now(moment);
        sleep(Duration::from_millis(300)).await;
        let email = format!("n{}@example.org", moment.replace(['@', '-', ' ', ':'], ""));
        let reply = ana.invites(&method, &email).await.unwrap();
        assert_eq!(reply.status, 200, "{moment}: {}", reply.body);
    }
    // Beyond what a session can last it has ended, and going back does not revive it.
    is_now("@2027-08-01 12:00:00");
    assert_eq!(ana.invites(&method, "late@example.org").await.unwrap().status, 401);
    for moment in ["@2028-02-29 23:59:58", "@2038-01-19 03:14:06", "@2100-01-01 00:00:00"] {
        is_now(moment);
        let fresh = Person::signs_in(site.port, site.port, "ana@example.org").await.unwrap();
        assert_eq!(fresh.status, 200, "{moment}: {}", fresh.body);
        sleep(Duration::from_secs(3)).await;
        assert_eq!(ana.get("/readyz").await.unwrap().status, 200, "{moment}");
    }
    let busy = seconds_of_processor(serving.pid());
    sleep(Duration::from_secs(5)).await;
    let busy = seconds_of_processor(serving.pid()) - busy;
    assert!(busy < 2.0, "{busy} s of processor time in five seconds of nothing");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(!PASSWORD.is_empty() && !log.contains(PASSWORD));
}

fn seconds_of_processor(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = Command::new("getconf").arg("CLK_TCK").output().unwrap();
    let per_second: f64 = text(&ticks.stdout).trim().parse().unwrap();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / per_second
}
