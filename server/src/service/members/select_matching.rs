//! Selects everybody whom a view of the Users list matches, part after part, so that something can be done with all of them.

use super::{cursor, list_members::shown_row};
use crate::{
    context::Services,
    service::actors,
    storage::members::{self, Page, Place, View},
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
        let mut tx = self.note_expiry(tx, scope, now).await?;
        let view = View::open(&mut tx, scope, &query, &actor.roles, now).await?;
        let place = from.map_or(Place::Start, Place::After);
        let Page { members, next, .. } = members::page(&mut tx, &view, place, MAX_SELECTED_AT_ONCE).await?;
        let people = members.into_iter().map(|member| Ok(Selected::from(&shown_row(member, now)?)));
        let people = people.collect::<Result<_, AppError>>()?;
        let next = next.and_then(|next| cursor::seal(&self.keyring, scope, &query, &next));
        Ok(Selection { people, next })
    }
}
