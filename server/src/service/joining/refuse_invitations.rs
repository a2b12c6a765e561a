//! “Never again” (R51): whoever holds a mailed link says that the account must not invite that address any more, or takes it back. It takes no
//! login, since whoever has the mailbox decides.

use super::presented_invitation::PresentedInvitation;
use crate::{
    context::Services,
    service::sessions::sign_in::rate_limited,
    storage::{
        Tx, accounts,
        audit::Event,
        invitation_refusals::{self, AddressDigest},
        rate_buckets::{self, Limit},
        retried,
    },
};
use app::{
    api::joining::RefusalView,
    backend::{AllowInvitations, RefuseInvitations, ViewRefusal},
    domain::{ids::InvitationId, member::MemberState, time::Timestamp},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// Each change of mind is an event of the account.
const CHANGES_PER_DAY: u32 = 10;

#[async_trait]
impl ViewRefusal for Services {
    /// Whether the link is one that can refuse, and does.
    async fn view_refusal(&self, visitor: &Visitor, id: Option<InvitationId>) -> Result<Option<RefusalView>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let presented = self.presented_invitation(&mut tx, visitor).await?;
        let Some(presented) = presented.filter(|presented| Some(presented.invitation.id) == id) else {
            return Ok(None);
        };
        let Some(address) = &presented.address else { return Ok(None) };
        let refused = invitation_refusals::is_refused(&mut tx, presented.scope, address).await?;
        Ok(Some(RefusalView { id: presented.invitation.id, account: presented.account.name, refused }))
    }
}

#[async_trait]
impl RefuseInvitations for Services {
    /// Notes the refusal, and declines the invitation if it is open. Whom the account may know, it knows by the address that it invited.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] for a link that was not mailed: it proves no mailbox (R12); [`AppError::RateLimited`].
    async fn refuse_invitations(&self, visitor: &Visitor, id: InvitationId) -> Result<(), AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (presented, address) = self.require_mailed(&mut tx, visitor, id, now).await?;
            if invitation_refusals::insert(&mut tx, presented.scope, &address, now).await? {
                let event = Event::InvitationsRefused { invitation: id };
                presented.record_by_invitee(&mut tx, visitor, &event, now).await?;
            }
            // Whichever of the links it was, and though an admin has yet to decide: nothing more is to come.
            let is_theirs = address == AddressDigest::of(presented.scope, &presented.member.email);
            if is_theirs && presented.member.state == MemberState::Invited {
                self.decline(&mut tx, visitor, &presented, now).await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl AllowInvitations for Services {
    /// Forgets the refusal. What was declined stays so.
    ///
    /// # Errors
    /// As for refusing.
    async fn allow_invitations(&self, visitor: &Visitor, id: InvitationId) -> Result<(), AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (presented, address) = self.require_mailed(&mut tx, visitor, id, now).await?;
            if invitation_refusals::is_refused(&mut tx, presented.scope, &address).await? {
                invitation_refusals::delete(&mut tx, presented.scope, &address).await?;
                let event = Event::InvitationsAllowed { invitation: id };
                presented.record_by_invitee(&mut tx, visitor, &event, now).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }
}

impl Services {
    /// The invitation of this browser's mailed link, with the address that it was mailed to; its account is locked.
    async fn require_mailed(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<(PresentedInvitation, AddressDigest), AppError> {
        let before = self.require_invitation(tx, visitor, id).await?;
        accounts::lock(tx, before.scope).await?;
        let presented = self.require_invitation(tx, visitor, id).await?;
        let address = presented.address.clone().ok_or(AppError::OpenTheLinkAgain)?;
        let (key, limit) = (format!("refusal:{id}"), Limit::per_day(CHANGES_PER_DAY));
        rate_buckets::take(tx, &key, limit, now).await?.map_err(rate_limited)?;
        Ok((presented, address))
    }
}
