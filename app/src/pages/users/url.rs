//! The addresses of the list and of the dialogs over it: search, filters, order and place go with them.

use crate::domain::list::ListQuery;
pub(super) use crate::paths::{with_parameters, with_view};

/// The same view from its first page on: every change of search, filter or order starts there.
pub(super) fn from_the_start(query: &ListQuery) -> ListQuery {
    ListQuery { after: None, ..query.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::Cursor;

    #[test]
    fn another_search_starts_at_the_first_page() {
        let query = ListQuery { after: Cursor::new("a".to_owned()), ..ListQuery::default() };
        assert_eq!(from_the_start(&query), ListQuery::default());
    }
}
