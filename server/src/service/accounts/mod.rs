//! Accounts: the first, another one, and the caller's own.

pub(super) mod change_account_settings;
pub(super) mod list_accounts;
pub(super) mod open_account;
pub(super) mod set_up;
pub(super) mod show_account;
pub(super) mod show_account_settings;
pub(super) mod view_set_up;
pub(super) mod watch_account;
