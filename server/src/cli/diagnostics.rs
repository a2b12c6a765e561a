//! `roster export-diagnostics`: a text that an operator can read through and send to whoever helps. It holds no secret, and no address of a person.

use super::{Failure, doctor, finding::Finding, start};
use crate::{
    clock::rfc3339,
    config::Config,
    context::Services,
    storage::{Database, backlog, diagnostics},
};
use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

pub(super) async fn export(config: Arc<Config>, file: &Path) -> Result<(), Failure> {
    let services = start(config).await?;
    let text = without_addresses(&text(&services).await?);
    let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", file.display()));
    let mut file_to_write = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    file_to_write.write_all(text.as_bytes()).map_err(failed)?;
    println!(
        "{} is written. It has no secrets and no addresses of people, but names your hosts; read it before you send it, and add the log of the time.",
        file.display()
    );
    Ok(())
}

async fn text(services: &Services) -> Result<String, Failure> {
    let mut text = String::new();
    let out = &mut text;
    section(out, "Roster");
    line(out, "version", env!("CARGO_PKG_VERSION"));
    line(out, "written", &rfc3339(services.now()));
    line(out, "system", &format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line(out, "kernel", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
    line(out, "cores", &std::thread::available_parallelism().map_or(0, usize::from).to_string());

    section(out, "What roster doctor finds");
    for finding in doctor::findings(services).await? {
        match finding {
            Finding::Fine(what) => line(out, "ok", &what),
            Finding::Note(what) => line(out, "note", &what),
            Finding::Wrong(what) => line(out, "wrong", &what),
        }
    }
    let (whole, broken) = doctor::audit_chains(services).await?;
    line(out, "audit", &format!("{whole} accounts with an unbroken chain of events, {broken} with a broken one"));

    let mut tx = services.database.begin_read().await.map_err(Failure::other)?;
    section(out, "Waiting to be sent");
    for waiting in backlog::read(&mut tx, services.now()).await.map_err(Failure::other)? {
        let age = (services.now() - waiting.since).0 / 1000;
        let what = format!("{}, the oldest for {age} s", waiting.entries);
        line(out, &format!("{} {}", waiting.queue.key(), waiting.state.key()), &what);
    }
    for counted in diagnostics::count(&mut tx).await.map_err(Failure::other)? {
        section(out, counted.heading);
        for (what, count) in counted.numbers {
            line(out, &what, &count.to_string());
        }
    }
    section(out, "Migrations");
    for (description, version) in diagnostics::migrations(&mut tx).await.map_err(Failure::other)? {
        line(out, &format!("{version:04}"), &description);
    }
    section(out, "Database");
    line(out, "kind", services.config.database_url.kind().name());
    if let Database::Sqlite { file, .. } = &services.database {
        line(out, "bytes", &std::fs::metadata(file).map_or(0, |meta| meta.len()).to_string());
    }
    section(out, "Settings, with secrets hidden");
    out.push_str(&services.config.to_toml().map_err(Failure::other)?);
    Ok(text)
}

fn section(out: &mut String, heading: &str) {
    let first = if out.is_empty() { "" } else { "\n" };
    // Writing into a text does not fail.
    let _ = writeln!(out, "{first}# {heading}");
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name}: {value}");
}

/// Without whatever looks like the address of a person: what stands before an @ is hidden, wherever it comes from.
fn without_addresses(text: &str) -> String {
    let ends_address =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';' | '[' | ']' | '=');
    let mut clean = String::with_capacity(text.len());
    for part in text.split_inclusive(ends_address) {
        match part.rfind('@') {
            Some(at) => {
                clean.push_str("***");
                clean.push_str(part.get(at..).unwrap_or_default());
            }
            None => clean.push_str(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_an_at_sign_is_hidden() {
        let hidden =
            without_addresses("from = \"Roster <ana@example.org>\"\nssl: a@b@c.example, ben+x@d.example; nobody\n");
        assert_eq!(hidden, "from = \"Roster <***@example.org>\"\nssl: ***@c.example, ***@d.example; nobody\n");
    }
}
