//! What Prometheus reads.

use crate::{
    mail_server::{MailServer, Reply},
    support::{
        PASSWORD,
        binary::{Serving, free_port, run, text},
        both_databases,
    },
};
use app::{
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use server::metrics::REGISTER;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// The value of a sample.
fn sample(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

both_databases! {
    async fn what_people_do_is_counted_and_nobody_is_named(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        world.deliver(1).await;
        world.stops_mailing().await;
        let browser = world.browser();
        assert_eq!(browser.sign_in("ana@example.org", "wrong password entirely").await, Err(AppError::WrongCredentials));
        browser.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(browser.on("nowhere").home().await, Err(AppError::NotFound));
        // What strangers write is no label.
        browser.get("/a/zebra-stripes").await;
        browser.get("/giraffe-neck").await;

        let metrics = world.services.read_metrics().await.unwrap();
        assert_eq!(sample(&metrics, "roster_sign_ins_total{proved=\"password\",result=\"succeeded\"}"), 1.0);
        assert_eq!(sample(&metrics, "roster_sign_ins_total{proved=\"password\",result=\"wrong\"}"), 1.0);
        assert_eq!(sample(&metrics, "roster_mail_attempts_total{result=\"accepted\"}"), 1.0);
        assert!(sample(&metrics, "roster_denials_total{reason=\"not_found\"}") >= 1.0);
        let signing_in = "roster_http_request_duration_seconds_count{route=\"/api/session/sign-in\",method=\"POST\",status=";
        assert_eq!(sample(&metrics, &format!("{signing_in}\"2xx\"}}")), 1.0);
        assert_eq!(sample(&metrics, &format!("{signing_in}\"4xx\"}}")), 1.0);
        assert!(sample(&metrics, "roster_database_statement_duration_seconds_count") > 20.0);
        assert_eq!(sample(&metrics, "roster_database_statement_errors_total"), 0.0);
        assert!(sample(&metrics, "roster_password_work_duration_seconds_count") >= 2.0);
        assert_eq!(sample(&metrics, "roster_database_up"), 1.0);
        for named in ["ana", "ben", "example", "acme", "nowhere", "zebra", "giraffe"] {
            assert!(!metrics.contains(named), "{named}\n{metrics}");
        }
    }

    async fn f02_the_queue_tells_what_waits_and_for_how_long(world: World) {
        let ana = world.owner("ana@example.org").await;
        for email in ["ben@example.org", "cem@example.org"] {
            ana.invites(email, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        world.advance(Span::minutes(10));
        let metrics = world.services.read_metrics().await.unwrap();
        let mails = |state: &str| format!("roster_queue_entries{{queue=\"mails\",state=\"{state}\"}}");
        assert_eq!(sample(&metrics, &mails("due")), 2.0);
        assert_eq!(sample(&metrics, &mails("retried")), 0.0);
        assert_eq!(sample(&metrics, "roster_queue_due_seconds{queue=\"mails\"}"), 600.0);
        assert_eq!(sample(&metrics, "roster_queue_due_seconds{queue=\"webhooks\"}"), 0.0);

        let server = MailServer::scripted(|line| if line.starts_with("RCPT") { Reply::say("451 4.3.0 later") } else { None }).await;
        let world = world.configured(|config| {
            if let Some(smtp) = &mut config.smtp {
                smtp.port = Some(server.address.port());
            }
        });
        world.deliver(0).await;
        let retried = async {
            while sample(&world.services.read_metrics().await.unwrap(), &mails("retried")) < 2.0 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), retried).await.unwrap();
        world.stops_mailing().await;
        let metrics = world.services.read_metrics().await.unwrap();
        assert_eq!(sample(&metrics, "roster_queue_oldest_retried_seconds{queue=\"mails\"}"), 600.0);
        assert_eq!(sample(&metrics, "roster_queue_due_seconds{queue=\"mails\"}"), 0.0);
        assert_eq!(sample(&metrics, "roster_mail_attempts_total{result=\"deferred\"}"), 2.0);
    }

    async fn without_its_database_it_says_so_and_tells_the_rest(world: World) {
        world.services.read_metrics().await.unwrap();
        world.services.database.close().await;
        let metrics = world.services.read_metrics().await.unwrap();
        assert_eq!(sample(&metrics, "roster_database_up"), 0.0);
        assert!(!metrics.contains("roster_queue_entries{"), "what is not known is not told: {metrics}");
        assert!(metrics.contains("roster_build_info{"));
    }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_have_an_address_of_their_own_and_all_of_them_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let serving = Serving::start_with(dir.path(), free_port(), &["--set", &format!("metrics_listen=127.0.0.1:{port}")]);
    serving.get("/login");
    let served = get(port, "/metrics");
    assert!(served.starts_with("HTTP/1.1 200") && served.contains("text/plain; version=0.0.4"), "{served}");
    for listed in REGISTER.iter() {
        let name = listed.name();
        assert!(served.contains(&format!("# TYPE {name} {}\n", listed.kind.as_str())), "{name}\n{served}");
        assert!(served.lines().any(|line| line.starts_with(&name)), "{name}\n{served}");
    }
    let types = served.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(types, REGISTER.len(), "nothing is served that is not listed:\n{served}");
    assert!(get(port, "/login").starts_with("HTTP/1.1 404"), "nothing else is there");
    assert!(serving.get("/metrics").starts_with("HTTP/1.1 404"), "and nothing of it on the public address");

    let listen = format!("127.0.0.1:{}", serving.port);
    assert!(run(dir.path(), &["ready", "--listen", &listen]).status.success());
    serving.stop();
    assert_eq!(run(dir.path(), &["ready", "--listen", &listen]).status.code(), Some(1));

    let shared = run(dir.path(), &["config", "print", "--set", "metrics_listen=0.0.0.0:3000"]);
    assert_eq!(shared.status.code(), Some(2));
    assert!(text(&shared.stderr).contains("metrics_listen"), "{}", text(&shared.stderr));
}
