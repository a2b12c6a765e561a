//! Settings → Audit: what was changed in the account, by whom.

use super::members::AccountFacts;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        access::{AccessQuery, Week},
        audit::{AuditActorName, AuditQuery, Event},
        ids::MemberId,
        role::Grant,
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One page of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The events, newest first.
    pub lines: Vec<AuditLine>,
    /// The `before` of the next page, if there is one.
    pub next: Option<i64>,
    /// Is nobody of the account known by the address that was asked for?
    pub unknown_person: bool,
}

/// One event as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its number in the account.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who acted.
    pub actor: AuditActorName,
    /// The address of whom it concerned.
    pub target: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// What happened; `None` for what this version does not know.
    pub event: Option<Event>,
    /// The key of its kind.
    pub kind: String,
}

/// The account's audit events, newest first. Needs `audit.read`.
#[server(endpoint = "audit/list")]
pub async fn list_audit_events(account: String, #[server(default)] query: AuditQuery) -> Result<AuditPage, AppError> {
    backend()?.list_audit_events(&caller_in(&account)?, query).await
}

/// Who had access to the account at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPage {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The moment.
    pub at: Timestamp,
    /// Who was active, in the order of their names: the first of them.
    pub active: Vec<PersonThen>,
    /// How many were active.
    pub active_count: u64,
    /// Who was suspended, and so had no access: the first of them.
    pub suspended: Vec<PersonThen>,
    /// How many were suspended.
    pub suspended_count: u64,
    /// The last twelve months up to now, week by week.
    pub weeks: Vec<Week>,
}

/// Somebody who was in the account at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonThen {
    /// The row, if there is one still.
    pub row: Option<MemberId>,
    /// The name of today, while there is a row.
    pub name: Option<String>,
    /// The address of that time, unless it was erased.
    pub email: Option<String>,
    /// Role and extras of that time.
    pub grant: Grant,
    /// Since when the person was active, or suspended.
    pub since: Timestamp,
}

impl PersonThen {
    /// The name, or the address; nothing where both were erased.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.email.as_deref()).unwrap_or_default()
    }
}

/// Who had access at one moment, rebuilt from the account's audit events (R60). Needs `audit.read`.
#[server(endpoint = "audit/access")]
pub async fn show_access(account: String, #[server(default)] query: AccessQuery) -> Result<AccessPage, AppError> {
    backend()?.show_access(&caller_in(&account)?, query).await
}
