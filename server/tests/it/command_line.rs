//! The binary as an operator runs it.

use crate::support::binary::{Serving, free_port, roster, run, text};
use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant, SystemTime},
};

#[test]
fn f26_a_wrong_setting_stops_the_start_with_one_line_that_names_its_key() {
    let dir = tempfile::tempdir().unwrap();
    // What it takes on this machine to start a process that does nothing.
    let started = Instant::now();
    run(dir.path(), &["--version"]);
    let most = Duration::from_secs(2) + started.elapsed() * 2;
    for (arguments, key) in [
        (&["serve", "--listen", "nonsense"][..], "listen"),
        (&["serve", "--base-url", "http://roster.example.org"], "base_url"),
        (&["serve", "--database-url", "mysql://x"], "database_url"),
        (&["serve", "--set", "smtp.tls=maybe"], "smtp"),
        (&["serve", "--set", "no_such_key=1"], "no_such_key"),
        (&["serve", "--config", "missing.toml"], "missing.toml"),
    ] {
        let started = Instant::now();
        let output = run(dir.path(), arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(started.elapsed() < most, "{arguments:?}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(error.contains(key), "{arguments:?}: {error}");
    }
}

#[test]
fn cf_07_no_word_about_a_database_url_shows_a_part_of_its_password() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    for url in [
        "postgres://roster:12/hunter2@127.0.0.1:1/roster",
        "postgres://roster:1?hunter2@127.0.0.1:1/roster",
        "postgres://roster:1#hunter2@127.0.0.1:1/roster",
        "postgres://roster:1@hunter2@127.0.0.1:1/roster",
        "postgres://roster:1%40hunter2%FF@127.0.0.1:1/roster",
        "postgres://roster:hunter2@[::1/roster",
        "postgres://roster:hunter2@127.0.0.1:x/roster",
        "postgres://127.0.0.1:1/roster?user=roster&password=1&hunter2",
        "postgres://127.0.0.1:1/roster?user=roster&pass=hunter2",
        "postgres:roster:hunter2@127.0.0.1/roster",
        "mysql://roster:hunter2@127.0.0.1/roster",
    ] {
        let by_variable =
            |arguments: &[&str]| roster(dir.path(), arguments).env("ROSTER_DATABASE_URL", url).output().unwrap();
        let flagged = run(dir.path(), &["config", "print", "--database-url", url]);
        for output in [flagged, by_variable(&["config", "print"]), by_variable(&["doctor"])] {
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("hunter2"), "{url}: {said}");
        }
    }
}

#[test]
fn f26_a_database_file_that_cannot_be_used_is_named_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("data/folder.db")).unwrap();
    let folder = run(dir.path(), &["serve", "--database-url", "sqlite:data/folder.db"]);
    assert_eq!(folder.status.code(), Some(2));
    assert!(text(&folder.stderr).contains("database_url: data/folder.db: "), "{}", text(&folder.stderr));

    // Whoever runs the tests may be allowed to write everything, so SQLite is told to.
    assert!(run(dir.path(), &["doctor"]).status.success());
    for command in ["serve", "doctor"] {
        let read_only = run(dir.path(), &[command, "--database-url", "sqlite:data/roster.db?mode=ro"]);
        let said = text(&read_only.stderr);
        assert!(!read_only.status.success());
        assert!(said.contains("database_url: data/roster.db: read-only") && said.contains("-wal"), "{said}");
    }
}

#[test]
fn the_server_greets_serves_refuses_a_second_one_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(dir.path());
    let link = format!("http://127.0.0.1:{}/s/", serving.port);
    assert!(serving.greeting.contains(&link), "{}", serving.greeting);
    let token = serving.greeting.trim_end().rsplit("/s/").next().unwrap().to_owned();
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(serving.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(serving.get("/setup").contains("<!DOCTYPE html>"));

    let second = run(dir.path(), &["serve", "--listen", &format!("127.0.0.1:{}", free_port())]);
    assert!(!second.status.success());
    assert!(text(&second.stderr).contains("another roster serves this database"), "{}", text(&second.stderr));

    let newer = run(dir.path(), &["setup-link"]);
    assert!(text(&newer.stdout).contains("/s/"), "{}", text(&newer.stderr));
    let path = format!("/s/{token}");
    serving.get(&path);
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("roster stopped"), "{log}");
    assert!(!log.contains(&token), "the set-up link never goes to the log");
    assert!(log.contains("/s/{token}"), "the log names the route alone: {log}");
}

#[test]
fn an_operator_makes_an_account_and_looks_into_the_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let create = ["account", "create", "--name", "Beta Works", "--owner-email", "bea@example.org"];
    let created = run(dir.path(), &create);
    let said = text(&created.stdout);
    assert!(said.contains("Account beta-works is made") && said.contains("/i/"), "{said} {}", text(&created.stderr));
    let again = run(dir.path(), &create);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("Slug: Taken"), "{}", text(&again.stderr));
    let outbox = text(&run(dir.path(), &["outbox", "show"]).stdout);
    assert!(outbox.contains("bea@example.org") && outbox.contains("no_server"), "{outbox}");
    let grant = run(dir.path(), &["owner", "grant", "--account", "beta-works", "--email", "bea@example.org"]);
    let said = text(&grant.stdout);
    assert!(said.contains("bea@example.org is invited to beta-works as an owner") && said.contains("/i/"), "{said}");
    assert!(said.contains("hand the link over yourself"), "{said}");
    let nowhere = run(dir.path(), &["owner", "grant", "--account", "gamma", "--email", "bea@example.org"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("there is no account gamma"), "{}", text(&nowhere.stderr));
    let doctor = run(dir.path(), &["doctor"]);
    assert!(doctor.status.success(), "{}", text(&doctor.stderr));
    assert!(
        text(&doctor.stdout).contains("audit events of beta-works: 3 in an unbroken chain"),
        "{}",
        text(&doctor.stdout)
    );
    assert!(run(dir.path(), &["migrate"]).status.success());

    // LT-11: what was kept elsewhere tells later that the events are still the same.
    let head = text(&run(dir.path(), &["audit", "head"]).stdout);
    assert!(head.starts_with("beta-works 3 ") && head.trim().len() == "beta-works 3 ".len() + 64, "{head}");
    let kept = dir.path().join("heads");
    std::fs::write(&kept, &head).unwrap();
    let check = || run(dir.path(), &["audit", "check", kept.to_str().unwrap()]);
    assert!(check().status.success(), "{}", text(&check().stdout));
    std::fs::write(&kept, head.replace("beta-works 3 ", "beta-works 2 ")).unwrap();
    assert!(!check().status.success());
    assert!(text(&check().stdout).contains("up to number 2 were written anew"), "{}", text(&check().stdout));
}

#[test]
fn lt_01_an_operator_makes_lists_and_revokes_keys_over_all_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let add = ["key", "add", "--name", "Directory", "--permission", "users.read", "--permission", "audit.read"];
    let added = text(&run(dir.path(), &add).stdout);
    let key = added.split_once("shown this once: ").map(|(_, key)| key.lines().next().unwrap().to_owned());
    assert!(key.as_ref().is_some_and(|key| key.starts_with("roster_operator_")), "{added}");
    let again = run(dir.path(), &add);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("key revoke Directory"), "{}", text(&again.stderr));
    let unknown = run(dir.path(), &["key", "add", "--name", "Other", "--permission", "users.red"]);
    assert!(text(&unknown.stderr).contains("there is no permission users.red"), "{}", text(&unknown.stderr));
    let listed = text(&run(dir.path(), &["key", "list"]).stdout);
    assert!(listed.starts_with("Directory  roster_operator_") && listed.contains("audit.read,users.read"), "{listed}");
    assert!(!listed.contains(key.unwrap().as_str()), "a key is shown once");
    assert!(run(dir.path(), &["key", "revoke", "Directory"]).status.success());
    assert_eq!(text(&run(dir.path(), &["key", "list"]).stdout), "");
    assert_eq!(run(dir.path(), &["key", "revoke", "Directory"]).status.code(), Some(1));
}

#[test]
fn az_17_lg_01_a_failed_sign_in_and_a_refusal_are_logged_with_who_and_what_and_no_address() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(dir.path());
    let send = |line: &str, cookies: &str, body: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\nCookie: {cookies}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            serving.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let post = |function: &str, body: &str| send(&format!("POST /api/{function}"), "", body);
    let cookies = |answer: &str| {
        let set = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    };
    // Somebody who is signed in.
    let token = serving.greeting.trim_end().rsplit("/s/").next().unwrap();
    let setup = cookies(&send(&format!("GET /s/{token}"), "", ""));
    let form = "form[account_name]=Acme&form[slug]=acme&form[name]=Ana&form[email]=ana@example.org&form[password]=seven+green+lamps+over+water";
    let session = cookies(&send("POST /api/setup/set-up", &setup, form));
    for _ in 0..2 {
        let answer = post("session/sign-in", "form%5Bemail%5D=nora%40example.org&form%5Bpassword%5D=wrong-wrong-wrong");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let member = "019a0000-0000-7000-8000-000000000001";
    let answer = post("users/resend", &format!("account=acme&member={member}"));
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let answer = send("GET /a/nowhere/settings/users", &session, "");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let (_, log) = serving.stop();
    let failures: Vec<&str> = log.lines().filter(|line| line.contains("sign-in failed")).collect();
    let who = |line: &str| line.split("who=").nth(1).map(|rest| rest.split_whitespace().next().unwrap().to_owned());
    assert_eq!(failures.len(), 2, "{log}");
    assert_eq!(who(failures[0]), who(failures[1]), "the same address has the same name");
    assert!(who(failures[0]).is_some_and(|who| who.len() >= 16), "{}", failures[0]);
    let denied = log.lines().find(|line| line.contains("denied")).expect("a line about the refusal");
    assert!(denied.contains("acme") && denied.contains(member) && denied.contains("/api/users/resend"), "{denied}");
    let page = log.lines().find(|line| line.contains("denied") && line.contains("nowhere"));
    assert!(page.is_some_and(|line| line.contains("what=\"/a/{slug}/settings") && line.contains("user=")), "{log}");
    assert!(!log.contains("ana@") && !log.contains("nora") && !log.contains("wrong-wrong"), "{log}");
}

#[test]
fn cf_03_an_operator_rotates_the_instance_key_while_roster_serves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data/secret.key");
    let lines = || std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let serving = Serving::start(dir.path());
    let created = run(dir.path(), &["account", "create", "--name", "Beta", "--owner-email", "bea@example.org"]);
    assert!(created.status.success(), "{}", text(&created.stderr));
    let first = lines();
    let keys = |command: &str| {
        let output = run(dir.path(), &["keys", command]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    // What stands in the way of the new file cannot be taken away; this holds for root, too.
    let in_the_way = dir.path().join("data/secret.key.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let (code, said, error) = keys("rotate");
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(error.contains("secret_key_file") && error.contains("cannot be changed"), "{error}");
    assert_eq!((error.lines().count(), lines()), (1, first.clone()));
    std::fs::remove_dir(&in_the_way).unwrap();

    let (code, said, error) = keys("rotate");
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("Values sealed anew: 1.") && said.contains("`roster keys retire`"), "{said}");
    assert_eq!(lines()[1..], first, "the earlier key still opens");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(text(&run(dir.path(), &["doctor"]).stdout).contains("`roster keys retire`"));
    let (code, said, _) = keys("rotate");
    assert_eq!(code, Some(0));
    assert!(said.contains("no other key was made") && said.contains("Values sealed anew: 0."), "{said}");

    let (code, _, error) = keys("retire");
    assert_eq!(code, Some(1));
    assert!(error.contains("changed just now"), "{error}");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(61)).unwrap();
    let second = lines().swap_remove(0);
    let (code, said, error) = keys("retire");
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("Earlier keys removed"), "{said}");
    assert_eq!(lines(), std::slice::from_ref(&second));
    assert!(!text(&run(dir.path(), &["doctor"]).stdout).contains("`roster keys retire`"));

    let (code, said, _) = keys("prepare");
    assert_eq!(code, Some(0));
    assert!(said.contains("does not seal yet"), "{said}");
    assert_eq!((lines().len(), &lines()[0]), (2, &second));
    let third = lines()[1].strip_prefix("next ").unwrap().to_owned();
    assert_eq!((keys("rotate").0, lines()), (Some(0), vec![third, second]));

    let taken = std::fs::File::open(dir.path().join("data/secret.key.lock")).unwrap();
    taken.lock().unwrap();
    assert!(keys("rotate").2.contains("another roster is changing the keys"));
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn the_effective_settings_are_printed_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        "config",
        "print",
        "--set",
        "smtp.host=mail.example.org",
        "--set",
        "smtp.from=roster@example.org",
        "--set",
        "smtp.username=roster",
        "--set",
        "smtp.password=hunter-two-and-three",
    ];
    let output = run(dir.path(), &settings);
    let printed = text(&output.stdout);
    assert!(printed.contains("mail.example.org"), "{printed} {}", text(&output.stderr));
    assert!(printed.contains("***") && !printed.contains("hunter"), "{printed}");
}

#[test]
fn f27_with_few_descriptors_connections_wait_and_everything_else_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start_with_descriptors(dir.path(), 128);
    let connect = || TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    let mut crowd: Vec<_> = (0..150).map(|_| connect()).collect();
    // Those that have a place are served while the others wait: each of these requests writes to the database.
    for stream in crowd.iter_mut().take(30) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", serving.port).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        std::thread::sleep(Duration::from_millis(60));
    }
    drop(crowd);
    assert!(serving.get("/readyz").starts_with("HTTP/1.1 200"));
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("ulimit -n") && log.contains("connections=32"), "{log}");
    assert!(!log.contains("cannot accept connections"), "{log}");
}
