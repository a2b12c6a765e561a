//! Forgotten passwords: asking for a link, and choosing a new password by it.

#[cfg(feature = "ssr")]
use super::*;
use crate::error::AppError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a link to choose a new password works (PW-10).
pub const RESET_LINK_MINUTES: i64 = 60;

/// Who forgot a password, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordResetRequest {
    /// The address.
    pub email: String,
    /// Where to go on afterwards: a path of our own, or empty.
    pub next: String,
}

impl fmt::Debug for PasswordResetRequest {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordResetRequest").field("next", &self.next).finish_non_exhaustive()
    }
}

/// What came of asking for a link: the same for every address (EN-02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordResetAsked {
    /// If somebody signs in with this address, a mail is on its way there.
    Mailed {
        /// The address, as typed.
        email: String,
    },
    /// There is no mail server: only the host's operator can help.
    NoMailServer,
}

/// What the page of a reset link shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordResetView {
    /// The form: this browser holds a link that is valid.
    Open {
        /// The address of the login.
        email: String,
        /// Words that the password is not to be built from (PW-05).
        own_words: Vec<String>,
        /// The fewest characters of the password (PW-01).
        shortest_password: u32,
    },
    /// There is no link, or it is not valid any more.
    Ended,
}

/// The new password, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResetPasswordForm {
    /// The password.
    pub password: String,
}

impl fmt::Debug for ResetPasswordForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetPasswordForm").finish_non_exhaustive()
    }
}

/// Asks for a link to choose a new password. The answer is the same for every address.
#[server(endpoint = "recovery/ask-for-password-reset")]
pub async fn ask_for_password_reset(form: PasswordResetRequest) -> Result<PasswordResetAsked, AppError> {
    with_flash(backend()?.ask_for_password_reset(&visitor()?, form).await?)
}

/// What the page of a reset link shows this browser.
#[server(endpoint = "recovery/view-password-reset")]
pub async fn view_password_reset() -> Result<PasswordResetView, AppError> {
    backend()?.view_password_reset(&visitor()?).await
}

/// Chooses a new password, and answers the page to sign in on. It signs nobody in (PW-08).
#[server(endpoint = "recovery/reset-password")]
pub async fn reset_password(form: ResetPasswordForm) -> Result<String, AppError> {
    let path = set_cookies(backend()?.reset_password(&visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}
