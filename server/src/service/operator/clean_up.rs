//! The daily clean-up: how long data is kept, and the job that deletes it afterwards (CF-08, R21, R39). It works in small transactions, so
//! that nobody waits for it, and on one instance at a time, once a day; the log says what was deleted. Audit events are kept for ever.

use crate::{
    config::{Config, Limits},
    context::Services,
    service::api_keys::ANSWER_TTL,
    storage::{
        StorageError, accounts,
        clean_up::{self, Dependent, Rows},
        rate_buckets::{self, Limit},
    },
};
use app::domain::{
    ids::{InvitationId, MemberId},
    time::{Span, Timestamp},
    webhook::DELIVERIES_KEPT_DAYS,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows deleted in one transaction.
const BATCH_ROWS: i64 = 500;
/// The pause between two transactions, in which others write.
const BATCH_PAUSE: Duration = Duration::from_millis(20);
/// How often a server checks whether the clean-up is due. It does not check at the start, when there is enough to do.
const CHECK_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// The bucket that lets one instance begin once a day.
const JOB: &str = "job:clean-up";
const DAILY: Limit = Limit { burst: 1, per_day: 1 };
/// How long people see that a key expired.
const EXPIRED_KEYS_KEPT: Span = Span::days(90);
/// The longest time by which limits put a mail off: no bucket is reserved further ahead.
const MAX_INVITATION_LIFETIME: Span = Span::days(30);

/// How a kind is deleted.
#[derive(Clone, Copy, Debug)]
enum Deleted {
    Rows(Rows),
    Dependent(Dependent),
}

/// Something that is kept for a while.
struct RetentionRule {
    /// As the log calls it.
    name: &'static str,
    deleted: Deleted,
    /// How long it is kept.
    retention: fn(&Config) -> Span,
}

const fn rows(name: &'static str, rows: Rows, retention: fn(&Config) -> Span) -> RetentionRule {
    RetentionRule { name, deleted: Deleted::Rows(rows), retention }
}

const fn dependent(name: &'static str, dependent: Dependent, retention: fn(&Config) -> Span) -> RetentionRule {
    RetentionRule { name, deleted: Deleted::Dependent(dependent), retention }
}

/// How long each kind of data is kept; the README says it for people. The order matters: rows that depend on others come before them.
static RETENTION_RULES: [RetentionRule; 33] = [
    rows("sessions beyond their age", Rows::OldSessions, |config| days(config.sessions.absolute_days)),
    rows("idle sessions", Rows::IdleSessions, |config| days(config.sessions.idle_days)),
    rows("rate buckets", Rows::Buckets, |config| longest_refill(&config.limits)),
    rows("one-time tokens", Rows::OneTimeTokens, |_| days(1)),
    rows("sign-ins without a second factor", Rows::PendingSignIns, |_| Span(0)),
    rows("addresses that accounts gave up", Rows::FormerSlugs, |_| Span(0)),
    rows("offers of ownership that ended", Rows::Offers, |_| days(30)),
    rows("remembered browsers", Rows::RememberedBrowsers, |_| Span(0)),
    rows("challenges of passkeys", Rows::PasskeyChallenges, |_| Span(0)),
    rows("second factors that were not set up", Rows::UnconfirmedFactors, |_| days(1)),
    rows("links to choose a new password", Rows::PasswordResets, |_| days(1)),
    rows("changes of address", Rows::AddressChanges, |_| days(1)),
    rows("events of logins", Rows::UserEvents, |config| days(config.retention.user_events_days)),
    rows("tokens of platforms", Rows::PlatformTokens, |_| days(1)),
    rows("codes that no platform took", Rows::UnusedCodes, |_| days(1)),
    rows("codes that no host behind a proxy took", Rows::UnusedHostCodes, |_| Span(0)),
    rows("sign-ins at platforms", Rows::PlatformSignIns, |config| days(config.retention.platform_sign_ins_days)),
    rows("signing keys", Rows::SigningKeys, |_| days(7)),
    rows("ways to providers", Rows::Attempts, |_| Span(0)),
    rows("flashes", Rows::Flashes, |_| Span(0)),
    rows("expired API keys", Rows::ApiKeys, |_| EXPIRED_KEYS_KEPT),
    rows("answers of the API", Rows::ApiAnswers, |_| ANSWER_TTL),
    rows("deliveries of webhooks", Rows::WebhookDeliveries, |_| Span::days(DELIVERIES_KEPT_DAYS)),
    rows("earlier secrets of webhooks", Rows::WebhookSecrets, |_| Span(0)),
    rows("addresses of mails", Rows::MailTexts, |config| days(config.retention.mails_days)),
    rows("answers of mail servers", Rows::DeliveryAnswers, |config| days(config.retention.mails_days)),
    rows("delivery events", Rows::DeliveryEvents, |config| days(config.retention.delivery_events_days)),
    rows("mails", Rows::Mails, |config| days(config.retention.mails_days.max(config.retention.delivery_events_days))),
    rows("decisions", Rows::Decisions, |config| days(config.retention.decisions_days)),
    rows("retired configurations", Rows::Configurations, |_| days(1)),
    dependent("lapsed invitations", Dependent::LapsedMembers, |config| days(config.retention.invitations_days)),
    dependent("removed members", Dependent::RemovedMembers, |config| days(config.retention.removed_members_days)),
    dependent("earlier invitations", Dependent::EarlierInvitations, |config| days(config.retention.invitations_days)),
];

/// Runs the clean-up every day until `stop`, unless another instance did.
pub async fn run(services: Services, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = services.clean_up_if_due(&stop).await {
            tracing::warn!(%error, "the clean-up failed; it is tried again later");
        }
    }
}

impl Services {
    /// Cleans up, unless this or another instance did within a day.
    ///
    /// # Errors
    /// The database's. What failed is tried again on the next day.
    pub async fn clean_up_if_due(&self, stop: &CancellationToken) -> Result<bool, StorageError> {
        let mut tx = self.database.begin_write().await?;
        let due = rate_buckets::take(&mut tx, JOB, DAILY, self.now()).await?.is_ok();
        tx.commit().await?;
        if due {
            let done = self.clean_up(stop).await;
            self.metrics().cleaned_up(done.is_ok(), self.now().0.div_euclid(1000));
            done?;
        }
        Ok(due)
    }

    /// Deletes what has been kept long enough; answers what, and how many of it.
    async fn clean_up(&self, stop: &CancellationToken) -> Result<(), StorageError> {
        tracing::info!("the clean-up begins");
        for rule in &RETENTION_RULES {
            let before = Timestamp(self.now().0 - (rule.retention)(&self.config).0);
            let deleted_rows = match rule.deleted {
                Deleted::Rows(rows) => self.delete_rows(rows, before, stop).await?,
                Deleted::Dependent(dependent) => self.delete_dependent(dependent, before, stop).await?,
            };
            if deleted_rows > 0 {
                tracing::info!(count = deleted_rows, what = rule.name, "cleaned up");
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
        // First, so that nobody's login is kept for the sake of an account that goes.
        match self.delete_accounts(stop).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, what = "accounts that their owners deleted", "cleaned up"),
            Err(error) => tracing::warn!(%error, "accounts that their owners deleted are still there"),
        }
        match self.erase_logins(stop).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, what = "logins that their owners deleted", "cleaned up"),
            Err(error) => tracing::warn!(%error, "logins that their owners deleted are still there"),
        }
        tracing::info!("the clean-up ends");
        Ok(())
    }

    async fn delete_rows(&self, rows: Rows, before: Timestamp, stop: &CancellationToken) -> Result<u64, StorageError> {
        let mut deleted_rows = 0;
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_write().await?;
            let batch = clean_up::delete(&mut tx, rows, before, BATCH_ROWS).await?;
            tx.commit().await?;
            deleted_rows += batch;
            if batch < BATCH_ROWS.unsigned_abs() {
                break;
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        Ok(deleted_rows)
    }

    /// Deletes one at a time, each under its account's lock, where it is checked again.
    async fn delete_dependent(
        &self,
        dependent: Dependent,
        before: Timestamp,
        stop: &CancellationToken,
    ) -> Result<u64, StorageError> {
        let mut deleted_rows = 0;
        while !stop.is_cancelled() {
            let mut tx = self.database.begin_read().await?;
            let found = clean_up::find(&mut tx, dependent, before, BATCH_ROWS).await?;
            drop(tx);
            let mut batch = 0;
            for (scope, id) in found {
                let mut tx = self.database.begin_write().await?;
                accounts::lock(&mut tx, scope).await?;
                if clean_up::is_due(&mut tx, scope, dependent, id, before).await? {
                    match dependent {
                        Dependent::LapsedMembers | Dependent::RemovedMembers => {
                            clean_up::delete_member(&mut tx, scope, MemberId(id), self.now()).await?;
                        }
                        Dependent::EarlierInvitations => {
                            clean_up::delete_invitation(&mut tx, scope, InvitationId(id)).await?;
                        }
                    }
                    tx.commit().await?;
                    batch += 1;
                }
                if stop.is_cancelled() {
                    break;
                }
            }
            deleted_rows += batch;
            if batch == 0 {
                break;
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        Ok(deleted_rows)
    }
}

fn days(days: u32) -> Span {
    Span::days(i64::from(days))
}

/// How long the slowest bucket takes to refill, however far ahead it is reserved: after that, its row can be deleted.
fn longest_refill(limits: &Limits) -> Span {
    let slowest = [
        (limits.sign_in_burst, limits.sign_in_per_s),
        (limits.sign_in_user_burst, limits.sign_in_user_per_s),
        (limits.measure_burst, limits.measure_per_s),
        (limits.recovery_burst, limits.recovery_per_s),
        (limits.recovery_burst, limits.recovery_address_per_s),
        (limits.api_burst, limits.api_per_s),
    ]
    .into_iter()
    .map(|(burst, per_s)| (f64::from(burst) / per_s).ceil() as i64)
    .fold(0, i64::max);
    Span(slowest.saturating_mul(1000)).max(MAX_INVITATION_LIFETIME) + Span::days(2)
}
