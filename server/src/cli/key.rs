//! `roster key`: API keys of the host's operator, over all accounts.

use super::Failure;
use crate::{clock::rfc3339, context::Services, program, service::OperatorKeyAdded};
use app::error::AppError;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key, and print it, which is done once
    Add {
        /// Its name, as the audit logs of accounts show it
        #[arg(long)]
        name: String,
        /// What it can do in every account, such as users.read; can be given several times
        #[arg(long = "permission", required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// In how many days it expires, or `never`
        #[arg(long, default_value = "90", value_name = "DAYS")]
        days: String,
    },
    /// List the keys
    List,
    /// Revoke a key; it opens nothing from then on
    Revoke {
        /// Its name
        name: String,
    },
}

pub(super) async fn run(services: &Services, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { name, permissions, days } => {
            match services.add_operator_key(&name, &permissions, &days).await {
                Ok(OperatorKeyAdded::Done(key)) => {
                    println!("The key {name}, shown this once: {}", key.reveal());
                    println!("Next: it answers at {}", services.config.link("/api/v1/accounts"));
                    Ok(())
                }
                Ok(OperatorKeyAdded::NameTaken) => Err(Failure::other(format!(
                    "there is a key {name}; choose another name, or run `{} key revoke {name}` first",
                    program::name()
                ))),
                Ok(OperatorKeyAdded::UnknownPermission(key)) => {
                    Err(Failure::other(format!("there is no permission {key}")))
                }
                Err(error) => Err(Failure::other(error)),
            }
        }
        KeyCommand::List => {
            for key in services.list_operator_keys().await.map_err(Failure::other)? {
                let permissions: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
                let expires = key.expires.map_or_else(|| "never".to_owned(), rfc3339);
                let last_used = key.last_used.map_or_else(|| "never".to_owned(), rfc3339);
                println!(
                    "{}  {}…  {}  made {}, expires {expires}, last used {last_used}",
                    key.name,
                    key.hint,
                    permissions.join(","),
                    rfc3339(key.created)
                );
            }
            Ok(())
        }
        KeyCommand::Revoke { name } => match services.revoke_operator_key(&name).await {
            Ok(()) => {
                println!("{name} is revoked.");
                Ok(())
            }
            Err(AppError::NotFound) => Err(Failure::other(format!("there is no key {name}"))),
            Err(error) => Err(Failure::other(error)),
        },
    }
}
