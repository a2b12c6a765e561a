//! Chooses a new password by a link.

use super::{lock_copies, notify::origin};
use crate::{
    context::Services,
    storage::{
        Tx,
        outbox::MailKind,
        ownership_offers, password_resets, retried, sessions,
        user_events::{self, UserEvent},
        users::{self, User},
    },
};
use app::{
    api::recovery::ResetPasswordForm,
    backend::ResetPassword,
    domain::fields::{Field, FieldErrors},
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ResetPassword for Services {
    /// Sets the new password and ends every session of the user; answers the page to sign in on. It signs nobody in, and a second factor stays
    /// what it was (PW-08, PW-10). One of several parallel uses of the link wins.
    ///
    /// A link that came by mail proves the mailbox. If nobody had proved it before, its owner takes the login over, and the accounts that
    /// the earlier user was in decide anew (R13).
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] if the link is not valid any more; what is wrong with the password, at its field.
    async fn reset_password(
        &self,
        visitor: &Visitor,
        form: ResetPasswordForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let (_, user) = self.presented_reset(&mut tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
            drop(tx);
            self.check_length(&form.password).map_err(|problem| FieldErrors::one(Field::Password, problem))?;
            let attempt = self.count_attempt(visitor).await?;
            self.check_password(&form.password, &[user.name.as_str(), user.email.typed()]).await?;
            let phc = self.hasher.hash(&form.password).await?;

            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            // The user may have to make way in all of these accounts (R13).
            lock_copies(&mut tx, user.id).await?;
            let (reset, user) = self.presented_reset(&mut tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
            if !password_resets::use_up(&mut tx, reset.id, now).await? {
                return Err(AppError::OpenTheLinkAgain);
            }
            let user = self.set_new_password(&mut tx, user, phc, reset.mailed).await?;
            let event = UserEvent::PasswordReset { operator: !reset.mailed };
            user_events::record(&mut tx, user.id, &event, &origin(visitor), now).await?;
            self.notify_user(&mut tx, &user, MailKind::PasswordChanged, visitor.language, now).await?;
            attempt.refund(&mut tx).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, ip = %visitor.ip, "password reset");
            let next = paths::local_or(&reset.next, paths::LOGIN);
            let cookies = vec![self.cookies.clear_password_reset(), self.cookies.clear_session()];
            Ok(WithCookies { answer: paths::with_notice(&next, paths::PASSWORD_CHANGED), cookies })
        })
        .await
    }
}

impl Services {
    /// Every session ends, whoever began it (SE-07).
    async fn set_new_password(&self, tx: &mut Tx, user: User, phc: String, mailed: bool) -> Result<User, AppError> {
        let now = self.now();
        if mailed && user.verified.is_none() {
            let name = user.name.clone();
            return self.replace_user(tx, user, name, Some(phc), now).await;
        }
        users::set_password(tx, user.id, &phc, now).await?;
        sessions::delete_of_user(tx, user.id).await?;
        // Whoever forces an owner to this may have offered the account to somebody.
        ownership_offers::end_by_user(tx, user.id, now).await?;
        Ok(User { phc: Some(phc), ..user })
    }
}
