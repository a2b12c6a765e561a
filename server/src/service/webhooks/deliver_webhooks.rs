//! The worker of webhooks: claims due deliveries under a lease, posts them with their signatures, and records what came of it. Several at a time in one
//! process, and any number of processes. A message may arrive twice, always with the same id: nothing is lost when a process dies.

use super::stop_webhook::Stop;
use crate::{
    context::Services,
    metrics::WebhookResult,
    oauth::WebhookRequest,
    secrets::{SealedFor, WebhookSecret},
    storage::{
        StorageError,
        webhooks::{self, ClaimedDelivery, Delivered, Outcome, StoredWebhook},
    },
};
use app::domain::{
    ids::WebhookId,
    oauth::Fault,
    time::{Span, Timestamp},
    webhook::{DELIVERY_DAYS, DeliveryFault, WebhookStatus},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often a server looks for what no commit of its own told it of: second tries, and what other processes queued.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many requests are under way at the same time in one process,
const MAX_REQUESTS: usize = 64;
/// and how many of them to one webhook: one that is slow leaves room for the others.
const MAX_REQUESTS_OF_WEBHOOK: usize = 4;
/// How many webhooks are looked at in one pass: more than can be busy.
const MAX_WEBHOOKS_OF_PASS: i64 = 128;
/// How long one instance has for a delivery: longer than a request may take.
const LEASE_TTL: Span = Span::seconds(30);
/// The shortest and the longest pause between two attempts.
const MIN_PAUSE: Span = Span::seconds(5);
const MAX_PAUSE: Span = Span::hours(6);
/// A webhook at which nothing was taken for so long is switched off: at the last attempt of a delivery at the latest.
const FAILING_TIMEOUT: Span = Span(Span::days(DELIVERY_DAYS).0 - MAX_PAUSE.0);

/// Delivers until `stop`; then gives back what is under way.
pub async fn keep_delivering_webhooks(services: Services, stop: CancellationToken) {
    let worker = Arc::new(Worker::new(services, stop));
    let mut last_look: Option<Instant> = None;
    while !worker.stop.is_cancelled() {
        if last_look.is_none_or(|at| at.elapsed() >= POLL_INTERVAL) {
            if let Err(error) = worker.services.stop_ownerless_webhooks().await {
                tracing::warn!(%error, "webhooks for which nobody answers cannot be switched off yet");
            }
            last_look = Some(Instant::now());
        }
        let begun = worker.begin_due().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "deliveries of webhooks cannot be read");
            0
        });
        if begun > 0 {
            continue;
        }
        tokio::select! {
            () = worker.stop.cancelled() => {}
            () = worker.place_freed.notified() => {}
            () = worker.services.database.webhook_delivery_queued() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
    worker.finish().await;
}

impl Services {
    /// Delivers what is due, and waits for it; answers how many deliveries were attempted.
    ///
    /// # Errors
    /// The database's.
    pub async fn deliver_webhooks(&self) -> Result<usize, StorageError> {
        let worker = Arc::new(Worker::new(self.clone(), CancellationToken::new()));
        let mut count = 0;
        loop {
            self.stop_ownerless_webhooks().await?;
            let begun = worker.begin_due().await?;
            worker.deliveries.close();
            worker.deliveries.wait().await;
            worker.deliveries.reopen();
            count += begun;
            if begun == 0 {
                return Ok(count);
            }
        }
    }
}

struct Worker {
    services: Services,
    stop: CancellationToken,
    slots: Arc<Semaphore>,
    /// How many requests are under way to each webhook.
    busy: Mutex<HashMap<WebhookId, usize>>,
    /// Told when there is room again.
    place_freed: Notify,
    deliveries: TaskTracker,
}

/// The place of a request among those of its webhook and its process. It is given back whatever becomes of the request.
struct Place {
    worker: Arc<Worker>,
    webhook: WebhookId,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.worker.busy();
        if let Some(count) = busy.get_mut(&self.webhook) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.webhook);
            }
        }
        self.worker.place_freed.notify_one();
    }
}

impl Worker {
    fn new(services: Services, stop: CancellationToken) -> Self {
        let slots = Arc::new(Semaphore::new(MAX_REQUESTS));
        let (busy, place_freed) = (Mutex::default(), Notify::new());
        Self { services, stop, slots, busy, place_freed, deliveries: TaskTracker::new() }
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<WebhookId, usize>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn finish(&self) {
        self.deliveries.close();
        self.deliveries.wait().await;
    }

    /// Begins as many of the due deliveries as there is room for; answers how many.
    async fn begin_due(self: &Arc<Self>) -> Result<usize, StorageError> {
        let now = self.services.now();
        let mut tx = self.services.database.begin_read().await?;
        let due = webhooks::due(&mut tx, now, MAX_WEBHOOKS_OF_PASS).await?;
        drop(tx);
        let mut begun = 0;
        for webhook in due {
            let places = self.places(webhook);
            if places.is_empty() {
                continue;
            }
            let mut tx = self.services.database.begin_write().await?;
            let claimed = webhooks::claim(&mut tx, webhook, now, now + LEASE_TTL, places.len()).await?;
            tx.commit().await?;
            begun += claimed.len();
            for (delivery, place) in claimed.into_iter().zip(places) {
                let worker = Arc::clone(self);
                self.deliveries.spawn(async move { worker.deliver(&delivery, place).await });
            }
        }
        Ok(begun)
    }

    /// The places that are free for a webhook.
    fn places(self: &Arc<Self>, webhook: WebhookId) -> Vec<Place> {
        let mut places = Vec::new();
        loop {
            let mut busy = self.busy();
            let count = busy.get(&webhook).copied().unwrap_or_default();
            if count >= MAX_REQUESTS_OF_WEBHOOK {
                return places;
            }
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return places };
            busy.insert(webhook, count + 1);
            drop(busy);
            places.push(Place { worker: Arc::clone(self), webhook, _slot: slot });
        }
    }

    async fn deliver(&self, delivery: &ClaimedDelivery, place: Place) {
        // What cannot be recorded is claimed again when the lease has ended, and arrives twice at most.
        if let Err(error) = self.attempt(delivery).await {
            tracing::warn!(%error, delivery = %delivery.id, "a delivery of a webhook cannot be attempted or recorded");
        }
        drop(place);
    }

    async fn attempt(&self, delivery: &ClaimedDelivery) -> Result<(), StorageError> {
        let services = &self.services;
        let mut tx = services.database.begin_read().await?;
        let webhook = webhooks::find(&mut tx, delivery.scope, delivery.webhook).await?;
        let secrets = webhooks::secrets(&mut tx, delivery.scope, delivery.webhook, services.now()).await?;
        let is_answered_for = match &webhook {
            Some(webhook) => services.can_answer_for_webhook(&mut tx, delivery.scope, webhook.member).await?,
            None => false,
        };
        drop(tx);
        let webhook = match webhook {
            Some(webhook) if webhook.status == WebhookStatus::On && !is_answered_for => {
                let (url, owner, why) = (&webhook.url, webhook.member, WebhookStatus::Ownerless);
                let mut tx = services.database.begin_write().await?;
                let stop = Stop { scope: delivery.scope, webhook: webhook.id, url, why, owner };
                services.stop_webhook(&mut tx, stop, services.now()).await?;
                tx.commit().await?;
                Some(StoredWebhook { status: why, ..webhook })
            }
            webhook => webhook,
        };
        let Some(webhook) = webhook.filter(|webhook| is_told(webhook, delivery)) else {
            let mut tx = services.database.begin_write().await?;
            webhooks::drop_claimed(&mut tx, delivery, services.now()).await?;
            return tx.commit().await;
        };
        let open = |secret: &webhooks::StoredSecret| {
            let bytes = services.keyring.open(SealedFor::WebhookSecret(secret.id), &secret.sealed).ok()?;
            Some(WebhookSecret::from_bytes(bytes))
        };
        let secrets: Vec<_> = secrets.iter().filter_map(open).collect();
        let began = Instant::now();
        let answer = tokio::select! {
            () = self.stop.cancelled() => {
                let mut tx = services.database.begin_write().await?;
                webhooks::release(&mut tx, delivery).await?;
                return tx.commit().await;
            }
            answer = self.post(&webhook, delivery, &secrets) => answer,
        };
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.record(&webhook, delivery, answer, duration_ms).await
    }

    async fn post(
        &self,
        webhook: &StoredWebhook,
        delivery: &ClaimedDelivery,
        secrets: &[WebhookSecret],
    ) -> Result<(u16, String), DeliveryFault> {
        if secrets.is_empty() {
            tracing::error!(webhook = %webhook.id, "the secret of a webhook cannot be opened");
            return Err(DeliveryFault::NoSecret);
        }
        let (id, timestamp) = (delivery.id.to_string(), self.services.now().0.div_euclid(1000));
        let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(&id, timestamp, &delivery.payload)).collect();
        let request = WebhookRequest {
            url: &webhook.url,
            id: &id,
            timestamp,
            signature: &signatures.join(" "),
            body: &delivery.payload,
        };
        let answer = self.services.oauth.post_webhook(request).await.map_err(fault_of)?;
        Ok((answer.status.as_u16(), answer.text))
    }

    /// Records what came of an attempt, and switches a webhook off that has not worked for days or is gone.
    async fn record(
        &self,
        webhook: &StoredWebhook,
        delivery: &ClaimedDelivery,
        answer: Result<(u16, String), DeliveryFault>,
        duration_ms: i64,
    ) -> Result<(), StorageError> {
        let now = self.services.now();
        let (status, text, fault) = match answer {
            Ok((status, text)) => (Some(status), text, fault_of_status(status)),
            Err(fault) => (None, String::new(), Some(fault)),
        };
        let outcome = match fault {
            None => Outcome::Delivered,
            Some(DeliveryFault::Gone) => Outcome::Failed,
            Some(
                DeliveryFault::AddressRefused
                | DeliveryFault::Unreachable
                | DeliveryFault::Tls
                | DeliveryFault::TimedOut
                | DeliveryFault::Redirected
                | DeliveryFault::Refused
                | DeliveryFault::NoSecret,
            ) => next_attempt(delivery.queued, now).map_or(Outcome::Failed, Outcome::Deferred),
        };
        let has_failed_for_days = webhook.failing_since.is_some_and(|since| since + FAILING_TIMEOUT <= now);
        let why = match (fault, outcome) {
            (Some(DeliveryFault::Gone), _) => Some(WebhookStatus::Gone),
            (_, Outcome::Deferred(_) | Outcome::Failed) if has_failed_for_days => Some(WebhookStatus::Failing),
            (_, Outcome::Delivered | Outcome::Deferred(_) | Outcome::Failed) => None,
        };
        // PostgreSQL keeps no zeros in texts.
        let answer = text.replace('\0', "\u{fffd}");
        let delivered = Delivered { outcome, duration_ms, status, answer, fault };
        let mut tx = self.services.database.begin_write().await?;
        if !webhooks::record(&mut tx, delivery, &delivered, now).await? {
            tracing::warn!(delivery = %delivery.id, "a delivery of a webhook ended after its lease");
        } else if let Some(why) = why {
            let (url, owner) = (&webhook.url, webhook.member);
            let stop = Stop { scope: delivery.scope, webhook: webhook.id, url, why, owner };
            self.services.stop_webhook(&mut tx, stop, now).await?;
        }
        tx.commit().await?;
        self.services.metrics().webhook_tried(match outcome {
            Outcome::Delivered => WebhookResult::Delivered,
            Outcome::Deferred(_) => WebhookResult::Deferred,
            Outcome::Failed => WebhookResult::Failed,
        });
        Ok(())
    }
}

/// Is a webhook told this now? One for which nobody answers is told that this person's access ended, and nothing else.
fn is_told(webhook: &StoredWebhook, delivery: &ClaimedDelivery) -> bool {
    match webhook.status {
        WebhookStatus::On => true,
        WebhookStatus::Ownerless => webhook.member.is_some() && webhook.member == delivery.about,
        WebhookStatus::Off | WebhookStatus::Failing | WebhookStatus::Gone => false,
    }
}

/// When a delivery is tried again: after as long as it has been tried, five seconds at least and six hours at most; `None` after three days. No
/// backoff library does it, since the state is a row.
fn next_attempt(queued: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let pause = (now - queued).clamp(MIN_PAUSE, MAX_PAUSE);
    Some(now + pause).filter(|next| *next <= queued + Span::days(DELIVERY_DAYS))
}

const fn fault_of_status(status: u16) -> Option<DeliveryFault> {
    match status {
        200..=299 => None,
        300..=399 => Some(DeliveryFault::Redirected),
        410 => Some(DeliveryFault::Gone),
        _ => Some(DeliveryFault::Refused),
    }
}

fn fault_of(fault: Fault) -> DeliveryFault {
    let known = [
        (Fault::AddressRefused, DeliveryFault::AddressRefused),
        (Fault::Tls, DeliveryFault::Tls),
        (Fault::TimedOut, DeliveryFault::TimedOut),
    ];
    // The other faults of the client are about answers that it reads, and this one it does not.
    known.into_iter().find(|(known, _)| *known == fault).map_or(DeliveryFault::Unreachable, |(_, fault)| fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lt_10_pauses_grow_and_end_after_three_days() {
        let queued = Timestamp(1_777_885_200_000);
        let (mut at, mut pauses) = (queued, Vec::new());
        while let Some(next) = next_attempt(queued, at) {
            pauses.push((next - at).0 / 1000);
            at = next;
        }
        assert_eq!(pauses.get(..6), Some([5, 5, 10, 20, 40, 80].as_slice()));
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]) && pauses.last() == Some(&(6 * 3600)));
        assert!(pauses.len() < 30 && at - queued > Span::days(2) && at - queued <= Span::days(3));
    }
}
