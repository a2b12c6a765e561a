//! Backups, and what comes back by them (F21).

use crate::support::{
    PASSWORD, Program, World,
    binary::{roster, text},
    both_databases, empty_postgres,
};
use app::{
    api::{invitations::Invited, joining::InvitationView},
    domain::{
        member::{MailState, ShownState},
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use server::{
    clock::{Clock, SystemClock},
    storage::Database,
};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

/// Where the database of a world is.
async fn url_of(world: &World) -> String {
    match &world.services.database {
        Database::Sqlite { .. } => {
            let file = world.texts("SELECT file FROM pragma_database_list WHERE name = 'main'").await.swap_remove(0);
            format!("sqlite:{file}")
        }
        Database::Postgres { pool, .. } => {
            let mut url = url::Url::parse(&std::env::var("TEST_POSTGRES_URL").unwrap()).unwrap();
            url.set_path(pool.connect_options().get_database().unwrap());
            url.to_string()
        }
    }
}

/// Makes a key in this folder, another one for a longer name; answers its file.
fn key_in(dir: &Path, name: &str) -> PathBuf {
    let file = dir.join(name);
    let bytes: [u8; 32] = std::array::from_fn(|n| (n ^ name.len()) as u8);
    std::fs::write(&file, STANDARD.encode(bytes)).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    file
}

/// The same world with the key of a file.
fn keyed(world: &World, key: &Path) -> World {
    world.configured(|config| config.secret_key_file = key.to_owned())
}

/// Runs a command of the binary on a database, with a key.
async fn command(dir: &Path, url: &str, key: &Path, arguments: &[&str]) -> Output {
    let mut command = roster(dir, arguments);
    command.args(["--database-url", url, "--set", &format!("secret_key_file={}", key.display())]);
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn refused(output: &Output, because: &str) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}{error}", text(&output.stdout));
    assert!(error.contains(because) && error.trim_end().lines().count() == 1, "{error}");
}

both_databases! {
    async fn f21_a_backup_is_whole_under_load_and_brings_nothing_back_that_was_ended(world: World) {
        let dir = tempfile::tempdir().unwrap();
        let (url, key) = (url_of(&world).await, key_in(dir.path(), "secret.key"));
        let world = keyed(&world, &key);
        let is_sqlite = url.starts_with("sqlite:");
        // The binary asks the system for the time, so what is made here has to be of now.
        world.advance(SystemClock.now() - world.now() + Span::seconds(1));
        let viewer = Grant::of(BuiltInRole::Viewer);
        let ana = world.owner("ana@example.org").await;
        let cem = ana.brings_in("cem@example.org", &viewer).await;
        let dora = ana.brings_in("dora@example.org", &viewer).await;
        ana.invites("ben@example.org", &viewer).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        world.stops_mailing().await;
        ana.invites("eva@example.org", &viewer).await.unwrap();
        let program = Program::new(&world, &ana.makes_key("Deploy", &["users.read"], "").await.unwrap().key);
        assert_eq!(program.gets("/accounts").await.status, StatusCode::OK);

        ana.adds_webhook("https://hooks.example.org/roster", &["member.removed"]).await.unwrap();

        // While others write.
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (ana, viewer) = (ana.clone(), viewer.clone());
                tokio::spawn(async move {
                    for n in 0..15 {
                        let Ok(Invited::Done { .. }) = ana.invites(&format!("w{writer}n{n}@example.org"), &viewer).await else { panic!() };
                    }
                })
            })
            .collect();
        let file = dir.path().join("backup");
        let path = file.display().to_string();
        let said = succeeded(&command(dir.path(), &url, &key, &["backup", &path]).await);
        assert!(said.contains("secret.key"), "it says what else must be kept: {said}");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        refused(&command(dir.path(), &url, &key, &["backup", &path]).await, "is there already");
        for writer in writers {
            writer.await.unwrap();
        }
        ana.removes(&ana.row("cem@example.org").await).await.unwrap();
        let mails = world.mail.mails().len();

        refused(&command(dir.path(), &url, &key, &["restore", &path]).await, if is_sqlite { "is there; stop Roster" } else { "is not empty" });
        let target = if is_sqlite { None } else { Some(empty_postgres().await) };
        let new = target.as_ref().map_or_else(|| format!("sqlite:{}", dir.path().join("restored.db").display()), |fresh| fresh.url().to_owned());
        if is_sqlite {
            refused(&command(dir.path(), &new, &key_in(dir.path(), "other.key"), &["restore", &path]).await, "does not open");
            assert!(!dir.path().join("restored.db").exists(), "nothing is there until all of it is right");
        }
        let said = succeeded(&command(dir.path(), &new, &key, &["restore", &path, "--replaced", &url]).await);
        assert!(said.contains("acme: suspended, since they were not active any more: 1"), "{said}");
        if is_sqlite {
            let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            assert!(!left.iter().any(|name| name.contains("restoring") || name.contains("part")), "{left:?}");
        }

        let restored = world.on_database(Database::connect(&new).await.unwrap());
        // One moment: whoever is invited there has the mail that says so.
        let invited = "SELECT COUNT(*) FROM members m WHERE m.state = 'invited'";
        let mailed = "SELECT COUNT(*) FROM members m WHERE m.state = 'invited' AND EXISTS (SELECT 1 FROM outbox o WHERE o.member_id = m.id AND o.kind = 'invitation')
                         AND EXISTS (SELECT 1 FROM audit_events e WHERE e.target_id = m.id)";
        assert!(restored.count(invited).await >= 2);
        assert_eq!(restored.count(invited).await, restored.count(mailed).await);
        restored.rows_say_what_tables_say().await;
        let chain = restored.services.check_audit(&Slug::parse("acme").unwrap()).await.unwrap().unwrap();
        assert!(chain.fault().is_none());

        // No session, no key, no link of before. The binary ended them at the system's time.
        restored.advance(Span::minutes(1));
        for browser in [&ana, &cem, &dora] {
            assert!(browser.at(&restored).me().await.is_none());
        }
        assert_eq!(program.at(&restored).gets("/accounts").await.status, StatusCode::UNAUTHORIZED);
        let stranger = restored.browser();
        let ben = stranger.opens_link(&link).await;
        assert!(!matches!(stranger.views(&ben).await, InvitationView::Open(_)));

        assert_eq!(restored.count("SELECT COUNT(*) FROM webhooks WHERE status = 'off'").await, 1);

        // Nobody who was removed; everybody else.
        let ana = restored.browser().on("acme");
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.row("cem@example.org").await.state, ShownState::Suspended);
        assert_eq!(ana.row("dora@example.org").await.state, ShownState::Active);

        // No mail again, until somebody asks for it.
        let eva = ana.row("eva@example.org").await;
        assert!(matches!(&eva.mail, Some(MailState::Refused { answer, .. }) if answer.contains("restored")), "{:?}", eva.mail);
        restored.advance(Span::minutes(10));
        ana.resends(&eva).await.unwrap();
        let resent = restored.link_to("eva@example.org", 0).await;
        restored.stops_mailing().await;
        assert_eq!(world.mail.mails().len(), mails + 1, "one mail, and no more");
        let eva = restored.browser();
        eva.views_open(&eva.opens_link(&resent).await).await;

        // It can be done again, as when the database was restored by other means.
        let again = succeeded(&command(dir.path(), &new, &key, &["restore", "--after"]).await);
        assert!(again.contains("       1  sessions") && again.contains("Nobody can tell who was removed"), "{again}");
        assert!(ana.me().await.is_none());
        restored.services.database.close().await;
        if let Some(target) = target {
            target.discard().await;
        }
    }
}

#[tokio::test]
async fn f21_what_is_no_backup_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = key_in(dir.path(), "secret.key");
    let (file, new) = (dir.path().join("backup"), format!("sqlite:{}", dir.path().join("new.db").display()));
    let path = file.display().to_string();
    std::fs::write(&file, "nothing of the kind").unwrap();
    refused(&command(dir.path(), &new, &key, &["restore", &path]).await, "backup");
    std::fs::write(&file, "").unwrap();
    refused(&command(dir.path(), &new, &key, &["restore", &path]).await, "no database of Roster");
    assert!(!dir.path().join("new.db").exists());
    refused(&command(dir.path(), &new, &key, &["backup", &path]).await, "is there already");
    refused(&command(dir.path(), &new, &key, &["backup", "other"]).await, "there is no database");
    // Half of one.
    let (old, half) = (format!("sqlite:{}?mode=rwc", dir.path().join("old.db").display()), dir.path().join("half"));
    succeeded(&command(dir.path(), &old, &key, &["migrate"]).await);
    succeeded(&command(dir.path(), &old, &key, &["backup", &half.display().to_string()]).await);
    let whole = std::fs::read(&half).unwrap();
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    refused(&command(dir.path(), &new, &key, &["restore", &half.display().to_string()]).await, "half");
    assert!(!dir.path().join("new.db").exists());
}

both_databases! {
    async fn cf_07_diagnostics_hold_no_secret_and_nobody(world: World) {
        let dir = tempfile::tempdir().unwrap();
        let (url, key) = (url_of(&world).await, key_in(dir.path(), "secret.key"));
        let world = keyed(&world, &key);
        let ana = world.owner("anna.marked@people.example").await;
        ana.brings_in("cem.marked@people.example", &Grant::of(BuiltInRole::Viewer)).await;
        ana.invites("ben.marked@people.example", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let api_key = ana.makes_key("Deploy marked", &["users.read"], "").await.unwrap().key;
        let settings = dir.path().join("roster.toml");
        std::fs::write(
            &settings,
            "[smtp]\nhost = \"localhost\"\nport = 1\ntls = \"none\"\nusername = \"dora.marked@people.example\"\npassword = \"hunter2-marked\"\n\
             from = \"Roster <eva.marked@roster.example>\"\n\
             [[client]]\nid = \"wiki\"\nname = \"Wiki\"\nredirect_uris = [\"https://wiki.example/callback\"]\n\
             secret = \"marked-secret-of-thirty-two-characters\"\n",
        )
        .unwrap();
        let file = dir.path().join("diagnostics.txt");
        let path = file.display().to_string();
        let settings = settings.display().to_string();
        let arguments = ["export-diagnostics", path.as_str(), "--config", settings.as_str()];
        succeeded(&command(dir.path(), &url, &key, &arguments).await);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        for there in ["version: 0.", "active: 2", "invited: 1", "smtp: localhost", "password = \"***\"", "***@roster.example", "users and accounts", "audit: 1 accounts"] {
            assert!(text.contains(there), "{there}\n{text}");
        }
        let cookie = ana.cookie("session").unwrap();
        for secret in ["marked", "Ana Owner", "acme", PASSWORD, &api_key, &cookie, &std::fs::read_to_string(&key).unwrap(), "argon2"] {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret}\n{text}");
        }
        refused(&command(dir.path(), &url, &key, &arguments).await, "exists");
    }
}
