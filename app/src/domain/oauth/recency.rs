//! How recently somebody signed in at a provider, as far as its answer proves it (ASVS 6.8.4). Real providers leave it out, send 0, or name
//! the last sign-in although they were told to ask for a new one.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What `auth_time` proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recency {
    /// The provider says when, and it was recently enough.
    Recent(Timestamp),
    /// The provider says when, and it was too long ago.
    Stale(Timestamp),
    /// The provider says 0: it does not know.
    Unknown,
    /// The provider does not say.
    Missing,
    /// The provider says this, which is no time that it could have been.
    Implausible(String),
    /// Plain OAuth 2.0 has no word for it.
    Unsupported,
}

/// How somebody reauthenticates where the provider cannot prove that they signed in just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReauthenticationMethod {
    /// The password of the user's own.
    Password,
    /// A code, mailed to the address that the user proved.
    Code,
}
