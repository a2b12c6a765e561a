//! OAuth 2.0 and OpenID Connect login methods: what an account says of its provider, whom a provider names, and what can go wrong
//! between the two (R42 to R47, OA-01 to OA-23).

mod form;

mod claim_path;
mod configuration;
mod fault;
mod preset;
mod read;
mod recency;

pub use form::ConfigurationForm;

pub use claim_path::{ClaimPath, Step};
pub use configuration::*;
pub use fault::{Failure, Fault, Warning};
pub use preset::Preset;
pub use read::Read;
pub use recency::{OtherProof, Recency};
