//! What holds what on PostgreSQL, where several write at the same time: the account's row first, so that nobody waits in a circle.

use crate::support::{Kind, World, no_longer_in_acme};
use app::{
    api::joining::{Joined, NewLink},
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use server::storage::Database;
use sqlx::{PgPool, Postgres, Transaction};
use std::time::Duration;

fn pool(world: &World) -> &PgPool {
    match &world.services.database {
        Database::Postgres { pool, .. } => pool,
        Database::Sqlite { .. } => panic!("this is about PostgreSQL"),
    }
}

/// Somebody else's change of an account, under way.
async fn holding(world: &World, sql: &'static str) -> Transaction<'static, Postgres> {
    let mut tx = pool(world).begin().await.unwrap();
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx
}

/// Until somebody waits for a lock.
async fn somebody_waits(world: &World) {
    waiting(world, 1).await;
}

/// Until so many wait for a lock.
async fn waiting(world: &World, many: i64) {
    const WAITING: &str =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for _ in 0..2400 {
        if world.count(WAITING).await >= many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("fewer than {many} wait");
}

const ACME: &str = "SELECT 1 FROM accounts WHERE slug = 'acme' FOR UPDATE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_who_asks_for_a_new_link_holds_nothing_while_waiting_for_the_account() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Viewer);
        ana.invites_with("ben@example.org", &grant, &[("form[lifetime]", "1")]).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        world.advance(Span::hours(2));

        let mut other = holding(&world, ACME).await;
        let asking = tokio::spawn(async move { ben.asks_for_new_link(&id).await });
        somebody_waits(&world).await;
        // An admin who sends the invitation again goes on to it, with the account in hand.
        sqlx::query("SELECT 1 FROM invitations FOR UPDATE NOWAIT").execute(&mut *other).await.unwrap();
        other.commit().await.unwrap();
        assert_eq!(asking.await.unwrap(), Ok(NewLink::Asked));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_r13_the_accounts_of_who_makes_way_are_locked_before_their_members() {
    World::tell(Kind::Postgres, |world| async move {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        let viewer = Grant::of(BuiltInRole::Viewer);
        ana.at(&bare).invites("ben@example.org", &viewer).await.unwrap();
        let eve = bare.browser();
        let row = ana.row("ben@example.org").await;
        let id = eve.opens_link(&ana.at(&bare).copies_link(&row).await.unwrap().url).await;
        eve.signs_up(&id, "ben@example.org").await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer).await.unwrap();
        let ben = world.browser().on("beta");
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;

        let mut other = holding(&world, ACME).await;
        let signing_up = {
            let ben = ben.clone();
            tokio::spawn(async move { ben.signs_up(&id, "ben@example.org").await })
        };
        somebody_waits(&world).await;
        sqlx::query("SELECT 1 FROM members FOR UPDATE NOWAIT").execute(&mut *other).await.unwrap();
        // An account made later comes later: who waits for the first does not hold the second.
        sqlx::query("SELECT 1 FROM accounts WHERE slug = 'beta' FOR UPDATE NOWAIT").execute(&mut *other).await.unwrap();
        other.commit().await.unwrap();
        assert!(matches!(signing_up.await.unwrap(), Ok(Joined::In { .. })));
        assert!(ben.home().await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_who_is_no_member_of_an_account_does_not_lock_it() {
    World::tell(Kind::Postgres, |world| async move {
        world.owner("ana@example.org").await;
        world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
        let bea = world.browser().on("beta");
        let id = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
        bea.signs_up(&id, "bea@example.org").await.unwrap();

        // Whoever locks Acme's row now waits for longer than this.
        let other = holding(&world, ACME).await;
        let stranger = bea.on("acme");
        for function in ["users/remove", "users/resend", "users/copy-link", "login-methods/add", "accounts/leave"] {
            let id = "0198c5a0-0000-7000-8000-000000000000";
            let fields = [
                ("account", "acme"),
                ("preset", "openid"),
                ("member", id),
                ("form[member]", id),
                ("form[version]", "1"),
            ];
            let asked = tokio::time::timeout(Duration::from_secs(10), stranger.post(function, &fields)).await;
            let answer = asked.unwrap_or_else(|_| panic!("{function} waits for the account"));
            assert_eq!(answer.status, axum::http::StatusCode::NOT_FOUND, "{function}: {}", answer.body);
        }
        other.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r38_what_a_member_began_before_being_removed_is_refused_after() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let row = ana.row("adam@example.org").await;
        let invitations = world.count("SELECT COUNT(*) FROM invitations").await;

        let other = holding(&world, ACME).await;
        let removing = tokio::spawn(async move { ana.removes(&row).await });
        waiting(&world, 1).await;
        // Adam may still invite when he asks, and no longer when it is his turn.
        let inviting =
            tokio::spawn(async move { adam.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await });
        waiting(&world, 2).await;
        other.commit().await.unwrap();
        removing.await.unwrap().unwrap();
        assert_eq!(inviting.await.unwrap(), Err(no_longer_in_acme()));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, invitations);
    })
    .await;
}
