//! The mail worker: claims due mails from the outbox under a lease, hands them over, and records the results. Several at a time in one
//! process, and any number of processes (F1 to F4). No request waits for it.
//!
//! A mail is sent once. The one thing that can make a second copy is a text that was handed over whole and an answer that did not come:
//! the connection broke, the mail server thought too long, or this process died. So before the text goes, the row says that it may have
//! arrived, and only an answer takes that back. Such a mail is sent once more, after a pause, with the same link and the same
//! Message-ID; then never again.

use super::{
    Audience, ComposeError, compose,
    render::message,
    smtp::{Offer, Outcome, Sender, SetUpError, message_id_domain},
};
use crate::{
    context::Services,
    metrics::MailResult,
    storage::{
        StorageError,
        outbox::{self, FinalState, OutboxMail},
    },
};
use app::domain::time::{Span, Timestamp};
use lettre::Message;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much longer a lease lasts than the longest step of a delivery, so that the result can be recorded. The mails of a process that crashed
/// are claimed again when their leases have expired (F1).
const LEASE_RESERVE: Span = Span::seconds(90);
/// How often the outbox is looked at when nothing wakes the worker: for retries, and for mails that other processes queued.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The pause before the second try; doubled for each further one.
const FIRST_RETRY_DELAY: Span = Span::seconds(5);
/// The longest pause.
const MAX_RETRY_DELAY: Span = Span::hours(1);
/// When trying ends, counted from the first try (F2).
const DELIVERY_TIMEOUT: Span = Span::hours(48);
/// The pause after a text that was not answered: the mail server may be restarting, or still be looking into it.
const UNANSWERED_RETRY_DELAY: Span = Span::minutes(5);
/// How many copies of a mail may be handed over without an answer (F1).
const MAX_UNANSWERED_COPIES: i64 = 2;
/// How many mails may wait for a slow answer without occupying a worker.
const MAX_SLOW_DELIVERIES: usize = 64;
/// How often recording the result of a delivery is tried, once a second, while the database is away: as long as the lease allows.
const MAX_RECORDING_TRIES: u32 = 80;

/// Sends mails until `stop`; then ends the deliveries under way and gives back what was not begun. Without a mail server there is
/// nothing to do: mails stay in the outbox (R61).
///
/// # Errors
/// The mail server's settings are of no use.
pub async fn run(services: Services, stop: CancellationToken) -> Result<(), SetUpError> {
    let Some(smtp) = &services.config.smtp else { return Ok(()) };
    // Told at once: whoever started this task may look at its result much later.
    let sender = Sender::new(&services.config, smtp)
        .inspect_err(|error| tracing::error!(%error, "no mail is sent: the mail server's settings are of no use"))?;
    let slow = Arc::new(Semaphore::new(MAX_SLOW_DELIVERIES));
    Arc::new(Worker { sender, services: services.clone(), slow, stop }).work().await;
    Ok(())
}

struct Worker {
    services: Services,
    sender: Sender,
    /// Limits the deliveries that wait for a slow answer without occupying a worker.
    slow: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Worker {
    async fn work(self: Arc<Self>) {
        let slots = Arc::new(Semaphore::new(usize::try_from(self.services.config.mail.workers).unwrap_or(1)));
        let deliveries = TaskTracker::new();
        while !self.stop.is_cancelled() {
            // Claims no more than can begin at once, so that no lease runs out in a queue.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let free = slots.available_permits() + 1;
            drop(slot);
            let claimed = self.claim(free).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the outbox cannot be read");
                Vec::new()
            });
            let idle = claimed.is_empty();
            for mail in claimed {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
                let worker = Arc::clone(&self);
                deliveries.spawn(async move { worker.deliver(&mail, slot).await });
            }
            if idle {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = self.services.database.mail_queued() => {}
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                }
            }
        }
        deliveries.close();
        deliveries.wait().await;
    }

    async fn claim(&self, most: usize) -> Result<Vec<OutboxMail>, StorageError> {
        let now = self.services.now();
        if !outbox::is_due(&mut self.services.database.begin_read().await?, now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.services.database.begin_write().await?;
        let claimed = outbox::claim_due(&mut tx, now, self.lease(now, self.sender.offer_timeout()), most).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Until when a mail is this process's, if the next part of its delivery takes as long as it may.
    fn lease(&self, now: Timestamp, part: Duration) -> Timestamp {
        now + Span(i64::try_from(part.as_millis()).unwrap_or(i64::MAX)) + LEASE_RESERVE
    }

    #[tracing::instrument(skip_all, fields(mail = %mail.id))]
    async fn deliver(&self, mail: &OutboxMail, mut slot: OwnedSemaphorePermit) {
        let Some(result) = self.attempt(mail, &mut slot).await else { return };
        for _ in 0..MAX_RECORDING_TRIES {
            match self.record(mail, &result).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the result of a delivery cannot be recorded yet"),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Attempts to deliver a mail; `None` if the result is not known, so that the mail is claimed again when its lease has expired.
    async fn attempt(&self, mail: &OutboxMail, slot: &mut OwnedSemaphorePermit) -> Option<DeliveryResult> {
        if mail.unanswered >= MAX_UNANSWERED_COPIES {
            return Some(DeliveryResult::Refused(given_up(mail, "no answer came to the second copy either")));
        }
        Some(match self.compose(mail).await {
            Ok(message) => match self.sender.offer(&message, &self.stop).await {
                Ok(offer) => self.hand_over(mail, offer, slot).await?,
                Err(outcome) => result_of(outcome),
            },
            Err(ComposeError::Outdated) => DeliveryResult::Dropped,
            Err(ComposeError::Expired) => {
                DeliveryResult::Refused(given_up(mail, "the offer ended before the mail could be delivered"))
            }
            Err(ComposeError::Failed(why)) => {
                tracing::error!(why, "a mail cannot be put together");
                DeliveryResult::Refused("the mail could not be put together; the server's log says why".to_owned())
            }
            // Another instance may have the key, and this one get it (CF-03).
            Err(ComposeError::Sealed(error)) => {
                tracing::error!(%error, "a mail cannot be put together yet");
                DeliveryResult::Deferred("the mail could not be put together yet; the server's log says why".to_owned())
            }
            // Without the database nothing can be recorded either; the lease expires and the mail is claimed again.
            Err(ComposeError::Storage(error)) => {
                tracing::warn!(%error, "a mail's facts cannot be read");
                return None;
            }
        })
    }

    /// Hands the text over, after the row says that it will. If the mail server takes longer than a step to answer, the delivery gives its
    /// worker slot to the next mail while it waits (F3).
    async fn hand_over(
        &self,
        mail: &OutboxMail,
        offer: Offer,
        slot: &mut OwnedSemaphorePermit,
    ) -> Option<DeliveryResult> {
        match self.record_hand_over(mail).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("the mail was not handed over: its lease had ended");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "the mail was not handed over: that cannot be recorded");
                return None;
            }
        }
        let mut answer = std::pin::pin!(offer.hand_over(&self.stop));
        let outcome = match timeout(self.sender.step_timeout(), &mut answer).await {
            Ok(outcome) => outcome,
            Err(_) => {
                if let Ok(slow) = Arc::clone(&self.slow).try_acquire_owned() {
                    *slot = slow;
                }
                answer.await
            }
        };
        Some(result_of(outcome))
    }

    async fn record_hand_over(&self, mail: &OutboxMail) -> Result<bool, StorageError> {
        let now = self.services.now();
        let mut tx = self.services.database.begin_write().await?;
        let ours = outbox::hand_over(&mut tx, mail, self.lease(now, self.sender.hand_over_timeout()), now).await?;
        tx.commit().await?;
        Ok(ours)
    }

    async fn compose(&self, mail: &OutboxMail) -> Result<Message, ComposeError> {
        let Some(smtp) = &self.services.config.smtp else { return Err(ComposeError::Outdated) };
        let now = self.services.now();
        let mut tx = self.services.database.begin_read().await?;
        let rendered = compose(&self.services, &mut tx, mail, &Audience::Recipient, now).await?;
        drop(tx);
        let host = message_id_domain(&self.services.config.base_url);
        message(&smtp.from, &mail.to, mail.id, &host, now, rendered)
            .map_err(|error| ComposeError::Failed(error.to_string()))
    }

    /// Records the result of a delivery.
    async fn record(&self, mail: &OutboxMail, result: &DeliveryResult) -> Result<(), StorageError> {
        let now = self.services.now();
        let mut tx = self.services.database.begin_write().await?;
        match result {
            DeliveryResult::Accepted(answer) => {
                if !outbox::finish(&mut tx, mail, FinalState::Accepted, Some(answer), now).await? {
                    tracing::warn!("the mail was delivered after its lease had ended");
                }
            }
            DeliveryResult::Deferred(answer) => match next_attempt(mail, now) {
                Some(next) => {
                    outbox::defer(&mut tx, mail, next, answer, now).await?;
                }
                None => {
                    outbox::finish(&mut tx, mail, FinalState::Refused, Some(answer), now).await?;
                }
            },
            DeliveryResult::Unanswered(answer) => {
                let mail = OutboxMail {
                    unanswered: mail.unanswered.saturating_add(1),
                    unanswered_at: Some(now),
                    ..mail.clone()
                };
                match next_copy(&mail, now) {
                    Some(next) => {
                        outbox::defer(&mut tx, &mail, next, answer, now).await?;
                    }
                    None => {
                        outbox::finish(&mut tx, &mail, FinalState::Refused, Some(answer), now).await?;
                    }
                }
            }
            DeliveryResult::Refused(answer) => {
                outbox::finish(&mut tx, mail, FinalState::Refused, Some(answer), now).await?;
            }
            DeliveryResult::Dropped => {
                outbox::finish(&mut tx, mail, FinalState::Dropped, None, now).await?;
            }
            DeliveryResult::NotTried => outbox::release(&mut tx, mail).await?,
        }
        tx.commit().await?;
        if let Some(result) = counted(result) {
            self.services.metrics().mail_tried(result);
        }
        Ok(())
    }
}

/// What is counted of an attempt; nothing if none was made.
const fn counted(result: &DeliveryResult) -> Option<MailResult> {
    match result {
        DeliveryResult::Accepted(_) => Some(MailResult::Accepted),
        DeliveryResult::Deferred(_) => Some(MailResult::Deferred),
        DeliveryResult::Unanswered(_) => Some(MailResult::Unanswered),
        DeliveryResult::Refused(_) => Some(MailResult::Refused),
        DeliveryResult::Dropped => Some(MailResult::Dropped),
        DeliveryResult::NotTried => None,
    }
}

/// The result of one attempt to deliver a mail.
#[derive(Debug)]
enum DeliveryResult {
    Accepted(String),
    Deferred(String),
    Unanswered(String),
    Refused(String),
    Dropped,
    NotTried,
}

fn result_of(outcome: Outcome) -> DeliveryResult {
    match outcome {
        Outcome::Accepted(answer) => DeliveryResult::Accepted(answer),
        Outcome::Deferred(answer) => DeliveryResult::Deferred(answer),
        Outcome::Unanswered(answer) => DeliveryResult::Unanswered(answer),
        Outcome::Refused(answer) => DeliveryResult::Refused(answer),
        Outcome::Stopped => DeliveryResult::NotTried,
    }
}

/// Why a mail was given up, with what was last said to it.
fn given_up(mail: &OutboxMail, why: &str) -> String {
    match &mail.last_answer {
        Some(answer) => format!("{answer} ({why})"),
        None => why.to_owned(),
    }
}

/// When a mail that was put off is tried again: after 5 s, 10 s, 20 s …, then hourly (F2). No backoff library does it, since the state is a row.
fn next_attempt(mail: &OutboxMail, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from(mail.attempts.saturating_sub(1)).unwrap_or(0).min(30);
    within_delivery_timeout(mail, now + Span(FIRST_RETRY_DELAY.0.saturating_mul(1 << doublings).min(MAX_RETRY_DELAY.0)))
}

/// When a mail that may have arrived is sent once more, if it is.
fn next_copy(mail: &OutboxMail, now: Timestamp) -> Option<Timestamp> {
    if mail.unanswered < MAX_UNANSWERED_COPIES {
        within_delivery_timeout(mail, now + UNANSWERED_RETRY_DELAY)
    } else {
        None
    }
}

/// `next`, unless it is later than 48 hours after the first try; limits may have put the first try off (F2).
fn within_delivery_timeout(mail: &OutboxMail, next: Timestamp) -> Option<Timestamp> {
    (next <= mail.first_tried.unwrap_or(mail.written) + DELIVERY_TIMEOUT).then_some(next)
}
