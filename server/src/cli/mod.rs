//! The command line: what `roster` can be told to do.

mod audit;
mod backup;
mod client;
mod diagnostics;
mod doctor;
mod file_system;
mod finding;
mod key;
mod keys;
mod lock;
mod public_address;
mod ready;
mod serve;
mod show;

use crate::{
    clock::SystemClock,
    config::{self, Config, LogFormat, LogLevel},
    context::{Services, StartError},
    storage::Database,
};
use clap::{Args, Parser, Subcommand};
use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};
use thiserror::Error;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Settings → Users for your platform: invite people, edit their roles and permissions, remove them.
#[derive(Debug, Parser)]
#[command(name = "roster", version)]
struct Cli {
    #[command(flatten)]
    settings: Flags,
    #[command(subcommand)]
    command: Command,
}

/// Flags that set what the file and the environment can set too.
#[derive(Debug, Args)]
struct Flags {
    /// The settings file; ./roster.toml is read if there is one
    #[arg(long, global = true, env = "ROSTER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The address of Roster as browsers see it
    #[arg(long, global = true, value_name = "URL")]
    base_url: Option<String>,
    /// Folder of the SQLite database and the instance key
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The database: sqlite:<file> or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Any other setting; `roster config table` lists them
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    others: Vec<(String, String)>,
}

fn key_and_value(raw: &str) -> Result<(String, String), String> {
    let (key, value) = raw.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve,
    /// Bring the database's schema up to date, and stop
    Migrate,
    /// Look for what is wrong with this installation
    Doctor,
    /// Write the database into a file, while Roster runs; the instance key is kept apart
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Put a backup in place of a database that is lost; sessions, links and API keys of then are dead, and its mails are not sent again
    Restore(backup::RestoreArguments),
    /// Ask the server that runs on this machine whether it is ready
    Ready,
    /// Write a text for whoever helps you: settings without secrets, findings and numbers, and nobody's address
    ExportDiagnostics {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Print a new link for the first set-up; earlier ones are dead
    SetupLink,
    /// Accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Owners
    #[command(subcommand)]
    Owner(OwnerCommand),
    /// Users and their logins
    #[command(subcommand)]
    User(UserCommand),
    /// Mails
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Platforms that sign people in by Roster (OpenID Connect)
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// API keys of the operator, over all accounts
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// The instance key, which seals what is secret in the database
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Audit events
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Make an account and invite its owner
    Create {
        /// The account's name
        #[arg(long)]
        name: String,
        /// Its part of the address, /a/<slug>; proposed from the name if left out
        #[arg(long, default_value = "")]
        slug: String,
        /// The owner's email address
        #[arg(long)]
        owner_email: String,
    },
}

#[derive(Debug, Subcommand)]
enum OwnerCommand {
    /// Make somebody an owner, by invitation if they are not in the account: the way back in when no owner can sign in
    Grant {
        /// The account's slug
        #[arg(long)]
        account: String,
        /// The person's email address
        #[arg(long)]
        email: String,
        /// Let the person in by Email & password, because the provider by which they sign in is gone
        #[arg(long)]
        by_password: bool,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Print a link to choose a new password, for somebody who forgot theirs where no mail can be sent; earlier ones are dead
    ResetLink {
        /// The person's email address
        #[arg(long)]
        email: String,
    },
    /// Remove all second factors and recovery codes of somebody who lost them; make sure first that it is them
    ResetFactors {
        /// The person's email address
        #[arg(long)]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// List the newest mails, or show the text of one
    Show {
        /// The mail's id
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// With several instances, first: add the next key to the key file, which is then copied to all of them
    Prepare,
    /// Let a new key seal, and seal everything anew under it; the earlier one still opens. Can be run again if it broke off
    Rotate,
    /// Remove the earlier keys, once nothing needs them any more
    Retire,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Print the number and the hash of each account's latest event, for keeping elsewhere
    Head,
    /// Compare the events with heads that were kept
    Check {
        /// A file with what `roster audit head` printed
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the effective settings, with secrets hidden
    Print,
    /// Print what can be set, as a Markdown table
    Table,
}

/// Why a command failed: one line on standard error.
#[derive(Debug, Error)]
enum Failure {
    /// A setting is wrong (exit code 2).
    #[error("{0}")]
    Config(#[from] config::ConfigError),
    /// The services cannot start (exit code 2).
    #[error("{0}")]
    Start(#[from] StartError),
    /// Anything else (exit code 1).
    #[error("{0}")]
    Other(String),
}

impl Failure {
    fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Start(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

/// Runs the command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::other(error)),
    };
    match runtime.block_on(execute(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // The error as one line, even if the library wrote several.
    let line = failure.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("roster: {line}");
    ExitCode::from(failure.exit_code())
}

async fn execute(cli: Cli) -> Result<(), Failure> {
    if matches!(cli.command, Command::Config(ConfigCommand::Table)) {
        print!("{}", config::table());
        return Ok(());
    }
    let config = Arc::new(config::load(&layers(cli.settings))?);
    match cli.command {
        Command::Config(ConfigCommand::Print | ConfigCommand::Table) => {
            print!("{}", config.to_toml().map_err(Failure::other)?);
            Ok(())
        }
        Command::Serve => {
            log(&config);
            serve::serve(config).await
        }
        Command::Migrate => {
            let _lock = lock::for_migrations(&config)?;
            Database::open(&config).await.map_err(StartError::from)?;
            println!("The database is up to date.");
            Ok(())
        }
        Command::Doctor => doctor::examine(config).await,
        Command::Backup { file } => backup::back_up(&config, &file).await,
        Command::Restore(arguments) => backup::restore(config, arguments).await,
        Command::ExportDiagnostics { file } => diagnostics::export(config, &file).await,
        Command::Ready => ready::ask(&config).await,
        Command::SetupLink => match start(config).await?.setup_link().await.map_err(Failure::other)? {
            Some(link) => {
                println!("{link}");
                Ok(())
            }
            None => Err(Failure::other("there is an account already; invite people from Settings → Users")),
        },
        Command::Account(AccountCommand::Create { name, slug, owner_email }) => {
            show::created(&start(config).await?, &name, &slug, &owner_email).await
        }
        Command::Owner(OwnerCommand::Grant { account, email, by_password }) => {
            show::granted(&start(config).await?, &account, &email, by_password).await
        }
        Command::User(UserCommand::ResetLink { email }) => show::reset_link(&start(config).await?, &email).await,
        Command::User(UserCommand::ResetFactors { email }) => show::reset_factors(&start(config).await?, &email).await,
        Command::Outbox(OutboxCommand::Show { id: None }) => show::outbox(&start(config).await?).await,
        Command::Outbox(OutboxCommand::Show { id: Some(id) }) => show::mail(&start(config).await?, &id).await,
        Command::Audit(AuditCommand::Head) => audit::head(&start(config).await?).await,
        Command::Audit(AuditCommand::Check { file }) => audit::check(&start(config).await?, &file).await,
        Command::Client(command) => client::run(&start(config).await?, command).await,
        Command::Key(command) => key::run(&start(config).await?, command).await,
        Command::Keys(KeysCommand::Prepare) => keys::prepare(&config),
        Command::Keys(KeysCommand::Rotate) => keys::rotate(config).await,
        Command::Keys(KeysCommand::Retire) => keys::retire(config).await,
    }
}

/// Opens everything, with the schema brought up to date by one process at a time.
async fn start(config: Arc<Config>) -> Result<Services, Failure> {
    let _lock = lock::for_migrations(&config)?;
    Ok(Services::start(config, Arc::new(SystemClock)).await?)
}

fn layers(flags: Flags) -> config::Layers {
    let named = [
        ("listen", flags.listen),
        ("base_url", flags.base_url),
        ("data_dir", flags.data_dir),
        ("database_url", flags.database_url),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    config::Layers {
        file: flags.config,
        environment: std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        flags: named.chain(flags.others).collect(),
    }
}

/// Sets up the log. It goes to standard error; standard output is for the results of commands. Only our own modules follow the level: what
/// libraries write below warnings may hold headers, statements and mails (LG-02). A panic is one line of the log like any other (LG-04).
fn log(config: &Config) {
    let level = match config.log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let ours =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets([("server", level), ("app", level)]);
    let log = tracing_subscriber::registry().with(ours);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    match config.log.format {
        LogFormat::Text => log.with(lines.with_target(false)).init(),
        LogFormat::Json => log.with(lines.json()).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, message = ?panic.payload_as_str(), "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let cli =
            Cli::parse_from(["roster", "serve", "--listen", "127.0.0.1:4000", "--set", "smtp.host=mail.example.org"]);
        let expected = [("listen", "127.0.0.1:4000"), ("smtp.host", "mail.example.org")];
        assert_eq!(layers(cli.settings).flags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
