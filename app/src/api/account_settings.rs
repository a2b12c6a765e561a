//! Settings → Account: what an account's owners settle for it.

#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use super::{accounts::AccountDeletion, login_methods::NextPage, ownership::OwnershipOffer};
use crate::{
    domain::{invitation::InvitationDefaults, language::Language, name::Slug, role::Roles},
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What Settings → Account shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettingsView {
    /// The account.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The language of its mails, unless another is chosen.
    pub language: Language,
    /// What its invitations begin with.
    pub invitations: InvitationDefaults,
    /// Are invited people reminded before their links expire?
    pub reminders: bool,
    /// Do answers to the emails of invitations go to whoever invites (R51)?
    pub replies: bool,
    /// Its roles.
    pub roles: Roles,
    /// Counts the changes (R66).
    pub version: i64,
    /// The caller's own open offer to hand the account over (R34).
    pub offer: Option<OwnershipOffer>,
    /// The account's deletion, if an owner asked for it.
    pub deletion: Option<AccountDeletion>,
    /// Did the caller authenticate recently enough for what is most dangerous here (AZ-16)?
    pub recently_authenticated: bool,
}

/// What is to be settled for the account, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSettingsForm {
    /// The version that was shown (R66).
    pub version: String,
    /// The name.
    pub name: String,
    /// The tag of a language.
    pub language: String,
    /// The key of the role that invitations begin with; empty for the one with the fewest permissions.
    pub role: String,
    /// How many hours an invitation's link is valid.
    pub lifetime: String,
    /// Are invited people reminded, `on` or `off`? Empty for as it is.
    pub reminders: String,
    /// Do answers to the emails of invitations go to whoever invites, `on` or `off`? Empty for as it is.
    pub replies: String,
}

/// The address that an account is to have, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountAddressForm {
    /// The slug.
    pub slug: String,
}

/// What confirms the deletion of an account, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteAccountForm {
    /// The account's name.
    pub confirmation: String,
}

/// What is settled for the account. Owners alone see it.
#[server(endpoint = "account-settings/show")]
pub async fn show_account_settings(account: String) -> Result<AccountSettingsView, AppError> {
    backend()?.show_account_settings(&caller_in(&account)?).await
}

/// Changes it. Owners alone do.
#[server(endpoint = "account-settings/change")]
pub async fn change_account_settings(
    account: String,
    #[server(default)] form: AccountSettingsForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.change_account_settings(&caller_in(&account)?, form).await?)
}

/// Changes the account's address. Owners alone do, and are asked for a recent authentication (AZ-16).
#[server(endpoint = "account-settings/change-address")]
pub async fn change_account_address(
    account: String,
    #[server(default)] form: AccountAddressForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.change_account_address(&caller_in(&account)?, form).await?)
}

/// Asks for the account to be deleted. Owners alone do, and are asked for a recent authentication (AZ-16).
#[server(endpoint = "account-settings/delete")]
pub async fn delete_account(account: String, #[server(default)] form: DeleteAccountForm) -> Result<NextPage, AppError> {
    go_on(backend()?.delete_account(&caller_in(&account)?, form).await?)
}

/// Keeps an account that was to be deleted. Owners alone do.
#[server(endpoint = "account-settings/keep")]
pub async fn keep_account(account: String) -> Result<NextPage, AppError> {
    go_on(backend()?.keep_account(&caller_in(&account)?).await?)
}
