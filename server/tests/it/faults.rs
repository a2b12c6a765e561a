//! Faults of the database, and that the service heals itself of them (F5, F9, F10).

use crate::support::{Kind, World, both_databases};
use app::domain::role::{BuiltInRole, Grant};
use axum::http::StatusCode;
use server::storage::{Database, Tx};
use sqlx::SqlitePool;

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

fn writer(world: &World) -> &SqlitePool {
    match &world.services.database {
        Database::Sqlite { writer, .. } => writer,
        Database::Postgres(_) => panic!("this is about SQLite"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f09_f10_after_a_rollback_of_sqlites_own_the_next_write_succeeds() {
    World::tell(Kind::Sqlite, |world| async move {
        let ana = world.owner("ana@example.org").await;
        // A full disk or an I/O error ends the transaction below the library, which goes on counting it.
        let mut tx = world.services.database.begin_write().await.unwrap();
        match &mut tx {
            Tx::Sqlite(tx) => sqlx::query("ROLLBACK").execute(&mut **tx).await.unwrap(),
            Tx::Postgres(_) => panic!("this is about SQLite"),
        };
        drop(tx);
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        assert_eq!(world.browser().get("/readyz").await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f09_a_full_database_answers_503_and_reads_go_on_and_it_heals_when_there_is_room() {
    World::tell(Kind::Sqlite, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer(&world)).await.unwrap();
        // No page more: to SQLite that is a full disk (SQLITE_FULL).
        let limit = format!("PRAGMA max_page_count = {pages}");
        sqlx::query(sqlx::AssertSqlSafe(limit)).execute(writer(&world)).await.unwrap();
        let mut refused = None;
        for n in 0..500 {
            let (page, method) =
                ("/a/acme/settings/users", ana.list(&Default::default()).await.unwrap().facts.methods[0].id);
            let email = format!("n{n}@example.org");
            let fields = [
                ("account", "acme"),
                ("form[method]", &*method.to_string()),
                ("form[email]", &*email),
                ("form[role]", "viewer"),
            ];
            let answer = ana.post("users/invite", &fields).await;
            if !answer.status.is_success() {
                refused = Some(answer.status);
                assert_eq!(ana.get(page).await.status, StatusCode::OK, "reading goes on");
                break;
            }
        }
        assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE));
        sqlx::query("PRAGMA max_page_count = 1000000").execute(writer(&world)).await.unwrap();
        ana.invites("after@example.org", &viewer()).await.unwrap();
        let integrity: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(writer(&world)).await.unwrap();
        assert_eq!(integrity, "ok");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_f10_what_sqlite_acknowledges_is_on_the_disk() {
    World::tell(Kind::Sqlite, |world| async move {
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(writer(&world)).await.unwrap();
        assert_eq!(synchronous, 2, "FULL");
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(writer(&world)).await.unwrap();
        assert_eq!(journal, "wal");
    })
    .await;
}

both_databases! {
    async fn readyz_tells_whether_the_database_takes_what_is_written(world: World) {
        assert_eq!(world.browser().get("/readyz").await.status, StatusCode::OK);
        match &world.services.database {
            Database::Sqlite { writer, .. } => {
                sqlx::query("PRAGMA query_only = ON").execute(writer).await.unwrap();
            }
            Database::Postgres(pool) => {
                // What a demoted primary answers with: read-only.
                sqlx::query("ALTER TABLE rate_buckets RENAME TO rate_buckets_away").execute(pool).await.unwrap();
            }
        }
        // A second instance has no answer from before.
        let other = world.configured(|_| {});
        assert_eq!(other.browser().get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(other.browser().get("/healthz").await.status, StatusCode::OK);
    }
}
