//! Settings → Account: what an account's owners settle for it.

#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use super::{login_methods::NextPage, ownership::OwnershipOffer};
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
    /// Its roles.
    pub roles: Roles,
    /// Counts the changes (R66).
    pub version: i64,
    /// The caller's own open offer to hand the account over (R34).
    pub offer: Option<OwnershipOffer>,
    /// Did the caller authenticate recently enough to make one (AZ-16)?
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
