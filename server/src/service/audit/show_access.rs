//! Settings → Audit: who had access at one moment, rebuilt from the account's events, for the page and as a file.

use super::list_audit_events::day;
use crate::{
    collation,
    context::Services,
    service::actors,
    storage::audit::{self, EventAboutMember},
};
use app::{
    api::audit::{AccessPage, PersonThen},
    backend::ShowAccess,
    domain::{
        access::{AccessQuery, People, Week, Weeks},
        ids::MemberId,
        member::MemberState,
        permission::Gate,
        role::Roles,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use time::{Time, macros::format_description};

/// Events that are read at a time. What is kept of them grows with the people of the account, not with its events.
const BATCH_EVENTS: i64 = 2_000;
/// People on the page; the file has all.
const MAX_PEOPLE: usize = 1_000;

/// Everybody who was active or suspended at one moment, in the order of their names.
#[derive(Debug)]
pub struct AccessThen {
    /// The moment.
    pub at: Timestamp,
    /// Who was active.
    pub active: Vec<PersonThen>,
    /// Who was suspended, and so had no access.
    pub suspended: Vec<PersonThen>,
    /// The last twelve months up to now, week by week.
    pub weeks: Vec<Week>,
    /// The account's roles, as they are now.
    pub roles: Roles,
}

#[async_trait]
impl ShowAccess for Services {
    /// Who had access. Needs `audit.read`.
    async fn show_access(&self, caller: &Caller, query: AccessQuery) -> Result<AccessPage, AppError> {
        let AccessThen { at, mut active, mut suspended, weeks, roles: _ } = self.access_then(caller, &query).await?;
        let (active_count, suspended_count) = (active.len() as u64, suspended.len() as u64);
        active.truncate(MAX_PEOPLE);
        suspended.truncate(MAX_PEOPLE.saturating_sub(active.len()));
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
        let facts = actors::facts(self, &mut tx, &actor).await?;
        drop(tx);
        self.note_activity(&actor).await;
        Ok(AccessPage { facts, at, active, active_count, suspended, suspended_count, weeks })
    }
}

impl Services {
    /// The same, whole, for a file. The log says who exported (LG-01).
    ///
    /// # Errors
    /// As for every operation in an account, and the policy's refusal.
    pub async fn export_access(&self, caller: &Caller, query: &AccessQuery) -> Result<AccessThen, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
        drop(tx);
        tracing::info!(account = %actor.slug, member = %actor.member, "who had access exported");
        self.access_then(caller, query).await
    }

    /// Reads the events part by part, so that no transaction is long; the caller's right is looked at each time.
    async fn access_then(&self, caller: &Caller, query: &AccessQuery) -> Result<AccessThen, AppError> {
        let now = self.now();
        let mut rebuilding = Rebuilding::of(moment(query, now), now);
        let mut after = 0;
        loop {
            let mut tx = self.database.begin_read().await?;
            let actor = actors::load_with(self, &mut tx, caller, Gate::AuditRead).await?;
            let events = audit::about_members(&mut tx, actor.scope(), after, now, BATCH_EVENTS).await?;
            drop(tx);
            let is_last = (events.len() as i64) < BATCH_EVENTS;
            for event in events {
                after = event.seq;
                rebuilding.take_in(event);
            }
            if is_last {
                return Ok(rebuilding.finish(actor.roles));
            }
        }
    }
}

/// What becomes of the events while they are read.
struct Rebuilding {
    /// The moment that is asked about.
    at: Timestamp,
    /// Everybody at that moment, once the events have come past it.
    then: Option<(People, Names)>,
    people: People,
    names: Names,
    weeks: Weeks,
}

impl Rebuilding {
    fn of(at: Timestamp, now: Timestamp) -> Self {
        Self { at, then: None, people: People::default(), names: Names::default(), weeks: Weeks::until(now) }
    }

    fn take_in(&mut self, event: EventAboutMember) {
        let at = Timestamp(event.at);
        if at > self.at && self.then.is_none() {
            self.then = Some((self.people.clone(), self.names.clone()));
        }
        let member = MemberId(event.target_id);
        let named = self.names.entry(member).or_default();
        (named.row, named.name) = (event.row_id.map(MemberId), event.name);
        named.email = event.target.or(named.email.take());
        // What this version does not know changes nobody's access.
        if let Ok(what) = serde_json::from_str(&event.data) {
            self.weeks.take_in(&self.people, &what, at);
            self.people.take_in(Some(member), &what, at);
        }
    }

    fn finish(self, roles: Roles) -> AccessThen {
        let weeks = self.weeks.finish(&self.people);
        let (people, names) = self.then.unwrap_or((self.people, self.names));
        AccessThen {
            at: self.at,
            active: in_state(&people, &names, MemberState::Active),
            suspended: in_state(&people, &names, MemberState::Suspended),
            weeks,
            roles,
        }
    }
}

/// What people are called.
type Names = BTreeMap<MemberId, Named>;

#[derive(Clone, Default)]
struct Named {
    row: Option<MemberId>,
    name: Option<String>,
    email: Option<String>,
}

fn in_state(people: &People, names: &Names, state: MemberState) -> Vec<PersonThen> {
    let mut found: Vec<_> = people
        .all()
        .filter(|(_, standing)| standing.state == state)
        .map(|(member, standing)| {
            let named = names.get(&member);
            PersonThen {
                row: named.and_then(|named| named.row),
                name: named.and_then(|named| named.name.clone()),
                email: named.and_then(|named| named.email.clone()),
                grant: standing.grant.clone(),
                since: standing.since,
            }
        })
        .collect();
    found.sort_by_cached_key(|person| collation::sort_key(person.label()));
    found
}

/// The moment that is asked for: the end of the minute, or of the day; now if it is to come, and if no day is named.
fn moment(query: &AccessQuery, now: Timestamp) -> Timestamp {
    let Some(day) = day(&query.day) else { return now };
    let time = Time::parse(&query.time, format_description!("[hour]:[minute]")).ok();
    let end = match time {
        Some(time) => day + Span::minutes(i64::from(time.hour()) * 60 + i64::from(time.minute()) + 1),
        None => day + Span::days(1),
    };
    Timestamp(end.0 - 1).min(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(day: &str, time: &str) -> i64 {
        moment(&AccessQuery { day: day.to_owned(), time: time.to_owned() }, Timestamp(1_777_900_000_000)).0
    }

    #[test]
    fn a_day_is_asked_about_at_its_end_and_a_minute_at_its() {
        assert_eq!(asked("2026-05-03", ""), 1_777_852_799_999);
        assert_eq!(asked("2026-05-03", "00:00"), 1_777_766_400_000 + 59_999);
        assert_eq!(asked("2026-05-03", "25:00"), 1_777_852_799_999, "no time of day");
    }

    #[test]
    fn nothing_later_than_now_is_asked_about() {
        for (day, time) in [("", ""), ("2026-05-04", ""), ("2030-01-01", "12:00"), ("yesterday", "12:00")] {
            assert_eq!(asked(day, time), 1_777_900_000_000, "{day} {time}");
        }
    }
}
