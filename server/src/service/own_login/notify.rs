//! Tells a user what happens to their login: by mail, and in their own log.

use crate::{
    context::Services,
    mail::seal_code,
    secrets::Token,
    storage::{
        StorageError, Tx,
        outbox::{self, MailKind, NewLoginMail},
        user_events::Origin,
        users::User,
    },
};
use app::{
    domain::{email::Email, ids::MailId, language::Language, time::Timestamp},
    request::Visitor,
};
use uuid::Uuid;

/// A mail with a link that nobody but its recipient sees.
pub(super) struct LinkMail<'a> {
    /// What it says.
    pub(super) kind: MailKind,
    /// The user; `None` where it is not looked up before the mail is sent (EN-02).
    pub(super) user: Option<&'a User>,
    /// The language to say it in, unless the user chose one.
    pub(super) language: Language,
    /// The recipient.
    pub(super) to: &'a Email,
    /// The token of the link.
    pub(super) token: &'a Token,
    /// Until when the link is valid.
    pub(super) expires: Timestamp,
}

impl Services {
    /// Queues a mail that tells a user what was done to their login, in the transaction of the change (SE-07).
    pub(in crate::service) async fn notify_user(
        &self,
        tx: &mut Tx,
        user: &User,
        kind: MailKind,
        language: Language,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mail = NewLoginMail {
            id: MailId(Uuid::now_v7()),
            kind,
            user: Some(user.id),
            language: user.language.unwrap_or(language),
            to: user.email.key(),
            sealed: None,
        };
        outbox::queue_login_mail(tx, &mail, self.config.smtp.is_some(), now).await
    }

    /// Queues a mail with a link, in the transaction that makes the link. The token is sealed for this mail, so that the database never holds
    /// it in clear.
    pub(super) async fn mail_link(&self, tx: &mut Tx, mail: LinkMail<'_>, now: Timestamp) -> Result<(), StorageError> {
        let id = MailId(Uuid::now_v7());
        let mail = NewLoginMail {
            id,
            kind: mail.kind,
            user: mail.user.map(|user| user.id),
            language: mail.user.and_then(|user| user.language).unwrap_or(mail.language),
            to: mail.to.key(),
            sealed: Some(seal_code(&self.keyring, id.0, mail.token.reveal(), mail.expires)),
        };
        outbox::queue_login_mail(tx, &mail, self.config.smtp.is_some(), now).await
    }
}

/// Where a visitor acts, for the user's own log.
pub(in crate::service) fn origin(visitor: &Visitor) -> Origin {
    Origin { ip: Some(visitor.ip), user_agent: Some(visitor.user_agent.clone()) }
}
