//! What second factors are made of: codes of apps, passkeys, and recovery codes. No database, no requests.

mod passkeys;
mod recovery;
mod totp;

pub use passkeys::{Challenge, Credential, PasskeyFault, PasskeySignIn, RelyingParty};
pub use recovery::{new_recovery_codes, recovery_code_hash};
pub use totp::{Seed, SeedUrl};
