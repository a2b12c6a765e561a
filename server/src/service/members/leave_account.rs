//! Leaves an account (R32), which members do instead of removing themselves.

use super::reassign_sponsored_invitations::{OnRemoval, reassign_sponsored_invitations};
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        invitations::copy_link::kill_links_beyond_rights,
    },
    storage::{
        Tx,
        audit::{self, AuditTarget, Event},
        identities, members, retried,
    },
};
use app::{
    backend::LeaveAccount,
    domain::{
        policy::{Refusal, keeps_an_owner},
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl LeaveAccount for Services {
    /// Takes the caller out of the account; refused for the last owner (R33). The caller's invitations get another sponsor (R29). Answers
    /// the account's name.
    async fn leave_account(&self, caller: &Caller) -> Result<String, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            actors::lock_for_member(self, &mut tx, caller).await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let owners = members::other_owners(&mut tx, actor.scope(), actor.member).await?;
            if actor.grant.makes_owner() {
                keeps_an_owner(owners).or_refuse()?;
                // As for stepping down by Edit (AZ-16).
                actor.require_recent_authentication(self)?;
            }
            leave(&mut tx, &actor, now).await?;
            tx.commit().await?;
            Ok(actor.account_name)
        })
        .await
    }
}

/// Ends the actor's membership. The actor's invitations get another sponsor (R29).
pub(in crate::service) async fn leave(tx: &mut Tx, actor: &Actor, now: Timestamp) -> Result<(), AppError> {
    let row = actors::find_member(tx, actor, actor.member).await?;
    reassign_sponsored_invitations(tx, actor, actor.member, OnRemoval::Keep, now).await?;
    if !members::remove(tx, actor.scope(), actor.member, Some(actor.member), row.version, now).await? {
        return Err(Refusal::LeaveInstead.into());
    }
    identities::delete_of_user_in_account(tx, actor.scope(), actor.user).await?;
    kill_links_beyond_rights(tx, actor.scope(), actor.member, &actor.roles, now).await?;
    let target = AuditTarget { member: actor.member, email: row.email.key().to_owned() };
    let event = Event::Left { grant: actor.grant.clone() };
    audit::record(tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
    Ok(())
}
