//! Handing one mail over to a mail server, kind and unkind.

use crate::mail_server::{Authority, MailServer, Reply};
use app::domain::{
    ids::MailId,
    language::Language,
    time::{Span, Timestamp},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use server::{
    config::{Config, Mail, Secret, Smtp, SmtpTls},
    mail::{
        render::{Content, message, render},
        smtp::{Outcome, Sender, SetUpError},
    },
    tls::TlsError,
};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

fn config(server: &MailServer, tls: SmtpTls, ca_file: Option<PathBuf>, timeout_s: u32) -> Config {
    let smtp = Smtp {
        // Names are looked up where a certificate needs them alone.
        host: if tls == SmtpTls::None { server.address.ip().to_string() } else { "localhost".to_owned() },
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

fn mail(config: &Config) -> lettre::Message {
    let content = Content::Invitation {
        inviter: None,
        role: "Viewer".to_owned(),
        link: "https://roster.example.org/i/x".to_owned(),
        until: Timestamp(0),
        left: Span(0),
        is_answered: false,
        is_reminder: false,
    };
    let words = render(Language::De, None, "Äcme", "roster.example.org", content).unwrap();
    let from = &config.smtp.as_ref().unwrap().from;
    let id = MailId(uuid::Uuid::now_v7());
    message(from, "ben@example.org", id, "roster.example.org", Timestamp(0), words).unwrap()
}

async fn hand_over(config: &Config) -> Outcome {
    let stop = CancellationToken::new();
    match sender(config).offer(&mail(config), &stop).await {
        Ok(offer) => offer.hand_over(&stop).await,
        Err(outcome) => outcome,
    }
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
    assert!(matches!(made, Err(SetUpError::Tls(TlsError::NoCertificates))));
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
    let drips = |pause: u64| {
        move |line: &str| {
            let code = if line == "DATA" { 354 } else { 250 };
            Some(Reply::Drip(format!("{code} x"), Duration::from_millis(pause)))
        }
    };
    let before = Instant::now();
    // Each step is within its eleven seconds; all of them are not within three times that.
    let (slow, stuck) = futures::join!(unprotected(drips(1300), 11), unprotected(drips(500), 3));
    assert_eq!(slow.0, Outcome::Deferred("no answer within 33 s".to_owned()));
    assert!((32..60).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    // A code whose line does not end is no leave to go on.
    assert_eq!(stuck.0, Outcome::Deferred("no answer within 3 s".to_owned()));
    assert!(slow.1.mails().is_empty() && stuck.1.mails().is_empty());
}

#[tokio::test]
async fn f3_the_answer_to_the_text_is_awaited_for_ten_minutes_and_the_rest_for_half_a_minute() {
    let server = MailServer::polite().await;
    for (step, offer) in [(1, 30), (10, 30), (60, 180)] {
        let sender = sender(&config(&server, SmtpTls::None, None, step));
        assert_eq!(sender.offer_timeout().as_secs(), offer);
        assert_eq!(sender.hand_over_timeout().as_secs(), u64::from(step) * 2 + 600);
    }
}

#[tokio::test]
async fn f3_a_server_that_thinks_long_about_the_text_is_waited_for_as_long_as_is_set() {
    let thinks =
        |line: &str| (line == ".").then(|| Reply::Late(Duration::from_secs(3), "250 taken at last".to_owned()));
    let (outcome, _server) = unprotected(thinks, 1).await;
    assert_eq!(outcome, Outcome::Accepted("250 taken at last".to_owned()));
    let server = MailServer::scripted(thinks).await;
    let mut config = config(&server, SmtpTls::None, None, 10);
    config.mail.answer_timeout_s = 1;
    assert_eq!(hand_over(&config).await, Outcome::Unanswered("no answer within 1 s".to_owned()));
}

#[tokio::test]
async fn f22_a_stop_waits_a_while_for_the_answer_and_says_that_there_was_none() {
    let stop = CancellationToken::new();
    stop.cancel();
    let answered_after = async |pause: u64| {
        let server = MailServer::scripted(move |line: &str| {
            (line == ".").then(|| Reply::Late(Duration::from_secs(pause), "250 taken".to_owned()))
        })
        .await;
        let config = config(&server, SmtpTls::None, None, 10);
        sender(&config).offer(&mail(&config), &CancellationToken::new()).await.unwrap().hand_over(&stop).await
    };
    let (soon, late) = futures::join!(answered_after(2), answered_after(40));
    assert_eq!(soon, Outcome::Accepted("250 taken".to_owned()));
    assert_eq!(late, Outcome::Unanswered("Roster was stopped before the mail server answered".to_owned()));
    let server = MailServer::polite().await;
    let config = config(&server, SmtpTls::None, None, 10);
    assert_eq!(sender(&config).offer(&mail(&config), &stop).await.unwrap_err(), Outcome::Stopped);
}

#[tokio::test]
async fn f4_the_code_alone_decides_at_every_step() {
    let steps = [("CONNECT", 220), ("EHLO", 250), ("MAIL", 250), ("RCPT", 250), ("DATA", 354), (".", 250)];
    for (step, code) in steps {
        for form in [
            "C\r\n",
            "C \r\n",
            "C\n",
            "C-\r\nC\r\n",
            "C-one\r\nC-\r\n two\r\n\r\nC three\r\n",
            "C\ttext\r\n",
            "\r\nstray words\r\nC fine\r\n",
            "C \0\r\n",
        ] {
            let answer = form.replace('C', &code.to_string()).into_bytes();
            let shown = String::from_utf8_lossy(&answer).into_owned();
            let says = move |line: &str| line.starts_with(step).then(|| Reply::Bytes(answer.clone()));
            let (outcome, server) = unprotected(says, 2).await;
            assert!(matches!(outcome, Outcome::Accepted(_)), "{step}: {shown:?}: {outcome:?}");
            assert_eq!(server.mails().len(), 1, "{step}: {shown:?}");
        }
        let odd = [code.to_string().as_bytes(), b" \xff\xc3 gr\xfc\xdfe\r\n"].concat();
        let says = move |line: &str| line.starts_with(step).then(|| Reply::Bytes(odd.clone()));
        let (outcome, _server) = unprotected(says, 2).await;
        assert!(matches!(outcome, Outcome::Accepted(_)), "{step}: {outcome:?}");
    }
}

#[tokio::test]
async fn f1_a_text_without_an_answer_may_have_arrived() {
    type End = fn() -> Reply;
    let ends: [(End, &str); 5] = [
        (|| Reply::HangUp, "the mail server closed the connection"),
        (|| Reply::Last(b"25".to_vec()), "this is no mail server; it said: 25"),
        (|| Reply::Last(b"taken\r\n".to_vec()), "this is no mail server; it said: taken"),
        (|| Reply::Say("354 go on".to_owned()), "354 go on"),
        (|| Reply::Say("150 wait".to_owned()), "150 wait"),
    ];
    for (end, words) in ends {
        let (outcome, _server) = unprotected(move |line: &str| (line == ".").then(end), 2).await;
        assert_eq!(outcome, Outcome::Unanswered(words.to_owned()));
    }
    // An answer that breaks off after its code is one.
    for (said, outcome) in [
        (&b"250-taken\r\n"[..], Outcome::Accepted("250 taken".to_owned())),
        (b"250", Outcome::Accepted("250".to_owned())),
        (b"550-no\r\n550-", Outcome::Refused("550 no".to_owned())),
        (b"451 la", Outcome::Deferred("451 la".to_owned())),
    ] {
        let (is, _server) = unprotected(move |line: &str| (line == ".").then(|| Reply::Last(said.to_vec())), 2).await;
        assert_eq!(is, outcome);
    }
    let endless = [b"250-".as_slice(), &[b'x'; 100_000]].concat();
    let (is, _server) = unprotected(move |line: &str| (line == ".").then(|| Reply::Bytes(endless.clone())), 10).await;
    let Outcome::Accepted(words) = is else { panic!("{is:?}") };
    assert!(words.len() <= 300, "{}", words.len());
}

#[tokio::test]
async fn f3_a_server_that_sends_without_end_is_not_listened_to_for_long() {
    for (step, expected) in [("CONNECT", "sends without end"), ("EHLO", "sends without end")] {
        let endless = "250-x\r\n".repeat(20_000).into_bytes();
        let says = move |line: &str| line.starts_with(step).then(|| Reply::Bytes(endless.clone()));
        let (outcome, _server) = unprotected(says, 10).await;
        assert!(matches!(&outcome, Outcome::Deferred(words) if words.contains(expected)), "{step}: {outcome:?}");
    }
    let web = |line: &str| (line == "CONNECT").then(|| Reply::Last(b"HTTP/1.1 400 Bad Request\r\n\r\n<p>".to_vec()));
    let (outcome, _server) = unprotected(web, 10).await;
    assert_eq!(outcome, Outcome::Deferred("this is no mail server; it said: HTTP/1.1 400 Bad Request".to_owned()));
}

#[tokio::test]
async fn f4_every_conversation_ends_with_quit() {
    for (step, answer) in [
        ("EHLO", "421 Busy"),
        ("MAIL", "550 Not you"),
        ("RCPT", "550 5.1.1 No such user"),
        ("DATA", "451 Later"),
        (".", "554 Spam"),
        ("nothing", "250 taken"),
    ] {
        let says = move |line: &str| line.starts_with(step).then(|| Reply::Say(answer.to_owned()));
        let (_outcome, server) = unprotected(says, 10).await;
        for _ in 0..100 {
            if server.lines().last().is_some_and(|line| line == "QUIT") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(server.lines().last().unwrap(), "QUIT", "{step}");
    }
}

#[tokio::test]
async fn f4_a_server_that_knows_helo_alone_is_spoken_to_in_its_way() {
    let old = |line: &str| line.starts_with("EHLO").then(|| Reply::Say("502 What?".to_owned()));
    let (outcome, server) = unprotected(old, 10).await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    assert_eq!(server.lines()[1], "HELO [127.0.0.1]");
}

/// What a server heard that offers these mechanisms and asks in these words, and what came of it.
async fn signed_in(
    offers: &'static str,
    prompts: [&'static [u8]; 2],
    password: &str,
    verdict: &'static str,
) -> (Vec<String>, Outcome) {
    let asked = AtomicUsize::new(0);
    let server = MailServer::scripted(move |line: &str| {
        let prompt = |n: usize| Some(Reply::Bytes([b"334 ", STANDARD.encode(prompts[n]).as_bytes(), b"\r\n"].concat()));
        match line.split([' ', ':']).next().unwrap() {
            "EHLO" => Some(Reply::Say(format!("250-mail.example\r\n250 {offers}"))),
            "AUTH" if line == "AUTH LOGIN" || line == "AUTH PLAIN" => prompt(0),
            "AUTH" => Reply::say(verdict),
            "CONNECT" | "MAIL" | "RCPT" | "DATA" | "." | "QUIT" | "*" => None,
            _ if offers.contains("PLAIN") => Reply::say(verdict),
            _ if asked.fetch_add(1, Ordering::SeqCst) == 0 => prompt(1),
            _ => Reply::say(verdict),
        }
    })
    .await;
    let mut config = config(&server, SmtpTls::None, None, 10);
    let smtp = config.smtp.as_mut().unwrap();
    (smtp.username, smtp.password) = (Some("ana".to_owned()), Some(Secret::new(password)));
    let outcome = hand_over(&config).await;
    let lines = server.lines().into_iter().skip(1).take_while(|line| !line.starts_with("MAIL")).collect();
    (lines, outcome)
}

#[tokio::test]
async fn in_06_auth_login_takes_the_first_challenge_for_the_name_and_the_second_for_the_password() {
    let [name, password] = ["ana", "geheim"].map(|text| STANDARD.encode(text));
    for prompts in [
        [&b"Username:"[..], &b"Password:"[..]],
        [b"Benutzername:", b"Kennwort:"],
        [b"", b""],
        [b"User Name\0", b"Password\0"],
        [b"Password:", b"Username:"],
        [b"\xff\xfe", b"\xff"],
    ] {
        for offers in ["AUTH LOGIN", "AUTH=LOGIN", "auth cram-md5 login"] {
            let (lines, outcome) = signed_in(offers, prompts, "geheim", "235 welcome").await;
            assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
            assert_eq!(lines, ["AUTH LOGIN", &name, &password], "{prompts:?}");
        }
    }
}

#[tokio::test]
async fn in_06_auth_plain_sends_a_long_secret_when_it_is_asked_for() {
    let (lines, outcome) = signed_in("AUTH PLAIN LOGIN", [b"", b""], "geheim", "235 welcome").await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    assert_eq!(lines, [format!("AUTH PLAIN {}", STANDARD.encode("\0ana\0geheim"))]);
    let long = "g".repeat(600);
    let (lines, outcome) = signed_in("AUTH PLAIN", [b"", b""], &long, "235 welcome").await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    assert_eq!(lines, ["AUTH PLAIN".to_owned(), STANDARD.encode(format!("\0ana\0{long}"))]);
    let (_, outcome) = signed_in("AUTH CRAM-MD5", [b"", b""], "geheim", "235 welcome").await;
    let Outcome::Deferred(words) = outcome else { panic!("{outcome:?}") };
    assert!(words.contains("AUTH"), "{words}");
}

#[tokio::test]
async fn r62_a_password_that_the_mail_server_quotes_is_not_shown() {
    for (offers, verdict) in [
        ("AUTH PLAIN", "535 5.7.8 bad credentials AGFuYQBnZWhlaW0="),
        ("AUTH LOGIN", "535-5.7.8 Z2VoZWlt is wrong\r\n535 geheim too"),
    ] {
        let (_, outcome) = signed_in(offers, [b"", b""], "geheim", verdict).await;
        let Outcome::Deferred(words) = outcome else { panic!("{outcome:?}") };
        assert!(words.starts_with("535 5.7.8") && words.contains("***"), "{words}");
        assert!(!words.contains("geheim") && !words.contains("Z2VoZWlt") && !words.contains("AGFuYQ"), "{words}");
    }
}

#[tokio::test]
async fn in_06_a_mail_server_at_an_ipv6_address_is_reached_and_verified() {
    let server = MailServer::at("[::1]:0".parse().unwrap()).await;
    assert!(matches!(hand_over(&config(&server, SmtpTls::None, None, 10)).await, Outcome::Accepted(_)));
    let dir = tempfile::tempdir().unwrap();
    for (vouched_for, taken) in [("::1", 1), ("fd00::5", 0)] {
        let authority = Authority::of(vouched_for);
        let server = MailServer::scripted_with_starttls(&authority, "[::1]:0", |_| None).await;
        let mut config = config(&server, SmtpTls::Starttls, Some(authority.write(dir.path())), 10);
        config.smtp.as_mut().unwrap().host = "::1".to_owned();
        let outcome = hand_over(&config).await;
        assert_eq!(server.mails().len(), taken, "{vouched_for}: {outcome:?}");
    }
}

#[tokio::test]
async fn in_06_what_is_said_in_clear_after_starttls_is_not_listened_to() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::of("localhost");
    let ca = authority.write(dir.path());
    // Somebody in the middle adds an answer to the next command, which would have the password sent by another mechanism.
    let server = MailServer::scripted_with_starttls(&authority, "127.0.0.1:0", |line: &str| {
        (line == "STARTTLS").then(|| Reply::Bytes(b"220 go ahead\r\n250-evil\r\n250 AUTH LOGIN\r\n".to_vec()))
    })
    .await;
    let mut config = config(&server, SmtpTls::Starttls, Some(ca.clone()), 10);
    let smtp = config.smtp.as_mut().unwrap();
    (smtp.username, smtp.password) = (Some("ana".to_owned()), Some(Secret::new("geheim")));
    let outcome = hand_over(&config).await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    assert!(server.lines().iter().any(|line| line.starts_with("AUTH PLAIN")), "{:?}", server.lines());

    for (step, answer) in [("STARTTLS", "454 4.7.0 Not now"), ("STARTTLS", "501 No"), ("EHLO", "502 What?")] {
        let says = move |line: &str| line.starts_with(step).then(|| Reply::Say(answer.to_owned()));
        let server = MailServer::scripted_with_starttls(&authority, "127.0.0.1:0", says).await;
        config.smtp.as_mut().unwrap().port = Some(server.address.port());
        assert!(matches!(hand_over(&config).await, Outcome::Deferred(_)));
        assert!(!server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{step}");
    }
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
        let expected = if verb == "." { Outcome::Unanswered } else { Outcome::Deferred };
        assert_eq!(outcome, expected("the mail server closed the connection".to_owned()), "{verb}");
    }
}

#[tokio::test]
async fn f4_a_trouble_of_ours_is_never_the_mails_fault() {
    for (verb, answer) in [("CONNECT", "554 5.7.1 Not you"), ("EHLO", "502 What?"), ("MAIL", "530 5.7.0 Sign in first")]
    {
        let says = move |line: &str| {
            (line.starts_with(verb) || verb == "EHLO" && line.starts_with("HELO"))
                .then(|| Reply::Say(answer.to_owned()))
        };
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
    assert!(sender(&config).check_connection().await.is_err());
}
