//! Open pages: what they are told of what others do, when, and when no more (R35, R36).

use crate::support::{Browser, Events, Kind, World, both_databases};
use app::{
    api::login_methods::{NextPage, Notice},
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use axum::http::StatusCode;
use server::storage::Database;
use sqlx::ConnectOptions;
use std::time::Duration;

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

async fn watching(browser: &Browser) -> Events {
    browser.watches().await.expect("a member may watch")
}

/// Told so, and then nothing more.
async fn is_told_once(events: &mut Events, name: &str) {
    assert_eq!(events.next().await.as_deref(), Some(name));
    events.tells_nothing().await;
}

both_databases! {
    async fn r35_an_open_page_is_told_what_others_do_and_what_the_mail_server_says(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let mut events = watching(&ben).await;
        // Ana is mailed that Ben has joined.
        events.settles().await;

        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        // The worker runs since somebody was brought in: what became of the mail comes by itself.
        world.link_to("cleo@example.org", 0).await;
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        events.settles().await;
        ana.edits(&ana.row("cleo@example.org").await, &Grant::of(BuiltInRole::Analyst)).await.unwrap();
        is_told_once(&mut events, "changed").await;
        assert!(ana.edits(&ana.row("ana@example.org").await, &viewer()).await.is_err());
        events.tells_nothing().await;
    }

    async fn r35_whose_role_changes_is_told_so_and_who_sees_no_members_is_told_nothing_of_them(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let mut events = watching(&ben).await;
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        events.tells_nothing().await;

        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        is_told_once(&mut events, "access-changed").await;
        ana.removes(&ana.row("cleo@example.org").await).await.unwrap();
        is_told_once(&mut events, "changed").await;
        ana.edits(&ana.row("ben@example.org").await, &viewer()).await.unwrap();
        is_told_once(&mut events, "access-changed").await;
    }

    async fn r59_everybody_is_told_of_the_new_address_and_a_stream_goes_on_at_the_old_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let mut events = watching(&ben).await;
        let moved: NextPage = ana.call_in("account-settings/change-address", &[("form[slug]", "acme-two")]).await.unwrap();
        assert_eq!(moved.notice, Some(Notice::AccountAddressChanged));
        is_told_once(&mut events, "address-changed").await;
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        is_told_once(&mut events, "access-changed").await;
        let mut late = watching(&ben).await;
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        assert_eq!(late.next().await.as_deref(), Some("changed"));
    }

    async fn r36_whoever_is_removed_or_suspended_is_told_at_once_and_nothing_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        for (email, suspended) in [("ben@example.org", false), ("cleo@example.org", true)] {
            let browser = ana.brings_in_as(email, BuiltInRole::Admin).await;
            let mut events = watching(&browser).await;
            let row = ana.row(email).await;
            if suspended {
                ana.suspends(&row).await.unwrap();
            } else {
                ana.removes(&row).await.unwrap();
            }
            assert_eq!(events.next().await.as_deref(), Some("access-ended"));
            assert_eq!(events.next().await, None, "the stream has ended");
            assert_eq!(browser.watches().await.err(), Some(StatusCode::FORBIDDEN));
        }
    }

    async fn se_05_a_stream_outlives_no_session(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let mut events = watching(&ben).await;
        ben.sign_out().await;
        assert_eq!(events.next().await.as_deref(), Some("sign-in-needed"));
        assert_eq!(events.next().await, None);
        assert_eq!(ben.watches().await.err(), Some(StatusCode::UNAUTHORIZED));
    }

    async fn se_04_watching_is_no_use_of_a_session_and_no_activity(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let before = ana.row("ben@example.org").await.last_active;
        for _ in 0..10 {
            world.advance(Span::days(1));
            // The page opens the stream again and asks for the list, and nobody is there.
            let _ = ben.watches().await;
            let _ = ben.asks_in_background("users/list").await;
            ana.home().await.unwrap();
        }
        assert_eq!(ben.watches().await.err(), Some(StatusCode::UNAUTHORIZED), "idle for too long");
        assert_eq!(ana.row("ben@example.org").await.last_active, before);
    }

    async fn az_03_nobody_is_told_of_another_account(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let (mut acme, mut beta) = (watching(&ana).await, watching(&ana.on("beta")).await);
        acme.settles().await;
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        assert_eq!(acme.next().await.as_deref(), Some("changed"));
        beta.tells_nothing().await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        assert_eq!(ben.on("beta").watches().await.err(), Some(StatusCode::NOT_FOUND));
    }

    async fn r35_what_is_refused_or_rolled_back_tells_nobody(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let mut events = watching(&ana).await;
        events.settles().await;
        assert!(ben.invites("cleo@example.org", &Grant::of(BuiltInRole::Owner)).await.is_err());
        assert!(ben.removes(&ana.row("ana@example.org").await).await.is_err());
        events.tells_nothing().await;
    }

    async fn f22_streams_end_when_the_server_is_told_to_stop(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut events = watching(&ana).await;
        world.services.stopping.cancel();
        assert_eq!(events.next().await, None);
    }
}

/// Another instance on the same PostgreSQL; both pass on what they hear.
async fn with_another_instance(world: &World, change_url: impl FnOnce(&mut url::Url)) -> World {
    let Database::Postgres { pool, .. } = &world.services.database else { panic!("this is about PostgreSQL") };
    let mut url = pool.connect_options().to_url_lossy();
    change_url(&mut url);
    let other = world.on_database(Database::connect(url.as_str()).await.unwrap());
    for instance in [world, &other] {
        let database = instance.services.database.clone();
        let stop = world.services.stopping.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move { database.relay_changes().await }));
    }
    other
}

const LISTENING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";

async fn until_so_many_listen(world: &World, many: i64) {
    for _ in 0..400 {
        if world.count(LISTENING).await == many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not {many} listen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_what_one_instance_does_is_told_on_another_and_again_after_a_lost_connection() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let other = with_another_instance(&world, |_| {}).await;
        until_so_many_listen(&world, 2).await;
        let mut events = watching(&ana.at(&other)).await;
        // Whoever begins to listen tells everybody, once.
        events.settles().await;
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        events.tells_nothing().await;

        // Connections are lost: what was changed meanwhile is told when they are there again.
        world
            .texts("SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")
            .await;
        ana.removes(&ana.row("cleo@example.org").await).await.unwrap();
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        until_so_many_listen(&world, 2).await;
        events.settles().await;
        ana.invites("dora@example.org", &viewer()).await.unwrap();
        assert_eq!(events.next().await.as_deref(), Some("changed"));

        world.services.stopping.cancel();
        other.services.database.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_behind_a_pooler_that_passes_no_notices_on_pages_are_told_every_few_seconds() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        // As the README has operators say it.
        let keeps_none = |url: &mut url::Url| {
            url.query_pairs_mut().clear().append_pair("statement-cache-capacity", "0");
        };
        let other = with_another_instance(&world, keeps_none).await;
        until_so_many_listen(&world, 1).await;
        let mut events = watching(&ana.at(&other)).await;
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        world.services.stopping.cancel();
        other.services.database.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_a_command_tells_the_instances_before_it_ends() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let other = with_another_instance(&world, |_| {}).await;
        until_so_many_listen(&world, 2).await;
        let mut events = watching(&ana.at(&other)).await;
        events.settles().await;
        let Database::Postgres { pool, .. } = &world.services.database else { panic!("this is about PostgreSQL") };
        let url = pool.connect_options().to_url_lossy();
        let command = world.on_database(Database::connect(url.as_str()).await.unwrap());
        ana.at(&command).invites("cleo@example.org", &viewer()).await.unwrap();
        command.services.database.close().await;
        assert_eq!(events.next().await.as_deref(), Some("changed"));
        world.services.stopping.cancel();
        other.services.database.close().await;
    })
    .await;
}
