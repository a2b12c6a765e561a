//! OAuth 2.0 and OpenID Connect login methods: what an account says of its provider, whom a provider names, and what can go wrong
//! between the two (R42 to R47, OA-01 to OA-23).

mod claim_path;
mod configuration;
mod fault;
mod form;
mod preset;
// It reads names, for which it needs the tables of Unicode.
#[cfg(feature = "ssr")]
mod read;
mod recency;

pub use claim_path::{ClaimPath, MAX_PATH_CHARS, Step};
pub use configuration::*;
pub use fault::{Failure, Fault, Warning};
pub use form::{ConfigurationForm, MAX_TEXT_CHARS};
pub use preset::{IssuerPart, Preset};
#[cfg(feature = "ssr")]
pub use read::Read;
#[cfg(feature = "ssr")]
pub(in crate::domain) use read::https;
pub use recency::{ReauthenticationMethod, Recency};
