//! Databases that are full, gone, demoted or in each other's way (F6 to F9).

use crate::support::{Kind, Server, World, both_databases, empty_postgres, fresh};
use app::{
    api::invitations::Invited,
    domain::{
        name::Slug,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};
use http::{StatusCode, header};
use server::storage::{Database, StorageError, accounts};
use sqlx::{Executor, PgPool, Row};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

fn postgres(world: &World) -> &PgPool {
    match &world.services.database {
        Database::Postgres { pool, .. } => pool,
        Database::Sqlite { .. } => panic!("this is about PostgreSQL"),
    }
}

async fn administer(world: &World, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(postgres(world)).await.unwrap();
}

/// Migrations write the whole schema at once: their log must not stand beside it on a small disk.
#[tokio::test]
async fn f9_the_log_of_migrations_takes_no_space_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", dir.path().join("roster.db").display());
    let database = Database::connect(&url).await.unwrap();
    database.migrate().await.unwrap();
    let size = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().len();
    assert_eq!(size("roster.db-wal"), 0);
    assert!(size("roster.db") > 500_000, "the schema is in the file");
    database.close().await;
}

/// Ends every connection, as a restart of the server does; the one that says so leaves the pool.
async fn end_connections(world: &World) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut last = postgres(world).acquire().await.unwrap();
    sqlx::query(end).execute(&mut *last).await.unwrap();
    last.detach();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f09_after_a_full_disk_writes_succeed_as_soon_as_there_is_space() {
    World::tell(Kind::Sqlite, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let Database::Sqlite { writer, .. } = &world.services.database else { panic!("SQLite") };
        // The limit belongs to the connection: the next one has space again.
        sqlx::raw_sql("PRAGMA max_page_count = 1").execute(writer).await.unwrap();
        let grant = Grant::of(BuiltInRole::Viewer);
        let mut refused = None;
        for n in 0..60 {
            let email = format!("n{n}@example.org");
            if let Err(error) = ana.invites(&email, &grant).await {
                refused = Some((email, error));
                break;
            }
        }
        let (email, error) = refused.expect("the disk is full");
        assert_eq!(error, AppError::Unavailable);
        let again = Instant::now();
        assert!(
            matches!(ana.invites(&email, &grant).await, Ok(Invited::Done { .. })),
            "nothing of the first try stands"
        );
        assert!(again.elapsed() < Duration::from_secs(2));
        assert_eq!(ana.get("/readyz").await.status, StatusCode::OK);
        let chain = world.services.check_audit(&Slug::parse("acme").unwrap()).await.unwrap().unwrap();
        assert_eq!(chain.fault(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_what_is_acknowledged_on_sqlite_is_on_the_disk() {
    World::tell(Kind::Sqlite, |world| async move {
        let Database::Sqlite { writer, .. } = &world.services.database else { panic!("SQLite") };
        let full: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(writer).await.unwrap();
        assert_eq!(full, 2, "FULL");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_connections_that_the_server_ended_are_replaced_unnoticed() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        for round in 0..3 {
            end_connections(&world).await;
            let email = format!("n{round}@example.org");
            assert!(ana.invites(&email, &Grant::of(BuiltInRole::Viewer)).await.is_ok());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_demoted_primary_is_left_and_readiness_tells_of_writing() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        let database = world.texts("SELECT current_database()::text").await.swap_remove(0);
        administer(&world, format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
        end_connections(&world).await;
        let grant = Grant::of(BuiltInRole::Viewer);
        assert_eq!(ana.invites("ben@example.org", &grant).await, Err(AppError::Unavailable));
        let ready = ana.get("/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ready.headers[header::RETRY_AFTER], "2");
        let answer = ana
            .post("users/resend", &[("account", "acme"), ("member", &ana.row("ana@example.org").await.id.to_string())])
            .await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers[header::RETRY_AFTER], "2");

        let mut writable = postgres(&world).acquire().await.unwrap();
        for sql in [
            "SET default_transaction_read_only = off".to_owned(),
            format!("ALTER DATABASE {database} RESET default_transaction_read_only"),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *writable).await.unwrap();
        }
        writable.detach();
        assert!(ana.invites("dora@example.org", &grant).await.is_ok(), "at once, and without a restart");
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(ana.get("/readyz").await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_what_gave_way_in_a_deadlock_is_done_again_and_once() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        let mut other = postgres(&world).begin().await.unwrap();
        // The other one looks for deadlocks first, and gives way.
        sqlx::query("SET LOCAL deadlock_timeout = '20s'").execute(&mut *other).await.unwrap();
        sqlx::query("SELECT 1 FROM members WHERE email_key = 'ben@example.org' FOR UPDATE")
            .execute(&mut *other)
            .await
            .unwrap();
        let edit = tokio::spawn({
            let (ana, row) = (ana.clone(), row.clone());
            async move { ana.edits(&row, &Grant::of(BuiltInRole::Editor)).await }
        });
        tokio::time::sleep(Duration::from_millis(700)).await;
        sqlx::query("UPDATE accounts SET name = name WHERE slug = 'acme'").execute(&mut *other).await.unwrap();
        other.commit().await.unwrap();
        edit.await.unwrap().unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'edited'").await, 1);
    })
    .await;
}

/// Passes bytes on until it is told to swallow those of the connections that there are.
async fn proxy_to(target: String) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let swallows = Arc::new(AtomicBool::new(false));
    let told = swallows.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.unwrap();
            // A connection that is made after the fault leads somewhere again.
            let swallows = if told.load(Ordering::SeqCst) { Arc::default() } else { told.clone() };
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::join!(
                    pass_on(&mut from_client, &mut to_server, &swallows),
                    pass_on(&mut from_server, &mut to_client, &swallows)
                );
            });
        }
    });
    (port, swallows)
}

async fn pass_on(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut tokio::net::tcp::OwnedWriteHalf,
    swallows: &AtomicBool,
) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if swallows.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_black_hole_ends_within_seconds_and_connections_into_it_are_given_up() {
    let fresh = fresh(Kind::Postgres).await;
    let mut url = url::Url::parse(fresh.url()).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let (port, swallows) = proxy_to(target).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    let database = Database::connect(url.as_str()).await.unwrap();
    let now = server::clock::Clock::now(&server::clock::SystemClock);
    // Several connections, one of them in the middle of a transaction.
    let open: Vec<_> = futures::future::join_all((0..4).map(|_| database.begin_read())).await;
    let under_way = database.begin_write().await.unwrap();
    drop(open);
    tokio::time::sleep(Duration::from_millis(200)).await;

    swallows.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let error = under_way.commit().await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let began = Instant::now();
    database.try_writing(now).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    database.close().await;
    fresh.discard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_instances_that_start_at_once_bring_the_schema_up_to_date_one_after_the_other() {
    let empty = empty_postgres().await;
    let instances = futures::future::join_all((0..4).map(|_| empty.connect())).await;
    // One died while it held the lock: nothing of it is left.
    let Database::Postgres { pool, .. } = &instances[0] else { panic!("PostgreSQL") };
    let mut died = pool.acquire().await.unwrap().detach();
    sqlx::raw_sql("BEGIN; SELECT pg_advisory_xact_lock(125823003944306)").execute(&mut died).await.unwrap();
    let mut waiting = futures::future::join_all(instances.iter().map(Database::migrate));
    assert!(timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "they wait for one another");
    drop(died);
    for done in waiting.await {
        done.unwrap();
    }
    let locks = "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                  WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(sqlx::query_scalar::<_, i64>(locks).fetch_one(pool).await.unwrap(), 0);
    for instance in &instances {
        instance.close().await;
    }
    empty.discard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_no_statement_is_kept_where_the_url_says_so() {
    let fresh = fresh(Kind::Postgres).await;
    for (parameter, keeps) in [("", true), ("?statement-cache-capacity=0", false)] {
        let database = Database::connect(&format!("{}{parameter}", fresh.url())).await.unwrap();
        let now = server::clock::Clock::now(&server::clock::SystemClock);
        database.try_writing(now).await.unwrap();
        let Database::Postgres { pool, .. } = &database else { panic!("PostgreSQL") };
        while pool.num_idle() < pool.size() as usize {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Whichever of its connections it was.
        let connections = futures::future::join_all((0..pool.size()).map(|_| pool.acquire())).await;
        let mut names = 0;
        for connection in connections {
            let mut connection = connection.unwrap();
            let there = connection.fetch_one("SELECT COUNT(*) FROM pg_prepared_statements").await.unwrap();
            names += there.get::<i64, _>(0);
        }
        assert_eq!(names > 0, keeps, "{parameter}: {names}");
        database.close().await;
    }
    fresh.discard().await;
}

/// How many people ask for something again and again while the server is restarted.
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_a_restart_of_the_server_is_over_within_two_seconds_and_loses_nothing_that_was_acknowledged() {
    let server = Arc::new(tokio::task::spawn_blocking(Server::start).await.unwrap());
    let database = Database::connect(server.url()).await.unwrap();
    database.migrate().await.unwrap();
    let world = World::around(database).await;
    // The server of tests forgets what its processes had not written yet.
    administer(&world, "ALTER DATABASE postgres SET synchronous_commit = on".to_owned()).await;
    end_connections(&world).await;
    let ana = world.owner("ana@example.org").await;
    let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();

    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (ana, method, stop) = (ana.clone(), method.clone(), stop.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let email = format!("n{caller}-{n}@example.org");
                    let (began, fields) = (
                        Instant::now(),
                        [
                            ("account", "acme"),
                            ("form[method]", &*method),
                            ("form[email]", &*email),
                            ("form[role]", "viewer"),
                        ],
                    );
                    let answer = ana.call::<Invited>("users/invite", &fields).await;
                    answers.push((email, began, Instant::now(), answer.map(drop)));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answers
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let crashed = Instant::now();
    tokio::task::spawn_blocking({
        let server = server.clone();
        move || server.crash()
    })
    .await
    .unwrap();
    let accepts = Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.store(true, Ordering::SeqCst);

    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for caller in callers {
        for (email, began, ended, answer) in caller.await.unwrap() {
            assert!(ended - began < Duration::from_secs(5), "{email} took {:?}", ended - began);
            match answer {
                Ok(()) => acknowledged.push((email, began)),
                Err(AppError::Unavailable) => {
                    refused += 1;
                    assert!(began < accepts + Duration::from_secs(2), "{:?} after it accepts again", began - accepts);
                }
                Err(other) => panic!("{email}: {other:?}"),
            }
        }
    }
    assert!(refused > 0, "somebody was under way");
    assert!(acknowledged.iter().any(|(_, began)| *began < crashed), "some were before");
    assert!(acknowledged.iter().any(|(_, began)| *began > accepts), "some were after");
    let there = world.texts("SELECT email_key FROM members").await;
    for (email, _) in &acknowledged {
        assert_eq!(there.iter().filter(|there| *there == email).count(), 1, "{email}");
    }
    world.services.database.close().await;
}

/// One message of PostgreSQL's protocol, its first byte the kind; `None` at the end.
async fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize;
    message.resize(length + 1, 0);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}

/// How a client begins, but for its wish for TLS.
async fn first_message(client: &mut TcpStream) -> Option<Vec<u8>> {
    const TLS_WISH: [u8; 4] = 80_877_103_u32.to_be_bytes();
    loop {
        let mut message = vec![0; 4];
        client.read_exact(&mut message).await.ok()?;
        let length = u32::from_be_bytes(message[..].try_into().unwrap()) as usize;
        message.resize(length, 0);
        client.read_exact(&mut message[4..]).await.ok()?;
        if message[4..] != TLS_WISH {
            return Some(message);
        }
        client.write_all(b"N").await.ok()?;
    }
}

/// Signs in to the server as this client does; the connection, and what the server said in the end.
async fn signed_in(target: &str, client: &mut TcpStream, first: &[u8]) -> (TcpStream, Vec<u8>) {
    let mut server = TcpStream::connect(target).await.unwrap();
    server.set_nodelay(true).unwrap();
    server.write_all(first).await.unwrap();
    let mut greeting = Vec::new();
    loop {
        let said = message(&mut server).await.unwrap();
        client.write_all(&said).await.unwrap();
        let asks = said[0] == b'R' && !matches!(said[5..9], [0, 0, 0, 0 | 12]);
        if asks {
            server.write_all(&message(client).await.unwrap()).await.unwrap();
        } else if said[0] != b'R' || said[5..9] == [0; 4] {
            greeting.extend(&said);
        }
        if said[0] == b'Z' {
            return (server, greeting);
        }
    }
}

/// Passes answers on until the server is ready for more; `true` outside a transaction.
async fn answers(server: &mut TcpStream, client: &mut TcpStream) -> bool {
    loop {
        let said = message(server).await.unwrap();
        let _ = client.write_all(&said).await;
        if said[0] == b'Z' {
            return said[5] == b'I';
        }
    }
}

/// A pooler of transactions as small as can be: all clients share one connection, which each has to itself for a transaction.
async fn pooler_to(target: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut shared: Option<(Arc<Mutex<TcpStream>>, Vec<u8>)> = None;
        while let Ok((mut client, _)) = listener.accept().await {
            client.set_nodelay(true).unwrap();
            let Some(first) = first_message(&mut client).await else { continue };
            let server = match &shared {
                Some((server, greeting)) => {
                    client.write_all(greeting).await.unwrap();
                    server.clone()
                }
                None => {
                    let (server, greeting) = signed_in(&target, &mut client, &first).await;
                    shared.insert((Arc::new(Mutex::new(server)), greeting)).0.clone()
                }
            };
            tokio::spawn(serve_pooled(client, server));
        }
    });
    port
}

async fn serve_pooled(mut client: TcpStream, server: Arc<Mutex<TcpStream>>) {
    let mut held: Option<OwnedMutexGuard<TcpStream>> = None;
    while let Some(asked) = message(&mut client).await.filter(|asked| asked[0] != b'X') {
        let mut connection = match held.take() {
            Some(connection) => connection,
            None => server.clone().lock_owned().await,
        };
        connection.write_all(&asked).await.unwrap();
        let is_free = matches!(asked[0], b'Q' | b'S') && answers(&mut connection, &mut client).await;
        held = (!is_free).then_some(connection);
    }
    if let Some(mut connection) = held {
        connection.write_all(b"Q\0\0\0\x0dROLLBACK\0").await.unwrap();
        answers(&mut connection, &mut client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_instances_behind_a_pooler_of_transactions_keep_no_statements_and_work_side_by_side() {
    let empty = empty_postgres().await;
    let mut url = url::Url::parse(empty.url()).unwrap();
    let port = pooler_to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let database = Database::connect(url.as_str()).await.unwrap();
        database.migrate().await.unwrap();
        worlds.push(World::around(database).await);
    }
    let ana = worlds[0].owner("ana@example.org").await;
    let by_the_other = ana.at(&worlds[1]);
    for n in 0..3 {
        ana.invites(&format!("a{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        by_the_other.invites(&format!("b{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
    }
    assert_eq!(ana.list(&Default::default()).await.unwrap().rows.len(), 7);
    let there = postgres(&worlds[0]).fetch_one("SELECT COUNT(*) FROM pg_prepared_statements").await.unwrap();
    assert_eq!(there.get::<i64, _>(0), 0);
    for world in &worlds {
        world.services.database.close().await;
    }
    empty.discard().await;
}

both_databases! {
    async fn f12_what_one_transaction_reads_is_of_one_moment(world: World) {
        let mut tx = world.services.database.begin_read().await.unwrap();
        assert!(!accounts::any(&mut tx).await.unwrap());
        world.owner("ana@example.org").await;
        assert!(!accounts::any(&mut tx).await.unwrap());
        drop(tx);
        let mut tx = world.services.database.begin_read().await.unwrap();
        assert!(accounts::any(&mut tx).await.unwrap());
    }
}
