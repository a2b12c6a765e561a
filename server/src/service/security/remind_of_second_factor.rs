//! Reminds the members of whom an account requires a second factor, and who have none: when it is decided, a week before it begins, and on
//! the last day.

use crate::{
    context::Services,
    storage::{
        AccountScope, StorageError, accounts,
        job_leases::{self, JobLease},
        outbox::{MailKind, NewMail},
        second_factor_requirements,
    },
};
use app::domain::{
    second_factor::Requirement,
    time::{Span, Timestamp},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const JOB: &str = "second_factor.reminders";
/// How often a server looks who is to be reminded.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Members who are reminded in one transaction.
const BATCH_MEMBERS: i64 = 100;
/// How long before the requirement begins members are reminded once more.
const REMINDED_BEFORE: [Span; 2] = [Span::days(7), Span::days(1)];

/// Looks every minute, until `stop`.
pub async fn keep_reminding(services: Services, stop: CancellationToken) {
    loop {
        if let Err(error) = services.remind_of_second_factors(&stop).await {
            tracing::warn!(%error, "members could not be reminded of a second factor yet");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// The last time at which members are to be reminded that is not in the future: who was not reminded since is reminded now.
fn due_since(requirement: &Requirement, now: Timestamp) -> Timestamp {
    let before = REMINDED_BEFORE.into_iter().map(|span| requirement.starts - span);
    before.filter(|at| *at <= now && *at > requirement.set).max().unwrap_or(requirement.set)
}

impl Services {
    /// Queues the reminders that are due, on one instance at a time; answers how many.
    ///
    /// # Errors
    /// The database's; what was queued stays.
    pub async fn remind_of_second_factors(&self, stop: &CancellationToken) -> Result<usize, StorageError> {
        let mut account = None;
        let mut reminded = 0;
        let mut lease: Option<JobLease> = None;
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let next = second_factor_requirements::next(&mut tx, account).await?;
            drop(tx);
            let Some(scope) = next else { break };
            account = Some(scope);
            loop {
                if stop.is_cancelled() || !self.has_due_reminders(scope).await? {
                    break;
                }
                let mut tx = self.database.begin_write().await?;
                let has_lease = match &mut lease {
                    Some(lease) => lease.renew(&mut tx, self.now()).await?,
                    None => {
                        lease = job_leases::take(&mut tx, JOB, self.now()).await?;
                        lease.is_some()
                    }
                };
                tx.commit().await?;
                if !has_lease {
                    // Another instance is at it.
                    return Ok(reminded);
                }
                let done = self.remind(scope).await?;
                if done == 0 {
                    break;
                }
                reminded += done;
            }
        }
        if let Some(lease) = lease {
            let mut tx = self.database.begin_write().await?;
            lease.release(&mut tx).await?;
            tx.commit().await?;
        }
        if reminded > 0 {
            tracing::info!(reminded, "members were reminded of a second factor");
        }
        Ok(reminded)
    }

    /// Is anybody to be reminded in this account?
    async fn has_due_reminders(&self, scope: AccountScope) -> Result<bool, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let Some(requirement) = second_factor_requirements::find(&mut tx, scope).await? else { return Ok(false) };
        let since = due_since(&requirement, self.now());
        Ok(!second_factor_requirements::to_remind(&mut tx, scope, since, 1).await?.is_empty())
    }

    /// Reminds some of the members who are due; who that is, is read under the account's lock, so that nobody is reminded twice.
    async fn remind(&self, scope: AccountScope) -> Result<usize, StorageError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, scope).await?;
        let Some(account) = accounts::find(&mut tx, scope).await? else { return Ok(0) };
        let Some(requirement) = second_factor_requirements::find(&mut tx, scope).await? else { return Ok(0) };
        let since = due_since(&requirement, now);
        let batch = second_factor_requirements::to_remind(&mut tx, scope, since, BATCH_MEMBERS).await?;
        let reminded = batch.len();
        for member in batch {
            let mail = NewMail::about(
                MailKind::SecondFactorRequired,
                member.member,
                member.language.unwrap_or(account.language),
                &member.email_key,
            );
            self.queue(&mut tx, scope, mail, now).await?;
            // The clock of the instance that decided may be ahead of this one's.
            second_factor_requirements::set_reminded(&mut tx, scope, member.member, now.max(since)).await?;
        }
        tx.commit().await?;
        Ok(reminded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::domain::second_factor::RequiredOf;

    #[test]
    fn lt_09_reminders_are_due_when_it_is_decided_a_week_before_and_on_the_last_day() {
        let day = |days| Timestamp(0) + Span::days(days);
        let requirement = Requirement { required_of: RequiredOf::Everybody, set: day(0), starts: day(30) };
        for (now, since) in [(0, 0), (22, 0), (23, 23), (28, 23), (29, 29), (31, 29)] {
            assert_eq!(due_since(&requirement, day(now)), day(since), "on day {now}");
        }
        let at_once = Requirement { starts: day(0), ..requirement };
        assert_eq!(due_since(&at_once, day(1)), day(0));
    }
}
