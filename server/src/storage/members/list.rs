//! One page of the Users list, and how many rows it has.

use super::{Member, MemberRow};
use crate::{
    collation::{MAX_SEARCH_WORDS, MAX_SORT_KEY_BYTES, search_words},
    storage::{AccountScope, StorageError, Tx, containing, on, statements},
};
use app::domain::{
    ids::MemberId,
    list::{Count, ListQuery, MAX_COUNTED_ROWS, PAGE_ROWS, Sort},
    member::ShownState,
    role::RoleKey,
    time::Timestamp,
};
use uuid::Uuid;

/// Matches a text that contains every word of the search: `$5` to `$12`; `%` stands in for words that there are not.
macro_rules! holds_each_word {
    ($text:literal) => {
        holds_each_word!($text, "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12")
    };
    ($text:literal, $first:literal $($other:literal)*) => {
        concat!($text, " LIKE ", $first, " ESCAPE '\\'" $(, " AND ", $text, " LIKE ", $other, " ESCAPE '\\'")*)
    };
}

/// The rows that a view of the list matches: `$2` now, `$3` role, `$4` shown state, `$5` to `$12` patterns of the words looked for. Rows
/// without keys, which the job has not come to yet, are looked through as they were before there were keys.
macro_rules! matching {
    () => {
        concat!(
            "
           AND ($5 = '%' OR ",
            holds_each_word!("m.search_key"),
            " OR m.search_key = '' AND ",
            holds_each_word!("(m.name_key || ' ' || m.email_key)"),
            ")
           AND ($3 = '' OR m.role_key = $3)
           AND CASE WHEN $4 = '' THEN m.state <> 'removed'
                    WHEN $4 IN ('active', 'suspended', 'removed') THEN m.state = $4
                    ELSE m.state = 'invited' AND $4 = CASE WHEN i.state = 'declined' THEN 'declined'
                                                           WHEN i.state = 'held' THEN 'held'
                                                           WHEN i.expires_at <= $2 THEN 'expired'
                                                           ELSE 'invited' END END "
        )
    };
}

/// One page: `$13` and `$14` the value and the id that the page before ended with, `$15` how many.
#[rustfmt::skip]
macro_rules! page {
    ($value:literal, $follows:literal, $direction:literal) => {
        select_members!(concat!(
            matching!(), "
           AND (", $value, ", m.id) ", $follows, " ($13, $14)
         ORDER BY ", $value, " ", $direction, ", m.id ", $direction, "
         LIMIT $15"
        ))
    };
}

statements! {
    BY_NAME_UP = page!("m.name_sort", ">", "ASC");
    BY_NAME_DOWN = page!("m.name_sort", "<", "DESC");
    BY_ACTIVITY_UP = page!("COALESCE(m.last_active_at, 0)", ">", "ASC");
    BY_ACTIVITY_DOWN = page!("COALESCE(m.last_active_at, 0)", "<", "DESC");
    BY_INVITED_DOWN = page!("m.invited_at", "<", "DESC");
    COUNT = concat!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM members m LEFT JOIN invitations i ON i.id = m.invitation_id
          WHERE m.account_id = $1 AND m.purged_at IS NULL ", matching!(), " LIMIT $13) counted");
    OTHERS = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE account_id = $1 AND id <> $2 AND state <> 'removed' LIMIT 1) m";
}

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
}

impl Position {
    /// The position of a row in this order.
    fn of(member: &Member, sort: Sort) -> Self {
        let value = match sort {
            Sort::NameUp | Sort::NameDown => SortValue::Name(member.name_sort.clone()),
            Sort::LastActiveUp | Sort::LastActiveDown => SortValue::Time(member.last_active_at.map_or(0, |at| at.0)),
            Sort::InvitedDown => SortValue::Time(member.invited_at.0),
        };
        Self { value, id: member.id }
    }

    /// The position before the first row of this order. Every query has a position to continue from, so that the databases use their index
    /// for it.
    fn start(sort: Sort) -> Self {
        let (first, last) = (MemberId(Uuid::nil()), MemberId(Uuid::max()));
        match sort {
            Sort::NameUp => Self { value: SortValue::Name(Vec::new()), id: first },
            // Longer than any key.
            Sort::NameDown => Self { value: SortValue::Name(vec![u8::MAX; MAX_SORT_KEY_BYTES + 1]), id: last },
            Sort::LastActiveUp => Self { value: SortValue::Time(i64::MIN), id: first },
            Sort::LastActiveDown | Sort::InvitedDown => Self { value: SortValue::Time(i64::MAX), id: last },
        }
    }
}

/// The patterns of the words of a search, `%` for those that there are not.
fn patterns(search: &str) -> [String; MAX_SEARCH_WORDS] {
    let mut words = search_words(search).into_iter();
    std::array::from_fn(|_| words.next().map_or_else(|| "%".to_owned(), |word| containing(&word)))
}

/// Binds the conditions of a view to a query of the list.
macro_rules! bind_view {
    ($sql:expr, $scope:expr, $query:expr, $now:expr) => {{
        let mut bound = $sql
            .bind($scope.id().0)
            .bind($now.0)
            .bind($query.role.as_ref().map_or("", RoleKey::as_str))
            .bind($query.state.map_or("", ShownState::key));
        for pattern in patterns(&$query.search) {
            bound = bound.bind(pattern);
        }
        bound
    }};
}

/// One page of the list, from a position or the beginning on, and the position where the next page begins.
pub async fn page(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    from: Option<Position>,
    now: Timestamp,
) -> Result<(Vec<Member>, Option<Position>), StorageError> {
    let sql = match query.sort {
        Sort::NameUp => BY_NAME_UP,
        Sort::NameDown => BY_NAME_DOWN,
        Sort::LastActiveUp => BY_ACTIVITY_UP,
        Sort::LastActiveDown => BY_ACTIVITY_DOWN,
        Sort::InvitedDown => BY_INVITED_DOWN,
    };
    let from = from.unwrap_or_else(|| Position::start(query.sort));
    let rows: Vec<MemberRow> = on!(tx, c => {
        let bound = bind_view!(sqlx::query_as(sql), scope, query, now);
        let bound = match from.value {
            SortValue::Name(key) => bound.bind(key),
            SortValue::Time(at) => bound.bind(at),
        };
        bound.bind(from.id.0).bind(PAGE_ROWS as i64 + 1).fetch_all(c).await
    })?;
    let mut members: Vec<Member> = rows.into_iter().map(Member::try_from).collect::<Result<_, _>>()?;
    let more = members.len() > PAGE_ROWS;
    members.truncate(PAGE_ROWS);
    let next = members.last().filter(|_| more).map(|last| Position::of(last, query.sort));
    Ok((members, next))
}

/// How many rows a view of the list matches.
pub async fn count(tx: &mut Tx, scope: AccountScope, query: &ListQuery, now: Timestamp) -> Result<Count, StorageError> {
    let counted: i64 = on!(tx, c => bind_view!(sqlx::query_scalar(COUNT), scope, query, now)
        .bind(i64::try_from(MAX_COUNTED_ROWS).unwrap_or(i64::MAX) + 1)
        .fetch_one(c).await)?;
    let counted = counted.unsigned_abs();
    Ok(if counted > MAX_COUNTED_ROWS { Count::Many } else { Count::Exactly(counted) })
}

/// Is there nobody else in the list, removed members not counted?
pub async fn is_alone(tx: &mut Tx, scope: AccountScope, me: MemberId) -> Result<bool, StorageError> {
    let others: i64 = on!(tx, c => sqlx::query_scalar(OTHERS).bind(scope.id().0).bind(me.0).fetch_one(c).await)?;
    Ok(others == 0)
}
