//! Declines an offer of ownership (R34).

use super::{overview, record};
use crate::{
    context::Services,
    service::actors,
    storage::{audit::Event, outbox::OwnershipMail, ownership_offers, retried},
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::DeclineOwnership,
    domain::ids::OfferId,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl DeclineOwnership for Services {
    /// Ends an offer to the caller. Nothing else changes.
    async fn decline_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            actors::lock_for_member(self, &mut tx, caller).await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let offers = ownership_offers::to_member(&mut tx, actor.scope(), actor.member, now).await?;
            let Some(offer) = offers.into_iter().find(|one| one.id == offer) else {
                return Ok(overview(&actor, Notice::OfferGone));
            };
            ownership_offers::end(&mut tx, actor.scope(), offer.id, false, now).await?;
            let owner = actors::find_member(&mut tx, &actor, offer.from).await?;
            record(&mut tx, &actor, &owner, &Event::OwnershipDeclined, now).await?;
            self.mail_about_ownership(&mut tx, &actor, &owner, (OwnershipMail::Declined, offer.id), now).await?;
            tx.commit().await?;
            Ok(overview(&actor, Notice::OwnershipDeclined))
        })
        .await
    }
}
