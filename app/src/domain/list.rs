//! What the Users list shows: search, filters, order and place, all of it in the URL.

use super::{member::ShownState, role::RoleKey};
use serde::{Deserialize, Serialize};

/// Rows on one page of the list.
pub const PAGE_ROWS: usize = 50;
/// Above this many rows the list says "more than", not how many.
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
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NameUp, Self::NameDown, Self::LastActiveDown, Self::LastActiveUp, Self::InvitedDown];

    /// The text in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::NameUp => "name",
            Self::NameDown => "-name",
            Self::LastActiveDown => "-active",
            Self::LastActiveUp => "active",
            Self::InvitedDown => "-invited",
        }
    }

    /// The order with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
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
    /// This state alone; without it, all but removed.
    pub state: Option<ShownState>,
    /// The order.
    pub sort: Sort,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// The longest cursor, in characters.
const MAX_CURSOR_CHARS: usize = 300;

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
            state: text("state").and_then(|key| ShownState::from_key(&key)),
            sort: text("sort").and_then(|key| Sort::from_key(&key)).unwrap_or_default(),
            after: text("after").and_then(Cursor::new),
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
        if let Some(state) = self.state {
            parameters.push(("state", state.key().to_owned()));
        }
        if self.sort != Sort::default() {
            parameters.push(("sort", self.sort.key().to_owned()));
        }
        if let Some(after) = &self.after {
            parameters.push(("after", after.as_str().to_owned()));
        }
        parameters
    }

    /// Is it one that a page of ours could ask for? Longer texts are refused and not cut: a pattern may be too much for a database (IN-12).
    pub fn is_within_limits(&self) -> bool {
        self.search.chars().count() <= MAX_SEARCH_CHARS
            && self.role.as_ref().is_none_or(|role| role.as_str().len() <= MAX_ROLE_KEY_CHARS)
    }

    /// Is anything narrowed down?
    pub fn is_filtered(&self) -> bool {
        !self.search.is_empty() || self.role.is_some() || self.state.is_some()
    }
}

/// How many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Count {
    /// So many.
    Exactly(u64),
    /// More than [`MAX_COUNTED_ROWS`].
    Many,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_the_list_survives_the_url() {
        let query = ListQuery {
            search: "ana & co".to_owned(),
            role: Some(RoleKey::new("editor")),
            state: Some(ShownState::Expired),
            sort: Sort::LastActiveDown,
            after: Cursor::new("c2VhbGVk_-".to_owned()),
        };
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
    fn each_of_search_role_and_state_narrows_the_list_down_and_order_and_place_do_not() {
        let (search, role) = ("ana".to_owned(), Some(RoleKey::new("editor")));
        assert!(ListQuery { search, ..ListQuery::default() }.is_filtered());
        assert!(ListQuery { role, ..ListQuery::default() }.is_filtered());
        assert!(ListQuery { state: Some(ShownState::Expired), ..ListQuery::default() }.is_filtered());
        let after = Cursor::new("abc".to_owned());
        assert!(!ListQuery { sort: Sort::LastActiveUp, after, ..ListQuery::default() }.is_filtered());
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
