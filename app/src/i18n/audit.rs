//! Audit events in words, for the page and its exports.

use super::{Locale, lifetime_words, permission_list, permission_name, role_name, text};
use crate::{
    domain::{
        audit::{AccountDefaults, AuditActorName, Event, EventKind},
        name::Slug,
        permission::Permissions,
        policy::Change,
        role::{Grant, RoleKey, Roles},
        second_factor::RequiredOf,
        time::Span,
    },
    paths,
};

/// Who acted.
pub fn audit_actor_name(locale: Locale, actor: AuditActorName) -> String {
    match actor {
        AuditActorName::Named(name) => name,
        AuditActorName::ByKey { person, key } => text!(locale, audit.by_api_key, person = person, name = key),
        AuditActorName::LinkHolder => text!(locale, audit.somebody).to_owned(),
        AuditActorName::OperatorKey(key) => text!(locale, audit.by_operator_key, name = key),
        AuditActorName::Operator => text!(locale, audit.operator).to_owned(),
    }
}

/// What kind of event it is.
pub fn event_kind_name(locale: Locale, kind: EventKind) -> &'static str {
    match kind {
        EventKind::AccountOpened => text!(locale, audit.kind_account_opened),
        EventKind::AccountChanged => text!(locale, audit.kind_account_changed),
        EventKind::RepliesSwitched => text!(locale, audit.kind_replies_switched),
        EventKind::RemindersSwitched => text!(locale, audit.kind_reminders_switched),
        EventKind::AccountAddressChanged => text!(locale, audit.kind_account_address_changed),
        EventKind::AccountDeletionAsked => text!(locale, audit.kind_account_deletion_asked),
        EventKind::AccountKept => text!(locale, audit.kind_account_kept),
        EventKind::OwnershipOffered => text!(locale, audit.kind_ownership_offered),
        EventKind::OwnershipAccepted => text!(locale, audit.kind_ownership_accepted),
        EventKind::OwnershipDeclined => text!(locale, audit.kind_ownership_declined),
        EventKind::OwnershipWithdrawn => text!(locale, audit.kind_ownership_withdrawn),
        EventKind::OwnerGranted => text!(locale, audit.kind_owner_granted),
        EventKind::Invited => text!(locale, audit.kind_invited),
        EventKind::InvitationResent => text!(locale, audit.kind_invitation_resent),
        EventKind::InvitationReminded => text!(locale, audit.kind_invitation_reminded),
        EventKind::LinkCopied => text!(locale, audit.kind_link_copied),
        EventKind::InvitationWithdrawn => text!(locale, audit.kind_invitation_withdrawn),
        EventKind::InvitationHeld => text!(locale, audit.kind_invitation_held),
        EventKind::InvitationSponsored => text!(locale, audit.kind_invitation_sponsored),
        EventKind::Joined => text!(locale, audit.kind_joined),
        EventKind::Declined => text!(locale, audit.kind_declined),
        EventKind::InvitationsRefused => text!(locale, audit.kind_invitations_refused),
        EventKind::InvitationsAllowed => text!(locale, audit.kind_invitations_allowed),
        EventKind::NewLinkAsked => text!(locale, audit.kind_new_link_asked),
        EventKind::OtherAddressAsked => text!(locale, audit.kind_other_address_asked),
        EventKind::MailboxVouchedFor => text!(locale, audit.kind_mailbox_vouched_for),
        EventKind::HeldForReview => text!(locale, audit.kind_held_for_review),
        EventKind::DecisionOpened => text!(locale, audit.kind_decision_opened),
        EventKind::Decided => text!(locale, audit.kind_decided),
        EventKind::LoginMethodAdded => text!(locale, audit.kind_login_method_added),
        EventKind::LoginMethodEdited => text!(locale, audit.kind_login_method_edited),
        EventKind::LoginMethodDraftDropped => text!(locale, audit.kind_login_method_draft_dropped),
        EventKind::LoginMethodLive => text!(locale, audit.kind_login_method_live),
        EventKind::LoginMethodSwitched => text!(locale, audit.kind_login_method_switched),
        EventKind::LoginMethodRemoved => text!(locale, audit.kind_login_method_removed),
        EventKind::SecondFactorRequired => text!(locale, audit.kind_second_factor_required),
        EventKind::SecondFactorNotRequired => text!(locale, audit.kind_second_factor_not_required),
        EventKind::ProviderFactorsChanged => text!(locale, audit.kind_provider_factors_changed),
        EventKind::RoleCreated => text!(locale, audit.kind_role_created),
        EventKind::RoleChanged => text!(locale, audit.kind_role_changed),
        EventKind::RoleRenamed => text!(locale, audit.kind_role_renamed),
        EventKind::RoleDeleted => text!(locale, audit.kind_role_deleted),
        EventKind::ApiKeyMade => text!(locale, audit.kind_api_key_made),
        EventKind::ApiKeyTakenOver => text!(locale, audit.kind_api_key_taken_over),
        EventKind::ApiKeyRevoked => text!(locale, audit.kind_api_key_revoked),
        EventKind::WebhookAdded => text!(locale, audit.kind_webhook_added),
        EventKind::WebhookChanged => text!(locale, audit.kind_webhook_changed),
        EventKind::WebhookSecretRotated => text!(locale, audit.kind_webhook_secret_rotated),
        EventKind::WebhookSwitched => text!(locale, audit.kind_webhook_switched),
        EventKind::WebhookStopped => text!(locale, audit.kind_webhook_stopped),
        EventKind::WebhookRemoved => text!(locale, audit.kind_webhook_removed),
        EventKind::SignsInBy => text!(locale, audit.kind_signs_in_by),
        EventKind::IdentityLinked => text!(locale, audit.kind_identity_linked),
        EventKind::PasswordSet => text!(locale, audit.kind_password_set),
        EventKind::Edited => text!(locale, audit.kind_edited),
        EventKind::Suspended => text!(locale, audit.kind_suspended),
        EventKind::Reactivated => text!(locale, audit.kind_reactivated),
        EventKind::RemovalUndone => text!(locale, audit.kind_removal_undone),
        EventKind::Removed => text!(locale, audit.kind_removed),
        EventKind::Left => text!(locale, audit.kind_left),
        EventKind::NameChanged => text!(locale, audit.kind_name_changed),
        EventKind::EmailChanged => text!(locale, audit.kind_email_changed),
        EventKind::AddressCorrected => text!(locale, audit.kind_address_corrected),
    }
}

/// What the kind of event does not say by itself: what was given, before and after (R65).
pub fn event_details(locale: Locale, event: &Event, roles: &Roles) -> Vec<String> {
    match event {
        Event::Invited { grant, .. }
        | Event::Joined { grant, .. }
        | Event::Suspended { grant }
        | Event::Reactivated { grant }
        | Event::RemovalUndone { grant }
        | Event::Removed { grant }
        | Event::Left { grant } => vec![grant_in_full(locale, grant, roles)],
        Event::AccountChanged { renamed, before, after } => account_details(locale, *renamed, before, after, roles),
        Event::Edited { before, after } => edit_details(locale, before, after, roles),
        Event::Decided { used: true, .. } => vec![text!(locale, audit.used).to_owned()],
        Event::Decided { used: false, .. } => vec![text!(locale, audit.rejected).to_owned()],
        Event::RemindersSwitched { on: true }
        | Event::RepliesSwitched { on: true }
        | Event::LoginMethodSwitched { on: true, .. } => {
            vec![text!(locale, audit.switched_on).to_owned()]
        }
        Event::RemindersSwitched { on: false }
        | Event::RepliesSwitched { on: false }
        | Event::LoginMethodSwitched { on: false, .. } => {
            vec![text!(locale, audit.switched_off).to_owned()]
        }
        Event::LoginMethodLive { unlinked, invitations, .. } => {
            let unlinked = (*unlinked > 0).then(|| text!(locale, audit.unlinked, count = *unlinked));
            let invitations = invitations.map(|count| text!(locale, audit.without_identifier, count = count));
            unlinked.into_iter().chain(invitations).collect()
        }
        Event::SecondFactorRequired { of: RequiredOf::Everybody, .. } => {
            vec![text!(locale, audit.required_of_everybody).to_owned()]
        }
        Event::SecondFactorRequired { of: RequiredOf::Roles(keys), .. } => {
            let names: Vec<_> = keys.iter().map(|key| role_name(locale, key, Some(roles))).collect();
            vec![text!(locale, audit.required_of_roles, roles = names.join(", "))]
        }
        Event::ProviderFactorsChanged { values, .. } if values.is_empty() => {
            vec![text!(locale, audit.factor_values_none).to_owned()]
        }
        Event::ProviderFactorsChanged { values, .. } => {
            vec![text!(locale, audit.factor_values, values = values.join(", "))]
        }
        Event::ApiKeyTakenOver { name, .. } | Event::ApiKeyRevoked { name, .. } => vec![name.clone()],
        Event::WebhookAdded { host, .. }
        | Event::WebhookChanged { host, .. }
        | Event::WebhookSecretRotated { host, .. }
        | Event::WebhookStopped { host, .. }
        | Event::WebhookRemoved { host, .. } => vec![host.clone()],
        Event::WebhookSwitched { host, on, .. } => {
            let to = if *on { text!(locale, audit.switched_on) } else { text!(locale, audit.switched_off) };
            vec![host.clone(), to.to_owned()]
        }
        Event::RoleCreated { name, permissions, .. } | Event::ApiKeyMade { name, permissions, .. } => {
            let change = Change { gained: permissions.clone(), lost: Permissions::new() };
            [vec![name.clone()], change_details(locale, &change, roles)].concat()
        }
        Event::RoleChanged { role, gained, lost } => {
            let change = Change { gained: gained.clone(), lost: lost.clone() };
            [vec![role_name(locale, role, Some(roles))], change_details(locale, &change, roles)].concat()
        }
        Event::RoleRenamed { before, after, .. } => vec![format!("{before} → {after}")],
        Event::RoleDeleted { name, permissions, .. } => {
            let change = Change { gained: Permissions::new(), lost: permissions.clone() };
            [vec![name.clone()], change_details(locale, &change, roles)].concat()
        }
        Event::HeldForReview { last_owner: true } => vec![text!(locale, audit.last_owner).to_owned()],
        Event::AccountAddressChanged { before, after } => {
            let address = |slug: &Slug| paths::account(slug.as_str());
            vec![text!(locale, audit.change, before = address(before), after = address(after))]
        }
        Event::AccountOpened
        | Event::AccountDeletionAsked { .. }
        | Event::AccountKept
        | Event::OwnershipOffered
        | Event::OwnershipAccepted
        | Event::OwnershipDeclined
        | Event::OwnershipWithdrawn
        | Event::OwnerGranted { .. }
        | Event::InvitationResent { .. }
        | Event::InvitationReminded { .. }
        | Event::LinkCopied { .. }
        | Event::InvitationWithdrawn { .. }
        | Event::InvitationHeld { .. }
        | Event::InvitationSponsored { .. }
        | Event::Declined { .. }
        | Event::InvitationsRefused { .. }
        | Event::InvitationsAllowed { .. }
        | Event::NewLinkAsked { .. }
        | Event::OtherAddressAsked { .. }
        | Event::MailboxVouchedFor { .. }
        | Event::HeldForReview { last_owner: false }
        | Event::DecisionOpened { .. }
        | Event::LoginMethodAdded { .. }
        | Event::LoginMethodEdited { .. }
        | Event::LoginMethodDraftDropped { .. }
        | Event::LoginMethodRemoved { .. }
        | Event::SecondFactorNotRequired
        | Event::SignsInBy { .. }
        | Event::IdentityLinked { .. }
        | Event::PasswordSet
        | Event::NameChanged
        | Event::EmailChanged
        | Event::AddressCorrected { .. } => Vec::new(),
    }
}

/// What was changed of an account's settings.
fn account_details(
    locale: Locale,
    renamed: bool,
    before: &AccountDefaults,
    after: &AccountDefaults,
    roles: &Roles,
) -> Vec<String> {
    let change = |before: String, after: String| text!(locale, audit.change, before = before, after = after);
    let name = renamed.then(|| text!(locale, audit.account_renamed).to_owned());
    let language = (before.language != after.language).then(|| {
        let names = change(before.language.own_name().to_owned(), after.language.own_name().to_owned());
        text!(locale, audit.account_language, change = names)
    });
    let (old, new) = (&before.invitations, &after.invitations);
    let role = (old.role != new.role).then(|| {
        let name = |key: &Option<RoleKey>| match key {
            Some(key) => role_name(locale, key, Some(roles)),
            None => text!(locale, settings.narrowest_role).to_owned(),
        };
        text!(locale, audit.account_role, change = change(name(&old.role), name(&new.role)))
    });
    let lifetime = (old.lifetime != new.lifetime).then(|| {
        let words = |span: Span| lifetime_words(locale, span.as_hours());
        text!(locale, audit.account_lifetime, change = change(words(old.lifetime), words(new.lifetime)))
    });
    [name, language, role, lifetime].into_iter().flatten().collect()
}

/// The roles, then the permissions that came and went.
fn edit_details(locale: Locale, before: &Grant, after: &Grant, roles: &Roles) -> Vec<String> {
    let change = Change::between(before, after, roles);
    let role = (before.role != after.role).then(|| {
        let name = |grant: &Grant| role_name(locale, &grant.role, Some(roles));
        text!(locale, audit.change, before = name(before), after = name(after))
    });
    role.into_iter().chain(change_details(locale, &change, roles)).collect()
}

fn change_details(locale: Locale, change: &Change, roles: &Roles) -> Vec<String> {
    let list = |keys| permission_list(locale, keys, Some(roles));
    let gained = (!change.gained.is_empty()).then(|| text!(locale, audit.gained, permissions = list(&change.gained)));
    let lost = (!change.lost.is_empty()).then(|| text!(locale, audit.lost, permissions = list(&change.lost)));
    gained.into_iter().chain(lost).collect()
}

/// The role and each extra by its name.
fn grant_in_full(locale: Locale, grant: &Grant, roles: &Roles) -> String {
    let role = role_name(locale, &grant.role, Some(roles));
    if grant.extras.is_empty() {
        return role;
    }
    let extras: Vec<_> = grant.extras.iter().map(|key| permission_name(locale, key, Some(roles))).collect();
    text!(locale, audit.with_extras, role = role, extras = extras.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::{Catalogue, PermissionKey},
        role::BuiltInRole,
    };

    #[test]
    fn r60_an_edit_says_what_was_before_and_what_is_after() {
        let roles = Roles::built_in(Catalogue::with([]));
        let before =
            Grant { role: BuiltInRole::Viewer.role(), extras: [PermissionKey::new("analytics.export")].into() };
        let after = Grant { role: BuiltInRole::Agent.role(), extras: [].into() };
        let details = event_details(Locale::en, &Event::Edited { before, after }, &roles);
        let [role, gained, lost] = details.as_slice() else { panic!("{details:?}") };
        assert_eq!(role, "Viewer → Agent");
        assert!(gained.starts_with("Gains: ") && lost.contains("Export analytics"), "{details:?}");
    }
}
