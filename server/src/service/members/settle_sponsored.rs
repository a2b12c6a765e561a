//! What becomes of the invitations that somebody answers for who is removed or leaves (R29, INV-16). They belong to the account: somebody
//! else who may give what they offer answers for them from then on.

use crate::{
    service::actors::Actor,
    storage::{
        StorageError, Tx,
        audit::{self, Event, To},
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

/// What the actor wishes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Wish {
    Keep,
    Withdraw,
}

/// What comes of one invitation.
enum Fate {
    AnsweredForBy(MemberId),
    Withdrawn,
    /// Nobody can give it now: an admin must decide.
    Held,
}

/// Settles the invitations that `leaving` answers for. The actor takes over or withdraws what is within the actor's rights; what is
/// above them is handed to somebody who may give it.
pub(in crate::service) async fn settle_sponsored(
    tx: &mut Tx,
    actor: &Actor,
    leaving: MemberId,
    wish: Wish,
    now: Timestamp,
) -> Result<(), StorageError> {
    let sponsored = invitations::sponsored_by(tx, actor.scope(), leaving).await?;
    if sponsored.is_empty() {
        return Ok(());
    }
    let mut others = members::inviters(tx, actor.scope(), &actor.roles).await?;
    others.retain(|other| other.member != leaving);
    for invitation in sponsored {
        let fate = fate(actor, leaving, wish, &invitation.grant, &others);
        let event = carry_out(tx, actor, &invitation, &fate, now).await?;
        let to = To { member: invitation.member, email: invitation.email };
        audit::record(tx, actor.scope(), &actor.by(), Some(&to), &event, now).await?;
    }
    Ok(())
}

fn fate(actor: &Actor, leaving: MemberId, wish: Wish, offered: &Grant, others: &[Inviter]) -> Fate {
    let roles = &actor.roles;
    let heir = heir(others, offered, roles).map_or(Fate::Held, Fate::AnsweredForBy);
    if actor.member == leaving {
        return match heir {
            // Nobody is there whose decision it could wait for.
            Fate::Held => Fate::Withdrawn,
            Fate::AnsweredForBy(_) | Fate::Withdrawn => heir,
        };
    }
    match wish {
        Wish::Keep if can_invite(&actor.effective, offered, roles).is_yes() => Fate::AnsweredForBy(actor.member),
        Wish::Withdraw if can_remove(&actor.effective, Whose::Others, offered, roles).is_yes() => Fate::Withdrawn,
        Wish::Keep | Wish::Withdraw => heir,
    }
}

/// The first of them who may give what is offered.
fn heir(others: &[Inviter], offered: &Grant, roles: &Roles) -> Option<MemberId> {
    let may = |other: &&Inviter| can_invite(&Effective::of(&other.grant, roles), offered, roles).is_yes();
    others.iter().find(may).map(|other| other.member)
}

async fn carry_out(
    tx: &mut Tx,
    actor: &Actor,
    sponsored: &SponsoredInvitation,
    fate: &Fate,
    now: Timestamp,
) -> Result<Event, StorageError> {
    let (scope, invitation) = (actor.scope(), sponsored.id);
    Ok(match fate {
        Fate::AnsweredForBy(sponsor) => {
            invitations::set_sponsor(tx, scope, invitation, *sponsor).await?;
            Event::InvitationSponsored { invitation, sponsor: *sponsor }
        }
        Fate::Withdrawn => {
            invitations::revoke(tx, scope, invitation, now).await?;
            if let Some(row) = members::find(tx, scope, sponsored.member).await? {
                members::remove(tx, scope, row.id, actor.member, row.version, now).await?;
            }
            Event::InvitationWithdrawn { invitation }
        }
        Fate::Held => {
            invitations::answer(tx, scope, invitation, InvitationState::AwaitingApproval, now).await?;
            Event::InvitationHeld { invitation }
        }
    })
}
