//! OAuth 2.0 and OpenID Connect login methods: what an account says of its provider, whom a provider names, and what can go wrong
//! between the two (R42 to R47, OA-01 to OA-23). The browser
//! knows none of it but the form.

mod form;

#[cfg(feature = "ssr")]
mod claim_path;
#[cfg(feature = "ssr")]
mod configuration;
#[cfg(feature = "ssr")]
mod fault;
#[cfg(feature = "ssr")]
mod preset;
#[cfg(feature = "ssr")]
mod read;
#[cfg(feature = "ssr")]
mod recency;

pub use form::ConfigurationForm;

#[cfg(feature = "ssr")]
pub use claim_path::{ClaimPath, Step};
#[cfg(feature = "ssr")]
pub use configuration::*;
#[cfg(feature = "ssr")]
pub use fault::{Failure, Fault, Warning};
#[cfg(feature = "ssr")]
pub use preset::Preset;
#[cfg(feature = "ssr")]
pub use read::Read;
#[cfg(feature = "ssr")]
pub use recency::{OtherProof, Recency};
