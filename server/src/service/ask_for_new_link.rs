//! Asking for a new link when the old one ran out (R20): the admins are told, once a day; the link goes only to the invited address.

use super::{Services, accept_invitation::to, view_invitation::BETWEEN_ASKS};
use crate::{
    mail::MailKind,
    storage::{
        accounts,
        audit::{self, By, Event},
        invitations, members,
        outbox::NewMail,
    },
};
use app::{
    api::joining::NewLink,
    domain::{ids::InvitationId, invitation::InvitationState, policy::can_handle_invitation, role::Effective},
    error::AppError,
    ports::Visitor,
};

impl Services {
    /// Tells those who could send the invitation again that its link ran out.
    pub(super) async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let before = self.held_as(&mut tx, visitor, id).await?;
        // Before the invitation, like everybody: who has the account then waits for nobody.
        accounts::lock(&mut tx, before.scope).await?;
        let held = self.held_as(&mut tx, visitor, id).await?;
        if held.invitation.state != InvitationState::Pending || held.invitation.expires > now {
            return Err(AppError::OpenTheLinkAgain);
        }
        if !invitations::ask(&mut tx, held.scope, id, now - BETWEEN_ASKS, now).await? {
            return Ok(NewLink::AskedBefore);
        }
        let roles = accounts::roles(&mut tx, held.scope, &self.catalogue).await?;
        for inviter in members::inviters(&mut tx, held.scope).await? {
            let effective = Effective::of(&inviter.grant, &roles);
            if can_handle_invitation(&effective, &held.member.grant, &roles).is_yes() {
                let mail = NewMail {
                    kind: MailKind::LinkAsked,
                    member: held.member.id,
                    invitation: id,
                    language: inviter.language.unwrap_or(held.account.language),
                    to: &inviter.email_key,
                    sealed: None,
                };
                self.queue(&mut tx, held.scope, mail, now).await?;
            }
        }
        let by = By { member: Some(held.member.id), name: None, ip: Some(visitor.ip) };
        audit::record(&mut tx, held.scope, &by, Some(&to(&held)), &Event::NewLinkAsked { invitation: id }, now).await?;
        tx.commit().await?;
        self.mail_wake.notify_one();
        Ok(NewLink::Asked)
    }
}
