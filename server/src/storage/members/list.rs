//! One page of the Users list, and how many rows it has.

use super::{
    Member, Numbers,
    view::{Column, Direction, Filter, Found, Sql, States, fetch_count, fetch_rows, fetch_states},
};
use crate::{
    collation::{self, MAX_SORT_KEY_BYTES},
    storage::{AccountScope, StorageError, Tx, on, statements},
};
use app::domain::{
    ids::{LoginMethodId, MemberId},
    list::{Count, ListQuery, MAX_COUNTED_ROWS, PAGE_ROWS, Sort, StateCounts},
    member::ShownState,
    role::{RoleKey, Roles},
    time::Timestamp,
};
use uuid::Uuid;

/// Above this many rows with the words of a search, its way is along the order of the list.
const MAX_FOUND_BY_TRIGRAMS: i64 = 1_000;

statements! {
    WITHOUT_KEYS = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members m
                               WHERE m.account_id = $1 AND m.search_key = '' AND m.purged_at IS NULL LIMIT 1) rows_without";
}

/// How many rows of all accounts have the words of a search, up to a bound. SQLite alone.
const FOUND_BY_TRIGRAMS: &str = "
        SELECT COUNT(*) FROM (SELECT 1 FROM member_search WHERE member_search MATCH $1 LIMIT $2)";

/// A position in the order of the list: the value that it sorts by, and the id. It stays valid even if the row changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The value.
    pub value: SortValue,
    /// The id of the row that had it.
    pub id: MemberId,
}

/// What the list sorts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// The key of the name.
    Name(Vec<u8>),
    /// A time; 0 for somebody who never was active.
    Time(i64),
    /// The key of the role or status, and within it the key of the name.
    Group {
        /// The role's or status's.
        group: String,
        /// The name's.
        name: Vec<u8>,
    },
}

/// How the list is sorted: by a column, or by groups that follow one another, each by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Column(Column),
    Groups(Groups),
}

/// What the groups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Groups {
    Roles,
    States,
}

const fn order(sort: Sort) -> (Order, Direction) {
    match sort {
        Sort::NameUp => (Order::Column(Column::Name), Direction::Up),
        Sort::NameDown => (Order::Column(Column::Name), Direction::Down),
        Sort::LastActiveUp => (Order::Column(Column::Activity), Direction::Up),
        Sort::LastActiveDown => (Order::Column(Column::Activity), Direction::Down),
        Sort::InvitedUp => (Order::Column(Column::Invited), Direction::Up),
        Sort::InvitedDown => (Order::Column(Column::Invited), Direction::Down),
        Sort::RoleUp => (Order::Groups(Groups::Roles), Direction::Up),
        Sort::RoleDown => (Order::Groups(Groups::Roles), Direction::Down),
        Sort::StatusUp => (Order::Groups(Groups::States), Direction::Up),
        Sort::StatusDown => (Order::Groups(Groups::States), Direction::Down),
    }
}

impl Position {
    /// The position of a row in this order.
    fn of(member: &Member, sort: Sort, now: Timestamp) -> Self {
        let value = match order(sort).0 {
            Order::Column(column) => column_value(member, column),
            Order::Groups(groups) => {
                let group = match groups {
                    Groups::Roles => member.grant.role.to_string(),
                    Groups::States => member.shown(now).key().to_owned(),
                };
                SortValue::Group { group, name: member.name_sort.clone() }
            }
        };
        Self { value, id: member.id }
    }
}

fn column_value(member: &Member, column: Column) -> SortValue {
    match column {
        Column::Name => SortValue::Name(member.name_sort.clone()),
        Column::Activity => SortValue::Time(member.last_active_at.map_or(0, |at| at.0)),
        Column::Invited => SortValue::Time(member.invited_at.0),
    }
}

/// The position before the first row of a column. Every query has a position to continue from, so that the databases use their index for it.
fn beginning(column: Column, direction: Direction) -> (SortValue, Uuid) {
    let name = |key| SortValue::Name(key);
    match (column, direction) {
        (Column::Name, Direction::Up) => (name(Vec::new()), Uuid::nil()),
        // Longer than any key.
        (Column::Name, Direction::Down) => (name(vec![u8::MAX; MAX_SORT_KEY_BYTES + 1]), Uuid::max()),
        (Column::Activity | Column::Invited, Direction::Up) => (SortValue::Time(i64::MIN), Uuid::nil()),
        (Column::Activity | Column::Invited, Direction::Down) => (SortValue::Time(i64::MAX), Uuid::max()),
    }
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the beginning.
    Start,
    /// Right after this position.
    After(Position),
    /// Right before it.
    Before(Position),
}

/// A page of the list.
#[derive(Debug)]
pub struct Page {
    /// Its rows.
    pub members: Vec<Member>,
    /// The position that the page before ends right before; `None` on the first page.
    pub previous: Option<Position>,
    /// The position that the next page begins right after; `None` on the last page.
    pub next: Option<Position>,
}

/// A view of an account's list at a moment. What has expired by then must have been noticed ([`super::expire`]).
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The account.
    pub scope: AccountScope,
    /// What is asked for.
    pub query: &'a ListQuery,
    /// The account's roles, in the order in which the list sorts by them.
    pub roles: &'a Roles,
    /// The account's numbers.
    pub numbers: Numbers,
    /// The moment.
    pub now: Timestamp,
    filter: Filter,
}

/// A group of the order by role or status.
struct Group {
    key: String,
    filter: Filter,
}

impl<'a> View<'a> {
    /// Reads what is known beforehand of a view: the account's numbers, and which way a search goes.
    pub async fn open(
        tx: &mut Tx,
        scope: AccountScope,
        query: &'a ListQuery,
        roles: &'a Roles,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let numbers = super::numbers(tx, scope).await?;
        let mut filter = Filter::of(query);
        if !filter.words.is_empty() {
            filter.found = way_of_search(tx, scope, &filter).await?;
        }
        Ok(Self { scope, query, roles, numbers, now, filter })
    }

    /// The groups that may have rows, from the beginning of the order on.
    fn groups(&self, groups: Groups, direction: Direction) -> Vec<Group> {
        let filter = &self.filter;
        let mut all: Vec<Group> = match groups {
            Groups::Roles => {
                let mut former: Vec<_> = self.roles.former.iter().collect();
                former.sort_by(|(_, one), (_, other)| collation::compare(one, other));
                let keys = self.roles.roles.iter().map(|role| &role.key).chain(former.into_iter().map(|(key, _)| key));
                let wanted = keys.filter(|key| filter.role.as_ref().is_none_or(|role| role == *key));
                let group = |key: &RoleKey| Group {
                    key: key.to_string(),
                    filter: Filter { role: Some(key.clone()), ..filter.clone() },
                };
                wanted.filter(|key| self.numbers.has_role(key)).map(group).collect()
            }
            Groups::States => {
                let wanted = ShownState::ALL.into_iter().filter(|state| match filter.states {
                    States::Listed => *state != ShownState::Removed,
                    States::One(one) => *state == one,
                    States::All => true,
                });
                let group = |state: ShownState| Group {
                    key: state.key().to_owned(),
                    filter: Filter { states: States::One(state), ..filter.clone() },
                };
                wanted.filter(|state| self.numbers.has_state(*state)).map(group).collect()
            }
        };
        if direction == Direction::Down {
            all.reverse();
        }
        all
    }

    /// The rows after a position in an order, or from its beginning on, and whether there are more than these.
    async fn rows(
        &self,
        tx: &mut Tx,
        sort: Sort,
        from: Option<Position>,
        most: usize,
    ) -> Result<(Vec<Member>, bool), StorageError> {
        let wanted = most + 1;
        let (order, direction) = order(sort);
        let from = from.map(|Position { value, id }| (value, id.0));
        let mut members = match order {
            Order::Column(column) => {
                let from = from.unwrap_or_else(|| beginning(column, direction));
                self.rows_of(tx, &self.filter, (column, direction), from, wanted).await?
            }
            Order::Groups(groups) => {
                let mut groups = self.groups(groups, direction);
                let mut from = from;
                if let Some((SortValue::Group { group, .. }, _)) = &from {
                    match groups.iter().position(|one| one.key == *group) {
                        Some(first) => drop(groups.drain(..first)),
                        // The last of a role may have another one now; the list begins anew.
                        None => from = None,
                    }
                }
                let mut members = Vec::with_capacity(wanted);
                for Group { filter, .. } in groups {
                    let from = from.take().unwrap_or_else(|| beginning(Column::Name, direction));
                    let most = wanted - members.len();
                    members.extend(self.rows_of(tx, &filter, (Column::Name, direction), from, most).await?);
                    if members.len() == wanted {
                        break;
                    }
                }
                members
            }
        };
        let more = members.len() > most;
        members.truncate(most);
        Ok((members, more))
    }

    /// The rows of a filter after a position of a column, in their order.
    async fn rows_of(
        &self,
        tx: &mut Tx,
        filter: &Filter,
        (column, direction): (Column, Direction),
        from: (SortValue, Uuid),
        most: usize,
    ) -> Result<Vec<Member>, StorageError> {
        let mut members = Vec::with_capacity(most);
        for range in filter.ranges(&self.switched_off()) {
            let rows = fetch_rows(tx, range.rows(self.scope, column, direction, from.clone(), most)).await?;
            for row in rows {
                members.push(Member::try_from(row)?);
            }
        }
        members.sort_by(|one, other| {
            let by_value = match column {
                Column::Name => one.name_sort.cmp(&other.name_sort),
                Column::Activity => one.last_active_at.cmp(&other.last_active_at),
                Column::Invited => one.invited_at.cmp(&other.invited_at),
            };
            let up = by_value.then_with(|| one.id.0.cmp(&other.id.0));
            if direction == Direction::Down { up.reverse() } else { up }
        });
        members.truncate(most);
        Ok(members)
    }

    fn switched_off(&self) -> Vec<LoginMethodId> {
        self.numbers.switched_off()
    }

    /// How many rows of a filter there are, or come before a position; no more than the list counts and one.
    async fn count_of(
        &self,
        tx: &mut Tx,
        filter: &Filter,
        before: Option<(Column, Direction, (SortValue, Uuid))>,
    ) -> Result<u64, StorageError> {
        let mut counted = 0;
        for range in filter.ranges(&self.switched_off()) {
            counted += fetch_count(tx, range.count(self.scope, before.clone())).await?;
        }
        Ok(counted)
    }

    /// How many rows the view has, and how many each state has under its search and filters: known beforehand where numbers are kept, and
    /// counted up to a bound elsewhere; `None` for more.
    pub async fn counts(&self, tx: &mut Tx) -> Result<(Count, Option<StateCounts>), StorageError> {
        let known = match self.numbers.of_states(self.query) {
            Some(known) => Some(known),
            None => self.count_states(tx).await?,
        };
        if let Some(counts) = known {
            return Ok((Count::Exactly(counts.of(self.query.state)), Some(counts)));
        }
        let counted = self.count_of(tx, &self.filter, None).await?;
        Ok((if counted > MAX_COUNTED_ROWS { Count::Many } else { Count::Exactly(counted) }, None))
    }

    async fn count_states(&self, tx: &mut Tx) -> Result<Option<StateCounts>, StorageError> {
        let filter = Filter { states: States::All, attention: false, ..self.filter.clone() };
        let rows = fetch_states(tx, filter.count_states(self.scope)).await?;
        let mut counts = StateCounts::default();
        for (state, people, need_attention) in rows {
            let state = ShownState::from_key(&state).ok_or(StorageError::inconsistent("members", "status"))?;
            counts.states.push((state, people.unsigned_abs()));
            counts.need_attention += need_attention.unsigned_abs();
        }
        let all: u64 = counts.states.iter().map(|(_, people)| people).sum();
        Ok(Some(counts).filter(|_| all <= MAX_COUNTED_ROWS))
    }
}

/// Which way a search goes. SQLite's table of trigrams is asked where few rows have the words: what many have is found soon in any order.
async fn way_of_search(tx: &mut Tx, scope: AccountScope, filter: &Filter) -> Result<Found, StorageError> {
    let without_keys: i64 = on!(tx, c => sqlx::query_scalar(WITHOUT_KEYS).bind(scope.id().0).fetch_one(c).await)?;
    let trigrams = filter.trigrams();
    Ok(match (without_keys, trigrams, &mut *tx) {
        (0, Some(trigrams), Tx::Sqlite(on_sqlite)) => {
            let found: i64 = sqlx::query_scalar(FOUND_BY_TRIGRAMS)
                .bind(&trigrams)
                .bind(MAX_FOUND_BY_TRIGRAMS + 1)
                .fetch_one(on_sqlite.executor())
                .await?;
            if found > MAX_FOUND_BY_TRIGRAMS { Found::ByKey } else { Found::ByTrigrams(trigrams) }
        }
        (0, _, _) => Found::ByKey,
        _ => Found::InAnyRow,
    })
}

/// One page of the list, of `most` rows. What would be the beginning of a page before the first one is the first one, whole.
pub async fn page(tx: &mut Tx, view: &View<'_>, place: Place, most: usize) -> Result<Page, StorageError> {
    let sort = view.query.sort;
    let position = |member: Option<&Member>| member.map(|member| Position::of(member, sort, view.now));
    let after = match place {
        Place::Start => None,
        Place::After(after) => Some(after),
        Place::Before(before) => {
            let (mut members, more) = view.rows(tx, sort.reversed(), Some(before), most).await?;
            if more {
                members.reverse();
                let (previous, next) = (position(members.first()), position(members.last()));
                return Ok(Page { members, previous, next });
            }
            None
        }
    };
    let is_first = after.is_none();
    let (members, more) = view.rows(tx, sort, after, most).await?;
    let (previous, next) = (position(members.first().filter(|_| !is_first)), position(members.last().filter(|_| more)));
    Ok(Page { members, previous, next })
}

/// How many rows of a view come before a position; `None` for more than the list counts.
pub async fn count_before(tx: &mut Tx, view: &View<'_>, position: Position) -> Result<Option<u64>, StorageError> {
    let (order, direction) = order(view.query.sort);
    let Position { value, id } = position;
    let mut counted = 0;
    match (order, value) {
        (Order::Groups(groups), SortValue::Group { group, name }) => {
            for Group { key, filter } in view.groups(groups, direction) {
                if key == group {
                    let before = (Column::Name, direction, (SortValue::Name(name), id.0));
                    counted += view.count_of(tx, &filter, Some(before)).await?;
                    break;
                }
                counted += view.count_of(tx, &filter, None).await?;
                if counted > MAX_COUNTED_ROWS {
                    break;
                }
            }
        }
        (Order::Column(column), value) => {
            counted = view.count_of(tx, &view.filter, Some((column, direction, (value, id.0)))).await?;
        }
        // No position of this order.
        (Order::Groups(_), SortValue::Name(_) | SortValue::Time(_)) => return Ok(None),
    }
    Ok(Some(counted).filter(|counted| *counted <= MAX_COUNTED_ROWS))
}

/// Every text that a view comes to, by what is in it, for the tests that prepare them and read their plans.
pub(in crate::storage) fn texts() -> Vec<(String, String)> {
    let scope = AccountScope::established(app::domain::ids::AccountId(Uuid::nil()));
    let method = LoginMethodId(Uuid::nil());
    let plain = [
        ("", ListQuery::default()),
        ("role", ListQuery { role: Some(RoleKey::new("viewer")), ..ListQuery::default() }),
        ("method", ListQuery { method: Some(method), ..ListQuery::default() }),
        ("mail", ListQuery { mail_trouble: true, ..ListQuery::default() }),
        ("extras", ListQuery { with_extras: true, ..ListQuery::default() }),
        ("any-row", ListQuery { search: "silva ana".to_owned(), ..ListQuery::default() }),
        ("trigrams", ListQuery { search: "silva ana".to_owned(), ..ListQuery::default() }),
        ("search", ListQuery { search: "silva ana".to_owned(), ..ListQuery::default() }),
    ];
    let states = [
        ("", None),
        ("state", Some(app::domain::list::StateFilter::In(ShownState::Active))),
        ("attention", Some(app::domain::list::StateFilter::NeedsAttention)),
    ];
    let mut all = Vec::new();
    for (filtered, query) in plain {
        for (by_state, state) in states {
            let mut filter = Filter::of(&ListQuery { state, ..query.clone() });
            match filtered {
                "search" => filter.found = Found::ByKey,
                "trigrams" => filter.found = Found::ByTrigrams("\"silva\"".to_owned()),
                _ => {}
            }
            let mut add = |what: String, sql: Sql| {
                all.push((format!("members::list::{what} {filtered} {by_state}"), sql.into_text()))
            };
            for column in [Column::Name, Column::Activity, Column::Invited] {
                for direction in [Direction::Up, Direction::Down] {
                    let from = beginning(column, direction);
                    add(
                        format!("PAGE {column:?} {direction:?}"),
                        filter.rows(scope, column, direction, from.clone(), PAGE_ROWS + 1),
                    );
                    add(
                        format!("BEFORE {column:?} {direction:?}"),
                        filter.count(scope, Some((column, direction, from))),
                    );
                }
            }
            add("COUNT".to_owned(), filter.count(scope, None));
        }
        let filter = Filter { states: States::All, ..Filter::of(&query) };
        all.push((format!("members::list::COUNT_STATES {filtered}"), filter.count_states(scope).into_text()));
    }
    all
}
