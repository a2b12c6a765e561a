//! The server of Roster: everything that touches the world.

pub mod cli;
pub mod clock;
pub mod collation;
pub mod config;
pub mod http;
pub mod mail;
pub mod oauth;
pub mod secrets;
pub mod service;
pub mod storage;
pub mod tls;
