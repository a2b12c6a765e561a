//! Who had access to an account, and when: rebuilt from its audit events alone, which say of each change what it left behind (R60).

use super::{
    audit::Event,
    ids::MemberId,
    member::MemberState,
    role::{BuiltInRole, Grant},
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The people of an account at one moment. It begins empty, as every account does, and takes in the account's events in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(BTreeMap<MemberId, Standing>);

/// How somebody stood in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: MemberState,
    /// Role and extras.
    pub grant: Grant,
    /// Since when the person was in that state.
    pub since: Timestamp,
    /// What a removed person was before, which undoing the removal brings back (R64).
    before_removal: MemberState,
}

/// What an event changes about the person whom it concerns.
enum Change<'a> {
    /// The state, and with it perhaps the grant.
    State(MemberState, Option<&'a Grant>),
    /// What the person held before is held again, in the state before.
    RemovalUndone(&'a Grant),
    /// The grant alone.
    Grant(&'a Grant),
    /// The host's operator made an active owner of somebody who had joined; the extras stay.
    Owner,
    /// The account was opened by its first owner.
    Opened,
    /// Neither state nor grant.
    Nothing,
}

impl<'a> Change<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::AccountOpened => Self::Opened,
            Event::OwnerGranted { was: _ } => Self::Owner,
            Event::Invited { grant, .. } => Self::State(MemberState::Invited, Some(grant)),
            Event::Joined { grant, .. } | Event::Reactivated { grant } => Self::State(MemberState::Active, Some(grant)),
            Event::Suspended { grant } => Self::State(MemberState::Suspended, Some(grant)),
            Event::HeldForReview { .. } => Self::State(MemberState::Suspended, None),
            Event::Removed { grant } | Event::Left { grant } => Self::State(MemberState::Removed, Some(grant)),
            Event::InvitationWithdrawn { .. } => Self::State(MemberState::Removed, None),
            Event::RemovalUndone { grant } => Self::RemovalUndone(grant),
            Event::Edited { after, .. } => Self::Grant(after),
            // Whoever declines, or waits for a decision, is invited still.
            Event::InvitationResent { .. }
            | Event::InvitationReminded { .. }
            | Event::LinkCopied { .. }
            | Event::InvitationHeld { .. }
            | Event::InvitationSponsored { .. }
            | Event::Declined { .. }
            | Event::InvitationsRefused { .. }
            | Event::InvitationsAllowed { .. }
            | Event::NewLinkAsked { .. }
            | Event::OtherAddressAsked { .. }
            | Event::MailboxVouchedFor { .. }
            | Event::DecisionOpened { .. }
            | Event::Decided { .. }
            | Event::AccountChanged { .. }
            | Event::RemindersSwitched { .. }
            | Event::RepliesSwitched { .. }
            | Event::AccountAddressChanged { .. }
            | Event::AccountDeletionAsked { .. }
            | Event::AccountKept
            // What becomes of the two roles is told by events of their own.
            | Event::OwnershipOffered
            | Event::OwnershipAccepted
            | Event::OwnershipDeclined
            | Event::OwnershipWithdrawn
            | Event::LoginMethodAdded { .. }
            | Event::LoginMethodEdited { .. }
            | Event::LoginMethodDraftDropped { .. }
            | Event::LoginMethodLive { .. }
            | Event::LoginMethodSwitched { .. }
            | Event::LoginMethodRemoved { .. }
            | Event::SecondFactorRequired { .. }
            | Event::SecondFactorNotRequired
            | Event::ProviderFactorsChanged { .. }
            | Event::SignsInBy { .. }
            | Event::IdentityLinked { .. }
            | Event::PasswordSet
            | Event::NameChanged
            | Event::EmailChanged
            | Event::AddressCorrected { .. }
            // A key does what the member may whose it is.
            | Event::ApiKeyMade { .. }
            | Event::ApiKeyTakenOver { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::WebhookAdded { .. }
            | Event::WebhookChanged { .. }
            | Event::WebhookSecretRotated { .. }
            | Event::WebhookSwitched { .. }
            | Event::WebhookStopped { .. }
            | Event::WebhookRemoved { .. }
            // What a role allows is looked up by its name; who has it stays.
            | Event::RoleCreated { .. }
            | Event::RoleChanged { .. }
            | Event::RoleRenamed { .. }
            | Event::RoleDeleted { .. } => Self::Nothing,
        }
    }
}

impl People {
    /// Takes in the next event of the account, with the person whom it concerns.
    pub fn take_in(&mut self, target: Option<MemberId>, event: &Event, at: Timestamp) {
        let Some(member) = target else { return };
        match Change::of(event) {
            Change::State(state, grant) => self.set(member, state, grant, at),
            Change::RemovalUndone(grant) => {
                let state = self.0.get(&member).map_or(MemberState::Active, |standing| standing.before_removal);
                self.set(member, state, Some(grant), at);
            }
            Change::Grant(grant) => {
                if let Some(standing) = self.0.get_mut(&member) {
                    standing.grant = grant.clone();
                }
            }
            Change::Owner => {
                let extras = self.0.get(&member).map(|standing| standing.grant.extras.clone()).unwrap_or_default();
                self.set(member, MemberState::Active, Some(&Grant { role: BuiltInRole::Owner.role(), extras }), at);
            }
            Change::Opened => self.set(member, MemberState::Active, Some(&Grant::of(BuiltInRole::Owner)), at),
            Change::Nothing => {}
        }
    }

    fn set(&mut self, member: MemberId, state: MemberState, grant: Option<&Grant>, at: Timestamp) {
        match self.0.get_mut(&member) {
            Some(standing) => {
                if let Some(grant) = grant {
                    standing.grant = grant.clone();
                }
                if standing.state != state {
                    standing.before_removal = standing.state;
                    standing.state = state;
                    standing.since = at;
                }
            }
            None => {
                // An event without a grant follows one with a grant.
                let Some(grant) = grant.cloned() else { return };
                self.0.insert(member, Standing { state, grant, since: at, before_removal: state });
            }
        }
    }

    /// Everybody who was ever in the account or invited, in any state.
    pub fn all(&self) -> impl Iterator<Item = (MemberId, &Standing)> {
        self.0.iter().map(|(member, standing)| (*member, standing))
    }

    /// How many people are in this state.
    pub fn count(&self, state: MemberState) -> usize {
        self.0.values().filter(|standing| standing.state == state).count()
    }
}

/// One week of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// Its Monday, at midnight in UTC.
    pub begins: Timestamp,
    /// How many people had access at its end; in the present week, now.
    pub active: u32,
    /// How many invitations were made in it.
    pub invited: u32,
}

/// The last weeks of an account, filled in while its events are read in their order.
#[derive(Clone, Debug)]
pub struct Weeks {
    done: Vec<Week>,
    present: Week,
    last: Timestamp,
}

const WEEK: Span = Span::days(7);
/// 1970-01-05, a Monday.
const A_MONDAY: Timestamp = Timestamp(Span::days(4).0);

impl Weeks {
    /// How many weeks are told of: twelve months.
    pub const COUNT: usize = 52;

    /// The weeks up to the one of `now`.
    pub fn until(now: Timestamp) -> Self {
        let since = (now - A_MONDAY).0.rem_euclid(WEEK.0);
        let last = now - Span(since);
        let first = last - Span(WEEK.0.saturating_mul(Self::COUNT as i64 - 1));
        Self { done: Vec::new(), present: Week { begins: first, active: 0, invited: 0 }, last }
    }

    /// Takes in the next event, with the people as they were before it.
    pub fn take_in(&mut self, people: &People, event: &Event, at: Timestamp) {
        while self.present.begins < self.last && at >= self.present.begins + WEEK {
            self.close(people);
        }
        if at >= self.present.begins && matches!(event, Event::Invited { .. }) {
            self.present.invited = self.present.invited.saturating_add(1);
        }
    }

    /// All of them, with the people as they are now.
    pub fn finish(mut self, people: &People) -> Vec<Week> {
        while self.present.begins < self.last {
            self.close(people);
        }
        self.close(people);
        self.done
    }

    fn close(&mut self, people: &People) {
        let active = u32::try_from(people.count(MemberState::Active)).unwrap_or(u32::MAX);
        self.done.push(Week { active, ..self.present });
        self.present = Week { begins: self.present.begins + WEEK, active: 0, invited: 0 };
    }
}

/// At which moment, as a form and an address say it: a day, and perhaps a time of that day, both in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessQuery {
    /// The day, as `2026-11-27`; empty for now.
    pub day: String,
    /// The time, as `14:30`; empty for the end of the day.
    pub time: String,
}

impl AccessQuery {
    /// Reads the parameters of a URL, given a look-up by name.
    pub fn from_url(parameter: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| parameter(name).unwrap_or_default().trim().chars().take(MAX_PARAMETER_CHARS).collect();
        Self { day: text("day"), time: text("time") }
    }

    /// The parameters of a URL that leads here; percent-encoding is left to the caller.
    pub fn to_url(&self) -> Vec<(&'static str, String)> {
        let all = [("day", &self.day), ("time", &self.time)];
        all.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())).collect()
    }
}

/// The longest parameter that is read of a URL.
const MAX_PARAMETER_CHARS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::InvitationId, role::RoleKey};
    use MemberState::{Active, Invited, Removed, Suspended};
    use uuid::Uuid;

    const ANA: MemberId = MemberId(Uuid::from_u128(1));
    const BEN: MemberId = MemberId(Uuid::from_u128(2));

    fn viewer() -> Grant {
        Grant::of(BuiltInRole::Viewer)
    }

    fn invitation() -> InvitationId {
        InvitationId(Uuid::nil())
    }

    fn invited(grant: Grant) -> Event {
        Event::Invited { invitation: invitation(), grant }
    }

    fn joined(grant: Grant) -> Event {
        Event::Joined { invitation: invitation(), grant }
    }

    /// Ana's account with what happened to Ben, one event a millisecond.
    fn after(events: &[Event]) -> People {
        let mut people = People::default();
        people.take_in(Some(ANA), &Event::AccountOpened, Timestamp(0));
        for (event, at) in events.iter().zip(1..) {
            people.take_in(Some(BEN), event, Timestamp(at));
        }
        people
    }

    /// Ben's state, role and since when.
    fn ben(events: &[Event]) -> (MemberState, Grant, i64) {
        let people = after(events);
        let (_, standing) = people.all().find(|(member, _)| *member == BEN).unwrap();
        (standing.state, standing.grant.clone(), standing.since.0)
    }

    #[test]
    fn r60_an_account_begins_with_its_owner() {
        let people = after(&[]);
        let all: Vec<_> = people.all().map(|(member, standing)| (member, standing.state, &standing.grant)).collect();
        assert_eq!(all, [(ANA, Active, &Grant::of(BuiltInRole::Owner))]);
        let mut of_command_line = People::default();
        of_command_line.take_in(None, &Event::AccountOpened, Timestamp(0));
        assert_eq!(of_command_line, People::default(), "its owner is invited");
    }

    #[test]
    fn r60_whoever_is_invited_has_access_from_joining_on_with_what_was_last_offered() {
        let admin = Grant::of(BuiltInRole::Admin);
        let offered = [invited(viewer()), Event::Edited { before: viewer(), after: admin.clone() }];
        assert_eq!(ben(&offered), (Invited, admin.clone(), 1));
        let taken = [&offered[..], &[joined(admin.clone())]].concat();
        assert_eq!(ben(&taken), (Active, admin, 3));
        assert_eq!(after(&taken).count(Active), 2);
    }

    #[test]
    fn r60_whoever_declines_or_waits_is_invited_still_and_a_withdrawal_ends_it() {
        let waiting = [invited(viewer()), Event::Declined { invitation: invitation() }];
        assert_eq!(ben(&waiting).0, Invited);
        let held = [invited(viewer()), Event::InvitationHeld { invitation: invitation() }];
        assert_eq!(ben(&held).0, Invited);
        let withdrawn = [invited(viewer()), Event::InvitationWithdrawn { invitation: invitation() }];
        assert_eq!(ben(&withdrawn), (Removed, viewer(), 2));
    }

    #[test]
    fn r41_suspending_leaves_role_and_extras() {
        let grant = viewer().with("analytics.export");
        let events = [invited(grant.clone()), joined(grant.clone()), Event::Suspended { grant: grant.clone() }];
        assert_eq!(ben(&events), (Suspended, grant.clone(), 3));
        let again = [&events[..], &[Event::Reactivated { grant: grant.clone() }]].concat();
        assert_eq!(ben(&again), (Active, grant.clone(), 4));
        let held = [invited(grant.clone()), joined(grant.clone()), Event::HeldForReview { last_owner: false }];
        assert_eq!(ben(&held), (Suspended, grant, 3));
    }

    #[test]
    fn r64_undoing_a_removal_brings_back_what_the_person_was() {
        let (removed, undone) = (Event::Removed { grant: viewer() }, Event::RemovalUndone { grant: viewer() });
        let active = [invited(viewer()), joined(viewer()), removed.clone(), undone.clone()];
        assert_eq!(ben(&active), (Active, viewer(), 4));
        let suspended = [invited(viewer()), joined(viewer()), Event::Suspended { grant: viewer() }, removed, undone];
        assert_eq!(ben(&suspended), (Suspended, viewer(), 5));
    }

    #[test]
    fn r04_whoever_returns_has_what_the_new_invitation_offered() {
        let admin = Grant::of(BuiltInRole::Admin);
        let events = [invited(admin.clone()), joined(admin.clone()), Event::Left { grant: admin }, invited(viewer())];
        assert_eq!(ben(&events), (Invited, viewer(), 4));
    }

    #[test]
    fn r33_the_operator_makes_an_active_owner_who_keeps_the_extras() {
        let grant = viewer().with("analytics.export");
        let owner = Grant { role: BuiltInRole::Owner.role(), extras: grant.extras.clone() };
        let events = [
            invited(grant.clone()),
            joined(grant.clone()),
            Event::Suspended { grant },
            Event::OwnerGranted { was: Suspended },
        ];
        assert_eq!(ben(&events), (Active, owner, 4));
    }

    #[test]
    fn a_role_is_known_by_its_key_alone() {
        let own = Grant { role: RoleKey::new("night-shift"), extras: [].into() };
        assert_eq!(ben(&[invited(own.clone()), joined(own.clone())]), (Active, own, 2));
    }

    #[test]
    fn weeks_begin_on_mondays_and_the_last_is_the_present_one() {
        // 2026-05-04, a Monday, at nine; and the Sunday before, a millisecond before midnight.
        for (now, last) in [(1_777_885_200_000, 1_777_852_800_000), (1_777_852_799_999, 1_777_248_000_000)] {
            let weeks = Weeks::until(Timestamp(now)).finish(&People::default());
            assert_eq!(weeks.len(), Weeks::COUNT);
            assert_eq!(weeks.last().map(|week| week.begins.0), Some(last));
            assert!(weeks.windows(2).all(|two| matches!(two, [one, next] if one.begins + WEEK == next.begins)));
        }
    }

    #[test]
    fn each_week_has_its_invitations_and_whoever_had_access_at_its_end() {
        let now = Timestamp(1_777_885_200_000);
        let (mut people, mut weeks) = (People::default(), Weeks::until(now));
        let mut happens = |member, event: Event, at| {
            weeks.take_in(&people, &event, at);
            people.take_in(Some(member), &event, at);
        };
        happens(ANA, Event::AccountOpened, now - Span::days(700));
        happens(BEN, invited(viewer()), now - Span::days(400));
        happens(BEN, invited(viewer()), now - Span::days(14));
        happens(BEN, joined(viewer()), now - Span::days(13));
        happens(BEN, Event::Left { grant: viewer() }, now);
        let told: Vec<_> = weeks.finish(&people).iter().rev().take(4).map(|week| (week.active, week.invited)).collect();
        assert_eq!(told, [(1, 0), (2, 0), (2, 1), (1, 0)]);
    }

    #[test]
    fn a_moment_survives_its_url() {
        let query = AccessQuery { day: "2026-11-27".to_owned(), time: "14:30".to_owned() };
        let url = query.to_url();
        let read = AccessQuery::from_url(|name| url.iter().find(|(key, _)| *key == name).map(|(_, text)| text.clone()));
        assert_eq!(read, query);
        assert_eq!(AccessQuery::default().to_url(), []);
    }

    #[test]
    fn an_edit_does_not_begin_a_new_time() {
        let edited = Event::Edited { before: viewer(), after: Grant::of(BuiltInRole::Agent) };
        assert_eq!(ben(&[invited(viewer()), joined(viewer()), edited]), (Active, Grant::of(BuiltInRole::Agent), 2));
    }
}
