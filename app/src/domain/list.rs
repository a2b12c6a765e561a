//! What the Users list shows: search, filters, order and place, all of it in the URL.

use super::{ids::LoginMethodId, member::ShownState, role::RoleKey};
use serde::{Deserialize, Serialize};

/// Rows on one page of the list.
pub const PAGE_ROWS: usize = 50;
/// Above this many rows that have to be counted the list says "more than", not how many.
pub const MAX_COUNTED_ROWS: u64 = 10_000;
/// The longest search text, in code points.
const MAX_SEARCH_CHARS: usize = 100;
/// The longest key of a role, in bytes.
const MAX_ROLE_KEY_CHARS: usize = 100;

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is its label")]
pub enum Sort {
    #[default]
    NameUp,
    NameDown,
    LastActiveDown,
    LastActiveUp,
    InvitedDown,
    InvitedUp,
    RoleUp,
    RoleDown,
    StatusUp,
    StatusDown,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NameUp,
        Self::NameDown,
        Self::RoleUp,
        Self::RoleDown,
        Self::StatusUp,
        Self::StatusDown,
        Self::LastActiveDown,
        Self::LastActiveUp,
        Self::InvitedDown,
        Self::InvitedUp,
    ];

    /// The same from its other end.
    pub const fn reversed(self) -> Self {
        match self {
            Self::NameUp => Self::NameDown,
            Self::NameDown => Self::NameUp,
            Self::LastActiveDown => Self::LastActiveUp,
            Self::LastActiveUp => Self::LastActiveDown,
            Self::InvitedDown => Self::InvitedUp,
            Self::InvitedUp => Self::InvitedDown,
            Self::RoleUp => Self::RoleDown,
            Self::RoleDown => Self::RoleUp,
            Self::StatusUp => Self::StatusDown,
            Self::StatusDown => Self::StatusUp,
        }
    }

    /// The text in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::NameUp => "name",
            Self::NameDown => "-name",
            Self::LastActiveDown => "-active",
            Self::LastActiveUp => "active",
            Self::InvitedDown => "-invited",
            Self::InvitedUp => "invited",
            Self::RoleUp => "role",
            Self::RoleDown => "-role",
            Self::StatusUp => "status",
            Self::StatusDown => "-status",
        }
    }

    /// The order with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
    }
}

/// Whose rows the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StateFilter {
    /// Those in this state.
    In(ShownState),
    /// Those with whom an admin has something to do ([`super::member::MemberRow::needs_attention`]).
    NeedsAttention,
}

impl StateFilter {
    /// The text in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::In(state) => state.key(),
            Self::NeedsAttention => "attention",
        }
    }

    /// The filter with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        if key == Self::NeedsAttention.key() {
            return Some(Self::NeedsAttention);
        }
        ShownState::from_key(key).map(Self::In)
    }
}

impl TryFrom<String> for StateFilter {
    type Error = &'static str;

    fn try_from(key: String) -> Result<Self, Self::Error> {
        Self::from_key(&key).ok_or("not a state")
    }
}

impl From<StateFilter> for String {
    fn from(filter: StateFilter) -> Self {
        filter.key().to_owned()
    }
}

/// One view of the list. Unknown values in a URL are passed over, so that an old link still shows something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListQuery {
    /// Words, each of them a part of the name or address.
    pub search: String,
    /// This role alone.
    pub role: Option<RoleKey>,
    /// This login method alone.
    pub method: Option<LoginMethodId>,
    /// Those with extra permissions alone.
    pub with_extras: bool,
    /// Those alone who await an answer and whose mail came to nothing ([`super::member::MailState::has_failed`]).
    pub mail_trouble: bool,
    /// These alone; without it, all but removed.
    pub state: Option<StateFilter>,
    /// The order.
    pub sort: Sort,
    /// Are rows as low as can be?
    pub compact: bool,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Where the page after begins; without meaning beside `after`.
    pub before: Option<Cursor>,
}

/// The longest cursor, in characters.
const MAX_CURSOR_CHARS: usize = 450;

/// Where a page of the list ended: the value that it is sorted by and the row, sealed by the server, so that no name or time stands in an
/// address and nobody but the server makes one. Going on from a value, and not from a row, shows nobody twice when rows move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

impl Cursor {
    /// The cursor with this text, if it can be one.
    pub fn new(text: String) -> Option<Self> {
        let fine = (1..=MAX_CURSOR_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fine.then_some(Self(text))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text).ok_or("not a cursor")
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

impl ListQuery {
    /// Reads the parameters of a URL, given a look-up by name.
    pub fn from_url(parameter: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| parameter(name).filter(|text| !text.is_empty());
        Self {
            search: text("q").unwrap_or_default().trim().chars().take(MAX_SEARCH_CHARS).collect(),
            role: text("role").filter(|key| key.len() <= MAX_ROLE_KEY_CHARS).map(RoleKey::new),
            method: text("method").and_then(|id| id.parse().ok()),
            with_extras: text("extras").is_some_and(|value| value == YES),
            mail_trouble: text("mail").is_some_and(|value| value == TROUBLE),
            state: text("state").and_then(|key| StateFilter::from_key(&key)),
            sort: text("sort").and_then(|key| Sort::from_key(&key)).unwrap_or_default(),
            compact: text("rows").is_some_and(|value| value == COMPACT),
            after: text("after").and_then(Cursor::new),
            before: text("before").and_then(Cursor::new),
        }
    }

    /// The parameters of a URL that leads here: what is not the default, percent-encoding left to the caller.
    pub fn to_url(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if !self.search.is_empty() {
            parameters.push(("q", self.search.clone()));
        }
        if let Some(role) = &self.role {
            parameters.push(("role", role.to_string()));
        }
        if let Some(method) = self.method {
            parameters.push(("method", method.to_string()));
        }
        if self.with_extras {
            parameters.push(("extras", YES.to_owned()));
        }
        if self.mail_trouble {
            parameters.push(("mail", TROUBLE.to_owned()));
        }
        if let Some(state) = self.state {
            parameters.push(("state", state.key().to_owned()));
        }
        if self.sort != Sort::default() {
            parameters.push(("sort", self.sort.key().to_owned()));
        }
        if self.compact {
            parameters.push(("rows", COMPACT.to_owned()));
        }
        if let Some(after) = &self.after {
            parameters.push(("after", after.as_str().to_owned()));
        }
        if let Some(before) = &self.before {
            parameters.push(("before", before.as_str().to_owned()));
        }
        parameters
    }

    /// The same from its first page on: every change of search, filter or order starts there.
    pub fn from_the_start(&self) -> Self {
        Self { after: None, before: None, ..self.clone() }
    }

    /// What decides on the rows and their order, place and looks aside: cursors are valid in one of these.
    pub fn rows_and_order(&self) -> Self {
        Self { compact: false, ..self.from_the_start() }
    }

    /// Everybody but those removed, in the same order and looks.
    pub fn cleared(&self) -> Self {
        Self { sort: self.sort, compact: self.compact, ..Self::default() }
    }

    /// Is it one that a page of ours could ask for? Longer texts are refused and not cut: a pattern may be too much for a database (IN-12).
    pub fn is_within_limits(&self) -> bool {
        self.search.chars().count() <= MAX_SEARCH_CHARS
            && self.role.as_ref().is_none_or(|role| role.as_str().len() <= MAX_ROLE_KEY_CHARS)
    }

    /// Is anything narrowed down?
    pub fn is_filtered(&self) -> bool {
        self.is_searched() || self.state.is_some()
    }

    /// Is anything narrowed down but the state?
    pub fn is_searched(&self) -> bool {
        !self.search.is_empty() || self.role.is_some() || self.method.is_some() || self.with_extras || self.mail_trouble
    }
}

/// What stands for yes in a URL.
const YES: &str = "yes";
/// What stands for a mail that came to nothing in a URL.
const TROUBLE: &str = "trouble";
/// What stands for low rows in a URL.
const COMPACT: &str = "compact";

/// How many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Count {
    /// So many.
    Exactly(u64),
    /// More than [`MAX_COUNTED_ROWS`].
    Many,
}

/// How many rows there are in each state, under search and filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    /// Each state that there are rows in.
    pub states: Vec<(ShownState, u64)>,
    /// The rows with whom an admin has something to do.
    pub need_attention: u64,
}

impl StateCounts {
    /// How many rows this filter shows.
    pub fn of(&self, filter: Option<StateFilter>) -> u64 {
        let sum = |wanted: &dyn Fn(ShownState) -> bool| {
            self.states.iter().filter(|(state, _)| wanted(*state)).map(|(_, count)| count).sum()
        };
        match filter {
            None => sum(&|state| state != ShownState::Removed),
            Some(StateFilter::In(wanted)) => sum(&|state| state == wanted),
            Some(StateFilter::NeedsAttention) => self.need_attention,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_the_list_survives_the_url() {
        let query = ListQuery {
            search: "ana & co".to_owned(),
            role: Some(RoleKey::new("editor")),
            method: "0197a5f4-0000-7000-8000-000000000001".parse().ok(),
            with_extras: true,
            mail_trouble: true,
            state: Some(StateFilter::In(ShownState::Expired)),
            sort: Sort::LastActiveDown,
            compact: true,
            after: Cursor::new("c2VhbGVk_-".to_owned()),
            before: Cursor::new("b3RoZXI_-".to_owned()),
        };
        assert!(query.method.is_some());
        let url = query.to_url();
        let read = ListQuery::from_url(|name| url.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        assert_eq!(read, query);
        assert!(ListQuery::default().to_url().is_empty());
    }

    #[test]
    fn in_12_what_a_page_asks_for_is_within_the_limits_and_more_is_not() {
        let long = "ä".repeat(MAX_SEARCH_CHARS + 1);
        assert!(ListQuery::from_url(|_| Some(long.clone())).is_within_limits());
        assert!(!ListQuery { search: long.clone(), ..ListQuery::default() }.is_within_limits());
        assert!(!ListQuery { role: Some(RoleKey::new(long)), ..ListQuery::default() }.is_within_limits());
    }

    #[test]
    fn each_filter_narrows_the_list_down_and_order_place_and_looks_do_not() {
        let (search, role) = ("ana".to_owned(), Some(RoleKey::new("editor")));
        assert!(ListQuery { search, ..ListQuery::default() }.is_searched());
        assert!(ListQuery { role, ..ListQuery::default() }.is_searched());
        assert!(ListQuery { with_extras: true, ..ListQuery::default() }.is_searched());
        assert!(ListQuery { mail_trouble: true, ..ListQuery::default() }.is_searched());
        let state = Some(StateFilter::NeedsAttention);
        let attention = ListQuery { state, ..ListQuery::default() };
        assert!(attention.is_filtered() && !attention.is_searched());
        let after = Cursor::new("abc".to_owned());
        let place = ListQuery { sort: Sort::LastActiveUp, after, compact: true, ..ListQuery::default() };
        assert!(!place.is_filtered());
        assert_eq!(place.cleared(), place.from_the_start());
        assert_eq!(place.rows_and_order(), ListQuery { sort: Sort::LastActiveUp, ..ListQuery::default() });
    }

    #[test]
    fn every_state_filter_has_a_text_of_its_own() {
        let all = ShownState::ALL.into_iter().map(StateFilter::In).chain([StateFilter::NeedsAttention]);
        for filter in all {
            assert_eq!(StateFilter::from_key(filter.key()), Some(filter));
            assert_eq!(serde_json::from_value::<StateFilter>(serde_json::to_value(filter).unwrap()).unwrap(), filter);
        }
        assert_eq!(StateFilter::from_key("gone"), None);
    }

    #[test]
    fn those_removed_are_counted_by_themselves_alone() {
        let states = vec![(ShownState::Active, 3), (ShownState::Invited, 2), (ShownState::Removed, 5)];
        let counts = StateCounts { states, need_attention: 1 };
        assert_eq!(counts.of(None), 5);
        assert_eq!(counts.of(Some(StateFilter::In(ShownState::Removed))), 5);
        assert_eq!(counts.of(Some(StateFilter::In(ShownState::Expired))), 0);
        assert_eq!(counts.of(Some(StateFilter::NeedsAttention)), 1);
    }

    #[test]
    fn every_order_has_another_end() {
        for sort in Sort::ALL {
            assert_ne!(sort.reversed(), sort);
            assert_eq!(sort.reversed().reversed(), sort);
        }
    }

    #[test]
    fn a_cursor_is_written_as_its_text() {
        let cursor = Cursor::new("c2VhbGVk_-".to_owned()).unwrap();
        assert_eq!(serde_json::to_value(&cursor).unwrap(), "c2VhbGVk_-");
        assert_eq!(serde_json::from_value::<Cursor>("c2VhbGVk_-".into()).unwrap(), cursor);
    }

    #[test]
    fn unknown_values_in_a_url_are_passed_over() {
        let query = ListQuery::from_url(|_| Some("no such thing".to_owned()));
        assert_eq!((query.sort, query.after), (Sort::NameUp, None));
    }

    #[test]
    fn in_12_a_text_that_can_be_no_cursor_is_none() {
        for bad in ["", "a b", "a/b", "a\0", "ü", &"a".repeat(MAX_CURSOR_CHARS + 1)] {
            assert_eq!(Cursor::new(bad.to_owned()), None, "{bad:?}");
            assert!(serde_json::from_value::<Cursor>(serde_json::Value::from(bad)).is_err(), "{bad:?}");
        }
        assert!(Cursor::new("a".repeat(MAX_CURSOR_CHARS)).is_some());
    }
}
