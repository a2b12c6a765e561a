//! Mailing a code that proves the mailbox, for the holder of a copied link (R12).

use crate::{
    context::Services,
    mail::seal_code,
    secrets,
    service::sessions::sign_in::rate_limited,
    storage::{
        accounts,
        outbox::{MailKind, NewMail},
        rate_buckets::{self, Limit},
        retried,
        tokens::{self, Purpose},
    },
};
use app::{
    api::joining::Code,
    backend::MailCode,
    domain::{ids::InvitationId, time::Span},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// How long a code is valid, in minutes.
const CODE_TTL_MINUTES: u32 = 10;
/// Codes mailed for one invitation: three, then one in five minutes.
const CODES_PER_INVITATION: Limit = Limit { burst: 3, per_day: 288 };
/// Codes that one account's invitations bring to one mailbox: ten, then one in an hour.
const CODES_PER_ACCOUNT_MAILBOX: Limit = Limit { burst: 10, per_day: 24 };
/// Codes that all accounts' invitations bring to one mailbox; more than one account can use up.
const CODES_PER_MAILBOX: Limit = Limit { burst: 20, per_day: 48 };

#[async_trait]
impl MailCode for Services {
    /// Mails a code to the invited address; earlier ones are dead. Codes have limits of their own (INV-19): what admins send uses up
    /// nothing of them, so that whoever was handed a copied link because the invitation's mail has to wait is not made to wait too. Any
    /// holder of a link can ask, so all `+tag`s of a mailbox count together (EN-05).
    async fn mail_code(&self, visitor: &Visitor, id: InvitationId) -> Result<Code, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let before = self.require_invitation(&mut tx, visitor, id).await?;
            accounts::lock(&mut tx, before.scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if !presented.is_open(now) || !self.needs_code(&presented) {
                return Err(AppError::OpenTheLinkAgain);
            }
            let (account, mailbox) = (presented.scope.id(), presented.member.email.rate_key());
            for (key, limit) in [
                (format!("mail-code:{id}"), CODES_PER_INVITATION),
                (format!("mail-code:account:{account}:to:{mailbox}"), CODES_PER_ACCOUNT_MAILBOX),
                (format!("mail-code:to:{mailbox}"), CODES_PER_MAILBOX),
            ] {
                rate_buckets::take(&mut tx, &key, limit, now).await?.map_err(rate_limited)?;
            }
            let code = secrets::code();
            let expires = now + Span::minutes(i64::from(CODE_TTL_MINUTES));
            let hash = secrets::code_hash(id.0, &code);
            tokens::insert(&mut tx, Purpose::InvitationCode, Some(id.0), &hash, now, expires).await?;
            let mail = NewMail {
                kind: MailKind::Code,
                member: presented.member.id,
                invitation: Some(id),
                offer: None,
                language: presented.invitation.language,
                to: presented.member.email.key(),
                sealed: Some(seal_code(&self.keyring, id.0, &code, expires)),
            };
            self.queue(&mut tx, presented.scope, mail, now).await?;
            tx.commit().await?;
            Ok(Code { minutes: CODE_TTL_MINUTES })
        })
        .await
    }
}
