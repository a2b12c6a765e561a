//! Settings → Outbox: the account's invitation mails.

use crate::{
    context::Services,
    mail::render::{account_label, invitation_subject},
    service::actors::{self, Actor},
    storage::{
        StorageError,
        outbox::{self, InvitationMail},
    },
};
use app::{
    api::outbox::{MailLine, OutboxPage},
    backend::ListMails,
    domain::{
        ids::MailId, invitation::InvitationState, permission::Gate, policy::can_handle_invitation, time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// Mails on one page.
const PAGE_ROWS: usize = 50;

#[async_trait]
impl ListMails for Services {
    /// The account's invitation mails, newest first. Needs `users.invite`.
    async fn list_mails(&self, caller: &Caller, after: Option<MailId>) -> Result<OutboxPage, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let mut mails = outbox::invitations_of_account(&mut tx, actor.scope(), after, PAGE_ROWS + 1).await?;
        let more = mails.len() > PAGE_ROWS;
        mails.truncate(PAGE_ROWS);
        let next = mails.last().filter(|_| more).map(|mail| mail.id);
        let mails = mails
            .into_iter()
            .filter_map(|mail| line(mail, &actor, now).transpose())
            .collect::<Result<_, StorageError>>()?;
        let facts = actors::facts(self, &mut tx, &actor).await?;
        drop(tx);
        self.note_activity(&actor).await;
        Ok(OutboxPage { facts, mails, next })
    }
}

/// A mail as the outbox lists it; `None` for one that was dropped.
pub(in crate::service) fn line(
    mail: InvitationMail,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<MailLine>, StorageError> {
    let readable = is_readable(&mail, actor, now);
    let Some(state) = outbox::mail_state(mail.delivery, now)? else { return Ok(None) };
    Ok(Some(MailLine {
        id: mail.id,
        member: mail.member,
        subject: invitation_subject(mail.language, &account_label(&mail.account, &mail.slug)),
        to: mail.to,
        written: mail.written,
        state,
        readable,
    }))
}

/// Can the mail be shown with a link: is the invitation still open, and may the actor handle it?
pub(in crate::service) fn is_readable(mail: &InvitationMail, actor: &Actor, now: Timestamp) -> bool {
    let open = match mail.state {
        InvitationState::Pending => mail.expires > now,
        InvitationState::AwaitingApproval
        | InvitationState::Accepted
        | InvitationState::Declined
        | InvitationState::Revoked => false,
    };
    open && can_handle_invitation(&actor.effective, &mail.grant, &actor.roles).is_yes()
}
