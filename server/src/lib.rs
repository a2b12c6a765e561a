//! The server of Roster: everything that touches the world.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod collation;
pub mod config;
pub mod context;
pub mod cookies;
pub mod forward_auth;
pub mod http;
pub mod mail;
pub mod metrics;
pub mod oauth;
pub mod openid_provider;
pub mod passwords;
pub mod program;
pub mod second_factors;
pub mod secrets;
pub mod service;
pub mod storage;
pub mod tls;
pub mod user_agent;
