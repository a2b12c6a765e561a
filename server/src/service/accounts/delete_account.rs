//! Asks for an account to be deleted: not at once, but two weeks later, so that there is time to think again (CF-08).

use super::owners_page;
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        sessions::sign_in::rate_limited,
    },
    storage::{
        StorageError, Tx, accounts,
        audit::{self, Event},
        members,
        outbox::{AccountDeletionMail, MailKind, NewMail},
        rate_buckets::{self, Limit},
        retried,
    },
};
use app::{
    api::{
        account_settings::DeleteAccountForm,
        login_methods::{NextPage, Notice},
    },
    backend::DeleteAccount,
    domain::{
        fields::{Field, FieldErrors, Problem},
        name::parse_name,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// How long the owners can think again.
const GRACE_PERIOD: Span = Span::days(14);
/// Each time, every owner gets a mail.
const TIMES_PER_DAY: u32 = 3;

#[async_trait]
impl DeleteAccount for Services {
    /// Sets the day on which the account is deleted. Until then everything goes on, but nobody is invited and nobody joins. Asked for once
    /// more, the day stays.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); [`Problem::NotConfirmed`] unless the account's name was typed; [`AppError::RateLimited`].
    async fn delete_account(&self, caller: &Caller, form: DeleteAccountForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            if parse_name(&form.confirmation).ok().as_ref() != Some(&actor.account_name) {
                return Err(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed).into());
            }
            let done = owners_page(&actor, Notice::AccountDeletionAsked);
            if accounts::deletion(&mut tx, actor.scope()).await?.is_some() {
                return Ok(done);
            }
            let (key, limit) = (format!("deletion:of:{}", actor.scope().id()), Limit::per_day(TIMES_PER_DAY));
            rate_buckets::take(&mut tx, &key, limit, now).await?.map_err(rate_limited)?;
            let at = now + GRACE_PERIOD;
            accounts::set_deletion(&mut tx, actor.scope(), Some(at), actor.member).await?;
            let event = Event::AccountDeletionAsked { at };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            self.tell_owners_of_deletion(&mut tx, &actor, AccountDeletionMail::Asked, now).await?;
            tx.commit().await?;
            tracing::info!(account = %actor.slug, member = %actor.member, "deletion of an account asked for");
            Ok(done)
        })
        .await
    }
}

impl Services {
    /// Mails every active owner, whoever acted among them, in their own language.
    pub(super) async fn tell_owners_of_deletion(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        what: AccountDeletionMail,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for owner in members::active_owners(tx, actor.scope()).await? {
            let mail = NewMail::about(
                MailKind::AccountDeletion(what),
                owner.member,
                owner.language.unwrap_or(actor.language),
                &owner.email_key,
            );
            self.queue(tx, actor.scope(), mail, now).await?;
        }
        Ok(())
    }
}
