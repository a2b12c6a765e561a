//! Accounts: the first, another one, and the caller's own.

use super::actors::Actor;
use crate::storage::accounts::Deletion;
use app::{
    api::{
        accounts::AccountDeletion,
        login_methods::{NextPage, Notice},
    },
    paths,
};

pub(super) mod change_account_address;
pub(super) mod change_account_settings;
pub(super) mod delete_account;
pub(super) mod keep_account;
pub(super) mod list_accounts;
pub(super) mod open_account;
pub(super) mod set_up;
pub(super) mod show_account;
pub(super) mod show_account_settings;
pub(super) mod view_set_up;
pub(super) mod watch_account;

/// Settings → Account, with a notice.
fn owners_page(actor: &Actor, notice: Notice) -> NextPage {
    NextPage::saying(paths::account_settings(actor.slug.as_str()), notice)
}

/// A deletion as pages show it.
fn shown(deletion: Deletion) -> AccountDeletion {
    AccountDeletion { at: deletion.at, by: deletion.by }
}
