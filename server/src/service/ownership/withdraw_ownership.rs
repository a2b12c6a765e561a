//! Takes an offer of ownership back (R34).

use super::{owners_page, record};
use crate::{
    context::Services,
    service::actors,
    storage::{audit::Event, ownership_offers, retried},
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::WithdrawOwnership,
    domain::ids::OfferId,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl WithdrawOwnership for Services {
    /// Ends the caller's own offer. One that was answered meanwhile stays as it was answered.
    async fn withdraw_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            let own = ownership_offers::of_owner(&mut tx, actor.scope(), actor.member, now).await?;
            let Some(own) = own.filter(|own| own.id == offer) else {
                return Ok(NextPage::saying(owners_page(&actor), Notice::OfferGone));
            };
            ownership_offers::end(&mut tx, actor.scope(), own.id, false, now).await?;
            let other = actors::find_member(&mut tx, &actor, own.to).await?;
            record(&mut tx, &actor, &other, &Event::OwnershipWithdrawn, now).await?;
            let page = NextPage::saying(owners_page(&actor), Notice::OwnershipWithdrawn);
            tx.commit().await?;
            Ok(page)
        })
        .await
    }
}
