//! Selects everybody whom a view of the Users list matches, part after part, so that something can be done with all of them.

use super::{cursor, list_members::shown_row};
use crate::{
    context::Services,
    service::actors,
    storage::members::{self, Page, Place},
};
use app::{
    api::members::Selection,
    backend::SelectMatching,
    domain::{
        bulk::{MAX_SELECTED_AT_ONCE, Selected},
        list::{Cursor, ListQuery, Sort},
        permission::Gate,
    },
    error::{AppError, BadRequest},
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl SelectMatching for Services {
    /// Looks at so many rows as one request may, by name in whatever order they are shown: names seldom change while somebody looks. What is done
    /// later is done to those who were answered here, as they were answered.
    async fn select_matching(
        &self,
        caller: &Caller,
        query: ListQuery,
        from: Option<Cursor>,
    ) -> Result<Selection, AppError> {
        let now = self.now();
        let query = ListQuery { sort: Sort::NameUp, ..query.rows_and_order() };
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        let scope = actor.scope();
        let from = match from {
            Some(from) => Some(cursor::open(&self.keyring, scope, &query, &from).ok_or(BadRequest::Malformed)?),
            None => None,
        };
        if !query.is_within_limits() {
            return Err(BadRequest::Malformed.into());
        }
        let mut place = from.map_or(Place::Start, Place::After);
        let mut people = Vec::new();
        loop {
            let Page { members, next, .. } = members::page(&mut tx, scope, &query, place, now).await?;
            for member in members {
                people.push(Selected::from(&shown_row(member, now)?));
            }
            match next {
                Some(next) if people.len() < MAX_SELECTED_AT_ONCE => place = Place::After(next),
                next => {
                    let next = next.and_then(|next| cursor::seal(&self.keyring, scope, &query, &next));
                    return Ok(Selection { people, next });
                }
            }
        }
    }
}
