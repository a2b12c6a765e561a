//! Handing an account over: an owner offers it to another member, who accepts or declines (R34).

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        StorageError, Tx,
        audit::{self, AuditTarget, Event},
        members::Member,
        outbox::{MailKind, NewMail, OwnershipMail},
        ownership_offers::Offer,
        users,
    },
};
use app::{
    api::{login_methods::NextPage, ownership::OwnershipOffer},
    domain::{ids::OfferId, time::Timestamp},
    paths,
};

pub(super) mod accept_ownership;
pub(super) mod decline_ownership;
pub(super) mod offer_ownership;
pub(super) mod withdraw_ownership;

/// An offer as the owner who made it sees it.
pub(in crate::service) fn seen_by_owner(offer: Offer) -> OwnershipOffer {
    let (name, email) = offer.to_person;
    OwnershipOffer { id: offer.id, name, email, expires: offer.expires }
}

/// An offer as the member who may accept it sees it.
pub(in crate::service) fn seen_by_member(offer: Offer) -> OwnershipOffer {
    let (name, email) = offer.from_person;
    OwnershipOffer { id: offer.id, name, email, expires: offer.expires }
}

/// Records what one of the two people did, with the other as the one whom it concerns.
async fn record(tx: &mut Tx, actor: &Actor, other: &Member, event: &Event, now: Timestamp) -> Result<(), StorageError> {
    let target = AuditTarget { member: other.id, email: other.email.key().to_owned() };
    audit::record(tx, actor.scope(), &actor.audit_actor(), Some(&target), event, now).await
}

impl Services {
    /// Queues a mail to one of the two people, in the language that they chose.
    async fn mail_about_ownership(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        to: &Member,
        (what, offer): (OwnershipMail, OfferId),
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let user = match to.user {
            Some(user) => users::find(tx, user).await?,
            None => None,
        };
        let mail = NewMail {
            kind: MailKind::Ownership(what),
            member: to.id,
            invitation: None,
            offer: Some(offer),
            language: user.and_then(|user| user.language).unwrap_or(actor.language),
            to: to.email.key(),
            sealed: None,
        };
        self.queue(tx, actor.scope(), mail, now).await?;
        Ok(())
    }
}

/// The page of the owner's side.
fn owners_page(actor: &Actor) -> String {
    paths::account_settings(actor.slug.as_str())
}

/// The page of the other's side, with a notice.
fn overview(actor: &Actor, notice: app::api::login_methods::Notice) -> NextPage {
    NextPage::saying(paths::account(actor.slug.as_str()), notice)
}
