//! Audit events: what happens in an account, as its record keeps it (R60). The server writes them in the transaction of the change; the page
//! puts them into words.

use super::{
    ids::{InvitationId, LoginMethodId, MemberId},
    member::MemberState,
    role::Grant,
};
use serde::{Deserialize, Serialize};

/// What happened. Ids and keys alone: no name, no address, never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is its event, each field its domain word")]
pub enum Event {
    AccountOpened,
    OwnerGranted { was: MemberState },
    Invited { invitation: InvitationId, grant: Grant },
    InvitationResent { invitation: InvitationId },
    LinkCopied { invitation: InvitationId },
    InvitationWithdrawn { invitation: InvitationId },
    InvitationHeld { invitation: InvitationId },
    InvitationSponsored { invitation: InvitationId, sponsor: MemberId },
    Joined { invitation: InvitationId, grant: Grant },
    Declined { invitation: InvitationId },
    NewLinkAsked { invitation: InvitationId },
    MailboxVouchedFor { invitation: InvitationId },
    HeldForReview { last_owner: bool },
    DecisionOpened { invitation: InvitationId },
    Decided { invitation: InvitationId, used: bool },
    LoginMethodAdded { method: LoginMethodId },
    LoginMethodEdited { method: LoginMethodId },
    LoginMethodDraftDropped { method: LoginMethodId },
    LoginMethodLive { method: LoginMethodId, unlinked: u64 },
    LoginMethodSwitched { method: LoginMethodId, on: bool },
    LoginMethodRemoved { method: LoginMethodId },
    SignsInBy { method: LoginMethodId },
    IdentityLinked { method: LoginMethodId },
    PasswordSet,
    Edited { before: Grant, after: Grant },
    Suspended { grant: Grant },
    Reactivated { grant: Grant },
    Removed { grant: Grant },
    Left { grant: Grant },
    NameChanged,
    EmailChanged,
}

/// The kind of an event, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is its event")]
pub enum EventKind {
    AccountOpened,
    OwnerGranted,
    Invited,
    InvitationResent,
    LinkCopied,
    InvitationWithdrawn,
    InvitationHeld,
    InvitationSponsored,
    Joined,
    Declined,
    NewLinkAsked,
    MailboxVouchedFor,
    HeldForReview,
    DecisionOpened,
    Decided,
    LoginMethodAdded,
    LoginMethodEdited,
    LoginMethodDraftDropped,
    LoginMethodLive,
    LoginMethodSwitched,
    LoginMethodRemoved,
    SignsInBy,
    IdentityLinked,
    PasswordSet,
    Edited,
    Suspended,
    Reactivated,
    Removed,
    Left,
    NameChanged,
    EmailChanged,
}

impl EventKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 31] = [
        Self::AccountOpened,
        Self::OwnerGranted,
        Self::Invited,
        Self::InvitationResent,
        Self::LinkCopied,
        Self::InvitationWithdrawn,
        Self::InvitationHeld,
        Self::InvitationSponsored,
        Self::Joined,
        Self::Declined,
        Self::NewLinkAsked,
        Self::MailboxVouchedFor,
        Self::HeldForReview,
        Self::DecisionOpened,
        Self::Decided,
        Self::LoginMethodAdded,
        Self::LoginMethodEdited,
        Self::LoginMethodDraftDropped,
        Self::LoginMethodLive,
        Self::LoginMethodSwitched,
        Self::LoginMethodRemoved,
        Self::SignsInBy,
        Self::IdentityLinked,
        Self::PasswordSet,
        Self::Edited,
        Self::Suspended,
        Self::Reactivated,
        Self::Removed,
        Self::Left,
        Self::NameChanged,
        Self::EmailChanged,
    ];

    /// The text in storage and URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::AccountOpened => "account_opened",
            Self::OwnerGranted => "owner_granted",
            Self::Invited => "invited",
            Self::InvitationResent => "invitation_resent",
            Self::LinkCopied => "link_copied",
            Self::InvitationWithdrawn => "invitation_withdrawn",
            Self::InvitationHeld => "invitation_held",
            Self::InvitationSponsored => "invitation_sponsored",
            Self::Joined => "joined",
            Self::Declined => "declined",
            Self::NewLinkAsked => "new_link_asked",
            Self::MailboxVouchedFor => "mailbox_vouched_for",
            Self::HeldForReview => "held_for_review",
            Self::DecisionOpened => "decision_opened",
            Self::Decided => "decided",
            Self::LoginMethodAdded => "login_method_added",
            Self::LoginMethodEdited => "login_method_edited",
            Self::LoginMethodDraftDropped => "login_method_draft_dropped",
            Self::LoginMethodLive => "login_method_live",
            Self::LoginMethodSwitched => "login_method_switched",
            Self::LoginMethodRemoved => "login_method_removed",
            Self::SignsInBy => "signs_in_by",
            Self::IdentityLinked => "identity_linked",
            Self::PasswordSet => "password_set",
            Self::Edited => "edited",
            Self::Suspended => "suspended",
            Self::Reactivated => "reactivated",
            Self::Removed => "removed",
            Self::Left => "left",
            Self::NameChanged => "name_changed",
            Self::EmailChanged => "email_changed",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

impl Event {
    /// Its kind.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::AccountOpened => EventKind::AccountOpened,
            Self::OwnerGranted { .. } => EventKind::OwnerGranted,
            Self::Invited { .. } => EventKind::Invited,
            Self::InvitationResent { .. } => EventKind::InvitationResent,
            Self::LinkCopied { .. } => EventKind::LinkCopied,
            Self::InvitationWithdrawn { .. } => EventKind::InvitationWithdrawn,
            Self::InvitationHeld { .. } => EventKind::InvitationHeld,
            Self::InvitationSponsored { .. } => EventKind::InvitationSponsored,
            Self::Joined { .. } => EventKind::Joined,
            Self::Declined { .. } => EventKind::Declined,
            Self::NewLinkAsked { .. } => EventKind::NewLinkAsked,
            Self::MailboxVouchedFor { .. } => EventKind::MailboxVouchedFor,
            Self::HeldForReview { .. } => EventKind::HeldForReview,
            Self::DecisionOpened { .. } => EventKind::DecisionOpened,
            Self::Decided { .. } => EventKind::Decided,
            Self::LoginMethodAdded { .. } => EventKind::LoginMethodAdded,
            Self::LoginMethodEdited { .. } => EventKind::LoginMethodEdited,
            Self::LoginMethodDraftDropped { .. } => EventKind::LoginMethodDraftDropped,
            Self::LoginMethodLive { .. } => EventKind::LoginMethodLive,
            Self::LoginMethodSwitched { .. } => EventKind::LoginMethodSwitched,
            Self::LoginMethodRemoved { .. } => EventKind::LoginMethodRemoved,
            Self::SignsInBy { .. } => EventKind::SignsInBy,
            Self::IdentityLinked { .. } => EventKind::IdentityLinked,
            Self::PasswordSet => EventKind::PasswordSet,
            Self::Edited { .. } => EventKind::Edited,
            Self::Suspended { .. } => EventKind::Suspended,
            Self::Reactivated { .. } => EventKind::Reactivated,
            Self::Removed { .. } => EventKind::Removed,
            Self::Left { .. } => EventKind::Left,
            Self::NameChanged => EventKind::NameChanged,
            Self::EmailChanged => EventKind::EmailChanged,
        }
    }
}

/// Which events are shown. Unknown values in a URL are passed over, so that an old link still shows something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditQuery {
    /// The address of a person who acted or was concerned.
    pub person: String,
    /// The key of a kind of event.
    pub kind: String,
    /// The first day, as `2026-11-27`, in UTC.
    pub from: String,
    /// The last day, in the same form.
    pub until: String,
    /// The number of the event that the page before ended with; empty on the first page.
    pub before: String,
}

impl AuditQuery {
    /// Reads the parameters of a URL, given a look-up by name.
    pub fn from_url(parameter: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| parameter(name).unwrap_or_default().trim().chars().take(MAX_PARAMETER_CHARS).collect();
        Self {
            person: text("person"),
            kind: text("kind"),
            from: text("from"),
            until: text("until"),
            before: text("before"),
        }
    }

    /// The parameters of a URL that leads here; percent-encoding is left to the caller.
    pub fn to_url(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("person", &self.person),
            ("kind", &self.kind),
            ("from", &self.from),
            ("until", &self.until),
            ("before", &self.before),
        ];
        all.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())).collect()
    }

    /// The same without a place in the list.
    #[must_use]
    pub fn from_the_start(&self) -> Self {
        Self { before: String::new(), ..self.clone() }
    }

    /// Does it leave anything out?
    pub fn is_filtered(&self) -> bool {
        [&self.person, &self.kind, &self.from, &self.until].iter().any(|text| !text.is_empty())
    }
}

/// The longest parameter that is read of a URL: an address has at most 254 characters.
const MAX_PARAMETER_CHARS: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_every_kind_is_found_by_its_text() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_key(kind.key()), Some(kind));
        }
        assert_eq!(EventKind::from_key("something"), None);
    }

    #[test]
    fn r60_an_event_is_read_as_it_was_written() {
        let event = Event::LoginMethodSwitched { method: LoginMethodId(uuid::Uuid::nil()), on: true };
        let written = serde_json::to_string(&event).unwrap_or_default();
        assert!(written.contains("\"kind\":\"login_method_switched\""), "{written}");
        assert_eq!(serde_json::from_str::<Event>(&written).ok(), Some(event));
    }

    #[test]
    fn a_view_of_the_audit_log_survives_its_url() {
        let query =
            AuditQuery { person: "ana@example.org".to_owned(), from: "2026-11-01".to_owned(), ..AuditQuery::default() };
        let url = query.to_url();
        let read =
            AuditQuery::from_url(|name| url.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        assert_eq!(read, query);
        assert!(query.is_filtered() && !AuditQuery::default().is_filtered());
    }
}
