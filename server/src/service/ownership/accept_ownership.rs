//! Accepts an offer of ownership: the two roles are exchanged in one transaction (R34).

use super::{overview, record};
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        invitations::copy_link::kill_links_beyond_rights,
    },
    storage::{
        Tx,
        audit::Event,
        members::{self, Member},
        outbox::OwnershipMail,
        ownership_offers, retried, users,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::AcceptOwnership,
    domain::{
        ids::OfferId,
        policy::{Refusal, keeps_an_owner},
        role::{BuiltInRole, Grant},
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl AcceptOwnership for Services {
    /// Makes the caller an owner, and the owner who offered an admin. Under the account's lock, so that of two answers one counts, and the
    /// account keeps an owner who can sign in (R33).
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); the policy's refusal.
    async fn accept_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            actors::lock_for_member(self, &mut tx, caller).await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let offers = ownership_offers::to_member(&mut tx, actor.scope(), actor.member, now).await?;
            let Some(offer) = offers.into_iter().find(|one| one.id == offer) else {
                return Ok(overview(&actor, Notice::OfferGone));
            };
            actor.require_recent_authentication(self)?;
            if users::find(&mut tx, actor.user).await?.is_some_and(|user| user.delete_at.is_some()) {
                return Err(Refusal::OwnLoginDeleted.into());
            }
            let heir = actors::find_member(&mut tx, &actor, actor.member).await?;
            let owner = actors::find_member(&mut tx, &actor, offer.from).await?;
            // Others may be owners, too; whoever takes over answers for the account alone if they leave.
            keeps_an_owner(u64::from(members::can_sign_in(&mut tx, actor.scope(), heir.id).await?)).or_refuse()?;
            // First, so that it is not taken for one that no longer stands.
            ownership_offers::end(&mut tx, actor.scope(), offer.id, true, now).await?;
            record(&mut tx, &actor, &owner, &Event::OwnershipAccepted, now).await?;
            give(&mut tx, &actor, &heir, Grant::of(BuiltInRole::Owner), now).await?;
            give(&mut tx, &actor, &owner, Grant::of(BuiltInRole::Admin), now).await?;
            self.mail_about_ownership(&mut tx, &actor, &heir, (OwnershipMail::Received, offer.id), now).await?;
            self.mail_about_ownership(&mut tx, &actor, &owner, (OwnershipMail::Accepted, offer.id), now).await?;
            self.tell_owners_of_another(&mut tx, actor.scope(), actor.language, &[heir.id, owner.id], now).await?;
            tx.commit().await?;
            Ok(overview(&actor, Notice::OwnershipAccepted))
        })
        .await
    }
}

/// Gives one of the two people their new role, as an edit does.
async fn give(tx: &mut Tx, actor: &Actor, row: &Member, grant: Grant, now: Timestamp) -> Result<(), AppError> {
    if !members::set_grant(tx, actor.scope(), row.id, &grant, Some(actor.member), row.version, now).await? {
        return Err(AppError::ChangedMeanwhile { by: row.changed_by.clone(), at: row.changed_at });
    }
    kill_links_beyond_rights(tx, actor.scope(), row.id, &actor.roles, now).await?;
    record(tx, actor, row, &Event::Edited { before: row.grant.clone(), after: grant }, now).await?;
    Ok(())
}
