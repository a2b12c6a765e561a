//! The addresses of the list and of the dialogs over it: search, filters, order and place go with them.

use crate::domain::list::ListQuery;
use leptos_router::location::Url;

/// `path` with the view of the list that it lies over.
pub(crate) fn with_view(path: String, query: &ListQuery) -> String {
    with_parameters(path, query.to_url())
}

/// `path` with these parameters.
pub(super) fn with_parameters(
    mut path: String,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> String {
    let mut joint = '?';
    for (name, value) in parameters {
        path.push(joint);
        path.push_str(name);
        path.push('=');
        path.push_str(&Url::escape(&value));
        joint = '&';
    }
    path
}

/// The same view from its first page on: every change of search, filter or order starts there.
pub(super) fn from_the_start(query: &ListQuery) -> ListQuery {
    ListQuery { after: None, ..query.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        list::{Cursor, Sort},
        member::ShownState,
    };

    #[test]
    fn the_plain_list_has_a_plain_address() {
        assert_eq!(with_view("/a/x/settings/users".to_owned(), &ListQuery::default()), "/a/x/settings/users");
    }

    #[test]
    fn what_people_type_cannot_break_out_of_its_parameter() {
        let query = ListQuery {
            search: "a&state=removed#?".to_owned(),
            state: Some(ShownState::Expired),
            sort: Sort::NameDown,
            ..ListQuery::default()
        };
        let url = with_view("/u".to_owned(), &query);
        assert_eq!(url.matches('&').count(), 2, "{url}");
        assert!(!url.contains('#') && url.contains("state=expired"), "{url}");
    }

    #[test]
    fn another_search_starts_at_the_first_page() {
        let query = ListQuery { after: Cursor::new("a".to_owned()), ..ListQuery::default() };
        assert_eq!(from_the_start(&query), ListQuery::default());
    }
}
