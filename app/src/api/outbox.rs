//! Settings → Outbox: this account's invitation mails.

use super::members::AccountFacts;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{MailId, MemberId},
        member::MailState,
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One page of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxPage {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The mails, newest first.
    pub mails: Vec<MailLine>,
    /// The `after` of the next page, if there is one.
    pub next: Option<MailId>,
}

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLine {
    /// Its id; its text is at [`crate::paths::mail`].
    pub id: MailId,
    /// The row it belongs to.
    pub member: MemberId,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// When it was written.
    pub written: Timestamp,
    /// Where it is.
    pub state: MailState,
    /// Is its invitation still open, and may the caller handle it, so that its text with a link can be shown?
    pub readable: bool,
}

/// This account's invitation mails, newest first. Needs `users.invite`.
#[server(endpoint = "outbox/list")]
pub async fn list_mails(account: String, #[server(default)] after: String) -> Result<OutboxPage, AppError> {
    backend()?.list_mails(&caller_in(&account)?, after.parse().ok()).await
}
