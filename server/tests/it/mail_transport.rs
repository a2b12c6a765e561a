//! Handing one mail over to a mail server, kind and unkind.

use crate::mail_server::{Authority, MailServer, Reply};
use app::domain::{ids::MailId, language::Language, time::Timestamp};
use server::{
    config::{Config, Mail, Smtp, SmtpTls},
    mail::{
        render::{Content, message, render},
        smtp::{Outcome, Sender, SetUpError},
    },
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

fn config(server: &MailServer, tls: SmtpTls, ca_file: Option<PathBuf>, timeout_s: u32) -> Config {
    let smtp = Smtp {
        host: "localhost".to_owned(),
        port: Some(server.address.port()),
        tls,
        username: None,
        password: None,
        password_file: None,
        from: "Roster <roster@example.org>".parse().unwrap(),
        ca_file,
    };
    Config { smtp: Some(smtp), mail: Mail { timeout_s, ..Mail::default() }, ..Config::default() }
}

fn sender(config: &Config) -> Sender {
    Sender::new(config, config.smtp.as_ref().unwrap()).unwrap()
}

async fn hand_over(config: &Config) -> Outcome {
    let content =
        Content::Invitation { inviter: None, link: "https://roster.example.org/i/x".to_owned(), until: Timestamp(0) };
    let words = render(Language::De, "Äcme", "roster.example.org", content).unwrap();
    let from = &config.smtp.as_ref().unwrap().from;
    let id = MailId(uuid::Uuid::now_v7());
    let mail = message(from, "ben@example.org", id, "roster.example.org", Timestamp(0), words).unwrap();
    sender(config).send(&mail, &CancellationToken::new()).await
}

async fn unprotected(
    script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static,
    timeout_s: u32,
) -> (Outcome, MailServer) {
    let server = MailServer::scripted(script).await;
    let outcome = hand_over(&config(&server, SmtpTls::None, None, timeout_s)).await;
    (outcome, server)
}

#[tokio::test]
async fn r62_a_mail_is_accepted_in_the_servers_own_words() {
    let (outcome, server) = unprotected(|_| None, 10).await;
    assert_eq!(outcome, Outcome::Accepted("250 2.0.0 taken".to_owned()));
    let [mail] = &server.mails()[..] else { panic!("one mail") };
    assert_eq!((mail.from.as_str(), &mail.to[..]), ("roster@example.org", &["ben@example.org".to_owned()][..]));
    assert_eq!(mail.header("Subject").unwrap(), "Einladung zu Äcme");
    assert!(mail.part("text/plain").contains("https://roster.example.org/i/x\n"));
    assert!(mail.part("text/html").contains(r#"href="https://roster.example.org/i/x""#));
}

#[tokio::test]
async fn in_06_a_certificate_of_an_unknown_authority_is_refused() {
    let server = MailServer::with_starttls(&Authority::of("localhost")).await;
    let Outcome::Deferred(answer) = hand_over(&config(&server, SmtpTls::Starttls, None, 10)).await else { panic!() };
    assert!(answer.contains("certificate"), "{answer}");
    assert!(server.mails().is_empty());
    assert!(!server.lines().iter().any(|line| line.starts_with("MAIL")), "nothing of the mail was said");
}

#[tokio::test]
async fn in_06_the_operators_own_authority_is_believed_for_the_right_name_alone() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::of("localhost");
    let server = MailServer::with_starttls(&authority).await;
    let ca = authority.write(dir.path());
    assert!(matches!(hand_over(&config(&server, SmtpTls::Starttls, Some(ca), 10)).await, Outcome::Accepted(_)));
    assert_eq!(server.mails().len(), 1);

    let server = MailServer::with_tls(&authority).await;
    let ca = authority.write(dir.path());
    assert!(matches!(hand_over(&config(&server, SmtpTls::Tls, Some(ca), 10)).await, Outcome::Accepted(_)));
    assert!(matches!(hand_over(&config(&server, SmtpTls::Tls, None, 10)).await, Outcome::Deferred(_)));
    assert_eq!(server.mails().len(), 1);

    let authority = Authority::of("elsewhere.example");
    let server = MailServer::with_starttls(&authority).await;
    let ca = authority.write(dir.path());
    assert!(matches!(hand_over(&config(&server, SmtpTls::Starttls, Some(ca), 10)).await, Outcome::Deferred(_)));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn in_06_without_starttls_nothing_is_sent_in_clear() {
    let server = MailServer::polite().await;
    let Outcome::Deferred(answer) = hand_over(&config(&server, SmtpTls::Starttls, None, 10)).await else { panic!() };
    assert!(answer.contains("STARTTLS"), "{answer}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn in_06_a_file_without_certificates_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, "nothing").unwrap();
    let server = MailServer::polite().await;
    let config = config(&server, SmtpTls::Starttls, Some(path), 10);
    let made = Sender::new(&config, config.smtp.as_ref().unwrap());
    assert!(matches!(made, Err(SetUpError::NoCertificates)));
}

#[tokio::test]
async fn f3_a_server_that_falls_silent_costs_a_step_at_most() {
    let before = Instant::now();
    let silent_at = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"];
    let tries = silent_at.map(|verb| unprotected(move |line: &str| line.starts_with(verb).then_some(Reply::Stall), 1));
    for (outcome, server) in futures::future::join_all(tries).await {
        assert_eq!(outcome, Outcome::Deferred("no answer within 1 s".to_owned()));
        assert!(server.mails().is_empty());
    }
    // Far below the 30 seconds that a whole mail may take, also on a slow machine.
    assert!(before.elapsed() < Duration::from_secs(15), "{:?}", before.elapsed());
}

#[tokio::test]
async fn f3_a_server_that_drips_costs_30_seconds_at_most() {
    let before = Instant::now();
    let slow = |_: &str| Some(Reply::Drip("250 x".to_owned(), Duration::from_millis(1100)));
    let (outcome, server) = unprotected(slow, 60).await;
    assert_eq!(outcome, Outcome::Deferred("no answer within 30 s".to_owned()));
    // Far below the 60 seconds that a step may take.
    assert!((29..50).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn f3_a_server_that_thinks_long_about_the_text_is_not_cut_short() {
    let thinks =
        |line: &str| (line == ".").then(|| Reply::Late(Duration::from_secs(3), "250 taken at last".to_owned()));
    let (outcome, _server) = unprotected(thinks, 1).await;
    assert_eq!(outcome, Outcome::Accepted("250 taken at last".to_owned()));
}

#[tokio::test]
async fn f4_5xx_is_final_4xx_is_not_at_every_step_of_the_mail() {
    for verb in ["MAIL", "RCPT", "DATA", "."] {
        let says =
            |answer: &'static str| move |line: &str| line.starts_with(verb).then(|| Reply::Say(answer.to_owned()));
        let (outcome, server) = unprotected(says("550-5.1.1 No such user\r\n550 5.1.1 here"), 10).await;
        assert_eq!(outcome, Outcome::Refused("550 5.1.1 No such user here".to_owned()), "{verb}");
        assert!(server.mails().is_empty());
        let (outcome, _server) = unprotected(says("451 4.7.1 Greylisted, come back later"), 10).await;
        assert_eq!(outcome, Outcome::Deferred("451 4.7.1 Greylisted, come back later".to_owned()), "{verb}");
        let (outcome, _server) = unprotected(says("421 4.3.2 Closing"), 10).await;
        assert_eq!(outcome, Outcome::Deferred("421 4.3.2 Closing".to_owned()), "{verb}");
        let (outcome, _server) =
            unprotected(move |line: &str| line.starts_with(verb).then_some(Reply::HangUp), 10).await;
        assert!(matches!(outcome, Outcome::Deferred(_)), "{verb}: {outcome:?}");
    }
}

#[tokio::test]
async fn f4_a_trouble_of_ours_is_never_the_mails_fault() {
    for (verb, answer) in [("CONNECT", "554 5.7.1 Not you"), ("EHLO", "502 What?"), ("MAIL", "530 5.7.0 Sign in first")]
    {
        let says = move |line: &str| line.starts_with(verb).then(|| Reply::Say(answer.to_owned()));
        let (outcome, _server) = unprotected(says, 10).await;
        assert_eq!(outcome, Outcome::Deferred(answer.to_owned()), "{verb}");
    }
}

#[tokio::test]
async fn f2_a_server_that_is_not_there_defers() {
    let server = MailServer::polite().await;
    let config = config(&server, SmtpTls::None, None, 10);
    drop(server);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let Outcome::Deferred(answer) = hand_over(&config).await else { panic!() };
    assert!(answer.contains("refused"), "{answer}");
    assert!(sender(&config).try_out().await.is_err());
}
