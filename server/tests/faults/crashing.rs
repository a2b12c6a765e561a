//! Processes that are killed in the middle of inviting and of sending mail (F1): no committed invitation is without its mail, no mail tells of one
//! that was not committed, and of each there are two copies at most, which are the same.

use crate::{
    databases::{Proxy, Trap},
    mail_server::{MailServer, Received},
    rounds,
    site::{Person, Site, change, number, texts},
    support::{Kind, binary::free_port},
};
use app::api::invitations::Invited;
use rand::RngExt;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// How many people invite at the same time.
const INVITERS: usize = 6;
/// How many mails one process sends at a time, unless it is set: so many can be in the window of a copy when it is killed.
const MAIL_WORKERS: usize = 4;

/// Invites one address after the other, from whichever process answers, and notes what was acknowledged.
async fn keeps_inviting(
    ana: Person,
    method: String,
    name: usize,
    ports: Vec<u16>,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let email = format!("n{name}-{n}@example.org");
        let port = ports[(name + n) % ports.len()];
        match ana.at(port).invites(&method, &email).await {
            Ok(reply) if reply.status == 200 => {
                assert!(matches!(serde_json::from_str(&reply.body), Ok(Invited::Done { .. })), "{}", reply.body);
                acknowledged.push(email);
            }
            Ok(reply) => assert!(reply.says_come_back(), "{} {}", reply.head, reply.body),
            // Nobody is there, or it was killed before it had answered.
            Err(_) => sleep(Duration::from_millis(15)).await,
        }
    }
    acknowledged
}

/// As if so much time had passed that no lease of a dead process is left.
async fn leases_end(site: &Site) {
    change(&site.database_url, "UPDATE outbox SET lease_until = NULL, next_at = 0 WHERE state = 'queued'").await;
}

async fn outbox_is_empty(site: &Site) {
    for _ in 0..1200 {
        if number(&site.database_url, "SELECT COUNT(*) FROM outbox WHERE state = 'queued'").await == 0 {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let left = texts(
        &site.database_url,
        "SELECT recipient || ' ' || COALESCE(last_answer, '') FROM outbox WHERE state = 'queued'",
    );
    panic!("mails stay: {:?}", left.await);
}

/// Holds what the mail server has against what the database has; answers how many mails came twice.
async fn every_invitation_has_its_mail(site: &Site, mails: &[Received]) -> usize {
    let invited: BTreeSet<_> =
        texts(&site.database_url, "SELECT email_key FROM invitations").await.into_iter().collect();
    let mut copies = BTreeMap::<&str, Vec<&Received>>::new();
    for mail in mails {
        copies.entry(&mail.to[0]).or_default().push(mail);
    }
    for (to, copies) in &copies {
        assert!(invited.contains(*to), "a mail to {to}, who was never invited");
        assert!(copies.len() <= 2, "{} mails to {to}", copies.len());
        let link = |mail: &Received| (mail.header("Message-ID"), mail.token());
        assert!(copies.iter().all(|copy| link(copy) == link(copies[0])), "two mails to {to} differ");
    }
    for email in &invited {
        assert!(copies.contains_key(email.as_str()), "no mail to {email}, who is invited");
    }
    copies.values().filter(|copies| copies.len() > 1).count()
}

/// The tables are sound: each invitation has one row of everything, and the audit events are an unbroken chain.
async fn tables_are_sound(site: &Site) {
    let url = &site.database_url;
    if url.starts_with("sqlite:") {
        assert_eq!(texts(url, "PRAGMA integrity_check").await, ["ok"]);
        assert_eq!(number(url, "SELECT COUNT(*) FROM pragma_foreign_key_check").await, 0);
    }
    let invitations = number(url, "SELECT COUNT(*) FROM invitations").await;
    for rows in [
        "SELECT COUNT(*) FROM members WHERE state = 'invited'",
        "SELECT COUNT(*) FROM audit_events WHERE kind = 'invited'",
        "SELECT COUNT(*) FROM outbox WHERE kind = 'invitation'",
    ] {
        assert_eq!(number(url, rows).await, invitations, "{rows}");
    }
    let doctor = site.command(&["doctor"]).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("in an unbroken chain"), "{said} {}", String::from_utf8_lossy(&doctor.stderr));
}

/// Kills one of so many processes at a random moment under load, and starts it again, so often.
async fn kills(kind: Kind, processes: usize, kills: usize) {
    let mail = MailServer::polite().await;
    let site = Site::new(kind, mail.address.port()).await;
    let mut ports = vec![site.port];
    ports.extend((1..processes).map(|_| free_port()));
    let mut serving = vec![site.serve().await];
    let ana = site.owner(&serving[0]).await;
    for port in &ports[1..] {
        serving.push(site.serve_on(*port).await);
    }
    let method = ana.method().await;
    let stop = Arc::new(AtomicBool::new(false));
    let inviting: Vec<_> = (0..INVITERS)
        .map(|name| tokio::spawn(keeps_inviting(ana.clone(), method.clone(), name, ports.clone(), stop.clone())))
        .collect();
    for _ in 0..kills {
        let (which, pause) = (rand::rng().random_range(0..processes), rand::rng().random_range(5..400));
        sleep(Duration::from_millis(pause)).await;
        let log = serving.remove(which).kill();
        assert!(!log.contains("panicked"), "{log}");
        serving.insert(which, site.serve_on(ports[which]).await);
    }
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for inviter in inviting {
        acknowledged.extend(inviter.await.unwrap());
    }
    for process in serving {
        process.kill();
    }
    leases_end(&site).await;
    let last = site.serve().await;
    outbox_is_empty(&site).await;
    let (code, log) = last.stop();
    assert_eq!(code, Some(0), "{log}");

    let copies = every_invitation_has_its_mail(&site, &mail.mails()).await;
    tables_are_sound(&site).await;
    let invited: BTreeSet<_> =
        texts(&site.database_url, "SELECT email_key FROM invitations").await.into_iter().collect();
    for email in &acknowledged {
        assert!(invited.contains(email), "{email} was acknowledged");
    }
    println!(
        "{kind:?}: {kills} kills, {} invitations, {} acknowledged, {copies} mails twice",
        invited.len(),
        acknowledged.len()
    );
    assert!(acknowledged.len() > kills / 3, "there was load");
    assert!(copies <= (kills + processes) * MAIL_WORKERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_killed_at_random_under_load_no_invitation_on_sqlite_is_without_its_mail() {
    kills(Kind::Sqlite, 1, rounds(12, 300)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_f12_one_of_two_killed_at_random_under_load_no_invitation_on_postgres_is_without_its_mail() {
    kills(Kind::Postgres, 2, rounds(12, 300)).await;
}

/// Ends a process at once.
fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

/// Killed at each step of handing a mail over, as the mail server sees it; the last one after it has taken the mail and said so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_killed_at_each_step_of_handing_over_a_mail_goes_once_more_at_most() {
    let pid = Arc::new(AtomicU32::new(0));
    let step = Arc::new(Mutex::new(""));
    let mail = MailServer::scripted({
        let (pid, step) = (pid.clone(), step.clone());
        move |line: &str| {
            let mut step = step.lock().unwrap();
            let is_it = !step.is_empty() && (line.starts_with(*step) || *step == "250" && line == ".");
            if !is_it {
                return None;
            }
            let pid = pid.load(Ordering::SeqCst);
            if std::mem::take(&mut *step) == "250" {
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(1));
                    kill(pid);
                });
            } else {
                kill(pid);
            }
            None
        }
    })
    .await;
    let site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let mut serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    for killed_at in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "250"] {
        pid.store(serving.pid(), Ordering::SeqCst);
        *step.lock().unwrap() = killed_at;
        let email =
            format!("n{}@example.org", if killed_at == "." { "text".to_owned() } else { killed_at.to_lowercase() });
        let _ = ana.invites(&method, &email).await;
        tokio::task::spawn_blocking(move || serving.ended()).await.unwrap();
        leases_end(&site).await;
        serving = site.serve().await;
        outbox_is_empty(&site).await;
        let copies = mail.mails().iter().filter(|mail| mail.to[0] == email).count();
        let most = if [".", "250"].contains(&killed_at) { 2 } else { 1 };
        assert!((1..=most).contains(&copies), "{killed_at}: {copies}");
    }
    serving.kill();
    assert_eq!(number(&site.database_url, "SELECT COUNT(*) FROM invitations").await, 7);
    every_invitation_has_its_mail(&site, &mail.mails()).await;
    tables_are_sound(&site).await;
}

/// Killed at each step of the transaction of an invitation, as the database sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_killed_at_each_step_of_the_transaction_an_invitation_is_there_with_its_mail_or_not_at_all() {
    let mail = MailServer::polite().await;
    let mut site = Site::new(Kind::Postgres, mail.address.port()).await;
    let direct = site.database_url.clone();
    let proxy = Proxy::to(&direct).await;
    site.database_url = proxy.url(&direct);
    let mut serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let method = ana.method().await;
    let steps = [
        ("INSERT INTO members", false, false),
        ("INSERT INTO invitations", false, false),
        ("INSERT INTO outbox", false, false),
        ("INSERT INTO outbox", true, false),
        ("INSERT INTO audit_events", true, false),
    ];
    for (round, (statement, passed_on, stands)) in steps.into_iter().enumerate() {
        proxy.set_trap(Some(Trap { statement, passed_on, pid: serving.pid() }));
        let email = format!("n{round}@example.org");
        assert!(ana.invites(&method, &email).await.is_err(), "{statement}: it was killed before it could answer");
        tokio::task::spawn_blocking(move || serving.ended()).await.unwrap();
        assert!(proxy.set_trap(None).is_none(), "{statement} came by");
        site.database_url = direct.clone();
        sleep(Duration::from_millis(300)).await;
        let there = number(&direct, &format!("SELECT COUNT(*) FROM members WHERE email_key = '{email}'")).await;
        assert_eq!(there == 1, stands, "{statement}");
        leases_end(&site).await;
        site.database_url = proxy.url(&direct);
        serving = site.serve().await;
        outbox_is_empty(&site).await;
    }
    // The commit goes to the database, and nobody is there any more to hear the answer.
    proxy.set_trap(Some(Trap { statement: "COMMIT", passed_on: true, pid: serving.pid() }));
    let answer = ana.invites(&method, "committed@example.org").await;
    tokio::task::spawn_blocking(move || serving.ended()).await.unwrap();
    proxy.set_trap(None);
    println!("killed at a commit: {answer:?}");
    leases_end(&site).await;
    let last = site.serve().await;
    outbox_is_empty(&site).await;
    last.kill();
    every_invitation_has_its_mail(&site, &mail.mails()).await;
    tables_are_sound(&site).await;
}
