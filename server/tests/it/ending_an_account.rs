//! The end of an account, and its change of address: what is asked for, what it means until then, and that nothing is left (CF-08, R59).

use crate::support::{Browser, PASSWORD, World, both_databases, platform::client};
use app::{
    api::{
        account_settings::AccountSettingsView,
        accounts::{AccountDeletion, MyAccounts},
        joining::InvitationView,
        login_methods::{NextPage, Notice},
        own_login::DeletionAsked,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        name::Slug,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::json;
use server::storage::Database;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

const SETTINGS: &str = "/a/acme/settings/account";

async fn says(browser: &Browser, function: &str, field: (&str, &str)) -> Result<Option<Notice>, AppError> {
    Ok(browser.call_in::<NextPage>(&format!("account-settings/{function}"), &[field]).await?.notice)
}

async fn deletes(browser: &Browser, name: &str) -> Result<Option<Notice>, AppError> {
    says(browser, "delete", ("form[confirmation]", name)).await
}

async fn keeps(browser: &Browser) -> Result<Option<Notice>, AppError> {
    Ok(browser.call_in::<NextPage>("account-settings/keep", &[]).await?.notice)
}

async fn moves(browser: &Browser, slug: &str) -> Result<Option<Notice>, AppError> {
    says(browser, "change-address", ("form[slug]", slug)).await
}

async fn deletion(browser: &Browser) -> Option<AccountDeletion> {
    browser.home().await.unwrap().deletion
}

async fn events(world: &World) -> Vec<String> {
    world
        .texts(
            "SELECT kind FROM audit_events WHERE kind IN ('account_deletion_asked', 'account_kept', 'account_address_changed') ORDER BY seq",
        )
        .await
}

impl World {
    async fn runs_the_daily_job_after(&self, span: Span) {
        self.advance(span);
        assert!(self.services.clean_up_if_due(&CancellationToken::new()).await.unwrap(), "it is due");
    }

    /// The mails of this kind, by recipient.
    async fn mailed(&self, kind: &'static str) -> Vec<String> {
        let sql = match kind {
            "asked" => "SELECT recipient FROM outbox WHERE kind = 'account_deletion_asked' ORDER BY recipient",
            _ => "SELECT recipient FROM outbox WHERE kind = 'account_deletion_taken_back' ORDER BY recipient",
        };
        self.texts(sql).await
    }

    /// Every value of every table that is an id, by table and column.
    async fn ids(&self) -> BTreeMap<(String, String), Vec<Vec<u8>>> {
        let columns: Vec<(String, String)> = match &self.services.database {
            Database::Sqlite { readers, .. } => sqlx::query_as(
                "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                  WHERE t.type = 'table' AND c.type = 'BLOB'",
            )
            .fetch_all(readers)
            .await
            .unwrap(),
            Database::Postgres { pool, .. } => sqlx::query_as(
                "SELECT table_name::text, column_name::text FROM information_schema.columns
                  WHERE table_schema = 'public' AND data_type = 'uuid'",
            )
            .fetch_all(pool)
            .await
            .unwrap(),
        };
        let mut ids = BTreeMap::new();
        for (table, column) in columns {
            let found: Vec<Vec<u8>> = match &self.services.database {
                Database::Sqlite { readers, .. } => {
                    let sql = format!("SELECT {column} FROM {table} WHERE length({column}) = 16");
                    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(readers).await.unwrap()
                }
                Database::Postgres { pool, .. } => {
                    let sql = format!("SELECT uuid_send({column}) FROM {table} WHERE {column} IS NOT NULL");
                    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
                }
            };
            ids.insert((table, column), found);
        }
        ids
    }
}

both_databases! {
    async fn cf_08_an_owner_asks_for_the_deletion_and_everybody_is_told(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        for name in ["", "acme", "Acme Inc"] {
            let refused = deletes(&ana, name).await;
            assert_eq!(refused, Err(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed).into()), "{name}");
        }
        assert_eq!(deletion(&ben).await, None);
        assert_eq!(deletes(&ana, " Acme ").await, Ok(Some(Notice::AccountDeletionAsked)));
        let told = AccountDeletion { at: world.now() + Span::days(14), by: Some("Ana Owner".to_owned()) };
        for browser in [&ana, &olga, &ben] {
            assert_eq!(deletion(browser).await, Some(told.clone()));
            let page = browser.get("/a/acme").await.body;
            assert!(page.contains("This account is scheduled for deletion after") && page.contains("Ana Owner asked for it."), "{page}");
        }
        assert!(!ben.get("/a/acme").await.body.contains("Keep this account"), "owners alone can");
        assert!(olga.get("/a/acme").await.body.contains("Keep this account"));
        assert_eq!(world.mailed("asked").await, ["ana@example.org", "olga@example.org"]);
        let text = world.mail_about("olga@example.org", "Acme is scheduled for deletion").await.part("text/plain");
        assert!(text.contains("Ana Owner (ana@example.org) asked for the account Acme to be deleted.") && text.contains(SETTINGS), "{text}");
        world.advance(Span::minutes(5));
        assert_eq!(deletes(&olga, "Acme").await, Ok(Some(Notice::AccountDeletionAsked)), "the day stays");
        assert_eq!(deletion(&ben).await, Some(told));
        assert_eq!(world.mailed("asked").await.len(), 2);
        assert_eq!(events(&world).await, ["account_deletion_asked"]);
    }

    async fn az_16_deleting_and_moving_an_account_asks_for_a_recent_sign_in_and_keeping_it_does_not(world: World) {
        let ana = world.owner("ana@example.org").await;
        deletes(&ana, "Acme").await.unwrap();
        world.advance(Span::hours(1));
        assert_eq!(keeps(&ana).await, Ok(Some(Notice::AccountKept)));
        assert_eq!(deletes(&ana, "Acme").await, Err(AppError::ReauthenticationRequired));
        assert_eq!(moves(&ana, "acme-support").await, Err(AppError::ReauthenticationRequired));
        let page = ana.get(SETTINGS).await.body;
        assert!(page.contains("/a/acme/reauthenticate?next="), "{page}");
    }

    async fn cf_08_an_account_is_kept_by_any_owner_and_all_of_them_are_told(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        deletes(&ana, "Acme").await.unwrap();
        world.advance(Span::days(13));
        olga.sign_in("olga@example.org", PASSWORD).await.unwrap();
        assert_eq!(keeps(&olga).await, Ok(Some(Notice::AccountKept)));
        assert_eq!(keeps(&olga).await, Ok(Some(Notice::AccountKept)), "twice is once");
        assert_eq!((deletion(&olga).await, world.mailed("kept").await.len()), (None, 2));
        let text = world.mail_about("ana@example.org", "Acme will not be deleted").await.part("text/plain");
        assert!(text.contains("(olga@example.org) decided to keep the account Acme"), "{text}");
        world.runs_the_daily_job_after(Span::days(2)).await;
        assert!(olga.home().await.is_ok());
        assert_eq!(events(&world).await, ["account_deletion_asked", "account_kept"]);
    }

    async fn cf_08_nobody_is_invited_into_an_account_that_is_going_to_be_deleted_and_nobody_joins(world: World) {
        let ana = world.owner("ana@example.org").await;
        let viewer = Grant::of(BuiltInRole::Viewer);
        for email in ["ben@example.org", "cid@example.org", "dora@example.org"] {
            ana.invites(email, &viewer).await.unwrap();
        }
        let (ben, cid) = (world.browser(), world.browser());
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let copied = ana.copies_link(&ana.row("cid@example.org").await).await.unwrap().url;
        let elsewhere = cid.opens_link(&copied).await;
        deletes(&ana, "Acme").await.unwrap();

        let refused = Err(AppError::Refused(Refusal::AccountDeleted));
        assert_eq!(ana.invites("eve@example.org", &viewer).await.map(drop), refused);
        world.advance(Span::minutes(6));
        assert_eq!(ana.resends(&ana.row("ben@example.org").await).await.map(drop), refused);
        assert_eq!(ana.copies_link(&ana.row("dora@example.org").await).await.map(drop), refused);
        assert!(matches!(ben.views(&id).await, InvitationView::AccountDeleted(account) if account == "Acme"));
        let page = ben.get(&format!("/invitation/{id}")).await.body;
        assert!(page.contains("No one can join Acme any more."), "{page}");
        assert_eq!(ben.signs_up(&id, "ben@example.org").await.map(drop), Err(AppError::OpenTheLinkAgain));
        assert!(cid.asks_for_code(&elsewhere).await.is_err());
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'active'").await, 1);

        keeps(&ana).await.unwrap();
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert!(ana.invites("eve@example.org", &viewer).await.is_ok());
    }

    async fn cf_08_what_a_user_was_offered_elsewhere_is_off_while_that_account_is_going_to_be_deleted(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let beta = world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
        let bea = world.browser().on("beta");
        let id = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
        bea.signs_up(&id, "bea@example.org").await.unwrap();
        bea.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let offered = async || ben.call::<MyAccounts>("accounts/list", &[]).await.unwrap().invitations;
        assert_eq!(offered().await, 1);
        deletes(&bea, "Beta").await.unwrap();
        assert_eq!(offered().await, 0);
        drop(beta);
    }

    async fn cf_08_an_invitation_that_waits_is_not_mailed_any_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.stops_mailing().await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        deletes(&ana, "Acme").await.unwrap();
        world.mail_to("ana@example.org", 0).await;
        world.stops_mailing().await;
        assert_eq!(world.texts("SELECT state FROM outbox WHERE kind = 'invitation'").await, ["dropped"]);
    }

    async fn cf_08_after_14_days_nothing_of_the_account_is_left_and_nothing_else_is_touched(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        ana.brings_in_by(&provider, &method, "sam@example.org", json!({ "sub": "00u-sam" }), &Grant::of(BuiltInRole::Editor)).await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let gone = ana.brings_in_as("gone@example.org", BuiltInRole::Viewer).await;
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Agent).with("analytics.read")).await.unwrap();
        let link = ana.copies_link(&ana.row("eve@example.org").await).await.unwrap().url;
        let eve = world.browser();
        let id = eve.opens_link(&link).await;
        eve.asks_for_code(&id).await.unwrap();
        let role = [("form[name]", "Writers"), ("form[permissions][]", "bots.read")];
        ana.call_in::<serde_json::Value>("roles/create", &role).await.unwrap();
        ana.call_in::<NextPage>("ownership/offer", &[("form[email]", "ben@example.org")]).await.unwrap();
        moves(&ana, "acme-two").await.unwrap();
        let ana = ana.on("acme-two");
        moves(&ana, "acme").await.unwrap();
        let ana = ana.on("acme");
        // Ben and Ana are in another account, too.
        let beta = ana.opens_account("Beta", "beta").await.unwrap();
        let ana_there = ana.on(beta.slug.as_str());
        ana_there.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mails = world.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'ben@example.org' AND kind = 'invitation'").await;
        assert_eq!(mails, 2);
        deletes(&ana, "Acme").await.unwrap();
        world.stops_mailing().await;

        let acme = world.ids_of("acme").await;
        let (before, others) = (world.rows().await, world.count("SELECT COUNT(*) FROM users").await);
        assert!(acme.len() > 30, "{}", acme.len());
        for table in ["invitation_tokens", "invitation_token_holders", "identities", "ownership_offers", "login_method_configurations", "former_slugs", "delivery_events", "one_time_tokens", "audit_details", "member_permissions", "role_permissions"] {
            assert!(!before[table].is_empty(), "the story has no {table}");
        }
        world.runs_the_daily_job_after(Span::days(14) + Span::minutes(-1)).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert!(ana.home().await.is_ok(), "not a minute before");
        let acme = [acme, world.ids_of("acme").await].concat();
        let beta_before = world.texts("SELECT e.kind || e.data FROM audit_events e JOIN accounts a ON a.id = e.account_id WHERE a.slug = 'beta' ORDER BY 1").await;
        world.runs_the_daily_job_after(Span::days(1)).await;

        for ((table, column), ids) in world.ids().await {
            assert!(ids.iter().all(|id| !acme.contains(id)), "{table}.{column} still names the account");
        }
        assert_eq!(ana.home().await.map(drop), Err(AppError::NotFound));
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, others, "users stay");
        let there = ana_there.home().await.unwrap();
        assert_eq!(there.name, "Beta");
        assert_eq!(world.texts("SELECT e.kind || e.data FROM audit_events e JOIN accounts a ON a.id = e.account_id WHERE a.slug = 'beta' ORDER BY 1").await, beta_before);
        let taken: AppError = FieldErrors::one(Field::Slug, Problem::Taken).into();
        for slug in ["acme", "acme-two"] {
            assert_eq!(ana.opens_account("Acme again", slug).await.err(), Some(taken.clone()), "{slug} must not lead to strangers");
        }
        world.runs_the_daily_job_after(Span::days(365)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM former_slugs").await, 0);
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.opens_account("Acme again", "acme").await.unwrap().slug, Slug::parse("acme").unwrap(), "its address can be taken");
        let empty = ana.on("acme").list(&Default::default()).await.unwrap();
        assert_eq!(empty.rows.len(), 1);
        drop((olga, gone, ben));
    }

    async fn op_07_the_deletion_of_an_account_ends_what_platforms_hold(world: World) {
        let world = world.with_clients(&[client("bots")]);
        let ana = world.owner("ana@example.org").await;
        world.platform(client("bots")).signs_in(&ana).await;
        // The session lives on, in another account.
        ana.opens_account("Beta", "beta").await.unwrap();
        deletes(&ana, "Acme").await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins WHERE ended").await, 0);
        world.configured(|config| config.sessions.idle_days = 30).runs_the_daily_job_after(Span::days(14)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins WHERE ended").await, 1);
    }

    async fn cf_08_the_last_owner_of_an_account_that_goes_can_delete_the_login(world: World) {
        let ana = world.owner("ana@example.org").await;
        let form = [("form[confirmation]", "ana@example.org"), ("form[present_password]", PASSWORD)];
        let asked = async || ana.call::<DeletionAsked>("me/delete", &form).await.unwrap();
        assert!(matches!(asked().await, DeletionAsked::LastOwnerOf { .. }));
        deletes(&ana, "Acme").await.unwrap();
        assert!(matches!(asked().await, DeletionAsked::At { .. }));
        world.runs_the_daily_job_after(Span::days(15)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM accounts").await, 0);
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_key = 'ana@example.org'").await, 0);
    }

    async fn cf_08_keeping_an_account_against_the_job_leaves_it_whole_or_gone(world: World) {
        let ana = world.owner("ana@example.org").await;
        deletes(&ana, "Acme").await.unwrap();
        world.advance(Span::days(14));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let stop = CancellationToken::new();
        let (kept, ran) = tokio::join!(keeps(&ana), world.services.clean_up_if_due(&stop));
        assert!(ran.unwrap());
        let left = world.count("SELECT COUNT(*) FROM accounts").await;
        assert_eq!(left, i64::from(kept.is_ok()), "{kept:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, left);
    }

    async fn inv_19_a_deletion_is_asked_for_three_times_a_day(world: World) {
        let ana = world.owner("ana@example.org").await;
        for _ in 0..3 {
            deletes(&ana, "Acme").await.unwrap();
            keeps(&ana).await.unwrap();
        }
        assert!(matches!(deletes(&ana, "Acme").await, Err(AppError::RateLimited { .. })));
    }

    async fn r59_an_account_changes_its_address_and_the_old_one_leads_to_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let next: NextPage = ana.call_in("account-settings/change-address", &[("form[slug]", " acme-support ")]).await.unwrap();
        assert_eq!(next, NextPage::saying("/a/acme-support/settings/account".to_owned(), Notice::AccountAddressChanged));
        // An open page goes on at the old address, and is told the new one.
        let home = ana.home().await.unwrap();
        assert_eq!((home.slug.as_str(), home.former_slug.as_ref().map(Slug::as_str)), ("acme-support", Some("acme")));
        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(ana.on("acme-support").home().await.unwrap().former_slug, None);
        for (old, new) in [
            ("/a/acme", "/a/acme-support"),
            ("/a/acme/settings/users?q=ben&sort=name", "/a/acme-support/settings/users?q=ben&sort=name"),
            ("/a/acme/settings/account?flash=01890a5d-ac96-774b-bcce-b302099a8057", "/a/acme-support/settings/account?flash=01890a5d-ac96-774b-bcce-b302099a8057"),
        ] {
            let answer = ana.get(old).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (308, new), "{old}");
            assert_eq!(answer.headers["cache-control"], "no-store", "the account may take it back");
        }
        assert_eq!(ana.get("/a/acme/settings/users.csv").await.status.as_u16(), 200);
        let ben = world.browser().on("acme-support");
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert!(ben.home().await.is_ok());
        // Strangers learn nothing of it.
        let stranger = world.browser();
        let page = stranger.get("/a/acme/settings/users").await;
        assert_eq!(page.location(), "/login/acme?next=%2Fa%2Facme%2Fsettings%2Fusers");
        assert!(!stranger.get("/login/acme").await.body.contains("acme-support"));
        ana.opens_account("Beta", "beta").await.unwrap();
        let event = world.texts("SELECT data FROM audit_events WHERE kind = 'account_address_changed'").await;
        assert_eq!(event, ["{\"kind\":\"account_address_changed\",\"before\":\"acme\",\"after\":\"acme-support\"}"]);
        let page = ana.on("acme-support").get("/a/acme-support/settings/audit").await.body;
        assert!(page.contains("Address of the account changed") && page.contains("/a/acme → /a/acme-support"), "{page}");
    }

    async fn r59_only_members_are_led_to_the_new_address(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        moves(&ana, "acme-two").await.unwrap();
        let ana = ana.on("acme-two");
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let refused = ben.get("/a/acme/settings/users").await;
        assert_eq!(refused.status.as_u16(), 403);
        assert!(refused.headers.get("location").is_none() && !refused.body.contains("acme-two"), "{}", refused.body);
    }

    async fn r59_an_address_that_another_account_has_or_had_is_not_given(world: World) {
        let ana = world.owner("ana@example.org").await;
        let beta = ana.opens_account("Beta", "beta").await.unwrap();
        let ana_there = ana.on(beta.slug.as_str());
        let taken: Result<Option<Notice>, AppError> = Err(FieldErrors::one(Field::Slug, Problem::Taken).into());
        assert_eq!(moves(&ana, "beta").await, taken.clone());
        for (slug, problem) in [("", Problem::Required), ("Not this", Problem::NotASlug), ("-a", Problem::NotASlug)] {
            assert_eq!(moves(&ana, slug).await, Err(FieldErrors::one(Field::Slug, problem).into()), "{slug}");
        }
        assert_eq!(moves(&ana, "acme").await, Ok(Some(Notice::AccountSaved)), "it has that one");
        moves(&ana, "acme-two").await.unwrap();
        let ana = ana.on("acme-two");
        assert_eq!(moves(&ana_there, "acme").await, taken.clone(), "bookmarks must not lead to others");
        assert_eq!(ana.opens_account("Fake", "acme").await.err(), taken.clone().err());
        assert_eq!(moves(&ana, "acme").await, Ok(Some(Notice::AccountAddressChanged)), "its own, again");
        let ana = ana.on("acme");
        assert_eq!(moves(&ana_there, "acme-two").await, Err(FieldErrors::one(Field::Slug, Problem::Taken).into()));
        world.runs_the_daily_job_after(Span::days(400)).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(moves(&ana_there, "acme-two").await, taken, "as long as the account lives");
        assert_eq!(ana.on("acme-two").home().await.unwrap().slug.as_str(), "acme");
    }

    async fn r59_of_two_accounts_that_want_one_address_one_gets_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let beta = ana.opens_account("Beta", "beta").await.unwrap();
        let ana_there = ana.on(beta.slug.as_str());
        let (one, other) = tokio::join!(moves(&ana, "wanted"), moves(&ana_there, "wanted"));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM accounts WHERE slug = 'wanted'").await, 1);
    }

    async fn inv_19_an_address_is_changed_five_times_in_a_month(world: World) {
        let ana = world.owner("ana@example.org").await;
        for slug in ["one", "two", "acme", "two", "three"] {
            moves(&ana, slug).await.unwrap();
        }
        let too_often = Problem::ChangedTooOften { most: 5, days: 30 };
        assert_eq!(moves(&ana, "four").await, Err(FieldErrors::one(Field::Slug, too_often).into()));
        world.advance(Span::days(30));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(moves(&ana, "four").await, Ok(Some(Notice::AccountAddressChanged)));
    }

    async fn br_14_an_account_is_moved_deleted_and_kept_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = ana.submits(SETTINGS, "account-settings/change-address", &[("account", "acme"), ("form[slug]", "Not this")]).await.body;
        assert!(page.contains("value=\"Not this\"") && page.contains("aria-invalid=\"true\""), "{page}");
        let page = ana.submits(SETTINGS, "account-settings/change-address", &[("account", "acme"), ("form[slug]", "acme-two")]).await.body;
        assert!(page.contains("The account has its new address.") && page.contains("/a/acme-two"), "{page}");
        let settings = "/a/acme-two/settings/account";
        let page = ana.submits(settings, "account-settings/delete", &[("account", "acme-two"), ("form[confirmation]", "Beta")]).await.body;
        assert!(page.contains("value=\"Beta\"") && !page.contains("Keep this account"), "{page}");
        let page = ana.submits(settings, "account-settings/delete", &[("account", "acme-two"), ("form[confirmation]", "Acme")]).await.body;
        assert!(page.contains("The account is scheduled for deletion in 14 days.") && page.contains("action=\"/api/account-settings/keep\""), "{page}");
        let page = ana.submits(settings, "account-settings/keep", &[("account", "acme-two")]).await.body;
        assert!(page.contains("The account stays.") && !page.contains("Keep this account"), "{page}");
    }

    async fn r66_an_owner_sees_who_asked_for_the_deletion(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        deletes(&ana, "Acme").await.unwrap();
        let view: AccountSettingsView = olga.call_in("account-settings/show", &[]).await.unwrap();
        assert_eq!(view.deletion.unwrap().by.as_deref(), Some("Ana Owner"));
        let german = olga.call::<app::api::own_login::ProfileSaved>("me/change-profile", &[("form[name]", "Olga"), ("form[language]", "de")]).await;
        assert!(german.is_ok());
        keeps(&ana).await.unwrap();
        deletes(&ana, "Acme").await.unwrap();
        world.mail_about("olga@example.org", "Acme wird gelöscht").await;
    }
}

impl World {
    /// The ids of the account with this slug and of all rows that are its own.
    async fn ids_of(&self, slug: &str) -> Vec<Vec<u8>> {
        let tables: Vec<String> = self.tables_with("account_id").await;
        let with_id: Vec<String> = self.tables_with("id").await;
        let mut ids = Vec::new();
        let own = format!("account_id = (SELECT a.id FROM accounts a WHERE a.slug = '{slug}')");
        let tables = tables.into_iter().filter(|table| with_id.contains(table)).map(|table| (table, own.clone()));
        for (table, condition) in tables.chain([("accounts".to_owned(), format!("slug = '{slug}'"))]) {
            let found: Vec<Vec<u8>> = match &self.services.database {
                Database::Sqlite { readers, .. } => {
                    let sql = format!("SELECT id FROM {table} WHERE {condition}");
                    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(readers).await.unwrap()
                }
                Database::Postgres { pool, .. } => {
                    let sql = format!("SELECT uuid_send(id) FROM {table} WHERE {condition}");
                    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
                }
            };
            ids.extend(found);
        }
        ids
    }

    async fn tables_with(&self, column: &str) -> Vec<String> {
        match &self.services.database {
            Database::Sqlite { readers, .. } => sqlx::query_scalar(
                "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = ?",
            )
            .bind(column)
            .fetch_all(readers)
            .await
            .unwrap(),
            Database::Postgres { pool, .. } => sqlx::query_scalar(
                "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = $1",
            )
            .bind(column)
            .fetch_all(pool)
            .await
            .unwrap(),
        }
    }
}
