//! `roster backup` and `roster restore` (F21).

use super::{Failure, lock};
use crate::{
    clock::{SystemClock, rfc3339},
    config::{Config, DatabaseKind, DatabaseUrl},
    context::{Services, StartError, make_data_dir},
    program,
    secrets::Keyring,
    service::AfterRestore,
    storage::{Database, StorageError},
};
use clap::Args;
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The file that `roster backup` wrote
    #[arg(required_unless_present = "after", conflicts_with = "after")]
    file: Option<PathBuf>,
    /// The database was restored by other means: only end what must not come back by it
    #[arg(long)]
    after: bool,
    /// The database that this one takes the place of, if it can still be read: whoever is not active in it any more is suspended
    #[arg(long, value_name = "URL")]
    replaced: Option<DatabaseUrl>,
    /// The instance key of the backup's time is lost: go on without what it sealed
    #[arg(long)]
    key_is_lost: bool,
}

/// Writes all of one moment into a file, while Roster runs.
pub(super) async fn back_up(config: &Config, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::other(format!("{}: is there already", file.display())));
    }
    // What breaks off must not be taken for a backup.
    let part = beside(file, "part");
    let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", part.display()));
    remove(&part)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(failed)?;
    let written = write(config, &part).await;
    if written.is_err() {
        remove(&part)?;
    }
    written?;
    File::open(&part).and_then(|written| written.sync_all()).map_err(failed)?;
    std::fs::rename(&part, file).map_err(failed)?;
    println!("The database is in {}.", file.display());
    println!(
        "The instance key is not: keep a copy of {} as well, at another place. Together they open what is sealed.",
        config.secret_key_file.display()
    );
    Ok(())
}

async fn write(config: &Config, part: &Path) -> Result<(), Failure> {
    if let Some(file) = config.database_url.file()
        && !file.exists()
    {
        return Err(Failure::other(format!("database_url: {}: there is no database", file.display())));
    }
    match config.database_url.kind() {
        DatabaseKind::Sqlite => {
            // Not migrated: the server that runs may be an older one.
            let database = Database::connect(config.database_url.expose()).await.map_err(StartError::from)?;
            database.copy_to(part).await.map_err(Failure::other)?;
            database.close().await;
            let copy = Database::connect(DatabaseUrl::of_file(part).expose()).await.map_err(Failure::other)?;
            let fault = copy.fault_of_file().await.map_err(Failure::other)?;
            copy.settle_file().await.map_err(Failure::other)?;
            fault.map_or(Ok(()), |fault| Err(Failure::other(format!("the copy is not whole: {fault}"))))
        }
        DatabaseKind::Postgres => {
            let url = config.migration_database_url.as_ref().unwrap_or(&config.database_url);
            run("pg_dump", url, &["--format=custom", "--no-password", "--file"], part).await?;
            run("pg_restore", url, &["--list"], part).await
        }
    }
}

/// Puts a backup in place of a database that is lost, and ends what must not come back by it.
pub(super) async fn restore(config: Arc<Config>, arguments: RestoreArguments) -> Result<(), Failure> {
    let _lock = lock::for_serving(&config)?;
    let key = &config.secret_key_file;
    if !key.exists() && !arguments.key_is_lost {
        return Err(Failure::other(format!(
            "secret_key_file: {}: is not there; put the key of the backup's time in its place, or say --key-is-lost",
            key.display()
        )));
    }
    // Before anything is written.
    let keyring = Keyring::load(key, arguments.key_is_lost).map_err(StartError::from)?;
    let replaced = match &arguments.replaced {
        Some(url) => {
            if let Some(file) = url.file().filter(|file| !file.exists()) {
                return Err(Failure::other(format!("--replaced: {}: is not there", file.display())));
            }
            Some(
                Database::connect(url.expose())
                    .await
                    .map_err(|error| Failure::other(format!("--replaced: {error}")))?,
            )
        }
        None => None,
    };
    let restoration = Restoration { config: &config, keyring, replaced, key_is_lost: arguments.key_is_lost };
    let after = match (&arguments.file, config.database_url.file()) {
        (None, _) => {
            let database = Database::open(&config).await.map_err(StartError::from)?;
            restoration.finish(database).await?
        }
        (Some(file), Some(target)) => restoration.restore_file(file, &target).await?,
        (Some(file), None) => restoration.restore_dump(file).await?,
    };
    tell(&after, arguments.replaced.is_some());
    Ok(())
}

/// What goes along with a restore.
struct Restoration<'a> {
    config: &'a Arc<Config>,
    keyring: Keyring,
    replaced: Option<Database>,
    key_is_lost: bool,
}

impl Restoration<'_> {
    /// An SQLite database is made ready beside its place, and moved there as the last thing.
    async fn restore_file(self, file: &Path, target: &Path) -> Result<AfterRestore, Failure> {
        if target.exists() {
            return Err(Failure::other(format!(
                "database_url: {} is there; stop Roster, move that file away with those beside it (-wal, -shm), and name it as --replaced sqlite:…",
                target.display()
            )));
        }
        make_data_dir(&self.config.data_dir)?;
        let restoring = beside(target, "restoring");
        clear(&restoring)?;
        copy(file, &restoring)?;
        let made_ready = self.make_ready(file, &restoring).await;
        if made_ready.is_err() {
            clear(&restoring)?;
        }
        let after = made_ready?;
        let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", restoring.display()));
        File::open(&restoring).and_then(|ready| ready.sync_all()).map_err(failed)?;
        std::fs::rename(&restoring, target).map_err(failed)?;
        Ok(after)
    }

    async fn make_ready(self, file: &Path, restoring: &Path) -> Result<AfterRestore, Failure> {
        let named = |error: StorageError| Failure::other(format!("{}: {error}", file.display()));
        let database = Database::connect(DatabaseUrl::of_file(restoring).expose()).await.map_err(named)?;
        if let Some(fault) = database.fault_of_file().await.map_err(named)? {
            return Err(Failure::other(format!("{}: {fault}", file.display())));
        }
        database.migrate().await.map_err(named)?;
        let after = self.finish(database.clone()).await?;
        database.settle_file().await.map_err(named)?;
        Ok(after)
    }

    /// A dump goes into a PostgreSQL database that is empty, in one transaction.
    async fn restore_dump(self, file: &Path) -> Result<AfterRestore, Failure> {
        let url = self.config.migration_database_url.as_ref().unwrap_or(&self.config.database_url);
        let target = Database::connect(url.expose()).await.map_err(StartError::from)?;
        let empty = target.is_empty().await.map_err(StartError::from)?;
        target.close().await;
        if !empty {
            return Err(Failure::other(
                "database_url: this database is not empty; make a new one, name it in database_url, and the other as --replaced postgres://…",
            ));
        }
        let flags = [
            "--no-password",
            "--no-owner",
            "--no-privileges",
            "--no-comments",
            "--exit-on-error",
            "--single-transaction",
        ];
        let environment = url.libpq_environment().unwrap_or_default();
        let database = environment.into_iter().find(|(name, _)| *name == "PGDATABASE").map(|(_, database)| database);
        let into = format!("--dbname={}", database.unwrap_or_default());
        run("pg_restore", url, &[flags.as_slice(), &[into.as_str()]].concat(), file).await?;
        let database = Database::open(self.config).await.map_err(StartError::from)?;
        self.finish(database).await.inspect_err(|_| {
            eprintln!(
                "The database is restored, but not ready: run `{} restore --after` before you start Roster.",
                program::name()
            );
        })
    }

    /// Holds the key against what is sealed, and ends what must not come back.
    async fn finish(self, database: Database) -> Result<AfterRestore, Failure> {
        let Self { config, keyring, replaced, key_is_lost } = self;
        let services = Services::with_database(config.clone(), Arc::new(SystemClock), database, keyring)?;
        let unopened = services.unopened_values().await.map_err(Failure::other)?;
        if unopened > 0 && !key_is_lost {
            return Err(Failure::other(format!(
                "secret_key_file: {}: does not open {unopened} sealed values, so it is not the key of the backup's time; put that in its place, or \
                 say --key-is-lost",
                config.secret_key_file.display()
            )));
        }
        if unopened > 0 {
            println!(
                "Without its key, sealed values are lost: {unopened}. Client secrets, apps for codes and secrets of webhooks must be set up anew."
            );
        }
        let after = services.after_restore(replaced.as_ref()).await;
        after.map_err(|error| Failure::other(format!("the database failed: {error:?}")))
    }
}

/// Removes an SQLite database that did not get ready, with the files beside it.
fn clear(database: &Path) -> Result<(), Failure> {
    remove(database)?;
    for ending in ["-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        remove(Path::new(&path))?;
    }
    Ok(())
}

fn tell(after: &AfterRestore, had_replaced: bool) {
    let AfterRestore { state_of, ended, suspended } = after;
    let since = state_of.map_or_else(|| "an unknown time".to_owned(), rfc3339);
    println!(
        "The database is that of {since}. Whatever changed later is lost: invitations, roles, passwords, second factors."
    );
    println!("Ended, so that nothing comes back that was ended since:");
    for (what, count) in [
        ("sessions", ended.sessions),
        ("sign-ins at platforms, which are told", ended.platform_sign_ins),
        ("links of invitations; Resend makes new ones", ended.invitation_links),
        ("API keys; make new ones", ended.api_keys),
        ("webhooks, switched off; look through them and switch them on", ended.webhooks),
        ("messages to webhooks that are not sent", ended.deliveries),
        ("mails that are not sent; Settings → Outbox shows them, and Resend sends invitations", ended.mails),
    ] {
        println!("{count:>8}  {what}");
    }
    for account in suspended {
        println!("{}: suspended, since they were not active any more: {}", account.slug, account.people);
        if account.ownerless {
            println!("{}: no owner is left; `{} owner grant` is the way back in", account.slug, program::name());
        }
    }
    if !had_replaced {
        println!(
            "Nobody can tell who was removed since: look through Settings → Users of each account. If the lost database can still be read, name it: \
             `{} restore --after --replaced URL`.",
            program::name()
        );
    }
}

/// Runs one of PostgreSQL's programs on a database, with a file as the last argument. The password goes by the environment.
async fn run(name: &str, url: &DatabaseUrl, arguments: &[&str], file: &Path) -> Result<(), Failure> {
    let mut command = Command::new(name);
    command.args(arguments).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.envs(url.libpq_environment().unwrap_or_default());
    let done = tokio::task::spawn_blocking(move || command.output()).await.map_err(Failure::other)?;
    let done = done.map_err(|error| {
        Failure::other(format!(
            "{name}: {error}; PostgreSQL's own programs are needed, of the server's version or a later one"
        ))
    })?;
    if done.status.success() {
        return Ok(());
    }
    Err(Failure::other(format!("{name}: {}", String::from_utf8_lossy(&done.stderr))))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let named = |path: &Path, error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    let mut source = File::open(from).map_err(|error| named(from, error))?;
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|error| named(to, error))?;
    std::io::copy(&mut source, &mut target).map_err(|error| named(to, error))?;
    Ok(())
}

/// A name beside a file's.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Removes what an earlier try left.
fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::other(format!("{}: {error}", path.display())))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
