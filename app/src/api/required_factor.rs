//! The second factor that an account requires of its member: what is asked for, proving one, and setting one up for this account.

use super::second_factors::TotpView;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::SecondFactorId,
        role::{Grant, Roles},
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an account asks of this session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredFactorView {
    /// The account's name.
    pub account: String,
    /// From when on nobody gets in without a second factor; `None` if the account does not require one of the caller.
    pub starts: Option<Timestamp>,
    /// Has that begun?
    pub in_force: bool,
    /// Where to go on: a path of our own.
    pub next: String,
    /// What comes next.
    pub step: RequiredFactorStep,
    /// What the caller has in the account, once one is set up.
    pub grant: Grant,
    /// The role and the catalogue, to put it in words.
    pub roles: Roles,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequiredFactorStep {
    /// Nothing: the session has all that the account asks for.
    GoOn {
        /// The app that the caller has for this account alone, which can be removed here.
        app: Option<AccountApp>,
    },
    /// One of the second factors that the caller has.
    Prove {
        /// Can a code of an app be typed?
        app: bool,
        /// Can a passkey be used?
        passkey: bool,
        /// Can a recovery code be typed?
        recovery: bool,
    },
    /// Setting one up for the login, in the person's own settings: this session proved the person's own password.
    SetUpLogin,
    /// Setting one up for this account: an account's provider alone vouches for this session (OA-12).
    SetUpAccount {
        /// What is being set up, once that has begun.
        begun: Option<BegunApp>,
        /// May that be done in this session now, or is the caller asked to reauthenticate first (AZ-16)?
        may_set_up: bool,
    },
}

/// An app that counts in one account alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountApp {
    /// Its id.
    pub id: SecondFactorId,
    /// When it was added.
    pub added: Timestamp,
    /// Did the caller authenticate recently enough to remove it (AZ-16)?
    pub recently_authenticated: bool,
}

/// An app that is being set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunApp {
    /// Its id.
    pub id: SecondFactorId,
    /// What the app scans.
    pub totp: TotpView,
}

/// A proof of a second factor, as typed: one of the two; or the code that confirms an app.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequiredFactorForm {
    /// The code that the app shows.
    pub code: String,
    /// A recovery code.
    pub recovery_code: String,
    /// The app that is being set up, where one is.
    pub factor: String,
    /// Where to go on: a path of our own, or empty.
    pub next: String,
}

impl fmt::Debug for RequiredFactorForm {
    /// Without the codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequiredFactorForm").field("factor", &self.factor).finish_non_exhaustive()
    }
}

/// What the account asks of this session. `begun` names the app that is being set up, if one is.
#[server(endpoint = "required-factor/view")]
pub async fn view_required_factor(
    account: String,
    #[server(default)] begun: String,
    #[server(default)] next: String,
) -> Result<RequiredFactorView, AppError> {
    backend()?.view_required_factor(&caller_in(&account)?, begun.parse().ok(), &next).await
}

/// Proves a second factor to the account; answers the page to go on to.
#[server(endpoint = "required-factor/prove")]
pub async fn prove_required_factor(
    account: String,
    #[server(default)] form: RequiredFactorForm,
) -> Result<String, AppError> {
    let path = set_cookies(backend()?.prove_required_factor(&caller_in(&account)?, &visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}

/// Begins to set an app up for the account; answers the page that shows it.
#[server(endpoint = "required-factor/begin-app")]
pub async fn begin_account_app(account: String, #[server(default)] next: String) -> Result<String, AppError> {
    let path = backend()?.begin_account_app(&caller_in(&account)?, &next).await?;
    redirect_form_post(&path);
    Ok(path)
}

/// Adds the app for the account, once it shows the right code; answers the page to go on to.
#[server(endpoint = "required-factor/confirm-app")]
pub async fn confirm_account_app(
    account: String,
    #[server(default)] form: RequiredFactorForm,
) -> Result<String, AppError> {
    let path = set_cookies(backend()?.confirm_account_app(&caller_in(&account)?, &visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}

/// Removes the app that counts in the account alone; answers the page that sets another one up.
#[server(endpoint = "required-factor/remove-app")]
pub async fn remove_account_app(account: String, factor: String) -> Result<String, AppError> {
    let path = backend()?.remove_account_app(&caller_in(&account)?, &visitor()?, id(&factor)?).await?;
    redirect_form_post(&path);
    Ok(path)
}
