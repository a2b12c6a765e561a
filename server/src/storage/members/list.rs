//! One page of the Users list, and how many rows it has.

use super::{Member, MemberRow};
use crate::{
    collation::{MAX_SEARCH_WORDS, MAX_SORT_KEY_BYTES, search_words},
    storage::{AccountScope, StorageError, Tx, containing, on, statements},
};
use app::domain::{
    ids::MemberId,
    list::{Count, ListQuery, MAX_COUNTED_ROWS, Sort, StateCounts, StateFilter},
    member::ShownState,
    role::RoleKey,
    time::Timestamp,
};
use uuid::Uuid;

/// Matches a text that contains every word of the search: `$6` to `$13`; `%` stands in for words that there are not.
macro_rules! holds_each_word {
    ($text:literal) => {
        holds_each_word!($text, "$6" "$7" "$8" "$9" "$10" "$11" "$12" "$13")
    };
    ($text:literal, $first:literal $($other:literal)*) => {
        concat!($text, " LIKE ", $first, " ESCAPE '\\'" $(, " AND ", $text, " LIKE ", $other, " ESCAPE '\\'")*)
    };
}

/// The state that the list shows of the member `m` with the latest invitation `i`, at `$2`: as [`Member::shown`] has it.
macro_rules! shown_state {
    () => {
        "CASE WHEN m.state <> 'invited' THEN m.state
              WHEN i.state = 'declined' THEN 'declined'
              WHEN i.state = 'held' THEN 'held'
              WHEN (i.id IS NULL OR i.expires_at <= $2) THEN 'expired'
              ELSE 'invited' END"
    };
}

/// Has an admin something to do with the member `m`? As [`app::domain::member::MemberRow::needs_attention`] has it.
macro_rules! needs_attention {
    () => {
        "(m.state <> 'removed'
          AND EXISTS (SELECT 1 FROM login_methods w
                       WHERE w.id = m.login_method_id AND (NOT w.enabled OR w.kind = 'oauth' AND m.identifier IS NULL))
          OR m.state = 'invited'
             AND (i.id IS NULL OR i.state IN ('declined', 'held') OR i.expires_at <= $2
                  OR EXISTS (SELECT 1 FROM decisions d
                              WHERE d.member_id = m.id AND d.outcome IS NULL AND d.invitation_id = i.id
                                AND d.login_method_id = m.login_method_id)
                  OR 'refused' = (SELECT x.state FROM outbox x
                                   WHERE x.invitation_id = m.invitation_id AND x.kind = 'invitation'
                                   ORDER BY x.id DESC LIMIT 1)))"
    };
}

/// The rows that search and filters match: `$3` role, `$4` login method, `$5` with extras alone, `$6` to `$13` patterns of the words looked
/// for. Rows without keys, which the job has not come to yet, are looked through as they were before there were keys.
macro_rules! searched {
    () => {
        concat!(
            "
           AND ($6 = '%' OR ",
            holds_each_word!("m.search_key"),
            " OR m.search_key = '' AND ",
            holds_each_word!("(m.name_key || ' ' || m.email_key)"),
            ")
           AND ($3 = '' OR m.role_key = $3)
           AND (m.login_method_id = $4 OR $4 IS NULL)
           AND (NOT $5 OR EXISTS (SELECT 1 FROM member_permissions e WHERE e.member_id = m.id)) "
        )
    };
}

/// The rows that a view of the list matches: `$14` the state.
macro_rules! matching {
    () => {
        concat!(
            searched!(),
            "AND CASE WHEN $14 = '' THEN m.state <> 'removed'
                      WHEN $14 = 'attention' THEN ",
            needs_attention!(),
            " ELSE $14 = ",
            shown_state!(),
            " END "
        )
    };
}

/// The members with their latest invitations; `$1` the account.
macro_rules! from_members {
    () => {
        " FROM members m LEFT JOIN invitations i ON i.id = m.invitation_id
         WHERE m.account_id = $1 AND m.purged_at IS NULL "
    };
}

/// One page: `$15` and `$16` the value and the id that the page before ended with, `$17` how many.
#[rustfmt::skip]
macro_rules! page {
    ($value:literal, $follows:literal, $direction:literal) => {
        select_members!(concat!(
            matching!(), "
           AND (", $value, ", m.id) ", $follows, " ($15, $16)
         ORDER BY ", $value, " ", $direction, ", m.id ", $direction, "
         LIMIT $17"
        ))
    };
}

/// How many rows come before a position: `$15` and `$16` its value and id, `$17` how many are counted.
macro_rules! count_before {
    ($value:literal, $precedes:literal) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT 1",
            from_members!(),
            matching!(),
            " AND (",
            $value,
            ", m.id) ",
            $precedes,
            " ($15, $16) LIMIT $17) counted"
        )
    };
}

statements! {
    BY_NAME_UP = page!("m.name_sort", ">", "ASC");
    BY_NAME_DOWN = page!("m.name_sort", "<", "DESC");
    BY_ACTIVITY_UP = page!("COALESCE(m.last_active_at, 0)", ">", "ASC");
    BY_ACTIVITY_DOWN = page!("COALESCE(m.last_active_at, 0)", "<", "DESC");
    BY_INVITED_UP = page!("m.invited_at", ">", "ASC");
    BY_INVITED_DOWN = page!("m.invited_at", "<", "DESC");
    BEFORE_BY_NAME_UP = count_before!("m.name_sort", "<");
    BEFORE_BY_NAME_DOWN = count_before!("m.name_sort", ">");
    BEFORE_BY_ACTIVITY_UP = count_before!("COALESCE(m.last_active_at, 0)", "<");
    BEFORE_BY_ACTIVITY_DOWN = count_before!("COALESCE(m.last_active_at, 0)", ">");
    BEFORE_BY_INVITED_UP = count_before!("m.invited_at", "<");
    BEFORE_BY_INVITED_DOWN = count_before!("m.invited_at", ">");
    COUNT = concat!("SELECT COUNT(*) FROM (SELECT 1", from_members!(), matching!(), " LIMIT $15) counted");
    COUNT_STATES = concat!("
        SELECT counted.shown, COUNT(*), COUNT(CASE WHEN counted.attention THEN 1 END)
          FROM (SELECT ", shown_state!(), " AS shown, ", needs_attention!(), " AS attention", from_members!(), searched!(), "
                 LIMIT $14) counted
         GROUP BY counted.shown");
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
            Sort::InvitedUp | Sort::InvitedDown => SortValue::Time(member.invited_at.0),
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
            Sort::LastActiveUp | Sort::InvitedUp => Self { value: SortValue::Time(i64::MIN), id: first },
            Sort::LastActiveDown | Sort::InvitedDown => Self { value: SortValue::Time(i64::MAX), id: last },
        }
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

/// The patterns of the words of a search, `%` for those that there are not.
fn patterns(search: &str) -> [String; MAX_SEARCH_WORDS] {
    let mut words = search_words(search).into_iter();
    std::array::from_fn(|_| words.next().map_or_else(|| "%".to_owned(), |word| containing(&word)))
}

/// Binds search and filters to a query of the list.
macro_rules! bind_search {
    ($sql:expr, $scope:expr, $query:expr, $now:expr) => {{
        let mut bound = $sql
            .bind($scope.id().0)
            .bind($now.0)
            .bind($query.role.as_ref().map_or("", RoleKey::as_str))
            .bind($query.method.map(|method| method.0))
            .bind($query.with_extras);
        for pattern in patterns(&$query.search) {
            bound = bound.bind(pattern);
        }
        bound
    }};
}

/// Binds the conditions of a view to a query of the list.
macro_rules! bind_view {
    ($sql:expr, $scope:expr, $query:expr, $now:expr) => {
        bind_search!($sql, $scope, $query, $now).bind($query.state.map_or("", StateFilter::key))
    };
}

/// Binds a position after the conditions of a view, and how many rows there may be.
macro_rules! bind_position {
    ($bound:expr, $position:expr, $most:expr) => {{
        let bound = $bound;
        let bound = match $position.value {
            SortValue::Name(key) => bound.bind(key),
            SortValue::Time(at) => bound.bind(at),
        };
        bound.bind($position.id.0).bind($most)
    }};
}

/// One page of the list, of `most` rows. What would be the beginning of a page before the first one is the first one, whole.
pub async fn page(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    place: Place,
    most: usize,
    now: Timestamp,
) -> Result<Page, StorageError> {
    let sort = query.sort;
    let position = |member: Option<&Member>| member.map(|member| Position::of(member, sort));
    let after = match place {
        Place::Start => None,
        Place::After(after) => Some(after),
        Place::Before(before) => {
            let (mut members, more) = rows(tx, scope, query, (sort.reversed(), before), most, now).await?;
            if more {
                members.reverse();
                let (previous, next) = (position(members.first()), position(members.last()));
                return Ok(Page { members, previous, next });
            }
            None
        }
    };
    let is_first = after.is_none();
    let after = after.unwrap_or_else(|| Position::start(sort));
    let (members, more) = rows(tx, scope, query, (sort, after), most, now).await?;
    let (previous, next) = (position(members.first().filter(|_| !is_first)), position(members.last().filter(|_| more)));
    Ok(Page { members, previous, next })
}

/// The rows after a position in an order, and whether there are more than a page takes.
async fn rows(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    (sort, from): (Sort, Position),
    most: usize,
    now: Timestamp,
) -> Result<(Vec<Member>, bool), StorageError> {
    let sql = match sort {
        Sort::NameUp => BY_NAME_UP,
        Sort::NameDown => BY_NAME_DOWN,
        Sort::LastActiveUp => BY_ACTIVITY_UP,
        Sort::LastActiveDown => BY_ACTIVITY_DOWN,
        Sort::InvitedUp => BY_INVITED_UP,
        Sort::InvitedDown => BY_INVITED_DOWN,
    };
    let rows: Vec<MemberRow> = on!(tx, c => {
        let bound = bind_view!(sqlx::query_as(sql), scope, query, now);
        bind_position!(bound, from, most as i64 + 1).fetch_all(c).await
    })?;
    let mut members: Vec<Member> = rows.into_iter().map(Member::try_from).collect::<Result<_, _>>()?;
    let more = members.len() > most;
    members.truncate(most);
    Ok((members, more))
}

/// How many rows of a view come before a position; `None` for more than the list counts.
pub async fn count_before(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    position: Position,
    now: Timestamp,
) -> Result<Option<u64>, StorageError> {
    let sql = match query.sort {
        Sort::NameUp => BEFORE_BY_NAME_UP,
        Sort::NameDown => BEFORE_BY_NAME_DOWN,
        Sort::LastActiveUp => BEFORE_BY_ACTIVITY_UP,
        Sort::LastActiveDown => BEFORE_BY_ACTIVITY_DOWN,
        Sort::InvitedUp => BEFORE_BY_INVITED_UP,
        Sort::InvitedDown => BEFORE_BY_INVITED_DOWN,
    };
    let counted: i64 = on!(tx, c => {
        let bound = bind_view!(sqlx::query_scalar(sql), scope, query, now);
        bind_position!(bound, position, MAX_COUNTED_ROWS as i64 + 1).fetch_one(c).await
    })?;
    Ok(Some(counted.unsigned_abs()).filter(|counted| *counted <= MAX_COUNTED_ROWS))
}

/// How many rows a view of the list matches.
pub async fn count(tx: &mut Tx, scope: AccountScope, query: &ListQuery, now: Timestamp) -> Result<Count, StorageError> {
    let counted: i64 = on!(tx, c => bind_view!(sqlx::query_scalar(COUNT), scope, query, now)
        .bind(MAX_COUNTED_ROWS as i64 + 1)
        .fetch_one(c).await)?;
    let counted = counted.unsigned_abs();
    Ok(if counted > MAX_COUNTED_ROWS { Count::Many } else { Count::Exactly(counted) })
}

/// How many rows each state has under search and filters; `None` if there are more than the list counts.
pub async fn count_states(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    now: Timestamp,
) -> Result<Option<StateCounts>, StorageError> {
    let rows: Vec<(String, i64, i64)> = on!(tx, c => bind_search!(sqlx::query_as(COUNT_STATES), scope, query, now)
        .bind(MAX_COUNTED_ROWS as i64 + 1)
        .fetch_all(c).await)?;
    let mut counts = StateCounts::default();
    for (state, people, need_attention) in rows {
        let state = ShownState::from_key(&state).ok_or(StorageError::inconsistent("members", "state"))?;
        counts.states.push((state, people.unsigned_abs()));
        counts.need_attention += need_attention.unsigned_abs();
    }
    let all: u64 = counts.states.iter().map(|(_, people)| people).sum();
    Ok(Some(counts).filter(|_| all <= MAX_COUNTED_ROWS))
}

/// Is there nobody else in the list, removed members not counted?
pub async fn is_alone(tx: &mut Tx, scope: AccountScope, me: MemberId) -> Result<bool, StorageError> {
    let others: i64 = on!(tx, c => sqlx::query_scalar(OTHERS).bind(scope.id().0).bind(me.0).fetch_one(c).await)?;
    Ok(others == 0)
}
