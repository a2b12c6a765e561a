//! Reminds invited people, once, that their invitation is still open, before its link expires; unless the account does not want that.

use crate::{
    context::Services,
    storage::{
        AccountScope, accounts,
        audit::{self, AuditActor, AuditTarget, Event},
        invitations::{self, DueReminders},
        members,
        outbox::{MailKind, NewMail},
        retried,
    },
};
use app::{
    domain::{
        ids::InvitationId,
        time::{Span, Timestamp},
    },
    error::AppError,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a server looks who is to be reminded.
const CHECK_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// How long before the link expires.
const REMINDED_BEFORE: Span = Span::days(2);
/// Whoever has less time than this is not reminded.
const MIN_LIFETIME: Span = Span::days(3);

/// Looks every ten minutes, until `stop`.
pub async fn keep_reminding_invited(services: Services, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
        if let Err(error) = services.remind_invited(&stop).await {
            tracing::warn!(?error, "invited people could not be reminded yet");
        }
    }
}

fn due(now: Timestamp) -> DueReminders {
    DueReminders { expiring_by: now + REMINDED_BEFORE, min_lifetime: MIN_LIFETIME }
}

impl Services {
    /// Queues the reminders that are due; answers how many. Every instance may do so at the same time.
    ///
    /// # Errors
    /// The database's; what was queued stays.
    pub async fn remind_invited(&self, stop: &CancellationToken) -> Result<usize, AppError> {
        let (mut after, mut reminded) = (InvitationId(Uuid::nil()), 0);
        if self.config.smtp.is_none() {
            return Ok(reminded);
        }
        while !stop.is_cancelled() {
            let now = self.now();
            let mut tx = self.database.begin_read().await?;
            let Some((scope, id)) = invitations::to_remind(&mut tx, after, due(now), now).await? else { break };
            drop(tx);
            reminded += usize::from(retried(|| self.remind_of(scope, id)).await?);
            after = id;
        }
        if reminded > 0 {
            tracing::info!(reminded, "people were reminded of their invitations");
        }
        Ok(reminded)
    }

    /// Reminds of one invitation, under its account's lock, where it is looked at again. `false` if another instance was faster, the invitation
    /// was answered, or the limits of mails leave no room now (R52): a reminder waits for none, but is tried later.
    async fn remind_of(&self, scope: AccountScope, id: InvitationId) -> Result<bool, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, scope).await?;
        let Some(invitation) = invitations::find(&mut tx, scope, id).await? else { return Ok(false) };
        let Some(row) = members::find(&mut tx, scope, invitation.member).await? else { return Ok(false) };
        if !invitations::set_reminded(&mut tx, scope, id, due(now), now).await? {
            return Ok(false);
        }
        let again = invitation.again(&row.email, invitation.sponsor);
        match self.when_limits_allow(&mut tx, scope, again, now).await {
            Ok(at) if at <= now => {}
            Ok(_) | Err(AppError::RateLimited { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        let mail = NewMail {
            kind: MailKind::InvitationReminder,
            member: row.id,
            invitation: Some(id),
            offer: None,
            language: invitation.language,
            to: row.email.key(),
            sealed: None,
        };
        self.queue(&mut tx, scope, mail, now).await?;
        let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
        let event = Event::InvitationReminded { invitation: id };
        audit::record(&mut tx, scope, &AuditActor::default(), Some(&target), &event, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}
