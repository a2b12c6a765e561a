//! Settings → Security: the second factor that an account requires of its members, and whose word counts as one.

use super::login_methods::NextPage;
#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::LoginMethodId,
        name::Slug,
        role::{RoleKey, Roles},
        second_factor::Requirement,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What Settings → Security shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityView {
    /// The account.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// Its roles.
    pub roles: Roles,
    /// What it requires; `None` if it requires nothing.
    pub requirement: Option<Requirement>,
    /// In how many days that begins; 0 once it has.
    pub days_left: u32,
    /// Has that begun, so that nobody gets in without a second factor?
    pub in_force: bool,
    /// Who is ready for it, by role.
    pub readiness: Vec<RoleReadiness>,
    /// The providers that say how they signed somebody in.
    pub providers: Vec<ProviderFactors>,
    /// Did the caller authenticate recently enough to make changes (AZ-16)?
    pub recently_authenticated: bool,
}

/// How many active members of a role are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleReadiness {
    /// The role.
    pub role: RoleKey,
    /// Its active members.
    pub members: u64,
    /// Those of them who have a second factor that counts here.
    pub ready: u64,
}

/// What a provider says of second factors, in `amr` and `acr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFactors {
    /// The login method.
    pub method: LoginMethodId,
    /// Its name.
    pub name: String,
    /// The values by which its word counts as a second factor.
    pub accepted: Vec<String>,
    /// What the last test brought; `None` before there was one.
    pub tested: Option<Vec<String>>,
}

/// Of whom a second factor is to be required, as chosen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequirementForm {
    /// `nobody`, `roles` or `everybody`.
    pub of: String,
    /// The keys of the roles, for `roles`.
    pub roles: Vec<String>,
    /// In how many days it begins.
    pub grace_days: String,
}

/// Which words of a provider count as a second factor, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderFactorsForm {
    /// The login method.
    pub method: String,
    /// The values, apart by blanks or commas; empty, and its word does not count.
    pub values: String,
}

/// What the account requires, and who is ready. Needs `login_methods.manage`.
#[server(endpoint = "security/show")]
pub async fn show_security(account: String) -> Result<SecurityView, AppError> {
    backend()?.show_security(&caller_in(&account)?).await
}

/// Requires a second factor, or no more. Needs `login_methods.manage`, and asks for a recent authentication (AZ-16).
#[server(endpoint = "security/require-second-factor")]
pub async fn require_second_factor(
    account: String,
    #[server(default)] form: RequirementForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.require_second_factor(&caller_in(&account)?, form).await?)
}

/// Takes, or no longer takes, a provider's word for a second factor. Needs the same.
#[server(endpoint = "security/accept-provider-factors")]
pub async fn accept_provider_factors(
    account: String,
    #[server(default)] form: ProviderFactorsForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.accept_provider_factors(&caller_in(&account)?, form).await?)
}
