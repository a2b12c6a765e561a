//! Accepting an invitation, by whatever login method: the sponsor's permissions are checked once more, the member is linked to the user, and
//! the sponsor is told (R9, R19, R29, INV-03, INV-15).

use super::presented_invitation::PresentedInvitation;
use crate::{
    context::Services,
    service::invitations::copy_link::holder_may_grant,
    storage::{
        StorageError, Tx, accounts,
        audit::{self, AuditActor, Event},
        invitations, members,
        outbox::MailKind,
        users::{self, User},
    },
};
use app::{
    domain::{
        ids::MemberId,
        invitation::{Channel, InvitationState},
        member::MemberState,
        policy::can_invite,
        role::{Effective, Roles},
        time::Timestamp,
    },
    error::AppError,
    request::Visitor,
};

/// The outcome of accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Accepted {
    /// The person is a member now.
    Joined,
    /// The invitation was accepted, withdrawn or expired meanwhile.
    TooLate,
}

impl Services {
    /// May the sponsor, and whoever vouches for the mailbox, still grant this (R29)? If not, the invitation is held for a decision of the
    /// account's admins.
    pub(in crate::service) async fn sponsor_can_still_invite(
        &self,
        tx: &mut Tx,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let roles = accounts::roles(tx, presented.scope, &self.catalogue).await?;
        let may = sponsor_can_invite(tx, presented, &roles).await?
            && (!self.is_vouched_for(presented) || voucher(tx, presented, &roles).await?.is_some());
        if !may {
            let id = presented.invitation.id;
            invitations::answer(tx, presented.scope, id, InvitationState::AwaitingApproval, now).await?;
            let event = Event::InvitationHeld { invitation: id };
            audit::record(tx, presented.scope, &AuditActor::default(), Some(&presented.audit_target()), &event, now)
                .await?;
            self.tell_answerable(tx, MailKind::Held, presented, now).await?;
        }
        Ok(may)
    }

    /// Links the row to the user, with exactly the role and extras that the row holds now (R24, INV-03).
    pub(in crate::service) async fn accept(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        user: &User,
        now: Timestamp,
    ) -> Result<Accepted, AppError> {
        let (scope, id) = (presented.scope, presented.invitation.id);
        let vouched = presented.channel == Channel::Copied && user.verified.is_none();
        let vouched_by = if vouched {
            let roles = accounts::roles(tx, scope, &self.catalogue).await?;
            voucher(tx, presented, &roles).await?
        } else {
            None
        };
        if !invitations::answer(tx, scope, id, InvitationState::Accepted, now).await? {
            return Ok(Accepted::TooLate);
        }
        // The line copies name and address: under the user's lock, so that a change of them meanwhile is either in the copy or finds the line.
        users::lock(tx, user.id).await?;
        let user = &users::find(tx, user.id).await?.ok_or(AppError::Unauthenticated)?;
        match members::join(tx, scope, presented.member.id, user, vouched_by, now).await {
            Ok(true) => {}
            Ok(false) | Err(StorageError::Taken(_)) => return Ok(Accepted::TooLate),
            Err(error) => return Err(error.into()),
        }
        let actor = AuditActor {
            member: Some(presented.member.id),
            name: Some(user.name.clone()),
            ip: Some(visitor.ip),
            key: None,
        };
        let joined = Event::Joined { invitation: id, grant: presented.member.grant.clone() };
        audit::record(tx, scope, &actor, Some(&presented.audit_target()), &joined, now).await?;
        if vouched {
            let event = Event::MailboxVouchedFor { invitation: id };
            audit::record(tx, scope, &AuditActor::default(), Some(&presented.audit_target()), &event, now).await?;
        }
        self.tell_sponsor(tx, scope, MailKind::Accepted, presented.member.id, &presented.invitation, now).await?;
        Ok(Accepted::Joined)
    }
}

/// May the sponsor grant now what is offered? The host's operator, who has no row, always may.
async fn sponsor_can_invite(tx: &mut Tx, presented: &PresentedInvitation, roles: &Roles) -> Result<bool, StorageError> {
    let sponsor = presented.invitation.sponsor;
    if sponsor == presented.member.id {
        return Ok(true);
    }
    let row = members::answerable(tx, presented.scope, sponsor).await?.filter(|row| row.state == MemberState::Active);
    Ok(row.is_some_and(|row| can_invite(&Effective::of(&row.grant, roles), &presented.member.grant, roles).is_yes()))
}

/// The member who answers for a mailbox that no mail has proved (R12): the last one who was given the link and may still grant what it
/// offers, or the sponsor where nobody was given it, because the host's operator printed it.
async fn voucher(
    tx: &mut Tx,
    presented: &PresentedInvitation,
    roles: &Roles,
) -> Result<Option<MemberId>, StorageError> {
    let mut links = invitations::copied_links_about(tx, presented.scope, presented.member.id).await?;
    links.retain(|link| link.invitation == presented.invitation.id);
    Ok(if links.is_empty() {
        Some(presented.invitation.sponsor)
    } else {
        links.iter().find(|link| holder_may_grant(link, roles)).map(|link| link.holder)
    })
}
