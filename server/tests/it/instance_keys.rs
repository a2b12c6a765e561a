//! Another instance key in place of the one before, while people work (CF-03).

use crate::support::{
    Browser, World, both_databases, hex, holds,
    provider::{CLIENT_SECRET, Provider},
};
use app::{
    domain::{
        member::{MailState, MemberRow},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde_json::json;
use server::{
    mail::worker,
    secrets::{KeyFile, KeyId, Keyring},
    service::{Resealed, Retired, Rotated},
    storage::Database,
};
use sqlx::{Encode, Postgres, Sqlite, Type};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// A deployment whose keys stand in a file, with Ana, who owns Acme.
struct Office {
    world: World,
    ana: Browser,
    folder: tempfile::TempDir,
}

impl Office {
    async fn of(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = with_keys(world, &folder.path().join("secret.key"));
        Self { ana: world.owner("ana@example.org").await, world, folder }
    }

    /// Where the keys are.
    fn keys(&self) -> PathBuf {
        self.world.services.config.secret_key_file.clone()
    }

    /// Another instance on the same database, with a copy of the keys as they are now.
    fn elsewhere(&self) -> World {
        let copy = self.folder.path().join("elsewhere.key");
        fs::copy(self.keys(), &copy).unwrap();
        with_keys(&self.world, &copy)
    }

    /// The key that seals now.
    fn key(&self) -> KeyId {
        Keyring::load(&self.keys(), false).unwrap().current()
    }

    async fn rotates(&self) -> Rotated {
        self.world.services.rotate_keys().await.unwrap()
    }

    /// Retires the older keys, a minute later.
    async fn retires(&self) -> Retired {
        settled(&self.keys());
        self.world.services.retire_keys().await.unwrap()
    }

    async fn invites(&self, email: &str) -> MemberRow {
        self.ana.invites(email, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        self.ana.row(email).await
    }

    /// The link for a row, copied at an instance.
    async fn link(&self, at: &World, row: &MemberRow) -> Result<String, AppError> {
        self.ana.at(at).copies_link(row).await.map(|link| link.url)
    }
}

/// The same deployment with its keys in this file.
fn with_keys(world: &World, path: &Path) -> World {
    world.configured(|config| config.secret_key_file = path.to_owned())
}

/// Nobody has changed the file for a while.
fn settled(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(61)).unwrap();
}

const SEALED: [(&str, &str); 5] = [
    ("login_method_configurations", "secret"),
    ("invitation_tokens", "sealed"),
    ("outbox", "sealed"),
    ("oauth_attempts", "sealed"),
    ("flashes", "sealed"),
];

/// The table of each sealed value, and the id of the key that it begins with.
async fn sealed(world: &World) -> Vec<(&'static str, String)> {
    let mut sealed = Vec::new();
    for (table, column) in SEALED {
        let sql = format!("SELECT substr({column}, 1, 8) FROM {table} WHERE {column} IS NOT NULL");
        let values: Vec<Vec<u8>> = match &world.services.database {
            Database::Sqlite { readers, .. } => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(readers).await.unwrap()
            }
            Database::Postgres { pool, .. } => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
            }
        };
        sealed.extend(values.iter().map(|id| (table, hex(id))));
    }
    sealed
}

/// The keys that the database's sealed values are under.
async fn ids(world: &World) -> BTreeSet<String> {
    sealed(world).await.into_iter().map(|(_, id)| id).collect()
}

fn only(key: KeyId) -> BTreeSet<String> {
    BTreeSet::from([key.to_string()])
}

/// Changes the database behind Roster's back; `$1` is `value`.
async fn meddle<T>(world: &World, sql: &'static str, value: T) -> u64
where
    T: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
{
    match &world.services.database {
        Database::Sqlite { writer, .. } => sqlx::query(sql).bind(value).execute(writer).await.unwrap().rows_affected(),
        Database::Postgres { pool, .. } => sqlx::query(sql).bind(value).execute(pool).await.unwrap().rows_affected(),
    }
}

fn is_internal<T: std::fmt::Debug>(result: Result<T, AppError>) -> bool {
    matches!(result, Err(AppError::Internal { .. }))
}

both_databases! {
    async fn cf_03_a_clients_secret_and_the_links_of_an_invitation_outlive_the_key_that_sealed_them(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let office = Office::of(&world.with_providers(&[&provider])).await;
        let world = &office.world;
        let method = office.ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let ben = office.invites("ben@example.org").await;
        let link = office.link(world, &ben).await.unwrap();
        let asks = world.browser();
        asks.asks_for_code(&asks.opens_link(&link).await).await.unwrap();
        let (before, old) = (office.key(), office.elsewhere());
        let tables: BTreeSet<_> = sealed(world).await.into_iter().map(|(table, _)| table).collect();
        assert_eq!(tables, SEALED.map(|(table, _)| table).into(), "there is something of each kind");
        assert_eq!(ids(world).await, only(before));

        let rotated = office.rotates().await;
        assert!(rotated.new_key && rotated.resealed.values >= 5 && rotated.resealed.unopened == 0, "{rotated:?}");
        assert_ne!(before, office.key());
        assert_eq!(ids(world).await, only(office.key()), "every value is found under the new key");
        assert_eq!(office.link(world, &ben).await, Ok(link.clone()));

        let too_soon = world.services.retire_keys().await.unwrap();
        assert!(matches!(too_soon, Retired::TooSoon { .. }), "{too_soon:?}");
        assert!(KeyFile::read(&office.keys()).unwrap().has_older(), "a request may still write what it sealed before");
        let resealed = Resealed::default();
        assert_eq!(office.retires().await, Retired::Done { keys: 1, resealed });
        assert_eq!(office.retires().await, Retired::NoOlderKey);

        // The key of before opens nothing of what the database holds now …
        assert_eq!(old.services.keyring.current(), before);
        assert!(is_internal(office.link(&old, &ben).await));
        let refused = old.browser().signs_in_by(&provider, &method, json!({ "sub": "00u-eve" })).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        // … and everything goes on with the new one alone.
        assert_eq!(office.link(world, &ben).await, Ok(link.clone()));
        let cleo = json!({ "sub": "00u-cleo", "email": "cleo@example.org", "email_verified": true });
        let grant = Grant::of(BuiltInRole::Viewer);
        let theirs = office.ana.brings_in_by(&provider, &method, "cleo@example.org", cleo.clone(), &grant).await;
        theirs.sign_out().await;
        assert_eq!(theirs.signs_in_by(&provider, &method, cleo).await.location(), "/a/acme");
        world.mail_to("ben@example.org", 1).await;
        let browser = world.browser();
        let id = browser.opens_link(&world.link_to("ben@example.org", 0).await).await;
        browser.signs_up(&id, "ben@example.org").await.unwrap();
    }

    async fn cf_03_a_rotation_that_broke_off_is_carried_on_with_the_same_key(world: World) {
        let office = Office::of(&world).await;
        let world = &office.world;
        let (ben, cleo) = (office.invites("ben@example.org").await, office.invites("cleo@example.org").await);
        let links = [office.link(world, &ben).await, office.link(world, &cleo).await];
        let before = office.key();

        // The file is written, and no value sealed anew but what is written meanwhile.
        let mut keys = KeyFile::read(&office.keys()).unwrap();
        assert!(keys.rotate());
        keys.write(&office.keys()).unwrap();
        let dee = office.invites("dee@example.org").await;
        let dees = office.link(world, &dee).await;
        assert_eq!(ids(world).await, &only(before) | &only(office.key()));
        assert_eq!([office.link(world, &ben).await, office.link(world, &cleo).await], links);

        let file = fs::read_to_string(office.keys()).unwrap();
        // Two links and two mails were sealed before.
        let resealed = Resealed { values: 4, unopened: 0 };
        assert_eq!(office.rotates().await, Rotated { new_key: false, resealed });
        assert_eq!(fs::read_to_string(office.keys()).unwrap(), file, "no third key");
        assert_eq!(ids(world).await, only(office.key()));
        assert_eq!(office.rotates().await, Rotated { new_key: false, resealed: Resealed::default() });
        office.retires().await;
        assert_eq!([office.link(world, &ben).await, office.link(world, &cleo).await], links);
        assert_eq!(office.link(world, &dee).await, dees);
        assert!(office.rotates().await.new_key);
    }

    async fn cf_03_what_is_written_and_erased_while_the_keys_change_is_so_afterwards(world: World) {
        let office = Office::of(&world.configured(|config| config.invitations.resend_cool_down_s = 0)).await;
        let grant = Grant::of(BuiltInRole::Viewer);
        // Those who rotate are a process of their own.
        let operator = with_keys(&office.world, &office.keys());
        let rotating = async {
            for _ in 0..5 {
                let mut keys = KeyFile::read(&office.keys()).unwrap();
                keys.prepare();
                keys.write(&office.keys()).unwrap();
                assert!(operator.services.rotate_keys().await.unwrap().new_key);
            }
        };
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..24 {
            let (ana, grant) = (office.ana.clone(), grant.clone());
            tasks.spawn(async move {
                let email = format!("person-{n}@example.org");
                ana.invites(&email, &grant).await.unwrap();
                let row = ana.row(&email).await;
                ana.copies_link(&row).await.unwrap();
                ana.resends(&row).await.unwrap();
                let link = ana.copies_link(&row).await.unwrap().url;
                (row, link)
            });
        }
        let (people, ()) = tokio::join!(tasks.join_all(), rotating);
        let left = office.rotates().await.resealed;
        assert_eq!(left.unopened, 0);
        assert!(matches!(office.retires().await, Retired::Done { .. }));
        for (row, link) in people {
            assert_eq!(office.link(&office.world, &row).await, Ok(link));
        }
        let dead = "SELECT COUNT(*) FROM invitation_tokens WHERE dead_at IS NOT NULL";
        assert_eq!(office.world.count(dead).await, 48);
        let erased = "SELECT COUNT(*) FROM invitation_tokens WHERE dead_at IS NOT NULL AND sealed IS NULL";
        assert_eq!(office.world.count(erased).await, 48, "what was erased meanwhile does not come back");
    }

    async fn cf_03_an_instance_without_the_new_key_loses_nothing_and_follows_its_file(world: World) {
        let office = Office::of(&world).await;
        let ben = office.invites("ben@example.org").await;
        let link = office.link(&office.world, &ben).await;
        let elsewhere = office.elsewhere();
        office.rotates().await;
        assert!(is_internal(office.link(&elsewhere, &ben).await));

        // A mail that it cannot open waits.
        let stop = CancellationToken::new();
        tokio::spawn(worker::run(elsewhere.services.clone(), stop.clone()));
        let waits = || async {
            let deferred = office.ana.row("ben@example.org").await.mail;
            matches!(deferred, Some(MailState::Deferred { .. }))
        };
        let deferred = async {
            while !waits().await {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), deferred).await.expect("the mail waits");
        let unopened = elsewhere.services.rotate_keys().await.unwrap().resealed.unopened;
        assert_eq!(unopened, 2, "what another's key sealed is left as it is");
        assert_eq!(office.link(&office.world, &ben).await, link);

        fs::copy(office.keys(), &elsewhere.services.config.secret_key_file).unwrap();
        assert_eq!(office.link(&elsewhere, &ben).await, link);
        office.world.advance(Span::minutes(1));
        elsewhere.services.database.wake_mail_worker();
        assert!(elsewhere.mail_to("ben@example.org", 0).await.token().len() > 40);
        stop.cancel();
    }

    async fn cf_03_with_the_next_key_prepared_every_instance_opens_what_any_of_them_seals(world: World) {
        let office = Office::of(&world).await;
        let ben = office.invites("ben@example.org").await;
        let link = office.link(&office.world, &ben).await;
        let mut keys = KeyFile::read(&office.keys()).unwrap();
        assert!(keys.prepare());
        keys.write(&office.keys()).unwrap();
        let (before, elsewhere) = (office.key(), office.elsewhere());

        assert!(office.rotates().await.new_key);
        assert_ne!(office.key(), before);
        assert_eq!(office.link(&elsewhere, &ben).await, link);
        // What the other seals before it has the file is sealed anew before its key goes.
        let cleo = office.ana.at(&elsewhere);
        cleo.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(ids(&office.world).await.contains(&before.to_string()));
        let resealed = Resealed { values: 1, unopened: 0 };
        assert_eq!(office.retires().await, Retired::Done { keys: 1, resealed });
        assert_eq!(ids(&office.world).await, only(office.key()));
        assert_eq!(office.link(&elsewhere, &ben).await, link);
    }

    async fn cf_03_a_stolen_database_reveals_no_secret(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let office = Office::of(&world.with_providers(&[&provider])).await;
        let world = &office.world;
        let method = office.ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let begun = world.browser().presses(&format!("/oauth/{method}/start")).await;
        let state = Url::parse(begun.location()).unwrap();
        let state = state.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
        let ben = office.invites("ben@example.org").await;
        let copied = office.link(world, &ben).await.unwrap().rsplit('/').next().unwrap().to_owned();
        let asks = world.browser();
        asks.asks_for_code(&asks.opens_link(&format!("/i/{copied}")).await).await.unwrap();
        let before = world.dump().await;
        office.rotates().await;
        let after = world.dump().await;

        // The second by the order of writing: the first is there by then, too.
        let code = world.mail_to("ben@example.org", 1).await.part("text/plain");
        let mailed = world.mail_to("ben@example.org", 0).await.token();
        let code = code.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 8).unwrap().to_owned();
        let keys = fs::read_to_string(office.keys()).unwrap();
        let secrets = [CLIENT_SECRET, &state, &copied, &mailed, &code];
        for dump in [before, after] {
            assert!(holds(&dump, "ben@example.org") && holds(&dump, "roster client"), "it is a dump");
            for secret in secrets.into_iter().chain(keys.lines()) {
                assert!(!holds(&dump, secret), "{secret}");
            }
        }
    }

    async fn cf_03_a_sealed_value_that_was_moved_or_changed_does_not_open(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let office = Office::of(&world.with_providers(&[&provider])).await;
        let world = &office.world;
        let (ben, cleo) = (office.invites("ben@example.org").await, office.invites("cleo@example.org").await);
        let cleos = office.link(world, &cleo).await.unwrap();
        office.link(world, &ben).await.unwrap();
        let moved = "UPDATE invitation_tokens SET sealed = (SELECT o.sealed FROM invitation_tokens o WHERE o.hash = $1)
                      WHERE channel = 'copied' AND hash <> $1";
        let hash = server::secrets::Token::parse(cleos.rsplit('/').next().unwrap()).unwrap().hash();
        assert_eq!(meddle(world, moved, hash.clone()).await, 1);
        assert!(is_internal(office.link(world, &ben).await), "Ben's row does not give Cleo's link away");
        let cut = "UPDATE invitation_tokens SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE hash = $1";
        assert_eq!(meddle(world, cut, hash).await, 1);
        assert!(is_internal(office.link(world, &cleo).await));

        let one = office.ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let other = office.ana.sets_up(&provider, "Another", json!({ "sub": "00u-ana" })).await;
        let moved = "UPDATE login_method_configurations
                        SET secret = (SELECT c.secret FROM login_method_configurations c WHERE c.login_method_id = $1)
                      WHERE login_method_id <> $1";
        assert_eq!(meddle(world, moved, one.parse::<uuid::Uuid>().unwrap()).await, 1);
        let opens = async |method| world.browser().signs_in_by(&provider, method, json!({ "sub": "00u-eve" })).await.status;
        assert_eq!(opens(&one).await, StatusCode::SEE_OTHER);
        assert_eq!(opens(&other).await, StatusCode::INTERNAL_SERVER_ERROR);

        // What cannot be opened stands in nobody's way.
        let rotated = office.rotates().await;
        assert_eq!(rotated.resealed.unopened, 3, "{rotated:?}");
        assert!(matches!(office.retires().await, Retired::Done { .. }));
    }

    async fn cf_03_what_was_sealed_before_keys_had_ids_is_rotated_like_the_rest(world: World) {
        let office = Office::of(&world).await;
        let world = &office.world;
        let ben = office.invites("ben@example.org").await;
        let link = office.link(world, &ben).await.unwrap();
        let key = fs::read_to_string(office.keys()).unwrap();
        let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key.trim()).unwrap();
        let cipher = XChaCha20Poly1305::new_from_slice(&key).unwrap();
        let payload = Payload { msg: link.rsplit('/').next().unwrap().as_bytes(), aad: b"invitation-token" };
        let before = [[9; 24].as_slice(), &cipher.encrypt(&XNonce::from([9; 24]), payload).unwrap()].concat();
        let as_before = "UPDATE invitation_tokens SET sealed = $1 WHERE channel = 'copied'";
        assert_eq!(meddle(world, as_before, before).await, 1);
        assert_eq!(office.link(world, &ben).await, Ok(link.clone()));

        office.rotates().await;
        assert_eq!(ids(world).await, only(office.key()));
        office.retires().await;
        assert_eq!(office.link(world, &ben).await, Ok(link));
    }
}
