//! Passwords: hashed, compared and measured. Nothing here knows whose they are.

mod hasher;
mod strength;

pub use hasher::{HashError, Hasher};
pub use strength::{RefusedPasswords, estimate, words_of};
