//! The page of one person of an account: all that this account knows of them, whatever their state.

#[cfg(feature = "ssr")]
use super::*;
use super::{audit::AuditLine, members::AccountFacts, outbox::MailLine};
use crate::{
    domain::{
        invitation::InvitationState,
        member::{Event, MemberRow},
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the account knows of a person.
///
/// It holds nothing of the login itself: no sessions, no browsers, no addresses of clients. Those are the user's, who may be signed in for
/// other accounts by them, and an account's admins withdraw this account's access alone (R49). What tells whether the person comes here is
/// [`MemberRow::last_active`], which is this account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonPage {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The row, as the list shows it.
    pub row: MemberRow,
    /// The User identifier, where the row's method has one (R42).
    pub identifier: Option<String>,
    /// The last change of the row.
    pub changed: Event,
    /// The newest invitations, newest first.
    pub invitations: Vec<PersonInvitation>,
    /// The newest mails of these invitations, newest first (R62).
    pub mails: Vec<MailLine>,
    /// The names of the API keys that act for the person, and die with the membership (R37).
    pub keys: Vec<String>,
    /// What happened to the person here, and what they did; `None` for a caller without `audit.read`.
    pub history: Option<PersonHistory>,
}

/// An invitation of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonInvitation {
    /// When it was made.
    pub created: Timestamp,
    /// The member who answers for it; `None` for one of the host's operator.
    pub sponsor: Option<String>,
    /// What became of it.
    pub state: InvitationState,
    /// When it ends, or ended.
    pub expires: Timestamp,
    /// Did it end without an answer?
    pub is_expired: bool,
    /// When it was accepted, declined or withdrawn.
    pub answered: Option<Timestamp>,
    /// How often it was sent again.
    pub resends: u32,
}

/// A page of a person's events in the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonHistory {
    /// The events, newest first.
    pub lines: Vec<AuditLine>,
    /// The number that the next page begins before, if there is one.
    pub next: Option<i64>,
}

/// All that the account knows of a person, in any state. Needs `users.read`; what happened is told to who holds `audit.read`.
#[server(endpoint = "users/person")]
pub async fn show_person(
    account: String,
    member: String,
    #[server(default)] before: String,
) -> Result<PersonPage, AppError> {
    backend()?.show_person(&caller_in(&account)?, id(&member)?, before.parse().ok()).await
}
