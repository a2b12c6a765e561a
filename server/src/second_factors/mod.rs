//! What second factors are made of: codes of apps, and recovery codes. No database, no requests.

mod recovery;
mod totp;

pub use recovery::{new_recovery_codes, recovery_code_hash};
pub use totp::{Seed, SeedUrl};
