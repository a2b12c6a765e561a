//! Changes the person's own password (PW-08, SE-07).

use super::{notify::origin, require_own_password_session, signed_in, wrong_password};
use crate::{
    context::Services,
    secrets::Token,
    storage::{
        outbox::MailKind,
        retried, sessions,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::own_login::{ChangePasswordForm, PasswordChanged},
    backend::ChangePassword,
    domain::fields::{Field, FieldErrors},
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ChangePassword for Services {
    /// Sets another password, after the present one was given, and tells the person by mail. This browser stays signed in, by a new cookie
    /// (SE-02); the others are signed out unless the person wants them to stay.
    async fn change_password(
        &self,
        visitor: &Visitor,
        form: ChangePasswordForm,
    ) -> Result<WithCookies<PasswordChanged>, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let user = self.require_own_password(signed_in).await?;
            self.check_length(&form.password).map_err(|problem| FieldErrors::one(Field::Password, problem))?;
            let proved = self.verify_present_password(visitor, &user, &form.present_password).await?;
            let accounts = self.accounts_of(signed_in).await?;
            let own_words = [user.name.as_str(), user.email.typed()];
            let own_words: Vec<_> =
                own_words.into_iter().chain(accounts.iter().map(|account| account.name.as_str())).collect();
            self.check_password(&form.password, &own_words).await?;
            let phc = self.hasher.hash(&form.password).await?;

            let (now, token) = (self.now(), Token::new());
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            // Hashing takes its time: the password may be another one by now.
            if !users::confirm_password(&mut tx, user.id, &proved.verified, &proved.rehashed).await? {
                return Err(wrong_password());
            }
            proved.attempt.refund(&mut tx).await?;
            users::set_password(&mut tx, user.id, &phc, now).await?;
            sessions::renew(&mut tx, signed_in.session, &token.hash(), now).await?;
            let ended = match form.sign_out_others.is_empty() {
                true => 0,
                false => sessions::delete_others(&mut tx, user.id, Some(signed_in.session)).await?,
            };
            user_events::record(&mut tx, user.id, &UserEvent::PasswordChanged, &origin(visitor), now).await?;
            self.notify_user(&mut tx, &user, MailKind::PasswordChanged, visitor.language, now).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, session = %signed_in.session, ended, "password changed");
            let cookie = self.cookies.session(token.reveal());
            Ok(WithCookies { answer: PasswordChanged { ended }, cookies: vec![cookie] })
        })
        .await
    }
}
