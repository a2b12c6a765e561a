//! Settings → Webhooks: the addresses that are told of what happens in the account (LT-10).

use super::login_methods::NextPage;
#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{DeliveryId, WebhookId},
        name::Slug,
        time::Timestamp,
        webhook::{DeliveryFault, DeliveryState, Subscription, WebhookStatus},
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What Settings → Webhooks shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhooksView {
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// The webhooks, newest first.
    pub webhooks: Vec<WebhookLine>,
    /// Did the caller authenticate recently enough to add one (AZ-16)?
    pub recently_authenticated: bool,
}

/// One webhook. Its secret is shown once, and nobody sees it afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookLine {
    /// The webhook.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told of.
    pub subscription: Subscription,
    /// Is it told?
    pub status: WebhookStatus,
    /// Who answers for it; `None` once that person's line is deleted.
    pub owner: Option<String>,
    /// Since when nothing was delivered any more.
    pub failing_since: Option<Timestamp>,
}

/// One webhook with its deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookView {
    /// The account's slug.
    pub slug: Slug,
    /// The webhook.
    pub webhook: WebhookLine,
    /// Until when the secret before the present one signs too.
    pub earlier_secret_until: Option<Timestamp>,
    /// Its deliveries, newest first.
    pub deliveries: Vec<DeliveryLine>,
    /// The delivery that the next page begins after; `None` on the last one.
    pub next: Option<DeliveryId>,
    /// Did the caller authenticate recently enough to change it (AZ-16)?
    pub recently_authenticated: bool,
}

/// One delivery, and what came of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLine {
    /// The delivery, whose id is the message's.
    pub id: DeliveryId,
    /// The event, by its name.
    pub event: String,
    /// When it was written.
    pub written: Timestamp,
    /// Where it is.
    pub state: DeliveryState,
    /// When it is tried next, while it waits.
    pub next: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// What is sent.
    pub payload: String,
    /// The last attempt, once there was one.
    pub last: Option<Attempt>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub answer: String,
    /// Why nothing was delivered.
    pub fault: Option<DeliveryFault>,
}

/// A webhook, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookForm {
    /// Where it is told.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// `all`, or only those in `events`.
    pub told: String,
    /// The events, by name.
    pub events: Vec<String>,
}

/// A webhook was added, or its secret replaced: the secret is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// The webhook.
    pub webhook: WebhookId,
    /// Its secret.
    pub secret: String,
    /// Until when the one before it signs too.
    pub earlier_until: Option<Timestamp>,
}

impl std::fmt::Debug for WebhookSecret {
    /// Without the secret: it signs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSecret").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

/// The webhooks of the account. Needs `webhooks.manage`.
#[server(endpoint = "webhooks/list")]
pub async fn list_webhooks(account: String) -> Result<WebhooksView, AppError> {
    backend()?.list_webhooks(&caller_in(&account)?).await
}

/// One webhook with its deliveries, those before `after`. Needs `webhooks.manage`.
#[server(endpoint = "webhooks/show")]
pub async fn show_webhook(
    account: String,
    webhook: String,
    #[server(default)] after: String,
) -> Result<WebhookView, AppError> {
    backend()?.show_webhook(&caller_in(&account)?, id(&webhook)?, after.parse().ok()).await
}

/// Adds a webhook. Needs `webhooks.manage`, and asks for a recent authentication (AZ-16).
#[server(endpoint = "webhooks/add")]
pub async fn add_webhook(account: String, #[server(default)] form: WebhookForm) -> Result<WebhookSecret, AppError> {
    with_flash(backend()?.add_webhook(&caller_in(&account)?, form).await?)
}

/// Changes a webhook. Needs `webhooks.manage`, and asks for a recent authentication (AZ-16).
#[server(endpoint = "webhooks/change")]
pub async fn change_webhook(
    account: String,
    webhook: String,
    #[server(default)] form: WebhookForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.change_webhook(&caller_in(&account)?, id(&webhook)?, form).await?)
}

/// Replaces the secret; the one before signs too for a day. Needs `webhooks.manage`, and asks for a recent authentication (AZ-16).
#[server(endpoint = "webhooks/rotate-secret")]
pub async fn rotate_webhook_secret(account: String, webhook: String) -> Result<WebhookSecret, AppError> {
    with_flash(backend()?.rotate_webhook_secret(&caller_in(&account)?, id(&webhook)?).await?)
}

/// Switches a webhook on or off. Needs `webhooks.manage`, and asks for a recent authentication to switch it on (AZ-16).
#[server(endpoint = "webhooks/switch")]
pub async fn switch_webhook(account: String, webhook: String, on: String) -> Result<NextPage, AppError> {
    go_on(backend()?.switch_webhook(&caller_in(&account)?, id(&webhook)?, on == "on").await?)
}

/// Removes a webhook with its deliveries. Needs `webhooks.manage`.
#[server(endpoint = "webhooks/remove")]
pub async fn remove_webhook(account: String, webhook: String) -> Result<NextPage, AppError> {
    go_on(backend()?.remove_webhook(&caller_in(&account)?, id(&webhook)?).await?)
}

/// Sends an event that tells of nothing. Needs `webhooks.manage`.
#[server(endpoint = "webhooks/test")]
pub async fn test_webhook(account: String, webhook: String) -> Result<NextPage, AppError> {
    go_on(backend()?.test_webhook(&caller_in(&account)?, id(&webhook)?).await?)
}

/// Sends a delivery once more, as the same message. Needs `webhooks.manage`.
#[server(endpoint = "webhooks/redeliver")]
pub async fn redeliver(account: String, webhook: String, delivery: String) -> Result<NextPage, AppError> {
    go_on(backend()?.redeliver(&caller_in(&account)?, id(&webhook)?, id(&delivery)?).await?)
}
