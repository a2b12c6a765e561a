//! The operations that are measured.

use crate::{
    Result,
    account::{self, ANOTHER, Account, PASSWORD, SLUG},
    bare::{self, Bare},
    client::{Call, Client},
    processes::{Roster, free_port},
    sink::Sink,
    store::{Engine, Store},
    table::{Beside, Figure, Table},
};
use hyper::StatusCode;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long an operation is repeated.
const DURATION: Duration = Duration::from_millis(1_500);
const CONNECTIONS: usize = 16;
const SIGN_INS: usize = 500;
const MAILS: usize = 600;
const INVITES: usize = 20_000;

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The requests of an operation.
enum Calls {
    /// Again and again the same.
    Same(Call),
    /// Each of them once.
    Each(Vec<Call>),
}

impl Calls {
    fn nth(&self, n: usize) -> Option<&Call> {
        match self {
            Self::Same(call) => Some(call),
            Self::Each(calls) => calls.get(n),
        }
    }
}

/// What one answer cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    ms: f64,
    per_second: f64,
    bytes: usize,
}

struct Run<'a> {
    roster: &'a Roster,
    store: &'a Store,
    bare: Bare,
    engine: &'static str,
    members: usize,
    table: &'a mut Table,
}

/// Measures everything with an account of so many members.
pub async fn measure(binary: &Path, engine: &Engine, members: usize, table: &mut Table) -> Result<()> {
    let folder = Folder(std::env::temp_dir().join(format!("roster-bench-{}", std::process::id())));
    fs::create_dir_all(&folder.0)?;
    let folder = &folder.0;
    let key = folder.join("bench.key");
    fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let store = engine.make(folder).await?;
    let port = free_port()?;
    let key = [("ROSTER_SECRET_KEY_FILE", key.display().to_string())];
    let start = async |more: &[(&str, String)]| {
        let settings: Vec<_> = key.iter().chain(more).cloned().collect();
        Roster::start(binary, folder, store.url(), port, &settings).await
    };

    let mut roster = start(&[]).await?;
    let owner = account::set_up(&mut roster).await?;
    roster.stop()?;
    let account = Account::fill(&store, port, owner, members).await?;
    let bare = bare::measure(&store, &account.hash_of_session).await?;

    let roster = start(&[]).await?;
    let mut run = Run { roster: &roster, store: &store, bare, engine: engine.name(), members, table };
    run.show("start to first answer", format!("{:.0} ms", roster.start_ms));
    run.show("one row by its key, sqlx alone", format!("{:.3} ms", bare.look_up));
    run.show("commit of three rows, sqlx alone", format!("{:.3} ms", bare.commit));
    run.show("argon2 alone", format!("{:.1} ms", bare.hash));
    run.show("memory idle", format!("{:.0} MB", roster.memory_mb()?));
    reads(&mut run, &account).await?;
    writes(&mut run, &account).await?;
    sign_ins(&mut run).await?;
    run.show("memory after all that", format!("{:.0} MB", roster.memory_mb()?));
    roster.stop()?;
    mails(&store, &account, start, engine.name(), members, table).await?;
    store.drop().await
}

impl Run<'_> {
    fn show(&mut self, operation: &str, shown: String) {
        let (engine, members, operation) = (self.engine, self.members, operation.to_owned());
        self.table.0.push(Figure { engine, members, operation, shown, ratio: None });
    }

    fn note(&mut self, operation: &str, beside: Beside, cost: Cost, shown: String) {
        let bare = match beside {
            Beside::LookUp => self.bare.look_up,
            Beside::Commit => self.bare.commit,
            Beside::Hash => self.bare.hash,
        };
        let (engine, members, operation) = (self.engine, self.members, operation.to_owned());
        let ratio = Some(cost.ms / bare);
        self.table.0.push(Figure { engine, members, operation, shown, ratio });
    }

    /// Repeats the requests over so many connections; each answer has to contain a text.
    async fn cost(&self, calls: Calls, connections: usize, expected: &'static str, most: usize) -> Result<Cost> {
        let (calls, next) = (Arc::new(calls), Arc::<AtomicUsize>::default());
        let processors = || Ok::<_, crate::Error>(self.roster.processor_ms()? + self.store.processor_ms()?);
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(self.roster.port).await?);
        }
        let (before, begun) = (processors()?, Instant::now());
        let tasks: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let (calls, next) = (Arc::clone(&calls), Arc::clone(&next));
                tokio::spawn(async move {
                    let (mut done, mut bytes) = (0_usize, 0);
                    while begun.elapsed() < DURATION || most != usize::MAX {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(call) = calls.nth(n).filter(|_| n < most) else { break };
                        let answer = client.call(call).await?;
                        // A server that has too much to do says so; it is not what is measured.
                        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                            continue;
                        }
                        let answer = answer.expect_ok(&format!("{call:?}"))?;
                        bytes = answer.body.len();
                        if !expected.is_empty() && !String::from_utf8_lossy(&answer.body).contains(expected) {
                            return Err(format!("{call:?}: {}", String::from_utf8_lossy(&answer.body)).into());
                        }
                        done += 1;
                    }
                    Ok::<_, crate::Error>((done, bytes))
                })
            })
            .collect();
        let (mut done, mut bytes) = (0, 0);
        for task in tasks {
            let (by_task, of_task) = task.await??;
            done += by_task;
            bytes = bytes.max(of_task);
        }
        let good = done.max(1) as f64;
        let per_second = good / begun.elapsed().as_secs_f64();
        Ok(Cost { ms: (processors()? - before) / good, per_second, bytes })
    }

    /// A request that changes nothing: the lower of two measurements.
    async fn read(&mut self, operation: &str, call: Call) -> Result<()> {
        Client::connect(self.roster.port).await?.call(&call).await?.expect_ok(operation)?;
        let one = self.cost(Calls::Same(call.clone()), 1, "", usize::MAX).await?;
        let other = self.cost(Calls::Same(call.clone()), 1, "", usize::MAX).await?;
        let cost = if one.ms < other.ms { one } else { other };
        let shown = match call {
            Call::Page { .. } => format!("{:.2} ms, {:.0} kB", cost.ms, cost.bytes as f64 / 1000.0),
            Call::Function { .. } => format!("{:.2} ms", cost.ms),
        };
        self.note(operation, Beside::LookUp, cost, shown);
        Ok(())
    }

    /// Requests that change something, by one connection.
    async fn write(&mut self, operation: &str, calls: Vec<Call>, expected: &'static str) -> Result<()> {
        let cost = self.cost(Calls::Each(calls), 1, expected, usize::MAX).await?;
        self.note(operation, Beside::Commit, cost, format!("{:.2} ms", cost.ms));
        Ok(())
    }
}

fn of_account(name: &'static str, fields: &[(&'static str, String)], cookie: &str) -> Call {
    let fields = [("account", SLUG.to_owned())].iter().chain(fields).cloned().collect();
    Call::Function { name, fields, cookie: cookie.to_owned() }
}

async fn reads(run: &mut Run<'_>, account: &Account) -> Result<()> {
    let (owner, admin) = (account.owner.as_str(), account.admin.as_str());
    let list = |fields: &[(&'static str, &str)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        of_account("users/list", &fields, owner)
    };
    run.read("session check", Call::Function { name: "session/whoami", fields: vec![], cookie: owner.to_owned() })
        .await?;
    run.read("list, first page", list(&[])).await?;
    let cursors = cursors(run.roster.port, &list).await?;
    if let (Some(middle), Some(last)) = (cursors.get(cursors.len() / 2), cursors.last()) {
        run.read("list, page in the middle", list(&[("query[after]", middle)])).await?;
        run.read("list, last page", list(&[("query[after]", last)])).await?;
    }
    for sort in [
        "name_down",
        "role_up",
        "role_down",
        "status_up",
        "status_down",
        "last_active_up",
        "last_active_down",
        "invited_up",
        "invited_down",
    ] {
        run.read(&format!("list, {sort}"), list(&[("query[sort]", sort)])).await?;
    }
    let (common, rare) = (account.password_method.to_string(), account.rare_method.to_string());
    for (operation, field, value) in [
        ("list, role, common", "query[role]", "editor"),
        ("list, role, rare", "query[role]", "analyst"),
        ("list, status, common", "query[state]", "active"),
        ("list, status, rare", "query[state]", "held"),
        ("list, login method, common", "query[method]", &common),
        ("list, login method, rare", "query[method]", &rare),
        ("search, common", "query[search]", "person"),
        ("search, rare", "query[search]", "p721@"),
        ("search, nobody", "query[search]", "zzzzz"),
    ] {
        run.read(operation, list(&[(field, value)])).await?;
    }
    let page = |cookie: &str| Call::Page { path: format!("/a/{SLUG}/settings/users"), cookie: cookie.to_owned() };
    run.read("HTML page of an admin", page(admin)).await?;
    run.read("HTML page of an owner", page(owner)).await
}

/// Where the pages of the list begin, but for the first.
async fn cursors(port: u16, list: &impl Fn(&[(&'static str, &str)]) -> Call) -> Result<Vec<String>> {
    let mut client = Client::connect(port).await?;
    let mut cursors: Vec<String> = Vec::new();
    loop {
        let call = cursors.last().map_or_else(|| list(&[]), |after| list(&[("query[after]", after)]));
        let page: serde_json::Value = serde_json::from_slice(&client.call(&call).await?.expect_ok("list")?.body)?;
        match page.get("next").and_then(serde_json::Value::as_str) {
            Some(next) => cursors.push(next.to_owned()),
            None => return Ok(cursors),
        }
    }
}

fn invitations(account: &Account, name: &str, count: usize) -> Vec<Call> {
    let one = |n: usize| {
        let form = [
            ("form[method]", account.password_method.to_string()),
            ("form[email]", format!("{name}{n}@example.net")),
            ("form[role]", "viewer".to_owned()),
        ];
        of_account("users/invite", &form, &account.owner)
    };
    (0..count).map(one).collect()
}

async fn writes(run: &mut Run<'_>, account: &Account) -> Result<()> {
    run.write("invite", invitations(account, "one-by-one", INVITES), "Done").await?;
    let many = Calls::Each(invitations(account, "at-once", INVITES));
    let cost = run.cost(many, CONNECTIONS, "Done", usize::MAX).await?;
    let shown = format!("{:.2} ms, {:.0}/s", cost.ms, cost.per_second);
    run.note("invite, 16 connections", Beside::Commit, cost, shown);

    let (edited, removed) = account.viewers.split_at(account.viewers.len() / 2);
    let with_version = |member: &uuid::Uuid| [("form[member]", member.to_string()), ("form[version]", "1".to_owned())];
    let edit = |member| {
        let [id, version] = with_version(member);
        of_account("users/edit", &[id, version, ("form[role]", "analyst".to_owned())], &account.owner)
    };
    let remove = |member| of_account("users/remove", &with_version(member), &account.owner);
    run.write("edit a role", edited.iter().map(edit).collect(), "Done").await?;
    run.write("remove", removed.iter().map(remove).collect(), "Done").await?;
    let accept = |guest: &account::Guest| Call::Function {
        name: "invitation/join",
        fields: vec![("invitation", guest.invitation.to_string())],
        cookie: guest.cookie.clone(),
    };
    run.write("accept", account.guests.iter().map(accept).collect(), "In").await
}

async fn sign_ins(run: &mut Run<'_>) -> Result<()> {
    let fields = vec![("form[email]", ANOTHER.to_owned()), ("form[password]", PASSWORD.to_owned())];
    let call = Call::Function { name: "session/sign-in", fields, cookie: String::new() };
    let cost = run.cost(Calls::Same(call), CONNECTIONS, "", SIGN_INS).await?;
    run.note("sign in", Beside::Hash, cost, format!("{:.1} ms", cost.ms));
    Ok(())
}

/// How many mails a second are handed over to a mail server that takes them at once. They are queued while there is none.
async fn mails(
    store: &Store,
    account: &Account,
    start: impl AsyncFn(&[(&str, String)]) -> Result<Roster>,
    engine: &'static str,
    members: usize,
    table: &mut Table,
) -> Result<()> {
    let port = free_port()?;
    let settings = [
        ("ROSTER_SMTP__HOST", "127.0.0.1".to_owned()),
        ("ROSTER_SMTP__PORT", port.to_string()),
        ("ROSTER_SMTP__TLS", "none".to_owned()),
        ("ROSTER_SMTP__FROM", "roster@example.org".to_owned()),
    ];
    let roster = start(&settings).await?;
    let mut client = Client::connect(roster.port).await?;
    for call in invitations(account, "by-mail", MAILS) {
        client.call(&call).await?.expect_ok("invite")?;
    }
    roster.stop()?;
    let pool = store.connect().await?;
    pool.run("UPDATE outbox SET next_at = 0, lease_until = NULL, attempts = 0 WHERE state = 'queued'".to_owned())
        .await?;
    pool.close().await;
    let sink = Sink::listen(port).await?;
    let roster = start(&settings).await?;
    let before = roster.processor_ms()? + store.processor_ms()?;
    let rate = sink.rate_of(MAILS).await?;
    let ms = (roster.processor_ms()? + store.processor_ms()? - before) / MAILS as f64;
    roster.stop()?;
    let operation = "mails handed over".to_owned();
    table.0.push(Figure { engine, members, operation, shown: format!("{rate:.0}/s, {ms:.2} ms"), ratio: None });
    Ok(())
}
