//! Makes the typed texts.
fn main() {}
