//! Webhooks: addresses that are told of what happens in an account (LT-10).

pub(super) mod deliveries;
mod payload;
pub(super) mod told;

pub(crate) use deliveries::{ClaimedDelivery, claim, drop_claimed, due, queue_test, record, release};
pub use deliveries::{Delivered, Outcome, StoredDelivery, of_webhook, requeue};
pub(super) use told::{NotedEvent, queue_noted};

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, MemberId, WebhookId},
    time::Timestamp,
    webhook::{MAX_WEBHOOKS, Subscription, WebhookStatus},
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// Does the member `m` of the webhook `w` still answer for it: active, and ever since the webhook is theirs?
macro_rules! is_owned {
    () => {
        "m.state = 'active' AND w.owned_since >= COALESCE(m.joined_at, 0) AND w.owned_since >= COALESCE(m.readmitted_at, 0)"
    };
}
pub(super) use is_owned;

/// A webhook `w`, with its member `m`.
macro_rules! select_webhooks {
    ($and:literal) => {
        concat!(
            "
        SELECT w.id, w.url, w.description, w.all_events, w.status, w.failing_since, w.member_id, COALESCE(m.name, m.email) AS owner,
               (SELECT string_agg(e.event, ',') FROM webhook_events e WHERE e.webhook_id = w.id) AS events
          FROM webhooks w LEFT JOIN members m ON m.id = w.member_id
         WHERE w.account_id = $1 ",
            $and,
            " ORDER BY w.id DESC"
        )
    };
}

statements! {
    ALL = select_webhooks!("");
    FIND = select_webhooks!("AND w.id = $2");
    COUNT = "SELECT COUNT(*) FROM webhooks WHERE account_id = $1";
    INSERT = "
        INSERT INTO webhooks (id, account_id, member_id, owned_since, url, description, all_events, status, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'on', $4)";
    ADD_EVENT = "INSERT INTO webhook_events (account_id, webhook_id, event) VALUES ($1, $2, $3)";
    CLEAR_EVENTS = "DELETE FROM webhook_events WHERE account_id = $1 AND webhook_id = $2";
    // What failed at another address says nothing of this one.
    CHANGE = "
        UPDATE webhooks
           SET failing_since = CASE WHEN url = $5 THEN failing_since END, member_id = $3, owned_since = $4, url = $5, description = $6,
               all_events = $7
         WHERE account_id = $1 AND id = $2";
    SWITCH_ON = "
        UPDATE webhooks SET status = 'on', failing_since = NULL, member_id = $3, owned_since = $4
         WHERE account_id = $1 AND id = $2 AND status <> 'on'";
    SWITCH_OFF = "UPDATE webhooks SET status = $3 WHERE account_id = $1 AND id = $2 AND status = 'on'";
    REMOVE = "DELETE FROM webhooks WHERE account_id = $1 AND id = $2";
    OWNERLESS = concat!("
        SELECT w.account_id, w.id, w.url, w.member_id FROM webhooks w LEFT JOIN members m ON m.id = w.member_id
         WHERE w.status = 'on' AND (m.id IS NULL OR NOT (", is_owned!(), ")) ORDER BY w.id LIMIT $1");
    ADD_SECRET = "INSERT INTO webhook_secrets (id, account_id, webhook_id, sealed) VALUES ($1, $2, $3, $4)";
    // At most two sign: a secret that leaked is ended by two replacements.
    END_EARLIER_SECRETS = "DELETE FROM webhook_secrets WHERE account_id = $1 AND webhook_id = $2 AND valid_until IS NOT NULL";
    EXPIRE_SECRET = "UPDATE webhook_secrets SET valid_until = $3 WHERE account_id = $1 AND webhook_id = $2 AND valid_until IS NULL";
    SECRETS = "
        SELECT id, sealed, valid_until FROM webhook_secrets
         WHERE account_id = $1 AND webhook_id = $2 AND (valid_until IS NULL OR valid_until > $3) ORDER BY id DESC";
}

/// A webhook, as the account's settings show it.
#[derive(Clone, Debug)]
pub struct StoredWebhook {
    /// The id.
    pub id: WebhookId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told of.
    pub subscription: Subscription,
    /// Is it told?
    pub status: WebhookStatus,
    /// Since when nothing was delivered any more.
    pub failing_since: Option<Timestamp>,
    /// The member who answers for it.
    pub member: Option<MemberId>,
    /// What that member is called.
    pub owner: Option<String>,
}

#[derive(FromRow)]
struct WebhookRow {
    id: Uuid,
    url: String,
    description: String,
    all_events: bool,
    status: String,
    failing_since: Option<i64>,
    member_id: Option<Uuid>,
    owner: Option<String>,
    events: Option<String>,
}

impl TryFrom<WebhookRow> for StoredWebhook {
    type Error = StorageError;

    fn try_from(row: WebhookRow) -> Result<Self, StorageError> {
        let events = row.events.unwrap_or_default();
        let some = || events.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(Self {
            id: WebhookId(row.id),
            url: row.url,
            description: row.description,
            subscription: if row.all_events { Subscription::All } else { Subscription::Some(some()) },
            status: WebhookStatus::from_key(&row.status).ok_or(StorageError::inconsistent("webhooks", "status"))?,
            failing_since: row.failing_since.map(Timestamp),
            member: row.member_id.map(MemberId),
            owner: row.owner,
        })
    }
}

/// The webhooks of the account, newest first.
pub async fn all(tx: &mut Tx, scope: AccountScope) -> Result<Vec<StoredWebhook>, StorageError> {
    let rows: Vec<WebhookRow> = on!(tx, c => sqlx::query_as(ALL).bind(scope.id().0).fetch_all(c).await)?;
    debug_assert!(rows.len() <= MAX_WEBHOOKS as usize);
    rows.into_iter().map(StoredWebhook::try_from).collect()
}

/// The webhook with this id.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: WebhookId) -> Result<Option<StoredWebhook>, StorageError> {
    let row: Option<WebhookRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    row.map(StoredWebhook::try_from).transpose()
}

/// How many webhooks the account has.
pub async fn count(tx: &mut Tx, scope: AccountScope) -> Result<usize, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(COUNT).bind(scope.id().0).fetch_one(c).await)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// What somebody says of a webhook, and who says so: that member answers for it from now on.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings<'a> {
    /// The member.
    pub member: MemberId,
    /// The address.
    pub url: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// What it is told of.
    pub subscription: &'a Subscription,
}

/// Writes a webhook, switched on.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    id: WebhookId,
    settings: WebhookSettings<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let WebhookSettings { member, url, description, subscription } = settings;
    let all = *subscription == Subscription::All;
    run!(tx, INSERT, id.0, scope.id().0, member.0, now.0, url, description, all)?;
    set_events(tx, scope, id, subscription).await
}

/// Changes a webhook; `false` if there is none.
pub async fn change(
    tx: &mut Tx,
    scope: AccountScope,
    id: WebhookId,
    settings: WebhookSettings<'_>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let WebhookSettings { member, url, description, subscription } = settings;
    let all = *subscription == Subscription::All;
    if changed!(tx, CHANGE, scope.id().0, id.0, member.0, now.0, url, description, all)? == 0 {
        return Ok(false);
    }
    run!(tx, CLEAR_EVENTS, scope.id().0, id.0)?;
    set_events(tx, scope, id, subscription).await?;
    Ok(true)
}

async fn set_events(
    tx: &mut Tx,
    scope: AccountScope,
    id: WebhookId,
    subscription: &Subscription,
) -> Result<(), StorageError> {
    if let Subscription::Some(events) = subscription {
        for event in events {
            run!(tx, ADD_EVENT, scope.id().0, id.0, event)?;
        }
    }
    Ok(())
}

/// Switches a webhook on, for which this member answers from now on; `false` if it is on.
pub async fn switch_on(
    tx: &mut Tx,
    scope: AccountScope,
    id: WebhookId,
    member: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, SWITCH_ON, scope.id().0, id.0, member.0, now.0)? == 1)
}

/// Switches a webhook off, and drops what waits for it, but what tells `but_about` that their own access ended; `false` if it is off.
pub async fn switch_off(
    tx: &mut Tx,
    scope: AccountScope,
    id: WebhookId,
    status: WebhookStatus,
    but_about: Option<MemberId>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    if changed!(tx, SWITCH_OFF, scope.id().0, id.0, status.key())? == 0 {
        return Ok(false);
    }
    deliveries::drop_queued(tx, scope, id, but_about, now).await?;
    Ok(true)
}

/// Deletes a webhook with its secrets and deliveries; `false` if somebody was faster.
pub async fn remove(tx: &mut Tx, scope: AccountScope, id: WebhookId) -> Result<bool, StorageError> {
    Ok(changed!(tx, REMOVE, scope.id().0, id.0)? == 1)
}

/// A webhook for which nobody answers any more.
#[derive(Clone, Debug)]
pub struct OwnerlessWebhook {
    /// The account.
    pub scope: AccountScope,
    /// The webhook.
    pub id: WebhookId,
    /// Its address.
    pub url: String,
    /// Who answered for it.
    pub member: Option<MemberId>,
}

/// Webhooks of every account that are on although nobody answers for them. For the worker, which switches them off.
pub(crate) async fn ownerless(tx: &mut Tx, most: i64) -> Result<Vec<OwnerlessWebhook>, StorageError> {
    let rows: Vec<(Uuid, Uuid, String, Option<Uuid>)> =
        on!(tx, c => sqlx::query_as(OWNERLESS).bind(most).fetch_all(c).await)?;
    let webhook = |(account, id, url, member): (Uuid, Uuid, String, Option<Uuid>)| OwnerlessWebhook {
        scope: AccountScope::established(AccountId(account)),
        id: WebhookId(id),
        url,
        member: member.map(MemberId),
    };
    Ok(rows.into_iter().map(webhook).collect())
}

/// Writes a new secret, sealed for its row; the present one, if there is one, signs too until `earlier_until`.
pub async fn add_secret(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    row: Uuid,
    sealed: &[u8],
    earlier_until: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_EARLIER_SECRETS, scope.id().0, webhook.0)?;
    run!(tx, EXPIRE_SECRET, scope.id().0, webhook.0, earlier_until.0)?;
    run!(tx, ADD_SECRET, row, scope.id().0, webhook.0, sealed)
}

/// A secret as it is stored.
#[derive(Clone, Debug, FromRow)]
pub struct StoredSecret {
    /// Its row.
    pub id: Uuid,
    /// It, sealed.
    pub sealed: Vec<u8>,
    /// Until when it signs, in milliseconds, once there is a newer one.
    pub valid_until: Option<i64>,
}

/// The secrets that sign now, newest first.
pub async fn secrets(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<Vec<StoredSecret>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(SECRETS).bind(scope.id().0).bind(webhook.0).bind(now.0).fetch_all(c).await)?)
}
