//! The account's audit log.

use super::{
    authenticate::By,
    extract::{Parameters, limit},
    problem::{Problem, ProblemCode},
    types::Moment,
};
use crate::context::Services;
use app::{
    api::audit::AuditLine,
    domain::audit::{AuditActorName, AuditQuery, EventKind},
};
use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use time::{Date, macros::format_description};
use utoipa::{IntoParams, ToSchema};

/// The longest email address (RFC 5321).
const MAX_PERSON_CHARS: usize = 254;

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditEventsQuery {
    /// The email address of a person who acted or was concerned.
    #[param(max_length = 254)]
    person: Option<String>,
    /// The kind of event, such as `invited`.
    #[param(max_length = 100)]
    kind: Option<String>,
    /// The first day, in UTC.
    #[param(format = Date)]
    from: Option<String>,
    /// The last day, in UTC.
    #[param(format = Date)]
    until: Option<String>,
    /// The `next` of the page before.
    #[param(minimum = 1)]
    cursor: Option<i64>,
    /// How many; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

impl AuditEventsQuery {
    fn read(self) -> Result<(AuditQuery, usize), Problem> {
        let wrong = |what: &str| Problem::new(ProblemCode::Malformed).saying(what);
        let day = |text: Option<String>, what| match text {
            None => Ok(String::new()),
            Some(day) if Date::parse(&day, format_description!("[year]-[month]-[day]")).is_ok() => Ok(day),
            Some(_) => Err(wrong(what)),
        };
        let (person, kind) = (self.person.unwrap_or_default(), self.kind.unwrap_or_default());
        if person.chars().count() > MAX_PERSON_CHARS {
            return Err(wrong("person is longer than any email address"));
        }
        if self.cursor.is_some_and(|seq| seq < 1) {
            return Err(wrong("cursor is none of this list"));
        }
        if !kind.is_empty() && EventKind::from_key(&kind).is_none() {
            return Err(wrong("kind is none of the known kinds"));
        }
        let query = AuditQuery {
            person,
            kind,
            from: day(self.from, "from is no day, such as 2026-05-04")?,
            until: day(self.until, "until is no day, such as 2026-05-04")?,
            before: self.cursor.map(|seq| seq.to_string()).unwrap_or_default(),
        };
        Ok((query, limit(self.limit)?))
    }
}

/// Some events, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEvents {
    /// The events.
    events: Vec<AuditEvent>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<i64>,
}

/// What happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEvent {
    /// Its number in the account.
    seq: i64,
    /// When.
    at: Moment,
    /// The kind. New kinds are added as Roster grows.
    kind: String,
    /// Who acted.
    actor: AuditActor,
    /// The email address of whom it concerned.
    target: Option<String>,
    /// The address in the network that it came from.
    ip: Option<String>,
    /// What else is recorded: ids and keys. What there is depends on the kind.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor {
    /// How.
    kind: ActorKind,
    /// The member's name of that time.
    name: Option<String>,
    /// The name of the key by which a program acted for the member.
    api_key: Option<String>,
}

/// How somebody acted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A member, in a browser.
    Member,
    /// A program, by an API key.
    ApiKey,
    /// Whoever had an invitation's link.
    LinkHolder,
    /// A program of Roster's operator, by a key over all accounts.
    Operator,
    /// Roster, or its operator.
    System,
}

impl From<AuditActorName> for AuditActor {
    fn from(actor: AuditActorName) -> Self {
        let (kind, name, api_key) = match actor {
            AuditActorName::Named(name) => (ActorKind::Member, Some(name), None),
            AuditActorName::ByKey { person, key } => (ActorKind::ApiKey, Some(person), Some(key)),
            AuditActorName::LinkHolder => (ActorKind::LinkHolder, None, None),
            AuditActorName::OperatorKey(key) => (ActorKind::Operator, None, Some(key)),
            AuditActorName::Operator => (ActorKind::System, None, None),
        };
        Self { kind, name, api_key }
    }
}

impl From<AuditLine> for AuditEvent {
    fn from(line: AuditLine) -> Self {
        let mut data = line.event.and_then(|event| serde_json::to_value(event).ok()).unwrap_or(serde_json::json!({}));
        if let Some(fields) = data.as_object_mut() {
            fields.remove("kind");
        }
        let (seq, at, actor) = (line.seq, line.at.into(), line.actor.into());
        Self { seq, at, kind: line.kind, actor, target: line.target, ip: line.ip, data }
    }
}

/// List audit events
///
/// What was changed in the account, newest first. Needs `audit.read`.
#[utoipa::path(get, path = "/audit-events", operation_id = "list_audit_events", tag = "Audit", params(AuditEventsQuery),
    responses((status = 200, description = "Some events, and where the list goes on.", body = AuditEvents)))]
pub(super) async fn list(
    State(services): State<Services>,
    Extension(by): By,
    Parameters(query): Parameters<AuditEventsQuery>,
) -> Result<Json<AuditEvents>, Problem> {
    let (query, most) = query.read()?;
    let (lines, next) = services.list_some_audit_events(&by.caller, &query, most as i64).await?;
    Ok(Json(AuditEvents { events: lines.into_iter().map(AuditEvent::from).collect(), next }))
}
