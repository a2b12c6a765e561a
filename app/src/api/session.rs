//! Signing in and out, and what the shell shows of the signed-in user.

#[cfg(feature = "ssr")]
use super::*;
use super::{accounts::AccountLine, login_methods::SignInOption};
use crate::{
    domain::{password::Strength, time::Timestamp},
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The signed-in user, for the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The user's name.
    pub name: String,
    /// The user's address, as typed.
    pub email: String,
    /// The accounts that this session can open.
    pub accounts: Vec<AccountLine>,
    /// When the login is deleted, if its owner asked for that.
    pub delete_at: Option<Timestamp>,
}

/// Signing in by email address and password, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInForm {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The account whose page this is; empty on `/login`.
    pub account: String,
    /// Where to go on: a path of our own, or empty.
    pub next: String,
}

/// A password that somebody is choosing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrengthForm {
    /// The password.
    pub password: String,
    /// Words of the person's own, which a password is not to be built from (PW-05).
    pub own_words: Vec<String>,
}

impl fmt::Debug for SignInForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInForm").field("account", &self.account).field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for StrengthForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrengthForm").finish_non_exhaustive()
    }
}

/// The ways to sign in to an account. An unknown slug looks like an account with Email & password only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInOptions {
    /// Is there Email & password?
    pub password: bool,
    /// The account's providers.
    pub providers: Vec<SignInOption>,
    /// Can a passkey stand for the password?
    pub passkey: bool,
}

/// The ways to sign in to the account with this slug, going on to `next`, a path of our own or empty.
#[server(endpoint = "session/sign-in-options")]
pub async fn list_sign_in_options(account: String, #[server(default)] next: String) -> Result<SignInOptions, AppError> {
    backend()?.list_sign_in_options(&account, &next).await
}

/// The signed-in user, for the shell; `None` when nobody is.
#[server(endpoint = "session/whoami")]
pub async fn whoami() -> Result<Option<Me>, AppError> {
    backend()?.whoami(&visitor()?).await
}

/// Signs in, and answers the page to go to.
#[server(endpoint = "session/sign-in")]
pub async fn sign_in(form: SignInForm) -> Result<String, AppError> {
    let path = set_cookies(backend()?.sign_in(&visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}

/// Signs out; the session is dead on the server (SE-05). `next` is a path of our own, or empty.
#[server(endpoint = "session/sign-out")]
pub async fn sign_out(#[server(default)] next: String) -> Result<String, AppError> {
    set_cookies(backend()?.sign_out(&visitor()?).await?);
    clear_site_data();
    let path = crate::paths::local_or(&next, crate::paths::LOGIN);
    redirect_form_post(&path);
    Ok(path)
}

/// How hard a password is to guess (PW-04, PW-05); limited, never logged.
#[server(endpoint = "session/measure-password")]
pub async fn measure_password(form: StrengthForm) -> Result<Strength, AppError> {
    backend()?.measure_password(&visitor()?, form).await
}
