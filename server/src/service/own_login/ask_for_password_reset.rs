//! Asks for a link to choose a new password.

use super::notify::LinkMail;
use crate::{
    context::Services,
    secrets::Token,
    service::sessions::sign_in::{ip_key, rate_limited},
    storage::{
        StorageError,
        outbox::MailKind,
        password_resets::{self, NewReset},
        rate_buckets::{self, Limit},
        retried,
    },
};
use app::{
    api::recovery::{PasswordResetAsked, PasswordResetRequest, RESET_LINK_MINUTES},
    backend::AskForPasswordReset,
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        time::Span,
    },
    error::AppError,
    paths,
    request::Visitor,
};
use async_trait::async_trait;

pub(in crate::service) const RESET_LINK_TTL: Span = Span::minutes(RESET_LINK_MINUTES);

#[async_trait]
impl AskForPasswordReset for Services {
    /// Queues the mail with the link. Whether there is such a user is found out when the mail is sent: the request does the same, and answers
    /// the same, for every address (EN-02).
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is no address; [`AppError::RateLimited`].
    async fn ask_for_password_reset(
        &self,
        visitor: &Visitor,
        form: PasswordResetRequest,
    ) -> Result<PasswordResetAsked, AppError> {
        retried(|| async {
            let email = Email::parse(&form.email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
            let (now, limits) = (self.now(), &self.config.limits);
            let by_ip = Limit::per_second(limits.recovery_burst, limits.recovery_per_s);
            let by_address = Limit::per_second(limits.recovery_burst, limits.recovery_address_per_s);
            let address_key = format!("recovery:address:{}", email.rate_key());
            let mut tx = self.database.begin_write().await?;
            rate_buckets::take(&mut tx, &ip_key("recovery", visitor.ip), by_ip, now).await?.map_err(rate_limited)?;
            rate_buckets::take(&mut tx, &address_key, by_address, now).await?.map_err(rate_limited)?;
            if self.config.smtp.is_none() {
                // Nobody would get it; the operator hands over links then.
                tx.commit().await?;
                return Ok(PasswordResetAsked::NoMailServer);
            }
            let (token, expires) = (Token::new(), now + RESET_LINK_TTL);
            let next = paths::local_or(&form.next, "");
            let reset = NewReset { hash: &token.hash(), email_key: email.key(), mailed: true, next: &next, expires };
            password_resets::insert(&mut tx, &reset, now).await?;
            let mail = LinkMail {
                kind: MailKind::PasswordReset,
                user: None,
                language: visitor.language,
                to: &email,
                token: &token,
                expires,
            };
            self.mail_link(&mut tx, mail, now).await?;
            tx.commit().await?;
            tracing::info!(who = self.keyring.pseudonym(email.key()), ip = %visitor.ip, "password reset asked for");
            Ok(PasswordResetAsked::Mailed { email: email.typed().to_owned() })
        })
        .await
    }
}

impl Services {
    /// A link to choose a new password, for the host's operator to hand over where no mail can be sent; `None` if nobody has the address.
    ///
    /// # Errors
    /// The database's.
    pub async fn password_reset_link(&self, email: &Email) -> Result<Option<String>, StorageError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        if crate::storage::users::find_by_email(&mut tx, email.key()).await?.is_none() {
            return Ok(None);
        }
        let token = Token::new();
        let reset = NewReset {
            hash: &token.hash(),
            email_key: email.key(),
            mailed: false,
            next: "",
            expires: now + RESET_LINK_TTL,
        };
        password_resets::insert(&mut tx, &reset, now).await?;
        tx.commit().await?;
        Ok(Some(self.config.link(&paths::password_reset_link(token.reveal()))))
    }
}
