//! The server through its real router, on both databases, with a real mail server.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests say what they expect and stop at the first surprise"
)]

mod mail_server;
mod mail_transport;
mod support;

mod access;
mod access_then;
mod account_settings;
mod api_keys;
mod audit;
mod audit_log;
mod bulk;
mod by_provider;
mod cleaning_up;
mod command_line;
mod costs;
mod deciding;
mod editing;
mod ending_an_account;
mod examples;
mod faults;
mod first_run;
mod forward_auth;
mod http;
mod instance_keys;
mod inviting;
mod joining;
mod joining_by_provider;
mod limits;
mod listing;
mod live;
mod locks;
mod login_methods;
mod mail_worker;
mod malformed;
mod markup;
mod measuring;
mod neighbours;
mod oauth_client;
mod operator_keys;
mod other_address;
mod own_login;
mod owners;
mod ownership;
mod passkeys;
mod person;
mod plans;
mod platform_clients;
mod platform_ends;
mod platforms;
mod proxies;
mod reading;
mod recovery;
mod refusing;
mod reminding;
mod removing;
mod required_factors;
mod rest;
mod restoring;
mod roles;
mod schema;
mod second_factors;
mod signing_in;
mod signing_in_by_provider;
mod suspending;
mod switching;
mod webhooks;
mod without_scripting;
