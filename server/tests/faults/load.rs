//! Load for a while: throughput, memory over time, and four instances behind one proxy (F12, F24, F25).

use crate::{
    is_full,
    mail_server::MailServer,
    rounds,
    site::{Person, Site, number},
    support::{
        Kind,
        binary::{free_port, installed},
    },
};
use std::{
    fmt,
    process::{Child, Command},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Mebibytes that a process has in memory.
pub fn memory_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn descriptors_of(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// How long answers took, and how many of them were 503 with when to come back.
#[derive(Default)]
pub struct Answers {
    took: Vec<Duration>,
    busy: usize,
}

impl Answers {
    pub fn add(&mut self, took: Duration) {
        self.took.push(took);
    }

    /// A release on a machine of its own turns nobody away; where something else is built meanwhile, few.
    fn are_right(&self) {
        let (busy, slowest) = if is_full() { (0, 1) } else { (self.took.len() / 20, 5) };
        assert!(self.busy <= busy && self.p95() < Duration::from_secs(slowest), "{self}");
    }

    pub fn p95(&self) -> Duration {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 95 / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers, 95 of 100 within {:?}, {} times 503", self.took.len(), self.p95(), self.busy)
    }
}

/// Of ten calls, nine read and one invites, at one of these ports, for so long. Every answer is the one that is wanted, or 503.
async fn mixed(ana: &Person, ports: &[u16], callers: usize, span: Duration) -> Answers {
    let method = ana.method().await;
    let until = Instant::now() + span;
    let calls: Vec<_> = (0..callers)
        .map(|name| {
            let (ana, method, ports) = (ana.clone(), method.clone(), ports.to_vec());
            tokio::spawn(async move {
                let mut answers = Answers::default();
                for n in 0.. {
                    if Instant::now() > until {
                        break;
                    }
                    let (person, began) = (ana.at(ports[(name + n) % ports.len()]), Instant::now());
                    let reply = if n % 10 == 0 {
                        person.invites(&method, &format!("n{name}-{n}@example.org")).await
                    } else if n % 10 == 5 {
                        person.get("/a/acme/settings/users").await
                    } else {
                        person.posts("users/list", &[("account", "acme"), ("query[sort]", "name_up")]).await
                    };
                    let reply = reply.unwrap();
                    assert!(reply.status == 200 || reply.says_come_back(), "{} {}", reply.head, reply.body);
                    answers.busy += usize::from(reply.status != 200);
                    answers.add(began.elapsed());
                }
                answers
            })
        })
        .collect();
    let mut answers = Answers::default();
    for caller in calls {
        let one = caller.await.unwrap();
        answers.busy += one.busy;
        answers.took.extend(one.took);
    }
    answers
}

async fn throughput(kind: Kind) {
    let mail = MailServer::polite().await;
    let site = Site::new(kind, mail.address.port()).await;
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let seconds = 20;
    let answers = mixed(&ana, &[site.port], 8, Duration::from_secs(seconds)).await;
    println!("{kind:?}: {} a second, {answers}", answers.took.len() as u64 / seconds);
    answers.are_right();
    serving.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "load for a while: make faults"]
async fn f25_under_mixed_load_every_answer_is_right_on_sqlite() {
    throughput(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "load for a while: make faults"]
async fn f25_under_mixed_load_every_answer_is_right_on_postgres() {
    throughput(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "load for minutes: make faults"]
async fn f24_under_load_for_minutes_memory_and_descriptors_stay() {
    let mail = MailServer::polite().await;
    let site = Site::new(Kind::Sqlite, mail.address.port()).await;
    let serving = site.serve().await;
    let ana = site.owner(&serving).await;
    let part = Duration::from_secs(10);
    // The first parts fill what is kept.
    for _ in 0..2 {
        mixed(&ana, &[site.port], 4, part).await;
    }
    let (memory, descriptors) = (memory_of(serving.pid()), descriptors_of(serving.pid()));
    for _ in 0..rounds(6, 18) {
        mixed(&ana, &[site.port], 4, part).await;
    }
    sleep(Duration::from_secs(1)).await;
    let (memory_then, descriptors_then) = (memory_of(serving.pid()), descriptors_of(serving.pid()));
    println!("memory {memory} to {memory_then} MiB, descriptors {descriptors} to {descriptors_then}");
    assert!(memory_then <= memory + 24, "{memory} to {memory_then} MiB");
    assert!(descriptors_then <= descriptors + 4, "{descriptors} to {descriptors_then}");
    serving.kill();
}

/// nginx in front of several processes; ended when dropped.
struct Nginx(Child);

impl Nginx {
    fn before(site: &Site, ports: &[u16]) -> Self {
        let folder = site.dir.path().display();
        let servers: String = ports.iter().map(|port| format!("        server 127.0.0.1:{port};\n")).collect();
        let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
            .map(|of| format!("    {of}_temp_path {folder}/temp_{of};\n"))
            .concat();
        let settings = format!(
            "daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log warn;\nevents {{ worker_connections 4096; }}\n\
             http {{\n    access_log off;\n{temporary}    upstream roster {{\n{servers}        keepalive 32;\n    }}\n\
             server {{\n        listen 127.0.0.1:{};\n        location / {{\n            proxy_pass http://roster;\n\
             proxy_http_version 1.1;\n            proxy_set_header Connection \"\";\n            proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $remote_addr;\n        }}\n    }}\n}}\n",
            site.port
        );
        std::fs::write(site.file("nginx.conf"), settings).unwrap();
        let mut command = Command::new(installed("nginx"));
        command.arg("-p").arg(site.dir.path()).arg("-c").arg(site.file("nginx.conf"));
        if std::fs::metadata("/root/.").is_ok() {
            command.args(["-g", "user root;"]);
        }
        Self(command.spawn().unwrap())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends its workers with it.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "load for a minute: make faults"]
async fn f12_f25_four_instances_behind_one_proxy_serve_as_one_and_the_loss_of_one_is_hardly_noticed() {
    let mail = MailServer::polite().await;
    let mut site = Site::new(Kind::Postgres, mail.address.port()).await;
    site.set("trusted_proxies=127.0.0.1");
    let ports: Vec<_> = (0..4).map(|_| free_port()).collect();
    let mut serving = vec![site.serve_on(ports[0]).await];
    let ana = site.owner(&serving[0]).await;
    for port in &ports[1..] {
        serving.push(site.serve_on(*port).await);
    }
    let _nginx = Nginx::before(&site, &ports);
    let mut tries = 0;
    while ana.get("/healthz").await.is_err() {
        tries += 1;
        assert!(tries < 200, "nginx does not answer");
        sleep(Duration::from_millis(50)).await;
    }
    let span = Duration::from_secs(u64::try_from(rounds(10, 60)).unwrap());
    let began = Instant::now();
    let answers = mixed(&ana, &[site.port], 12, span).await;
    let took = began.elapsed().as_secs();
    let memory: Vec<_> = serving.iter().map(|one| memory_of(one.pid())).collect();
    answers.are_right();
    println!("four instances: {} a second, {answers}, {memory:?} MiB", answers.took.len() as u64 / took.max(1));

    // One is told to stop while the others go on: nginx asks another one, and nobody hears of it.
    let leaving = tokio::task::spawn_blocking({
        let one = serving.remove(3);
        move || one.stop()
    });
    let answers = mixed(&ana, &[site.port], 12, Duration::from_secs(5)).await;
    answers.are_right();
    println!("three instances: {answers}");
    let (code, log) = leaving.await.unwrap();
    assert_eq!(code, Some(0), "{log}");

    let url = &site.database_url;
    let invitations = number(url, "SELECT COUNT(*) FROM invitations").await;
    assert!(invitations > 0);
    let mut waited = 0;
    while number(url, "SELECT COUNT(*) FROM outbox WHERE state = 'queued'").await > 0 {
        waited += 1;
        assert!(waited < 1200, "mails stay");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(i64::try_from(mail.mails().len()).unwrap(), invitations, "each mail once");
    for (what, wrong) in crate::racing::INVARIANTS {
        assert_eq!(number(url, wrong).await, 0, "{what}");
    }
    for one in serving {
        let (code, log) = one.stop();
        assert_eq!(code, Some(0), "{log}");
    }
}
