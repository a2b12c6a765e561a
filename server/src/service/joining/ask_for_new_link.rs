//! Asks for a new link when the old one has expired (R20): the admins are told, once a day; the link goes only to the invited address.

use super::view_invitation::MIN_ASK_INTERVAL;
use crate::{
    context::Services,
    storage::{accounts, audit::Event, invitations, outbox::MailKind, retried},
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
            let expired = presented.invitation.state == InvitationState::Pending && presented.invitation.expires <= now;
            if !expired || presented.account.delete_at.is_some() {
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
