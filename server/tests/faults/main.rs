//! Faults done to real processes and to several instances on one database. What is quick runs with every test; what takes minutes is ignored
//! there, and `make faults` runs all of it, in greater numbers (`FAULTS=full`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests say what they expect and stop at the first surprise"
)]

#[path = "../it/mail_server.rs"]
#[allow(dead_code, reason = "the stories use the rest")]
mod mail_server;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the stories use the rest")]
mod support;

mod site;

mod crashing;
mod databases;
mod exhausted;
mod load;
mod racing;
mod starting;

/// How often something is done: quickly with every test, many times by `make faults`. `FAULTS_ROUNDS` says another number.
fn rounds(quickly: usize, fully: usize) -> usize {
    let set = std::env::var("FAULTS_ROUNDS").ok().and_then(|number| number.parse().ok());
    set.unwrap_or(if is_full() { fully } else { quickly })
}

fn is_full() -> bool {
    std::env::var_os("FAULTS").is_some_and(|value| value == "full")
}
