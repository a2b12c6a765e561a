//! What accepting comes to, whichever way it is done: the sponsor's right is looked at once more, the row is linked to the user, the
//! sponsor is told (R9, R19, R29, INV-03, INV-15).

use super::invitation_facts::Held;
use crate::{
    context::Services,
    service::invitations::copy_link::is_in_reach,
    storage::{
        StorageError, Tx, accounts,
        audit::{self, By, Event, To},
        invitations, members,
        outbox::MailKind,
        users::User,
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

/// What came of accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Accepted {
    /// In the account.
    Joined,
    /// Somebody or something was faster: accepted, withdrawn or ended meanwhile.
    TooLate,
}

impl Services {
    /// Can the sponsor, and whoever vouches for the mailbox, still give this (R29)? If not, the invitation is held for the account's admins, and the answer is no.
    pub(in crate::service) async fn sponsor_still_may(
        &self,
        tx: &mut Tx,
        held: &Held,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let roles = accounts::roles(tx, held.scope, &self.catalogue).await?;
        let may = sponsor_may(tx, held, &roles).await?
            && (!self.is_vouched_for(held) || voucher(tx, held, &roles).await?.is_some());
        if !may {
            let id = held.invitation.id;
            invitations::answer(tx, held.scope, id, InvitationState::AwaitingApproval, now).await?;
            let event = Event::InvitationHeld { invitation: id };
            audit::record(tx, held.scope, &By::default(), Some(&to(held)), &event, now).await?;
            self.tell_admins(tx, MailKind::Held, held, now).await?;
        }
        Ok(may)
    }

    /// Links the row to the user, with exactly the role and extras that the row holds now (R24, INV-03).
    pub(in crate::service) async fn accept(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        held: &Held,
        user: &User,
        now: Timestamp,
    ) -> Result<Accepted, AppError> {
        let (scope, id) = (held.scope, held.invitation.id);
        let vouched = held.channel == Channel::Copied && user.verified.is_none();
        let roles = accounts::roles(tx, scope, &self.catalogue).await?;
        let vouched_by = if vouched { voucher(tx, held, &roles).await? } else { None };
        if !invitations::answer(tx, scope, id, InvitationState::Accepted, now).await? {
            return Ok(Accepted::TooLate);
        }
        match members::join(tx, scope, held.member.id, user, vouched_by, now).await {
            Ok(true) => {}
            Ok(false) | Err(StorageError::Taken(_)) => return Ok(Accepted::TooLate),
            Err(error) => return Err(error.into()),
        }
        let by = By { member: Some(held.member.id), name: Some(user.name.clone()), ip: Some(visitor.ip) };
        let joined = Event::Joined { invitation: id, grant: held.member.grant.clone() };
        audit::record(tx, scope, &by, Some(&to(held)), &joined, now).await?;
        if vouched {
            let event = Event::MailboxVouchedFor { invitation: id };
            audit::record(tx, scope, &By::default(), Some(&to(held)), &event, now).await?;
        }
        self.tell_sponsor(tx, scope, MailKind::Accepted, held.member.id, &held.invitation, now).await?;
        Ok(Accepted::Joined)
    }
}

/// Can the sponsor give now what is offered? The host's operator, who has no row, always can.
async fn sponsor_may(tx: &mut Tx, held: &Held, roles: &Roles) -> Result<bool, StorageError> {
    let sponsor = held.invitation.sponsor;
    if sponsor == held.member.id {
        return Ok(true);
    }
    let row = members::find(tx, held.scope, sponsor).await?.filter(|row| row.state == MemberState::Active);
    Ok(row.is_some_and(|row| can_invite(&Effective::of(&row.grant, roles), &held.member.grant, roles).is_yes()))
}

/// Who answers for a mailbox that no mail has proved (R12): the last who was given the link and may still give what it offers, or the
/// sponsor where nobody was given it: the host's operator printed it.
async fn voucher(tx: &mut Tx, held: &Held, roles: &Roles) -> Result<Option<MemberId>, StorageError> {
    let mut links = invitations::links_about(tx, held.scope, held.member.id).await?;
    links.retain(|link| link.invitation == held.invitation.id);
    Ok(if links.is_empty() {
        Some(held.invitation.sponsor)
    } else {
        links.iter().find(|link| is_in_reach(link, roles)).map(|link| link.holder)
    })
}

/// The invited row, as audit events name it.
pub(in crate::service) fn to(held: &Held) -> To {
    To { member: held.member.id, email: held.member.email.key().to_owned() }
}
