//! Accounts: the chooser, opening another one, and an account's front page.

#[cfg(feature = "ssr")]
use super::*;
use super::{login_methods::SignInOption, ownership::OwnershipOffers};
use crate::{
    domain::{
        ids::MemberId,
        list::StateCounts,
        member::Attention,
        name::Slug,
        role::{Effective, Grant, Roles},
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// An account that the signed-in user is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// What the user is there.
    pub grant: Grant,
    /// The role's name, if it is the account's own.
    pub role_name: Option<String>,
}

/// An account of the signed-in user that takes another login method than the one just used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherAccount {
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The login method that it takes.
    pub way: SignInOption,
}

/// The accounts of the signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyAccounts {
    /// The accounts, by name.
    pub accounts: Vec<AccountLine>,
    /// Those that ask for another sign-in first, by name.
    pub others: Vec<OtherAccount>,
    /// How many open invitations wait for an answer (R6).
    pub invitations: usize,
    /// May another one be opened (`accounts.create`)?
    pub may_open: bool,
}

/// A new account, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each field is its label")]
pub struct OpenAccountForm {
    pub account_name: String,
    pub slug: String,
}

/// The account just opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccount {
    /// Its slug.
    pub slug: Slug,
}

/// The deletion of an account that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDeletion {
    /// When.
    pub at: Timestamp,
    /// Who asked for it; `None` for somebody whose row is gone.
    pub by: Option<String>,
}

/// What `/a/{slug}` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountHome {
    /// The account's slug.
    pub slug: Slug,
    /// The slug by which it was asked for, if the account only had that one before.
    pub former_slug: Option<Slug>,
    /// The account's name.
    pub name: String,
    /// The user's role and extras.
    pub grant: Grant,
    /// What they come to.
    pub effective: Effective,
    /// The roles and the catalogue.
    pub roles: Roles,
    /// The platform behind Roster, where the operator named it.
    pub platform_url: Option<String>,
    /// From when on the account lets the user in only with a second factor, while the user has none.
    pub second_factor_from: Option<Timestamp>,
    /// May the user leave, or is there no other owner (R33)?
    pub last_owner: bool,
    /// The account's deletion, if an owner asked for it.
    pub deletion: Option<AccountDeletion>,
    /// Offers of owners to hand the account over to the user (R34).
    pub ownership: OwnershipOffers,
    /// How many people there are in each state, for whoever may see them; `None` for more than the list counts, too.
    pub people: Option<StateCounts>,
    /// The first of those who need attention, at most [`WAITING_SHOWN`], for whoever may see them.
    pub waiting: Vec<Waiting>,
}

/// How many of those who need attention an account's front page names.
pub const WAITING_SHOWN: usize = 5;

/// Somebody who needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The row.
    pub member: MemberId,
    /// The name, or the address while there is none.
    pub label: String,
    /// What is to be done.
    pub attention: Attention,
}

/// The accounts of the signed-in user.
#[server(endpoint = "accounts/list")]
pub async fn list_accounts() -> Result<MyAccounts, AppError> {
    backend()?.list_accounts(&visitor()?).await
}

/// Opens another account, with the caller as its owner.
#[server(endpoint = "accounts/open")]
pub async fn open_account(form: OpenAccountForm) -> Result<NewAccount, AppError> {
    let new = backend()?.open_account(&visitor()?, form).await?;
    redirect_form_post(&crate::paths::users(new.slug.as_str()));
    Ok(new)
}

/// An account's front page.
#[server(endpoint = "accounts/home")]
pub async fn show_account(account: String) -> Result<AccountHome, AppError> {
    backend()?.show_account(&caller_in(&account)?).await
}

/// Leaves the account (R32), and answers its name.
#[server(endpoint = "accounts/leave")]
pub async fn leave_account(account: String) -> Result<String, AppError> {
    redirect_with_flash(crate::paths::ACCOUNTS, backend()?.leave_account(&caller_in(&account)?).await?)
}
