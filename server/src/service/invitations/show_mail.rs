//! The text of a mail of the outbox: for the account with the copied link, never the mailed one; for the host's operator any mail.

use super::list_mails::is_readable;
use crate::{
    context::Services,
    mail::{Audience, ComposeError, compose},
    service::actors,
    storage::outbox::{self, OutboxMail},
};
use app::{
    domain::{ids::MailId, permission::Gate, policy::can_handle_invitation},
    error::AppError,
    request::Caller,
};

pub use crate::mail::render::Rendered as MailText;

/// How many mails `roster outbox show` lists.
const MAX_LISTED_MAILS: usize = 100;

impl Services {
    /// An invitation mail of the account. Needs `users.invite` and the right to grant what the invitation offers. Looking changes nothing:
    /// the copied link is shown only to an actor who has copied it, and so answers for it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] also for an invitation that is no longer open; the policy's refusal.
    pub async fn show_mail(&self, caller: &Caller, mail: MailId) -> Result<MailText, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let about = outbox::invitation_of_account(&mut tx, actor.scope(), mail).await?.ok_or(AppError::NotFound)?;
        can_handle_invitation(&actor.effective, &about.grant, &actor.roles).or_refuse()?;
        if !is_readable(&about, &actor, now) {
            return Err(AppError::NotFound);
        }
        let link = self.link_held_by(&mut tx, &actor, about.member, about.invitation).await?;
        let mail = outbox::find(&mut tx, mail).await?.ok_or(AppError::NotFound)?;
        Ok(compose(self, &mut tx, &mail, &Audience::Account { link }, now).await?)
    }

    /// The newest mails of every account, newest first, for `roster outbox show`: whoever runs it has the host.
    ///
    /// # Errors
    /// The database's.
    pub async fn show_outbox(&self) -> Result<Vec<OutboxMail>, AppError> {
        Ok(outbox::newest(&mut self.database.begin_read().await?, MAX_LISTED_MAILS).await?)
    }

    /// Any mail, for `roster outbox show <id>`. An invitation shows no link: the mailed one is its recipient's alone (R12).
    ///
    /// # Errors
    /// [`AppError::NotFound`], also for a mail whose secret was erased when it was sent.
    pub async fn show_outbox_mail(&self, mail: MailId) -> Result<MailText, AppError> {
        let mut tx = self.database.begin_read().await?;
        let mail = outbox::find(&mut tx, mail).await?.ok_or(AppError::NotFound)?;
        Ok(compose(self, &mut tx, &mail, &Audience::Operator, self.now()).await?)
    }
}

impl From<ComposeError> for AppError {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Outdated | ComposeError::Expired => Self::NotFound,
            ComposeError::Sealed(error) => error.into(),
            ComposeError::Failed(why) => crate::service::errors::internal(&ComposeError::Failed(why)),
            ComposeError::Storage(error) => error.into(),
        }
    }
}
