//! What Roster needs for platforms behind a proxy that asks it about every request: addresses, the rules of paths, and how values travel in
//! headers. Nothing here knows a request or a database.

mod header_text;
mod rules;

pub use header_text::header_text;
pub(crate) use rules::is_rule;
pub use rules::{Requirement, requirement};

/// Where a proxy asks.
pub const CHECK: &str = "/auth/forward";
/// Where somebody comes from a host to sign in.
pub const BEGIN: &str = "/auth/forward/begin";
/// Where they go on after a page of ours.
pub const CONTINUE: &str = "/auth/forward/continue";

/// What the proxy of a host passes on to Roster.
pub const OWN_FOLDER: &str = "/.roster/";
/// Where a host sends people who are not signed in there.
pub const SIGN_IN: &str = "/.roster/sign-in";
/// Where they come back to, with a code.
pub const CALLBACK: &str = "/.roster/callback";
/// Where they end being signed in there.
pub const SIGN_OUT: &str = "/.roster/sign-out";
/// The page about a path that somebody does not get to.
pub const DENIED: &str = "/.roster/denied";
