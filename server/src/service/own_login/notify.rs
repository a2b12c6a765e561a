//! Tells a user what happens to their login: by mail, and in their own log.

use crate::{
    context::Services,
    storage::{
        StorageError, Tx,
        outbox::{self, MailKind, NewLoginMail},
        user_events::Origin,
        users::User,
    },
};
use app::{
    domain::{ids::MailId, language::Language, time::Timestamp},
    request::Visitor,
};
use uuid::Uuid;

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
}

/// Where a visitor acts, for the user's own log.
pub(in crate::service) fn origin(visitor: &Visitor) -> Origin {
    Origin { ip: Some(visitor.ip), user_agent: Some(visitor.user_agent.clone()) }
}
