//! Webhooks: what other systems are told of what happens in an account, and by which names (LT-10).

use super::{
    audit::EventKind,
    permission::Gate,
    policy::{Refusal, Verdict, can_pass},
    role::Effective,
};
#[cfg(feature = "ssr")]
use super::{fields::Problem, name::parse_role_name, oauth::https};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many webhooks an account can have.
pub const MAX_WEBHOOKS: u32 = 20;
/// The longest address of a webhook.
pub const MAX_URL_CHARS: u32 = 1000;
/// For how many hours a secret signs beside the one that replaced it.
pub const SECRET_OVERLAP_HOURS: i64 = 24;
/// For how many days a delivery is tried.
pub const DELIVERY_DAYS: i64 = 3;
/// For how many days deliveries are kept.
pub const DELIVERIES_KEPT_DAYS: i64 = 30;
/// The event that somebody sends to try a webhook; no audit event stands behind it.
pub const TEST_EVENT: &str = "webhook.test";

/// What other systems call an audit event; `None` for what has no meaning outside: steps within Roster, a person's own mailbox and password, and
/// the webhooks themselves. A name never changes, since programs compare it.
pub const fn event_name(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Joined => Some("invitation.accepted"),
        EventKind::Invited => Some("invitation.created"),
        EventKind::InvitationResent => Some("invitation.resent"),
        EventKind::InvitationWithdrawn => Some("invitation.revoked"),
        EventKind::InvitationHeld => Some("invitation.held"),
        EventKind::Declined => Some("invitation.declined"),
        EventKind::NewLinkAsked => Some("invitation.link_requested"),
        EventKind::OtherAddressAsked => Some("invitation.other_address_requested"),
        EventKind::AddressCorrected => Some("invitation.address_corrected"),
        EventKind::Edited => Some("member.changed"),
        EventKind::OwnerGranted => Some("member.owner_granted"),
        EventKind::Suspended => Some("member.suspended"),
        EventKind::HeldForReview => Some("member.held_for_review"),
        EventKind::Reactivated => Some("member.reactivated"),
        EventKind::Removed => Some("member.removed"),
        EventKind::RemovalUndone => Some("member.restored"),
        EventKind::Left => Some("member.left"),
        EventKind::NameChanged => Some("member.name_changed"),
        EventKind::EmailChanged => Some("member.email_changed"),
        EventKind::SignsInBy => Some("member.login_method_changed"),
        EventKind::OwnershipAccepted => Some("ownership.accepted"),
        EventKind::DecisionOpened => Some("decision.opened"),
        EventKind::Decided => Some("decision.settled"),
        EventKind::RoleCreated => Some("role.created"),
        EventKind::RoleChanged => Some("role.changed"),
        EventKind::RoleRenamed => Some("role.renamed"),
        EventKind::RoleDeleted => Some("role.deleted"),
        EventKind::LoginMethodLive => Some("login_method.live"),
        EventKind::LoginMethodSwitched => Some("login_method.switched"),
        EventKind::LoginMethodRemoved => Some("login_method.removed"),
        EventKind::SecondFactorRequired => Some("second_factor.required"),
        EventKind::SecondFactorNotRequired => Some("second_factor.not_required"),
        EventKind::ApiKeyMade => Some("api_key.created"),
        EventKind::ApiKeyTakenOver => Some("api_key.taken_over"),
        EventKind::ApiKeyRevoked => Some("api_key.revoked"),
        EventKind::AccountChanged => Some("account.changed"),
        EventKind::AccountAddressChanged => Some("account.address_changed"),
        EventKind::AccountDeletionAsked => Some("account.deletion_scheduled"),
        EventKind::AccountKept => Some("account.deletion_cancelled"),
        EventKind::AccountOpened
        | EventKind::RemindersSwitched
        | EventKind::RepliesSwitched
        | EventKind::OwnershipOffered
        | EventKind::OwnershipDeclined
        | EventKind::OwnershipWithdrawn
        | EventKind::InvitationReminded
        | EventKind::LinkCopied
        | EventKind::InvitationSponsored
        | EventKind::InvitationsRefused
        | EventKind::InvitationsAllowed
        | EventKind::MailboxVouchedFor
        | EventKind::LoginMethodAdded
        | EventKind::LoginMethodEdited
        | EventKind::LoginMethodDraftDropped
        | EventKind::ProviderFactorsChanged
        | EventKind::IdentityLinked
        | EventKind::PasswordSet
        | EventKind::WebhookAdded
        | EventKind::WebhookChanged
        | EventKind::WebhookSecretRotated
        | EventKind::WebhookSwitched
        | EventKind::WebhookStopped
        | EventKind::WebhookRemoved => None,
    }
}

/// The events that webhooks can be told of, with their names.
pub fn told_events() -> impl Iterator<Item = (EventKind, &'static str)> {
    EventKind::ALL.iter().filter_map(|kind| Some((*kind, event_name(*kind)?)))
}

/// Which events a webhook is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscription {
    /// All of them, and those that come with later versions.
    All,
    /// Those with these names.
    Some(BTreeSet<String>),
}

/// Is a webhook told of what happens, and if not, why not?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// It is.
    On,
    /// Somebody switched it off.
    Off,
    /// Roster switched it off: nothing could be delivered for days.
    Failing,
    /// Roster switched it off: the address answered that it is gone for good.
    Gone,
    /// Roster switched it off: whoever answers for it has no access any more.
    Ownerless,
}

impl WebhookStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::On, Self::Off, Self::Failing, Self::Gone, Self::Ownerless];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Ownerless => "ownerless",
        }
    }

    /// The status with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }
}

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its first attempt, or the next.
    Queued,
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it, and it is not tried any more.
    Failed,
    /// The webhook was switched off before it was delivered.
    Dropped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Delivered, Self::Failed, Self::Dropped];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The state with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }
}

/// Why an attempt delivered nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryFault {
    /// The address is not one of the public Internet, and not one that the operator allows (OA-15).
    AddressRefused,
    /// Nobody answers there.
    Unreachable,
    /// The certificate is not valid.
    Tls,
    /// The answer did not come in time.
    TimedOut,
    /// The answer leads elsewhere, which is not followed.
    Redirected,
    /// The answer has a status that means no.
    Refused,
    /// The address is gone for good (410).
    Gone,
    /// The secret cannot be opened: the key file of this host is not the newest, or the key is lost.
    NoSecret,
}

impl DeliveryFault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AddressRefused,
        Self::Unreachable,
        Self::Tls,
        Self::TimedOut,
        Self::Redirected,
        Self::Refused,
        Self::Gone,
        Self::NoSecret,
    ];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::AddressRefused => "address_refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut => "timed_out",
            Self::Redirected => "redirected",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::NoSecret => "no_secret",
        }
    }

    /// The fault with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.key() == key)
    }
}

/// Can `actor` see and change webhooks? They tell whoever receives them of the people and of what happens, so both must be the actor's to read.
pub fn can_manage_webhooks(actor: &Effective) -> Verdict {
    can_pass(actor, Gate::WebhooksManage)
        .and(|| can_pass(actor, Gate::UsersRead))
        .and(|| can_pass(actor, Gate::AuditRead))
}

/// Can `actor` add a webhook to so many others of the account?
pub fn can_add_webhook(actor: &Effective, webhooks: usize) -> Verdict {
    can_manage_webhooks(actor).and(|| {
        if webhooks < MAX_WEBHOOKS as usize {
            Verdict::Yes
        } else {
            Verdict::No(Refusal::TooManyWebhooks { most: MAX_WEBHOOKS })
        }
    })
}

/// An address to be told: https, without a user name and without a fragment. Whether it may be reached, the guarded client knows (OA-15).
///
/// # Errors
/// What is wrong with it.
#[cfg(feature = "ssr")]
pub fn parse_webhook_url(raw: &str) -> Result<String, Problem> {
    let url = https(raw)?;
    if url.chars().count() > MAX_URL_CHARS as usize { Err(Problem::TooLong { most: MAX_URL_CHARS }) } else { Ok(url) }
}

/// What a webhook is for, in the words of whoever set it up; nothing is fine.
///
/// # Errors
/// As for names.
#[cfg(feature = "ssr")]
pub fn parse_description(raw: &str) -> Result<String, Problem> {
    if raw.trim().is_empty() { Ok(String::new()) } else { parse_role_name(raw) }
}

/// The events that were chosen, by their names.
///
/// # Errors
/// [`Problem::NoneChosen`], [`Problem::NotOffered`] for one that is not told.
#[cfg(feature = "ssr")]
pub fn parse_subscription(all: bool, names: &[String]) -> Result<Subscription, Problem> {
    if all {
        return Ok(Subscription::All);
    }
    if names.is_empty() {
        return Err(Problem::NoneChosen);
    }
    let chosen: BTreeSet<String> = names.iter().cloned().collect();
    let is_told = |name: &String| told_events().any(|(_, told)| told == name);
    if chosen.iter().all(is_told) { Ok(Subscription::Some(chosen)) } else { Err(Problem::NotOffered) }
}

/// The host of an address, as audit events name a webhook: the rest of an address may hold a secret of the receiver's.
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::Catalogue,
        role::{BuiltInRole, Grant, Roles},
    };

    #[test]
    fn lt_10_every_audit_event_is_decided_and_every_name_is_another() {
        let names: Vec<_> = told_events().map(|(_, name)| name).collect();
        let different: BTreeSet<_> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len());
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        for name in names {
            let (area, what) = name.split_once('.').unwrap_or_else(|| panic!("{name}"));
            assert!(is_word(area) && is_word(what) && name != TEST_EVENT, "{name}");
        }
        // Nothing about access goes untold: whatever changes who is in the account has a name.
        for kind in [EventKind::Removed, EventKind::Left, EventKind::Suspended, EventKind::Edited, EventKind::Joined] {
            assert!(event_name(kind).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn lt_10_texts_in_storage_are_read_as_they_were_written() {
        assert!(WebhookStatus::ALL.iter().all(|status| WebhookStatus::from_key(status.key()) == Some(*status)));
        assert!(DeliveryState::ALL.iter().all(|state| DeliveryState::from_key(state.key()) == Some(*state)));
        assert!(DeliveryFault::ALL.iter().all(|fault| DeliveryFault::from_key(fault.key()) == Some(*fault)));
    }

    #[test]
    fn lt_10_webhooks_are_for_whoever_may_read_what_they_tell() {
        let roles = Roles::built_in(Catalogue::with([]));
        let effective = |grant: &Grant| Effective::of(grant, &roles);
        assert!(can_add_webhook(&effective(&Grant::of(BuiltInRole::Owner)), 0).is_yes());
        assert!(can_add_webhook(&effective(&Grant::of(BuiltInRole::Admin)), 19).is_yes());
        let many = can_add_webhook(&effective(&Grant::of(BuiltInRole::Admin)), 20);
        assert_eq!(many, Verdict::No(Refusal::TooManyWebhooks { most: 20 }));
        let blind = effective(&Grant::of(BuiltInRole::Viewer).with("webhooks.manage").with("users.read"));
        assert_eq!(can_manage_webhooks(&blind), Verdict::No(Refusal::Needs { gate: Gate::AuditRead }));
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn lt_10_what_was_typed_is_read() {
        assert_eq!(parse_webhook_url(" https://a.example/hook?key=1 ").as_deref(), Ok("https://a.example/hook?key=1"));
        for wrong in
            ["http://a.example/", "https://u@a.example/", "https://a.example/#x", "a.example", "ftp://a.example/"]
        {
            assert_eq!(parse_webhook_url(wrong), Err(Problem::NotAnHttpsUrl), "{wrong}");
        }
        let long = format!("https://a.example/{}", "x".repeat(1000));
        assert_eq!(parse_webhook_url(&long), Err(Problem::TooLong { most: 1000 }));
        let names = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(parse_subscription(true, &[]), Ok(Subscription::All));
        assert_eq!(parse_subscription(false, &[]), Err(Problem::NoneChosen));
        assert_eq!(parse_subscription(false, &names(&["member.eaten"])), Err(Problem::NotOffered));
        let two = parse_subscription(false, &names(&["member.removed", "member.left", "member.left"]));
        assert_eq!(two, Ok(Subscription::Some(BTreeSet::from(["member.removed".into(), "member.left".into()]))));
        assert_eq!(parse_description("  "), Ok(String::new()));
        assert_eq!(host_of("https://a.example:8443/hook?key=1"), "a.example:8443");
        assert_eq!(host_of("https://a.example?key=1"), "a.example");
    }
}
