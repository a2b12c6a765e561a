//! Mails the code for a reauthentication.

use super::{
    reauthentication::{CODE_TTL, CODES_PER_USER, page},
    sign_in::rate_limited,
};
use crate::{
    context::Services,
    mail::seal_code,
    secrets,
    storage::{
        outbox::{MailKind, NewMail},
        rate_buckets, retried,
        tokens::{self, Purpose},
    },
};
use app::{
    api::login_methods::{NextPage, Notice, ReauthenticationForm},
    backend::MailReauthenticationCode,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl MailReauthenticationCode for Services {
    /// Mails the caller a code, good in this session alone; earlier ones are dead.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] if a code is no proof here; [`AppError::RateLimited`].
    async fn mail_reauthentication_code(
        &self,
        caller: &Caller,
        form: ReauthenticationForm,
    ) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (actor, user) = self.require_code_option(&mut tx, caller).await?;
            let key = format!("reauthentication-code:to:{}", user.id);
            rate_buckets::take(&mut tx, &key, CODES_PER_USER, now).await?.map_err(rate_limited)?;
            let (session, code, expires) = (actor.session.0, secrets::code(), now + CODE_TTL);
            let hash = secrets::code_hash(session, &code);
            tokens::insert(&mut tx, Purpose::ReauthenticationCode, Some(session), &hash, now, expires).await?;
            let mail = NewMail {
                kind: MailKind::ReauthenticationCode,
                member: actor.member,
                invitation: None,
                offer: None,
                language: user.language.unwrap_or(caller.language),
                to: user.email.key(),
                sealed: Some(seal_code(&self.keyring, actor.member.0, &code, expires)),
            };
            self.queue(&mut tx, actor.scope(), mail, now).await?;
            let page = page(caller, &form.next);
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::CodeMailed))
        })
        .await
    }
}
