//! Mailing a code that proves the mailbox, for the holder of a copied link (R12).

use super::{Services, sign_in::too_many};
use crate::{
    mail::{MailKind, seal_code},
    secrets,
    storage::{
        accounts,
        outbox::NewMail,
        rate_buckets::{self, Limit},
        tokens::{self, Purpose},
    },
};
use app::{
    api::joining::Code,
    domain::{ids::InvitationId, time::Span},
    error::AppError,
    ports::Visitor,
};

/// How long a code is good.
const LIFE_MINUTES: u32 = 10;
/// Codes mailed for one invitation: three, then one in five minutes.
const CODES: Limit = Limit { burst: 3, per_day: 288 };

impl Services {
    /// Mails a code to the invited address; earlier ones are dead. It counts among the mails of account and recipient (INV-19).
    pub(super) async fn mail_code(&self, visitor: &Visitor, id: InvitationId) -> Result<Code, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let before = self.held_as(&mut tx, visitor, id).await?;
        accounts::lock(&mut tx, before.scope).await?;
        let held = self.held_as(&mut tx, visitor, id).await?;
        if !held.is_open(now) || !self.needs_code(&held) {
            return Err(AppError::OpenTheLinkAgain);
        }
        rate_buckets::take(&mut tx, &format!("mail-code:{id}"), CODES, now).await?.map_err(too_many)?;
        self.count_mail(&mut tx, held.scope, &held.member.email, now).await?;
        let code = secrets::code();
        let expires = now + Span::minutes(i64::from(LIFE_MINUTES));
        let hash = secrets::code_hash(id.0, &code);
        tokens::insert(&mut tx, Purpose::InvitationCode, Some(id.0), &hash, now, expires).await?;
        let mail = NewMail {
            kind: MailKind::Code,
            member: held.member.id,
            invitation: id,
            language: held.invitation.language,
            to: held.member.email.key(),
            sealed: Some(seal_code(&self.keyring, id, &code, expires)),
        };
        self.queue(&mut tx, held.scope, mail, now).await?;
        tx.commit().await?;
        self.mail_wake.notify_one();
        Ok(Code { minutes: LIFE_MINUTES })
    }
}
