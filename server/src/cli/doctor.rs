//! `roster doctor`: prints what is wrong with this installation, one finding a line.

use super::{
    Failure,
    audit::{describe, head_line},
    file_system,
    finding::Finding,
    public_address, start,
};
use crate::{
    config::{Config, ForwardAuth},
    context::{Services, StartError},
    mail::smtp::Sender,
    program,
    secrets::KeyFile,
    service::Opens,
};
use std::sync::Arc;

pub(super) async fn examine(config: Arc<Config>) -> Result<(), Failure> {
    let services = start(config).await?;
    let mut findings = findings(&services).await?;
    findings.extend(audit(&services).await?);
    let mut wrong = 0;
    for finding in &findings {
        match finding {
            Finding::Fine(what) => println!("ok     {what}"),
            Finding::Note(what) => println!("note   {what}"),
            Finding::Wrong(what) => {
                wrong += 1;
                println!("wrong  {what}");
            }
        }
    }
    if wrong == 0 { Ok(()) } else { Err(Failure::other(format!("{wrong} found wrong"))) }
}

/// What there is to say of everything but audit events, which are looked at account by account.
pub(super) async fn findings(services: &Services) -> Result<Vec<Finding>, Failure> {
    services.database.check_access(services.now()).await.map_err(StartError::from)?;
    let mut findings = vec![Finding::Fine("settings, instance key, database and its schema".to_owned())];
    findings
        .extend(services.config.database_url.file().and_then(|file| file_system::warning(&file)).map(Finding::Wrong));
    // Finds a full disk, and a server that was demoted to a replica.
    let written = services.database.try_writing(services.now()).await;
    findings.extend(written.err().map(|error| Finding::Wrong(format!("database_url: cannot be written to: {error}"))));
    findings.extend(older_keys(&services.config)?);
    findings.extend(public_address::examine(services).await);
    findings.extend(hosts(services).await?);
    findings.push(mail_server(services).await);
    findings.extend(platforms(services).await?);
    Ok(findings)
}

/// How many accounts have an unbroken chain of audit events, and how many a broken one.
pub(super) async fn audit_chains(services: &Services) -> Result<(usize, usize), Failure> {
    let (broken, whole): (Vec<_>, Vec<_>) =
        audit(services).await?.into_iter().partition(|finding| matches!(finding, Finding::Wrong(_)));
    Ok((whole.len(), broken.len()))
}

fn older_keys(config: &Config) -> Result<Option<Finding>, Failure> {
    let keys = KeyFile::read(&config.secret_key_file).map_err(StartError::from)?;
    let note = format!("instance key: an earlier one still opens; `{} keys retire` removes it", program::name());
    Ok(keys.has_older().then_some(Finding::Note(note)))
}

/// The hosts whose proxies ask Roster, as far as they are for one account.
async fn hosts(services: &Services) -> Result<Vec<Finding>, Failure> {
    let accounts = services.accounts_of_hosts().await.map_err(StartError::from)?;
    let finding = |(app, account): (&ForwardAuth, Option<String>)| match account {
        Some(slug) => Finding::Fine(format!("forward_auth: {} is for the account {slug}", app.host)),
        None => Finding::Wrong(format!(
            "forward_auth: {}: forward_auth.account names no account that is there, so nobody gets in",
            app.host
        )),
    };
    Ok(accounts.into_iter().map(finding).collect())
}

async fn mail_server(services: &Services) -> Finding {
    let Some(smtp) = &services.config.smtp else {
        return Finding::Note("smtp: no mail server; invitation links are handed over by hand".to_owned());
    };
    match Sender::new(&services.config, smtp) {
        Ok(sender) => match sender.check_connection().await {
            Ok(()) => Finding::Fine(format!("smtp: {} answers", smtp.host)),
            Err(error) => Finding::Wrong(format!("smtp: {}: {error}", smtp.host)),
        },
        Err(error) => Finding::Wrong(format!("smtp: {error}")),
    }
}

/// Platforms of one account that are not certain any more to be that account's (OP-13).
async fn platforms(services: &Services) -> Result<Vec<Finding>, Failure> {
    let clients = services.list_clients().await.map_err(Failure::other)?;
    let found = clients.into_iter().filter_map(|(client, in_file)| {
        let (id, account) = (client.settings.id, client.settings.account?);
        Some(match client.opens {
            Opens::Every | Opens::Only { .. } => Finding::Fine(format!("client {id}: bound to its account")),
            Opens::Nothing(why) => {
                let what = if in_file {
                    format!("correct client.account, or run `{} client bind {id}`", program::name())
                } else {
                    format!("remove it by `{} client remove {id}`, and add it again", program::name())
                };
                Finding::Wrong(format!("client {id}, account {account}: serves nobody, since {why}; {what}"))
            }
        })
    });
    Ok(found.collect())
}

async fn audit(services: &Services) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for slug in services.account_slugs().await.map_err(Failure::other)? {
        let Some(chain) = services.check_audit(&slug).await.map_err(Failure::other)? else { continue };
        findings.push(match chain.fault() {
            None => Finding::Fine(format!(
                "audit events of {slug}: {} in an unbroken chain, head {}",
                chain.events.len(),
                head_line(&slug, &chain.head)
            )),
            Some(fault) => Finding::Wrong(format!("audit events of {slug}: {}", describe(fault))),
        });
    }
    Ok(findings)
}
