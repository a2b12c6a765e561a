//! Settings → Webhooks, and what is sent to them (LT-10).

mod add_webhook;
mod change_webhook;
pub(in crate::service) mod deliver_webhooks;
mod list_webhooks;
mod redeliver;
mod remove_webhook;
mod rotate_webhook_secret;
mod show_webhook;
mod stop_webhook;
mod switch_webhook;
mod test_webhook;

use super::{
    actors::{self, Actor},
    sessions::sign_in::rate_limited,
};
use crate::{
    context::Services,
    secrets::{SealedFor, WebhookSecret},
    storage::{
        AccountScope, StorageError, Tx,
        rate_buckets::{self, Limit},
        webhooks::{self, StoredWebhook},
    },
};
use app::{
    api::webhooks::{WebhookForm, WebhookLine},
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::WebhookId,
        permission::Gate,
        time::{Span, Timestamp},
        webhook::{
            SECRET_OVERLAP_HOURS, Subscription, can_manage_webhooks, parse_description, parse_subscription,
            parse_webhook_url,
        },
    },
    error::AppError,
    request::Caller,
};
use uuid::Uuid;

/// What an account sends by hand in an hour: tests, and deliveries once more.
const SENT_BY_HAND_PER_HOUR: u32 = 120;

/// The actor of a view of webhooks.
///
/// # Errors
/// As [`actors::load_with`].
async fn load(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    let actor = actors::load_with(services, tx, caller, Gate::WebhooksManage).await?;
    can_manage_webhooks(&actor.effective).or_refuse()?;
    Ok(actor)
}

/// The actor of a change to webhooks.
///
/// # Errors
/// As [`actors::load_to_change`].
async fn load_to_change(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    let actor = actors::load_to_change(services, tx, caller, Gate::WebhooksManage).await?;
    can_manage_webhooks(&actor.effective).or_refuse()?;
    Ok(actor)
}

/// Takes one of what the account may send by hand.
async fn take_one_by_hand(tx: &mut Tx, scope: AccountScope, now: Timestamp) -> Result<(), AppError> {
    let key = format!("webhooks:by-hand:{}", scope.id());
    rate_buckets::take(tx, &key, Limit::per_hour(SENT_BY_HAND_PER_HOUR), now).await?.map_err(rate_limited)
}

/// A webhook as somebody wants it.
struct Wanted {
    url: String,
    description: String,
    subscription: Subscription,
}

impl Wanted {
    fn read(services: &Services, form: &WebhookForm) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        // Names are looked at once more when they are resolved, at each attempt.
        let url = parse_webhook_url(&form.url)
            .and_then(|url| if services.oauth.admits(&url) { Ok(url) } else { Err(Problem::NotAPublicAddress) });
        let url = errors.keep(Field::WebhookUrl, url);
        let description = errors.keep(Field::WebhookDescription, parse_description(&form.description));
        let subscription = parse_subscription(form.told == "all", &form.events);
        let subscription = errors.keep(Field::WebhookEvents, subscription);
        match (url, description, subscription) {
            (Some(url), Some(description), Some(subscription)) => Ok(Self { url, description, subscription }),
            _ => Err(errors),
        }
    }
}

/// Makes the secret that signs from now on; answers it, and until when the one before signs too.
async fn make_secret(
    services: &Services,
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<(WebhookSecret, Timestamp), StorageError> {
    let (row, secret) = (Uuid::now_v7(), WebhookSecret::new());
    let sealed = services.keyring.seal(SealedFor::WebhookSecret(row), secret.bytes());
    let earlier_until = now + Span::hours(SECRET_OVERLAP_HOURS);
    webhooks::add_secret(tx, scope, webhook, row, &sealed, earlier_until).await?;
    Ok((secret, earlier_until))
}

fn line(webhook: StoredWebhook) -> WebhookLine {
    let StoredWebhook { id, url, description, subscription, status, failing_since, owner, .. } = webhook;
    WebhookLine { id, url, description, subscription, status, owner, failing_since }
}
