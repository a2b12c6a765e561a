//! What several operations answer. These types are the API's own, so that a change of the pages' types does not change the API.

use crate::http::csv_file::moment;
use app::domain::{
    language::Language,
    member::{LoginMethod, LoginMethodKind, MailState, MemberRow, ShownState},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A point in time, as RFC 3339 has it, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-05-04T09:00:00Z"))]
pub struct Moment(String);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(moment(at))
    }
}

/// How a member stands to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Invited, and the link is valid.
    Invited,
    /// Invited, and the link has expired.
    Expired,
    /// Turned the invitation down.
    Declined,
    /// Accepted, and waits for an admin's approval.
    AwaitingApproval,
    /// Has access.
    Active,
    /// Has no access for now.
    Suspended,
    /// Was taken out.
    Removed,
}

impl From<ShownState> for MemberStatus {
    fn from(state: ShownState) -> Self {
        match state {
            ShownState::Invited => Self::Invited,
            ShownState::Expired => Self::Expired,
            ShownState::Declined => Self::Declined,
            ShownState::AwaitingApproval => Self::AwaitingApproval,
            ShownState::Active => Self::Active,
            ShownState::Suspended => Self::Suspended,
            ShownState::Removed => Self::Removed,
        }
    }
}

impl From<MemberStatus> for ShownState {
    fn from(status: MemberStatus) -> Self {
        match status {
            MemberStatus::Invited => Self::Invited,
            MemberStatus::Expired => Self::Expired,
            MemberStatus::Declined => Self::Declined,
            MemberStatus::AwaitingApproval => Self::AwaitingApproval,
            MemberStatus::Active => Self::Active,
            MemberStatus::Suspended => Self::Suspended,
            MemberStatus::Removed => Self::Removed,
        }
    }
}

/// A login method that people can be invited by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiLoginMethod {
    /// Its id.
    id: Uuid,
    /// Its kind.
    kind: MethodKind,
    /// The account's name for it; null for Email & password.
    name: Option<String>,
    /// The claim that holds the user identifier, where people are invited by one.
    identifier_claim: Option<String>,
}

/// The kinds of login method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodKind {
    /// Email & password, built in.
    Password,
    /// An OAuth 2.0 or OpenID Connect provider.
    Oauth,
}

impl From<LoginMethod> for ApiLoginMethod {
    fn from(method: LoginMethod) -> Self {
        let kind = match method.kind {
            LoginMethodKind::Password => MethodKind::Password,
            LoginMethodKind::OAuth => MethodKind::Oauth,
        };
        let identifier_claim = method.hint.map(|hint| hint.claim);
        Self { id: method.id.0, kind, name: method.name, identifier_claim }
    }
}

/// Where the mail of an invitation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// There is no mail server: hand the link over.
    NoMailServer,
    /// It waits for its turn.
    Queued,
    /// The mail server took it.
    Accepted,
    /// Not taken yet; tried again.
    Deferred,
    /// Handed over, and the mail server did not say what became of it.
    Unanswered,
    /// Refused for good.
    Bounced,
}

impl From<&MailState> for MailStatus {
    fn from(mail: &MailState) -> Self {
        match mail {
            MailState::NoMailServer => Self::NoMailServer,
            MailState::Queued { .. } => Self::Queued,
            MailState::Accepted { .. } => Self::Accepted,
            MailState::Deferred { .. } => Self::Deferred,
            MailState::Unanswered { .. } => Self::Unanswered,
            MailState::Refused { .. } => Self::Bounced,
        }
    }
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApiLanguage {
    /// English.
    En,
    /// German.
    De,
}

impl From<ApiLanguage> for Language {
    fn from(language: ApiLanguage) -> Self {
        match language {
            ApiLanguage::En => Self::En,
            ApiLanguage::De => Self::De,
        }
    }
}

impl From<Language> for ApiLanguage {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::En,
            Language::De => Self::De,
        }
    }
}

/// One line of the account's Users list, in whatever status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// Its id.
    id: Uuid,
    /// The email address, as it was typed.
    email: String,
    /// The name, once there is one.
    name: Option<String>,
    /// The status.
    status: MemberStatus,
    /// The key of the role.
    role: String,
    /// The keys of the permissions on top of the role.
    extras: Vec<String>,
    /// How the person signs in.
    login_method: ApiLoginMethod,
    /// Is the login method switched off, so that the person cannot sign in?
    login_method_off: bool,
    /// Must somebody decide on who came back from the provider?
    awaits_decision: bool,
    /// Where the mail of the open invitation is.
    mail: Option<MailStatus>,
    /// When the person was last invited.
    invited_at: Option<Moment>,
    /// By whom.
    invited_by: Option<String>,
    /// When the open invitation expires.
    expires_at: Option<Moment>,
    /// When the person joined.
    joined_at: Option<Moment>,
    /// Who answers for the mailbox, if no mail has proved it.
    vouched_by: Option<String>,
    /// When the person was removed.
    removed_at: Option<Moment>,
    /// By whom.
    removed_by: Option<String>,
    /// The last activity in this account, to within five minutes.
    last_active_at: Option<Moment>,
    /// Counts the changes. The ETag is this number in quotes.
    version: i64,
}

impl Member {
    /// The version, as an ETag has it.
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        let (invited_at, invited_by) = row.invited.map_or((None, None), |event| (Some(event.at.into()), event.by));
        let (removed_at, removed_by) = row.removed.map_or((None, None), |event| (Some(event.at.into()), event.by));
        Self {
            id: row.id.0,
            email: row.email,
            name: row.name,
            status: row.state.into(),
            role: row.grant.role.to_string(),
            extras: row.grant.extras.iter().map(ToString::to_string).collect(),
            login_method: row.method.into(),
            login_method_off: row.blocked,
            awaits_decision: row.awaits_decision,
            mail: row.mail.as_ref().map(MailStatus::from),
            invited_at,
            invited_by,
            expires_at: row.expires.map(Moment::from),
            joined_at: row.joined.map(Moment::from),
            vouched_by: row.vouched_by,
            removed_at,
            removed_by,
            last_active_at: row.last_active.map(Moment::from),
            version: row.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_one_of_the_list_and_back() {
        for state in ShownState::ALL {
            assert_eq!(ShownState::from(MemberStatus::from(state)), state);
        }
    }
}
