//! `roster audit`: prints the heads of the chains of audit events, to be kept elsewhere, and compares heads that were kept with the chains
//! as they are now.

use super::Failure;
use crate::{
    context::Services,
    program,
    storage::audit::{Chain, ChainFault, Head},
};
use app::domain::name::Slug;
use std::path::Path;

/// `roster audit head`: prints a line for each account. Somebody who can write to the database can rewrite a whole chain, but not one that
/// leads to a head that was kept elsewhere.
pub(super) async fn head(services: &Services) -> Result<(), Failure> {
    for slug in services.account_slugs().await.map_err(Failure::other)? {
        if let Some(chain) = services.check_audit(&slug).await.map_err(Failure::other)? {
            println!("{}", head_line(&slug, &chain.head));
        }
    }
    Ok(())
}

/// `roster audit check FILE`: are the events that led to the heads in this file still the same?
pub(super) async fn check(services: &Services, file: &Path) -> Result<(), Failure> {
    let kept = std::fs::read_to_string(file).map_err(|error| Failure::other(format!("{}: {error}", file.display())))?;
    let mut wrong = 0;
    for line in kept.lines().filter(|line| !line.trim().is_empty()) {
        let (slug, head) = read_line(line)
            .ok_or_else(|| Failure::other(format!("not a line of `{} audit head`: {line}", program::name())))?;
        let chain = services.check_audit(&slug).await.map_err(Failure::other)?;
        match chain.as_ref().map_or_else(|| Some("there is no such account".to_owned()), |chain| differs(chain, &head))
        {
            None => println!("ok     {slug}: the {} events that were kept are as they were", head.seq),
            Some(difference) => {
                wrong += 1;
                println!("wrong  {slug}: {difference}");
            }
        }
    }
    if wrong == 0 { Ok(()) } else { Err(Failure::other(format!("{wrong} found wrong"))) }
}

/// Compares a chain with a head that was kept.
fn differs(chain: &Chain, kept: &Head) -> Option<String> {
    if let Some(fault) = chain.fault() {
        return Some(describe(fault));
    }
    let event = chain.events.iter().find(|event| event.seq == kept.seq);
    match event {
        Some(event) if event.hash == kept.hash => None,
        None if kept.seq == 0 => None,
        Some(_) => Some(format!("the events up to number {} were written anew", kept.seq)),
        None => Some(format!("number {} is gone", kept.seq)),
    }
}

/// A fault of a chain in words.
pub(super) fn describe(fault: ChainFault) -> String {
    match fault {
        ChainFault::Changed(seq) => format!("number {seq} was changed, or one before it is gone"),
        ChainFault::CutOff { there, counted } => {
            format!("they end with number {there}, but the account counts {counted}: the end was cut off or exchanged")
        }
    }
}

/// A head as it is printed: account, number, hash in hexadecimal.
pub(super) fn head_line(slug: &Slug, head: &Head) -> String {
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{slug} {} {hash}", head.seq)
}

fn read_line(line: &str) -> Option<(Slug, Head)> {
    let mut words = line.split_whitespace();
    let (slug, seq, hash) = (words.next()?, words.next()?, words.next()?);
    let hash: Option<Vec<u8>> = (0..hash.len())
        .step_by(2)
        .map(|at| hash.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    Some((Slug::parse(slug).ok()?, Head { seq: seq.parse().ok()?, hash: hash? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_printed() {
        let (slug, head) = (Slug::parse("acme").unwrap(), Head { seq: 7, hash: vec![0, 255, 16] });
        assert_eq!(head_line(&slug, &head), "acme 7 00ff10");
        assert_eq!(read_line("acme 7 00ff10"), Some((slug, head)));
        for wrong in ["", "acme", "acme 7", "acme x 00", "acme 7 0g", "acme 7 000", "ACME 7 00"] {
            assert_eq!(read_line(wrong), None, "{wrong}");
        }
    }
}
