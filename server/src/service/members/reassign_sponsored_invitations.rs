//! Gives the pending invitations of a sponsor who is removed or leaves to another sponsor (R29, INV-16). The invitations belong to the
//! account: a member who may grant what they offer answers for them from then on.

use crate::{
    service::actors::Actor,
    storage::{
        StorageError, Tx,
        audit::{self, AuditTarget, Event},
        invitations::{self, SponsoredInvitation},
        members::{self, Inviter},
    },
};
use app::domain::{
    ids::MemberId,
    invitation::InvitationState,
    policy::{Whose, can_invite, can_remove},
    role::{Effective, Grant, Roles},
    time::Timestamp,
};

/// What to do with the invitations of somebody who is removed, as the actor chose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum OnRemoval {
    Keep,
    Revoke,
}

/// What happens to one invitation.
enum Reassignment {
    Sponsor(MemberId),
    Revoked,
    /// Nobody may grant it now: an admin must decide.
    AwaitsDecision,
}

/// Reassigns or revokes the invitations that `leaving` sponsors. The actor becomes the sponsor of those that the actor may grant, or revokes
/// them; the others go to a successor who may grant them.
pub(in crate::service) async fn reassign_sponsored_invitations(
    tx: &mut Tx,
    actor: &Actor,
    leaving: MemberId,
    on_removal: OnRemoval,
    now: Timestamp,
) -> Result<(), StorageError> {
    let sponsored = invitations::sponsored_by(tx, actor.scope(), leaving).await?;
    if sponsored.is_empty() {
        return Ok(());
    }
    let mut others = members::inviters(tx, actor.scope(), &actor.roles).await?;
    others.retain(|other| other.member != leaving);
    for invitation in sponsored {
        let reassignment = reassignment(actor, leaving, on_removal, &invitation.grant, &others);
        let event = apply(tx, actor, &invitation, &reassignment, now).await?;
        let target = AuditTarget { member: invitation.member, email: invitation.email };
        audit::record(tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
    }
    Ok(())
}

fn reassignment(
    actor: &Actor,
    leaving: MemberId,
    on_removal: OnRemoval,
    offered: &Grant,
    others: &[Inviter],
) -> Reassignment {
    let roles = &actor.roles;
    let successor = successor(others, offered, roles).map_or(Reassignment::AwaitsDecision, Reassignment::Sponsor);
    if actor.member == leaving {
        return match successor {
            // There is nobody whose decision it could wait for.
            Reassignment::AwaitsDecision => Reassignment::Revoked,
            Reassignment::Sponsor(_) | Reassignment::Revoked => successor,
        };
    }
    match (on_removal, actor.row()) {
        (OnRemoval::Keep, Some(row)) if can_invite(&actor.effective, offered, roles).is_yes() => {
            Reassignment::Sponsor(row)
        }
        (OnRemoval::Revoke, _) if can_remove(&actor.effective, Whose::Others, offered, roles).is_yes() => {
            Reassignment::Revoked
        }
        (OnRemoval::Keep | OnRemoval::Revoke, _) => successor,
    }
}

/// The first of `others` who may grant what is offered.
fn successor(others: &[Inviter], offered: &Grant, roles: &Roles) -> Option<MemberId> {
    let may = |other: &&Inviter| can_invite(&Effective::of(&other.grant, roles), offered, roles).is_yes();
    others.iter().find(may).map(|other| other.member)
}

async fn apply(
    tx: &mut Tx,
    actor: &Actor,
    sponsored: &SponsoredInvitation,
    reassignment: &Reassignment,
    now: Timestamp,
) -> Result<Event, StorageError> {
    let (scope, invitation) = (actor.scope(), sponsored.id);
    Ok(match reassignment {
        Reassignment::Sponsor(sponsor) => {
            invitations::set_sponsor(tx, scope, invitation, *sponsor).await?;
            Event::InvitationSponsored { invitation, sponsor: *sponsor }
        }
        Reassignment::Revoked => {
            invitations::revoke(tx, scope, invitation, now).await?;
            if let Some(row) = members::find(tx, scope, sponsored.member).await? {
                members::remove(tx, scope, row.id, actor.row(), row.version, now).await?;
            }
            Event::InvitationWithdrawn { invitation }
        }
        Reassignment::AwaitsDecision => {
            invitations::answer(tx, scope, invitation, InvitationState::AwaitingApproval, now).await?;
            Event::InvitationHeld { invitation }
        }
    })
}
