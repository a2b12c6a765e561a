//! Asks for a change of the person's address (PW-11): a link goes to the new one, and nothing changes before it is used there.

use super::{
    notify::{LinkMail, origin},
    require_own_password_session, signed_in, wrong_password,
};
use crate::{
    context::Services,
    secrets::Token,
    service::sessions::sign_in::rate_limited,
    storage::{
        Tx,
        address_changes::{self, NewChange},
        outbox::MailKind,
        rate_buckets::{self, Limit},
        retried,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::own_login::{AddressChangeAsked, AddressForm},
    backend::AskForAddressChange,
    domain::{
        email::Email,
        fields::{Field, FieldErrors, Problem},
        ids::UserId,
        time::Span,
    },
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// How long the new address can confirm.
pub(super) const CONFIRM_TTL: Span = Span::hours(24);
/// Changes that one person asks for in a day.
const ASKED_PER_USER: Limit = Limit { burst: 5, per_day: 5 };
/// Links that are mailed to one address in a day, whoever asks: it may be a stranger's.
const ASKED_PER_ADDRESS: Limit = Limit { burst: 3, per_day: 3 };

#[async_trait]
impl AskForAddressChange for Services {
    /// Mails a link to the new address, after the present password was given. Whether somebody has a login with that address already is
    /// told to whoever opens the link there, and to nobody else (EN-02).
    async fn ask_for_address_change(
        &self,
        visitor: &Visitor,
        form: AddressForm,
    ) -> Result<AddressChangeAsked, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let user = self.require_own_password(signed_in).await?;
            let new = Email::parse(&form.email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
            if new == user.email {
                return Err(FieldErrors::one(Field::Email, Problem::Taken).into());
            }
            if self.config.smtp.is_none() {
                return Ok(AddressChangeAsked::NoMailServer);
            }
            let proved = self.verify_present_password(visitor, &user, &form.present_password).await?;

            let (now, token) = (self.now(), Token::new());
            let expires = now + CONFIRM_TTL;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            if !users::confirm_password(&mut tx, user.id, &proved.verified, &proved.rehashed).await? {
                return Err(wrong_password());
            }
            self.count_asking(&mut tx, user.id, &new).await?;
            proved.attempt.refund(&mut tx).await?;
            let change = NewChange {
                user: user.id,
                old: &user.email,
                new: &new,
                confirm_hash: &token.hash(),
                expires,
                tell_inviters: !form.tell_inviters.is_empty(),
            };
            address_changes::insert(&mut tx, &change, now).await?;
            let to_new = LinkMail {
                kind: MailKind::EmailChangeConfirm,
                user: Some(&user),
                language: visitor.language,
                to: &new,
                token: &token,
                expires,
            };
            self.mail_link(&mut tx, to_new, now).await?;
            user_events::record(&mut tx, user.id, &UserEvent::AddressChangeAsked, &origin(visitor), now).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, session = %signed_in.session, "change of address asked for");
            Ok(AddressChangeAsked::Mailed { email: new.typed().to_owned(), until: expires })
        })
        .await
    }
}

impl Services {
    async fn count_asking(&self, tx: &mut Tx, user: UserId, new: &Email) -> Result<(), AppError> {
        for (key, limit) in [
            (format!("address-change:user:{user}"), ASKED_PER_USER),
            (format!("address-change:to:{}", new.rate_key()), ASKED_PER_ADDRESS),
        ] {
            rate_buckets::take(tx, &key, limit, self.now()).await?.map_err(rate_limited)?;
        }
        Ok(())
    }
}
