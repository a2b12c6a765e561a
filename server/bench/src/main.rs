//! Measures what the operations of Roster cost: processor time of one answer, of the server and its database together, beside what the same
//! database and argon2 cost alone in the same run. Rates swing on shared machines; this figure does not, and the ratio less.
//!
//! `bench --server BINARY --postgres URL [--members 1000,100000] [--baseline FILE] [--write-baseline]`. The URL is that of a PostgreSQL
//! superuser on this host; a database is made there and dropped. With a baseline it exits with 1 if a ratio has become worse by a third.

mod account;
mod bare;
mod client;
mod operations;
mod processes;
mod sink;
mod store;
mod table;

use std::path::PathBuf;
use store::Engine;
use table::{Baseline, Table};

/// Whatever went wrong.
type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

struct Arguments {
    server: PathBuf,
    postgres: Option<String>,
    members: Vec<usize>,
    baseline: Option<PathBuf>,
    writes_baseline: bool,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self {
            server: "target/release/roster".into(),
            postgres: None,
            members: vec![1_000, 100_000],
            baseline: None,
            writes_baseline: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--server" => read.server = value()?.into(),
                "--postgres" => read.postgres = Some(value()?),
                "--members" => {
                    read.members = value()?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
                }
                "--baseline" => read.baseline = Some(value()?.into()),
                "--write-baseline" => read.writes_baseline = true,
                other => return Err(format!("unknown argument: {other}").into()),
            }
        }
        read.server = read.server.canonicalize().map_err(|error| format!("{}: {error}", read.server.display()))?;
        Ok(read)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let (mut table, mut failed) = (Table::default(), Vec::new());
    for members in &arguments.members {
        for engine in Engine::all(arguments.postgres.as_deref()) {
            eprintln!("{} with {members} members", engine.name());
            if let Err(error) = operations::measure(&arguments.server, &engine, *members, &mut table).await {
                failed.push(format!("{} with {members} members: {error}", engine.name()));
            }
        }
    }
    println!("{table}");
    if !failed.is_empty() {
        return Err(failed.join("; ").into());
    }
    let Some(file) = &arguments.baseline else { return Ok(()) };
    if arguments.writes_baseline {
        std::fs::write(file, Baseline::of(&table).to_text())?;
        return Ok(());
    }
    let worse = Baseline::read(&std::fs::read_to_string(file)?)?.worse(&table);
    for line in &worse {
        println!("WORSE: {line}");
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("{} ratios are worse by a third", worse.len()).into()) }
}
