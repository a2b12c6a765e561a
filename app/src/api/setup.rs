//! First run: the first account and its owner.

#[cfg(feature = "ssr")]
use super::*;
use crate::error::AppError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the set-up page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetUpView {
    /// The form: this browser holds a live set-up link.
    Open,
    /// There is an account already.
    Done,
    /// No live set-up link in this browser.
    NeedsLink {
        /// What whoever started the server runs to get another one.
        command: String,
    },
}

/// How long a set-up link works.
pub const SETUP_LINK_HOURS: i64 = 24;

/// The first account and its owner, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each field is its label")]
pub struct SetUpForm {
    pub account_name: String,
    pub slug: String,
    pub name: String,
    pub email: String,
    pub password: String,
}

impl fmt::Debug for SetUpForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetUpForm").field("slug", &self.slug).finish_non_exhaustive()
    }
}

/// What the set-up page shows this browser.
#[server(endpoint = "setup/view")]
pub async fn view_set_up() -> Result<SetUpView, AppError> {
    backend()?.view_set_up(&visitor()?).await
}

/// Makes the first account and its owner, signs the owner in, and answers the page to go to (CF-01).
#[server(endpoint = "setup/set-up")]
pub async fn set_up(form: SetUpForm) -> Result<String, AppError> {
    let slug = set_cookies(backend()?.set_up(&visitor()?, form).await?);
    let path = crate::paths::users(slug.as_str());
    redirect_form_post(&path);
    Ok(path)
}
