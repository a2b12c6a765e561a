//! Declines an invitation (R63): the sponsor is told, and the list offers to invite again.

use crate::{
    context::Services,
    storage::{accounts, audit::Event, invitations, outbox::MailKind, retried},
};
use app::{
    backend::DeclineInvitation,
    domain::{ids::InvitationId, invitation::InvitationState},
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl DeclineInvitation for Services {
    /// Declines the invitation of this browser's link. The link alone is enough: declining gives nothing away.
    async fn decline_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<()>, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let before = self.require_invitation(&mut tx, visitor, id).await?;
            accounts::lock(&mut tx, before.scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if presented.invitation.state == InvitationState::Declined {
                return Ok(WithCookies { answer: (), cookies: Vec::new() });
            }
            if !presented.is_open(now)
                || !invitations::answer(&mut tx, presented.scope, id, InvitationState::Declined, now).await?
            {
                return Err(AppError::OpenTheLinkAgain);
            }
            presented.record_by_invitee(&mut tx, visitor, &Event::Declined { invitation: id }, now).await?;
            self.tell_sponsor(
                &mut tx,
                presented.scope,
                MailKind::Declined,
                presented.member.id,
                &presented.invitation,
                now,
            )
            .await?;
            tx.commit().await?;
            Ok(WithCookies { answer: (), cookies: Vec::new() })
        })
        .await
    }
}
