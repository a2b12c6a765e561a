//! What a webhook is sent: type, time and data, as Standard Webhooks has it. Of a member it tells what the REST API shows, but where the mail of an
//! invitation is: that changes by itself. There is never a secret and never a link in it.

use super::told::NotedEvent;
use crate::{
    clock::rfc3339,
    storage::{AccountScope, StorageError, Tx, accounts, members},
};
use app::domain::{
    ids::{MemberId, WebhookId},
    member::{LoginMethodKind, ShownState},
    time::Timestamp,
    webhook::TEST_EVENT,
};
use serde::Serialize;
use serde_json::{Value, json};

/// A message. The order of its parts is that of the specification.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Value,
}

impl Message<'_> {
    fn to_text(&self) -> Result<String, StorageError> {
        serde_json::to_string(self).map_err(|_| StorageError::inconsistent("webhook_deliveries", "payload"))
    }
}

/// What is told of an event; `None` if its account is gone.
pub(super) async fn payload(tx: &mut Tx, name: &str, noted: &NotedEvent) -> Result<Option<String>, StorageError> {
    let Some(account) = account(tx, noted.scope).await? else { return Ok(None) };
    let member = match noted.target {
        Some(target) => member(tx, noted.scope, target, noted.at).await?,
        None => Value::Null,
    };
    let mut details = serde_json::to_value(&noted.event).unwrap_or_default();
    if let Some(fields) = details.as_object_mut() {
        fields.remove("kind");
    }
    let data = json!({
        "account": account,
        "audit_event": noted.seq,
        "actor": actor(noted),
        "member": member,
        "details": details,
    });
    Message { r#type: name, timestamp: rfc3339(noted.at), data }.to_text().map(Some)
}

/// What a webhook is sent to try it.
pub(super) async fn test_payload(
    tx: &mut Tx,
    scope: AccountScope,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<String, StorageError> {
    let data = json!({ "account": account(tx, scope).await?, "webhook": webhook });
    Message { r#type: TEST_EVENT, timestamp: rfc3339(now), data }.to_text()
}

async fn account(tx: &mut Tx, scope: AccountScope) -> Result<Option<Value>, StorageError> {
    let found = accounts::find(tx, scope).await?;
    Ok(found.map(|account| json!({ "id": scope.id(), "slug": account.slug, "name": account.name })))
}

/// Who acted, as the API's audit log has it, with the id of the member.
fn actor(noted: &NotedEvent) -> Value {
    let actor = &noted.actor;
    let kind = match (&actor.name, &actor.key, actor.member) {
        (Some(_), Some(_), _) => "api_key",
        (Some(_), None, _) => "member",
        (None, _, Some(_)) => "link_holder",
        (None, Some(_), None) => "operator",
        (None, None, None) => "system",
    };
    json!({ "kind": kind, "id": actor.member, "name": actor.name, "api_key": actor.key })
}

async fn member(tx: &mut Tx, scope: AccountScope, id: MemberId, now: Timestamp) -> Result<Value, StorageError> {
    let Some(member) = members::find(tx, scope, id).await? else { return Ok(json!({ "id": id })) };
    let state = member.shown(now);
    let is_waiting = state.is_awaiting_answer();
    let method = &member.method;
    let kind = match method.kind {
        LoginMethodKind::Password => "password",
        LoginMethodKind::OAuth => "oauth",
    };
    let at = |time: Option<Timestamp>| time.map(rfc3339);
    let invitation = member.invitation.as_ref();
    Ok(json!({
        "id": member.id,
        "email": member.email.typed(),
        "name": member.name,
        "status": status(state),
        "role": member.grant.role,
        "extras": member.grant.extras,
        "login_method": {
            "id": method.id,
            "kind": kind,
            "name": method.name,
            "identifier_claim": method.hint.as_ref().map(|hint| &hint.claim),
        },
        "login_method_off": !member.method_enabled && state != ShownState::Removed,
        "awaits_decision": member.awaits_decision && is_waiting,
        "invited_at": at(invitation.map(|_| member.invited_at)),
        "invited_by": invitation.and_then(|invitation| invitation.sponsor_name.as_ref()),
        "expires_at": at(invitation.filter(|_| is_waiting).map(|invitation| invitation.expires)),
        "joined_at": at(member.joined_at),
        "vouched_by": member.vouched_by,
        "removed_at": at(member.removed_at),
        "removed_by": member.removed_by,
        "last_active_at": at(member.last_active_at),
        "version": member.version,
    }))
}

const fn status(state: ShownState) -> &'static str {
    match state {
        ShownState::Invited => "invited",
        ShownState::Expired => "expired",
        ShownState::Declined => "declined",
        ShownState::AwaitingApproval => "awaiting_approval",
        ShownState::Active => "active",
        ShownState::Suspended => "suspended",
        ShownState::Removed => "removed",
    }
}
