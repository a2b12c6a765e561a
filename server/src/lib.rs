//! The server of Roster: everything that touches the world.

pub mod clock;
pub mod config;
pub mod secrets;
pub mod storage;
