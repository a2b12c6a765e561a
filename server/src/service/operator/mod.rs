//! What the host's operator does by commands, and the jobs behind `serve`.

pub(super) mod check_audit;
pub mod clean_up;
pub(super) mod create_account;
mod delete_accounts;
mod erase_logins;
pub(super) mod grant_owner;
pub(super) mod invite_owner;
pub(super) mod measure;
pub(super) mod operator_keys;
pub(super) mod reset_factors;
pub(super) mod restore;
pub(super) mod rewrite_keys;
pub(super) mod rotate_keys;
