//! Audit events: what happens in an account, as its record keeps it (R60). The server writes them in the transaction of the change; the page
//! puts them into words.

use super::{
    ids::{ApiKeyId, InvitationId, LoginMethodId, MemberId, WebhookId},
    invitation::InvitationDefaults,
    language::Language,
    member::MemberState,
    name::Slug,
    permission::Permissions,
    role::{Grant, RoleKey},
    second_factor::RequiredOf,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Declares each event once, with its fields and with the text that its kind has in storage and URLs. Kinds are offered in this order.
macro_rules! events {
    ($($event:ident $({ $($field:ident: $type:ty),+ })? = $text:literal;)+) => {
        /// What happened. Ids and keys alone, what roles and API keys were called, and the hosts of webhooks: no person's name, no address, never a token.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        #[allow(missing_docs, reason = "each variant is its event, each field its domain word")]
        pub enum Event {
            $(#[serde(rename = $text)] $event $({ $($field: $type),+ })?),+
        }

        /// The kind of an event, for filters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is its event")]
        pub enum EventKind {
            $($event),+
        }

        impl EventKind {
            /// All of them, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$event),+];

            /// The text in storage and URLs.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$event => $text),+
                }
            }
        }

        impl Event {
            /// Its kind.
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$event { .. } => EventKind::$event),+
                }
            }
        }
    };
}

events! {
    AccountOpened = "account_opened";
    AccountChanged { renamed: bool, before: AccountDefaults, after: AccountDefaults } = "account_changed";
    RemindersSwitched { on: bool } = "reminders_switched";
    RepliesSwitched { on: bool } = "replies_switched";
    AccountAddressChanged { before: Slug, after: Slug } = "account_address_changed";
    AccountDeletionAsked { at: Timestamp } = "account_deletion_asked";
    AccountKept = "account_kept";
    OwnershipOffered = "ownership_offered";
    OwnershipAccepted = "ownership_accepted";
    OwnershipDeclined = "ownership_declined";
    OwnershipWithdrawn = "ownership_withdrawn";
    OwnerGranted { was: MemberState } = "owner_granted";
    Invited { invitation: InvitationId, grant: Grant } = "invited";
    InvitationResent { invitation: InvitationId } = "invitation_resent";
    InvitationReminded { invitation: InvitationId } = "invitation_reminded";
    LinkCopied { invitation: InvitationId } = "link_copied";
    InvitationWithdrawn { invitation: InvitationId } = "invitation_withdrawn";
    InvitationHeld { invitation: InvitationId } = "invitation_held";
    InvitationSponsored { invitation: InvitationId, sponsor: MemberId } = "invitation_sponsored";
    Joined { invitation: InvitationId, grant: Grant } = "joined";
    Declined { invitation: InvitationId } = "declined";
    InvitationsRefused { invitation: InvitationId } = "invitations_refused";
    InvitationsAllowed { invitation: InvitationId } = "invitations_allowed";
    NewLinkAsked { invitation: InvitationId } = "new_link_asked";
    OtherAddressAsked { invitation: InvitationId } = "other_address_asked";
    MailboxVouchedFor { invitation: InvitationId } = "mailbox_vouched_for";
    HeldForReview { last_owner: bool } = "held_for_review";
    DecisionOpened { invitation: InvitationId } = "decision_opened";
    Decided { invitation: InvitationId, used: bool } = "decided";
    LoginMethodAdded { method: LoginMethodId } = "login_method_added";
    LoginMethodEdited { method: LoginMethodId } = "login_method_edited";
    LoginMethodDraftDropped { method: LoginMethodId } = "login_method_draft_dropped";
    LoginMethodLive { method: LoginMethodId, unlinked: u64, invitations: Option<u64> } = "login_method_live";
    LoginMethodSwitched { method: LoginMethodId, on: bool } = "login_method_switched";
    LoginMethodRemoved { method: LoginMethodId } = "login_method_removed";
    SecondFactorRequired { of: RequiredOf, starts: Timestamp } = "second_factor_required";
    SecondFactorNotRequired = "second_factor_not_required";
    ProviderFactorsChanged { method: LoginMethodId, values: Vec<String> } = "provider_factors_changed";
    SignsInBy { method: LoginMethodId } = "signs_in_by";
    IdentityLinked { method: LoginMethodId } = "identity_linked";
    RoleCreated { role: RoleKey, name: String, permissions: Permissions } = "role_created";
    RoleChanged { role: RoleKey, gained: Permissions, lost: Permissions } = "role_changed";
    RoleRenamed { role: RoleKey, before: String, after: String } = "role_renamed";
    RoleDeleted { role: RoleKey, name: String, permissions: Permissions } = "role_deleted";
    ApiKeyMade { key: ApiKeyId, name: String, permissions: Permissions } = "api_key_made";
    ApiKeyTakenOver { key: ApiKeyId, name: String } = "api_key_taken_over";
    ApiKeyRevoked { key: ApiKeyId, name: String } = "api_key_revoked";
    WebhookAdded { webhook: WebhookId, host: String } = "webhook_added";
    WebhookChanged { webhook: WebhookId, host: String } = "webhook_changed";
    WebhookSecretRotated { webhook: WebhookId, host: String } = "webhook_secret_rotated";
    WebhookSwitched { webhook: WebhookId, host: String, on: bool } = "webhook_switched";
    WebhookStopped { webhook: WebhookId, host: String } = "webhook_stopped";
    WebhookRemoved { webhook: WebhookId, host: String } = "webhook_removed";
    PasswordSet = "password_set";
    Edited { before: Grant, after: Grant } = "edited";
    Suspended { grant: Grant } = "suspended";
    Reactivated { grant: Grant } = "reactivated";
    Removed { grant: Grant } = "removed";
    RemovalUndone { grant: Grant } = "removal_undone";
    Left { grant: Grant } = "left";
    NameChanged = "name_changed";
    EmailChanged = "email_changed";
    AddressCorrected { invitation: InvitationId } = "address_corrected";
}

/// Who acted, as the record names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditActorName {
    /// A member, by the name of that time.
    Named(String),
    /// A program, by a key that acted for this member.
    ByKey {
        /// The member, by the name of that time.
        person: String,
        /// The key, by its name of that time.
        key: String,
    },
    /// Whoever held an invitation's link; no name was known.
    LinkHolder,
    /// A program of the host's operator, by the name that its key had.
    OperatorKey(String),
    /// The host's operator, or Roster itself.
    Operator,
}

/// What an account begins things with, as events keep it. Its name is none of their business: they say that it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDefaults {
    /// The language of its mails, unless another is chosen.
    pub language: Language,
    /// What its invitations begin with.
    pub invitations: InvitationDefaults,
}

impl EventKind {
    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.key() == key)
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
            assert_eq!(EventKind::from_key(kind.key()), Some(*kind));
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
    fn r60_the_kind_of_an_event_is_written_as_its_text() {
        let method = LoginMethodId(uuid::Uuid::nil());
        for event in [Event::AccountOpened, Event::HeldForReview { last_owner: true }, Event::SignsInBy { method }] {
            let written = serde_json::to_value(&event).unwrap();
            assert_eq!(written["kind"], event.kind().key());
        }
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
