//! What the same work costs without Roster: one row by its key, a commit of three rows, one hash of a password. Processor time of this process,
//! which does nothing else meanwhile, and of the database.

use crate::{
    Result, processes,
    store::{Pool, Store},
};
use argon2::{Argon2, Params};
use sqlx::Executor;
use std::time::{Duration, Instant};
use uuid::Uuid;

const DURATION: Duration = Duration::from_secs(2);

/// Milliseconds of each.
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    pub look_up: f64,
    pub commit: f64,
    pub hash: f64,
}

pub async fn measure(store: &Store, hash_of_session: &[u8]) -> Result<Bare> {
    let pool = store.connect().await?;
    let key = match &pool {
        Pool::Sqlite(_) => "BLOB",
        Pool::Postgres(_) => "UUID",
    };
    pool.run(format!("CREATE TABLE IF NOT EXISTS bench_rows (id {key} NOT NULL PRIMARY KEY, n BIGINT NOT NULL)"))
        .await?;
    let look_up = time(store, async || look_up(&pool, hash_of_session).await).await?;
    let commit = time(store, async || commit(&pool).await).await?;
    pool.run("DROP TABLE bench_rows".to_owned()).await?;
    pool.close().await;
    let hash = time(store, async || hash()).await?;
    Ok(Bare { look_up, commit, hash })
}

async fn time(store: &Store, work: impl AsyncFn() -> Result<()>) -> Result<f64> {
    work().await?;
    let own = || processes::processor_ms(std::process::id());
    let (before, begun, mut done) = (own()? + store.processor_ms()?, Instant::now(), 0.0);
    while begun.elapsed() < DURATION {
        work().await?;
        done += 1.0;
    }
    Ok((own()? + store.processor_ms()? - before) / done)
}

async fn look_up(pool: &Pool, hash: &[u8]) -> Result<()> {
    const SQL: &str = "SELECT id FROM sessions WHERE hash = $1";
    let _: Uuid = match pool {
        Pool::Sqlite(pool) => sqlx::query_scalar(SQL).bind(hash).fetch_one(pool).await?,
        Pool::Postgres(pool) => sqlx::query_scalar(SQL).bind(hash).fetch_one(pool).await?,
    };
    Ok(())
}

async fn commit(pool: &Pool) -> Result<()> {
    const SQL: &str = "INSERT INTO bench_rows (id, n) VALUES ($1, $2)";
    match pool {
        Pool::Sqlite(pool) => {
            let mut tx = pool.begin().await?;
            for n in 0..3_i64 {
                tx.execute(sqlx::query(SQL).bind(Uuid::now_v7()).bind(n)).await?;
            }
            tx.commit().await?;
        }
        Pool::Postgres(pool) => {
            let mut tx = pool.begin().await?;
            for n in 0..3_i64 {
                tx.execute(sqlx::query(SQL).bind(Uuid::now_v7()).bind(n)).await?;
            }
            tx.commit().await?;
        }
    }
    Ok(())
}

/// With the parameters of Roster's own hashes, which are the library's.
fn hash() -> Result<()> {
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let hashed = Argon2::default().hash_password_into(b"seventeen purple otters", b"a salt of sixteen", &mut out);
    Ok(hashed.map_err(|error| error.to_string())?)
}
