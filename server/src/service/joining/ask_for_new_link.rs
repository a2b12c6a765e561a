//! Asks for a new link when the old one has expired (R20) or was declined (R63): the admins are told, once a day; the link goes only to the invited address.

use super::{presented_invitation::PresentedInvitation, view_invitation::MIN_ASK_INTERVAL};
use crate::{
    context::Services,
    storage::{
        StorageError, Tx, accounts,
        audit::Event,
        invitation_refusals::{self, AddressDigest},
        invitations,
        outbox::MailKind,
        retried,
    },
};
use app::{
    api::joining::NewLink,
    backend::AskForNewLink,
    domain::{ids::InvitationId, invitation::InvitationState},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl AskForNewLink for Services {
    /// Tells those who may send the invitation again that its link has expired.
    async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let before = self.require_invitation(&mut tx, visitor, id).await?;
            // The account is locked before the invitation, as everywhere, so that no two operations wait for each other.
            accounts::lock(&mut tx, before.scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            let is_over = match presented.invitation.state {
                InvitationState::Pending => {
                    presented.invitation.expires <= now && presented.account.delete_at.is_none()
                }
                InvitationState::Declined => self.may_ask_again(&mut tx, &presented).await?,
                InvitationState::AwaitingApproval | InvitationState::Accepted | InvitationState::Revoked => false,
            };
            if !is_over {
                return Err(AppError::OpenTheLinkAgain);
            }
            if !invitations::ask(&mut tx, presented.scope, id, now - MIN_ASK_INTERVAL, now).await? {
                return Ok(NewLink::AskedBefore);
            }
            self.tell_answerable(&mut tx, MailKind::LinkAsked, &presented, now).await?;
            presented.record_by_invitee(&mut tx, visitor, &Event::NewLinkAsked { invitation: id }, now).await?;
            tx.commit().await?;
            Ok(NewLink::Asked)
        })
        .await
    }
}

impl Services {
    /// May whoever declined ask for a new link after all (R63)? Not while they want no more invitations (R51).
    ///
    /// # Errors
    /// The database's.
    pub(in crate::service) async fn may_ask_again(
        &self,
        tx: &mut Tx,
        presented: &PresentedInvitation,
    ) -> Result<bool, StorageError> {
        let address = AddressDigest::of(presented.scope, &presented.member.email);
        let refused = invitation_refusals::is_refused(tx, presented.scope, &address).await?;
        Ok(!refused && presented.account.delete_at.is_none())
    }
}
