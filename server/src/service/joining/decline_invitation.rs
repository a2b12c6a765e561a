//! Declines an invitation (R63): the sponsor is told, and the list offers to invite again.

use super::presented_invitation::PresentedInvitation;
use crate::{
    context::Services,
    storage::{Tx, accounts, audit::Event, decisions, invitations, outbox::MailKind, retried},
};
use app::{
    backend::DeclineInvitation,
    domain::{ids::InvitationId, invitation::InvitationState, time::Timestamp},
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
            if !presented.is_open(now) || !self.decline(&mut tx, visitor, &presented, now).await? {
                return Err(AppError::OpenTheLinkAgain);
            }
            tx.commit().await?;
            Ok(WithCookies { answer: (), cookies: Vec::new() })
        })
        .await
    }
}

impl Services {
    /// Declines an invitation that awaits an answer or a decision, and whose account is locked; `false` if it is over.
    ///
    /// # Errors
    /// The database's.
    pub(in crate::service) async fn decline(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let id = presented.invitation.id;
        if !invitations::decline(tx, presented.scope, id, now).await? {
            return Ok(false);
        }
        decisions::supersede(tx, presented.scope, presented.member.id, now).await?;
        presented.record_by_invitee(tx, visitor, &Event::Declined { invitation: id }, now).await?;
        let (scope, member) = (presented.scope, presented.member.id);
        self.tell_sponsor(tx, scope, MailKind::Declined, member, &presented.invitation, now).await?;
        Ok(true)
    }
}
