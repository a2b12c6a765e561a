//! Asking for a new link when the old one ran out (R20): the admins are told, once a day; the link goes only to the invited address.

use super::{accept_invitation::to, view_invitation::MIN_ASK_INTERVAL};
use crate::{
    context::Services,
    storage::{
        accounts,
        audit::{self, By, Event},
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
    /// Tells those who could send the invitation again that its link ran out.
    async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let before = self.held_as(&mut tx, visitor, id).await?;
            // Before the invitation, like everybody: who has the account then waits for nobody.
            accounts::lock(&mut tx, before.scope).await?;
            let held = self.held_as(&mut tx, visitor, id).await?;
            if held.invitation.state != InvitationState::Pending || held.invitation.expires > now {
                return Err(AppError::OpenTheLinkAgain);
            }
            if !invitations::ask(&mut tx, held.scope, id, now - MIN_ASK_INTERVAL, now).await? {
                return Ok(NewLink::AskedBefore);
            }
            self.tell_admins(&mut tx, MailKind::LinkAsked, &held, now).await?;
            let by = By { member: Some(held.member.id), name: None, ip: Some(visitor.ip) };
            audit::record(&mut tx, held.scope, &by, Some(&to(&held)), &Event::NewLinkAsked { invitation: id }, now)
                .await?;
            tx.commit().await?;
            Ok(NewLink::Asked)
        })
        .await
    }
}
