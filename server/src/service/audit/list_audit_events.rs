//! Settings → Audit: the account's events (R60).

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        StorageError, Tx,
        audit::{self, EventFilter, WrittenEvent},
        members,
    },
};
use app::{
    api::audit::{AuditLine, AuditPage},
    backend::ListAuditEvents,
    domain::{
        audit::{AuditActorName, AuditQuery, EventKind},
        email::Email,
        permission::Gate,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use time::{Date, macros::format_description};

/// Events on one page.
const PAGE_EVENTS: i64 = 50;

#[async_trait]
impl ListAuditEvents for Services {
    /// The account's events, newest first. Needs `audit.read`.
    async fn list_audit_events(&self, caller: &Caller, query: AuditQuery) -> Result<AuditPage, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
        let filter = filter(&mut tx, &actor, &query).await?;
        let (lines, next) = match filter {
            Some(filter) => page(&mut tx, &actor, filter).await?,
            None => (Vec::new(), None),
        };
        let facts = actors::facts(self, &mut tx, &actor).await?;
        drop(tx);
        self.note_activity(&actor).await;
        Ok(AuditPage { facts, lines, next, unknown_person: filter.is_none() })
    }
}

impl Services {
    /// Some of the account's events, newest first, and where they go on, for programs. Needs `audit.read`.
    ///
    /// # Errors
    /// As [`actors::load_with`].
    pub async fn list_some_audit_events(
        &self,
        caller: &Caller,
        query: &AuditQuery,
        most: i64,
    ) -> Result<(Vec<AuditLine>, Option<i64>), AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::AuditRead).await?;
        match filter(&mut tx, &actor, query).await? {
            Some(filter) => Ok(some(&mut tx, &actor, filter, most).await?),
            None => Ok((Vec::new(), None)),
        }
    }
}

/// What a view lets through; `None` if it asks for a person whom the account never had.
pub(super) async fn filter(
    tx: &mut Tx,
    actor: &Actor,
    query: &AuditQuery,
) -> Result<Option<EventFilter>, StorageError> {
    let person = match query.person.as_str() {
        "" => None,
        typed => {
            let member = match Email::parse(typed) {
                Ok(email) => members::find_by_email(tx, actor.scope(), &email).await?,
                Err(_) => None,
            };
            let Some(member) = member else { return Ok(None) };
            Some(member.id)
        }
    };
    Ok(Some(EventFilter {
        person,
        kind: EventKind::from_key(&query.kind),
        from: day(&query.from).unwrap_or(Timestamp(0)),
        until: day(&query.until).map_or(Timestamp(i64::MAX), |day| day + Span::days(1)),
        before: query.before.parse().unwrap_or(i64::MAX),
    }))
}

/// The beginning of a day in UTC.
pub(super) fn day(typed: &str) -> Option<Timestamp> {
    let date = Date::parse(typed, format_description!("[year]-[month]-[day]")).ok()?;
    Some(Timestamp(date.midnight().assume_utc().unix_timestamp().saturating_mul(1000)))
}

/// One page of the events that a filter lets through, and the number that the next one begins before.
pub(in crate::service) async fn page(
    tx: &mut Tx,
    actor: &Actor,
    filter: EventFilter,
) -> Result<(Vec<AuditLine>, Option<i64>), StorageError> {
    some(tx, actor, filter, PAGE_EVENTS).await
}

async fn some(
    tx: &mut Tx,
    actor: &Actor,
    filter: EventFilter,
    most: i64,
) -> Result<(Vec<AuditLine>, Option<i64>), StorageError> {
    let mut lines = lines(tx, actor, filter, most + 1).await?;
    let more = lines.len() as i64 > most;
    lines.truncate(most as usize);
    let next = lines.last().filter(|_| more).map(|line| line.seq);
    Ok((lines, next))
}

/// The events that a filter lets through, newest first.
pub(super) async fn lines(
    tx: &mut Tx,
    actor: &Actor,
    filter: EventFilter,
    most: i64,
) -> Result<Vec<AuditLine>, StorageError> {
    Ok(audit::events(tx, actor.scope(), filter, most).await?.into_iter().map(line).collect())
}

fn line(event: WrittenEvent) -> AuditLine {
    AuditLine {
        seq: event.seq,
        at: Timestamp(event.at),
        actor: match (event.actor, event.key_name, event.actor_id) {
            (Some(person), Some(key), _) => AuditActorName::ByKey { person, key },
            (Some(name), None, _) => AuditActorName::Named(name),
            (None, _, Some(_)) => AuditActorName::LinkHolder,
            (None, Some(key), None) => AuditActorName::OperatorKey(key),
            (None, None, None) => AuditActorName::Operator,
        },
        target: event.target,
        ip: event.ip,
        event: serde_json::from_str(&event.data).ok(),
        kind: event.kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        assert_eq!(day("2026-05-04"), Some(Timestamp(1_777_852_800_000)));
        for none in ["", "2026-02-30", "yesterday", "04.05.2026", "99999-01-01"] {
            assert_eq!(day(none), None, "{none}");
        }
    }
}
