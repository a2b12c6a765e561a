//! What a view of the list asks of the database. Each view has a text of its own, put together of fixed pieces, so that the database finds its
//! rows in one range of one index, in their order, and stops after a page. What people type is always bound.

use super::{MemberRow, list::SortValue};
use crate::{
    collation::search_words,
    storage::{AccountScope, StorageError, Tx, containing, on},
};
use app::domain::{
    ids::LoginMethodId,
    list::{ListQuery, MAX_COUNTED_ROWS, StateFilter},
    member::ShownState,
    role::RoleKey,
};
use sqlx::AssertSqlSafe;
use std::fmt::Write as _;
use uuid::Uuid;

/// A value that is bound to a text.
#[derive(Clone, Debug)]
enum Value {
    Id(Uuid),
    Text(String),
    Bytes(Vec<u8>),
    Number(i64),
}

/// A text with its values.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
    /// Not kept prepared: PostgreSQL chooses by the words of a search whether its index of trigrams is the shorter way, and would decide once
    /// for all of them.
    planned_anew: bool,
}

impl Sql {
    fn push(&mut self, fragment: &'static str) -> &mut Self {
        self.text.push_str(fragment);
        self
    }

    /// Ends after so many rows. The number stands in the text, since PostgreSQL plans for a tenth of the account where it is not known.
    fn limit(&mut self, most: u64) -> &mut Self {
        // Writing to a text does not fail.
        let _ = write!(self.text, " LIMIT {most}");
        self
    }

    fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        // Writing to a text does not fail.
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// The text, for the tests that look at every statement.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Binds the values of a text to its query.
macro_rules! bind_all {
    ($query:expr, $values:expr) => {
        $values.into_iter().fold($query, |query, value| match value {
            Value::Id(id) => query.bind(id),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Number(number) => query.bind(number),
        })
    };
}

/// Which states the rows of a view have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum States {
    /// All but removed.
    #[default]
    Listed,
    /// This one.
    One(ShownState),
    /// All of them, for counting.
    All,
}

/// The columns that the list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Activity,
    Invited,
}

impl Column {
    const fn sql(self) -> &'static str {
        match self {
            Self::Name => "m.name_sort",
            Self::Activity => "COALESCE(m.last_active_at, 0)",
            Self::Invited => "m.invited_at",
        }
    }
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// How the words of a search are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Found {
    /// In every row that is looked at, keys or none: some rows have none yet.
    #[default]
    InAnyRow,
    /// In the search key of every row that is looked at. PostgreSQL takes its index of trigrams where the words are rare.
    ByKey,
    /// The same, of the rows that SQLite's table of trigrams names for this query.
    ByTrigrams(String),
}

/// Words of fewer characters have no trigram.
const TRIGRAM_CHARS: usize = 3;

/// The conditions of a view. What of it the member's row says of itself stands in [`ListQuery`]'s words.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) states: States,
    pub(super) role: Option<RoleKey>,
    pub(super) method: Option<LoginMethodId>,
    /// Those whose row says that an admin has something to do.
    pub(super) attention: bool,
    /// Not those with one of these methods.
    pub(super) without: Vec<LoginMethodId>,
    pub(super) mail_trouble: bool,
    pub(super) with_extras: bool,
    /// The words looked for.
    pub(super) words: Vec<String>,
    /// How they are found.
    pub(super) found: Found,
}

impl Filter {
    /// The conditions of a view.
    pub(super) fn of(query: &ListQuery) -> Self {
        Self {
            states: match query.state {
                Some(StateFilter::In(state)) => States::One(state),
                Some(StateFilter::NeedsAttention) | None => States::Listed,
            },
            role: query.role.clone(),
            method: query.method,
            attention: query.state == Some(StateFilter::NeedsAttention),
            without: Vec::new(),
            mail_trouble: query.mail_trouble,
            with_extras: query.with_extras,
            words: search_words(&query.search),
            found: Found::default(),
        }
    }

    /// Are the numbers of such rows kept ([`super::Numbers`])?
    pub(super) const fn is_counted(&self) -> bool {
        self.words.is_empty() && !self.with_extras
    }

    /// The ranges that together have the rows, each once. A login method that is switched off makes all of its people need attention (R27),
    /// and their rows do not say so: switching is one write in an account of any size.
    pub(super) fn ranges(&self, switched_off: &[LoginMethodId]) -> Vec<Self> {
        if !self.attention {
            return vec![self.clone()];
        }
        let all_of = |method| Self { attention: false, method: Some(method), ..self.clone() };
        match self.method {
            Some(method) if switched_off.contains(&method) => vec![all_of(method)],
            Some(_) => vec![self.clone()],
            None => {
                let flagged = Self { without: switched_off.to_vec(), ..self.clone() };
                std::iter::once(flagged).chain(switched_off.iter().copied().map(all_of)).collect()
            }
        }
    }

    fn push_from(&self, sql: &mut Sql, scope: AccountScope) {
        sql.push(" FROM members m WHERE m.account_id = ")
            .bind(Value::Id(scope.id().0))
            .push(" AND m.purged_at IS NULL");
        match self.states {
            States::One(state) => drop(sql.push(" AND m.status = ").bind(Value::Text(state.key().to_owned()))),
            States::Listed if self.attention || self.mail_trouble => {}
            States::Listed => drop(sql.push(" AND m.state <> 'removed'")),
            States::All => {}
        }
        if let Some(role) = &self.role {
            sql.push(" AND m.role_key = ").bind(Value::Text(role.to_string()));
        }
        if let Some(method) = self.method {
            sql.push(" AND m.login_method_id = ").bind(Value::Id(method.0));
        }
        if self.attention {
            sql.push(" AND m.attention");
        }
        for method in &self.without {
            sql.push(" AND m.login_method_id <> ").bind(Value::Id(method.0));
        }
        if self.mail_trouble {
            sql.push(" AND m.mail_trouble");
        }
        if self.with_extras {
            sql.push(" AND m.has_extras");
        }
        self.push_search(sql);
    }

    /// What SQLite's table of trigrams is asked for: every word that has any; `None` without one.
    pub(super) fn trigrams(&self) -> Option<String> {
        let long = self.words.iter().filter(|word| word.chars().count() >= TRIGRAM_CHARS);
        let quoted: Vec<_> = long.map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
        (!quoted.is_empty()).then(|| quoted.join(" "))
    }

    /// Each word of the search. Rows without keys, which the job has not come to yet, are looked through as before there were keys.
    fn push_search(&self, sql: &mut Sql) {
        if self.words.is_empty() {
            return;
        }
        sql.planned_anew = true;
        if let Found::ByTrigrams(query) = &self.found {
            sql.push(" AND m.id IN (SELECT r.member_id FROM member_search JOIN member_search_rows r ON r.id = member_search.rowid");
            sql.push(" WHERE member_search MATCH ").bind(Value::Text(query.clone())).push(")");
        }
        let first = sql.values.len();
        let each = |sql: &mut Sql, column: &'static str| {
            for (n, word) in self.words.iter().enumerate() {
                sql.push(if n == 0 { "" } else { " AND " }).push(column).push(" LIKE ");
                match sql.values.get(first + n) {
                    Some(_) => drop(write!(sql.text, "${}", first + n + 1)),
                    None => drop(sql.bind(Value::Text(containing(word)))),
                }
                sql.push(" ESCAPE '\\'");
            }
        };
        sql.push(" AND (");
        each(sql, "m.search_key");
        if self.found == Found::InAnyRow {
            sql.push(" OR m.search_key = '' AND ");
            each(sql, "(m.name_key || ' ' || m.email_key)");
        }
        sql.push(")");
    }

    /// The rows on one side of a position. An index on an expression is not entered by a pair, so SQLite is told of the value by itself as well.
    fn push_beyond(sql: &mut Sql, column: Column, relation: &'static str, (value, id): (SortValue, Uuid)) {
        let value = match value {
            SortValue::Name(key) | SortValue::Group { name: key, .. } => Value::Bytes(key),
            SortValue::Time(at) => Value::Number(at),
        };
        if column == Column::Activity {
            sql.push(" AND ").push(column.sql()).push(" ").push(relation).push("= ").bind(value.clone());
        }
        sql.push(" AND (").push(column.sql()).push(", m.id) ").push(relation).push(" (").bind(value);
        sql.push(", ").bind(Value::Id(id)).push(")");
    }

    /// The first `most` rows after a position: found in the index first, and only those joined with what they show. They come in no
    /// order.
    pub(super) fn rows(
        &self,
        scope: AccountScope,
        column: Column,
        direction: Direction,
        from: (SortValue, Uuid),
        most: usize,
    ) -> Sql {
        let (relation, order) = match direction {
            Direction::Up => (">", " ASC"),
            Direction::Down => ("<", " DESC"),
        };
        let mut sql = Sql::default();
        sql.push("SELECT ").push(member_columns!()).push(" FROM (SELECT m.id");
        self.push_from(&mut sql, scope);
        Self::push_beyond(&mut sql, column, relation, from);
        sql.push(" ORDER BY ").push(column.sql()).push(order).push(", m.id").push(order);
        sql.limit(most as u64).push(") page JOIN members m ON m.id = page.id").push(join_member!());
        sql.push(" WHERE m.account_id = $1");
        sql
    }

    /// How many rows there are, as far as the list counts and one; those before a position in an order alone, if one is given.
    pub(super) fn count(&self, scope: AccountScope, before: Option<(Column, Direction, (SortValue, Uuid))>) -> Sql {
        let mut sql = Sql::default();
        sql.push("SELECT COUNT(*) FROM (SELECT 1");
        self.push_from(&mut sql, scope);
        if let Some((column, direction, position)) = before {
            let relation = match direction {
                Direction::Up => "<",
                Direction::Down => ">",
            };
            Self::push_beyond(&mut sql, column, relation, position);
        }
        sql.limit(MAX_COUNTED_ROWS + 1).push(") counted");
        sql
    }

    /// How many of the rows that the list counts, and one, each state has, and how many of those need attention.
    pub(super) fn count_states(&self, scope: AccountScope) -> Sql {
        let mut sql = Sql::default();
        sql.push(
            "SELECT counted.status, COUNT(*), COUNT(CASE WHEN counted.attention THEN 1 END)
               FROM (SELECT m.status, (m.attention OR m.state <> 'removed' AND EXISTS (
                                SELECT 1 FROM login_methods l WHERE l.id = m.login_method_id AND NOT l.enabled)) AS attention",
        );
        self.push_from(&mut sql, scope);
        sql.limit(MAX_COUNTED_ROWS + 1).push(") counted GROUP BY counted.status");
        sql
    }
}

/// Runs a text that finds rows.
pub(super) async fn fetch_rows(
    tx: &mut Tx,
    Sql { text, values, planned_anew }: Sql,
) -> Result<Vec<MemberRow>, StorageError> {
    Ok(
        on!(tx, c => bind_all!(sqlx::query_as(AssertSqlSafe(text)).persistent(!planned_anew), values).fetch_all(c).await)?,
    )
}

/// Runs a text that counts.
pub(super) async fn fetch_count(tx: &mut Tx, Sql { text, values, planned_anew }: Sql) -> Result<u64, StorageError> {
    let counted: i64 = on!(tx, c => bind_all!(sqlx::query_scalar(AssertSqlSafe(text)).persistent(!planned_anew), values).fetch_one(c).await)?;
    Ok(counted.unsigned_abs())
}

/// Runs a text that counts by state.
pub(super) async fn fetch_states(
    tx: &mut Tx,
    Sql { text, values, planned_anew }: Sql,
) -> Result<Vec<(String, i64, i64)>, StorageError> {
    Ok(
        on!(tx, c => bind_all!(sqlx::query_as(AssertSqlSafe(text)).persistent(!planned_anew), values).fetch_all(c).await)?,
    )
}
