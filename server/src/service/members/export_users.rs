//! Settings → Users: the rows of a view as a file, read in parts, so that no transaction is long and nothing is held whole.

use super::list_members::shown_row;
use crate::{
    context::Services,
    service::actors,
    storage::members::{self, Page, Place, Position, View},
};
use app::{
    domain::{
        list::{ListQuery, PAGE_ROWS},
        member::MemberRow,
        permission::Gate,
        role::Roles,
    },
    error::{AppError, BadRequest},
    request::Caller,
};

/// A part of an export.
#[derive(Debug)]
pub struct ExportedRows {
    /// The rows.
    pub rows: Vec<MemberRow>,
    /// The roles that they name.
    pub roles: Roles,
    /// Where the next part begins; `None` after the last.
    pub next: Option<Position>,
}

impl Services {
    /// Whether the caller may export. Needs `users.read`. The log says who exported (LG-01); a link that is opened writes nothing (BR-05).
    ///
    /// # Errors
    /// As for every operation in an account, and the policy's refusal.
    pub async fn begin_users_export(&self, caller: &Caller) -> Result<(), AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        tracing::info!(account = %actor.slug, member = %actor.member, "users exported");
        Ok(())
    }

    /// The next part of an export, from a position or the beginning on, and where the one after it begins. The caller's right is looked at
    /// each time.
    ///
    /// # Errors
    /// As for [`Self::begin_users_export`].
    pub async fn export_users(
        &self,
        caller: &Caller,
        query: &ListQuery,
        from: Option<Position>,
    ) -> Result<ExportedRows, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        if !query.is_within_limits() {
            return Err(BadRequest::Malformed.into());
        }
        let scope = actor.scope();
        let mut tx = self.note_expiry(tx, scope, now).await?;
        let view = View::open(&mut tx, scope, query, &actor.roles, now).await?;
        let place = from.map_or(Place::Start, Place::After);
        let Page { members, next, .. } = members::page(&mut tx, &view, place, PAGE_ROWS).await?;
        let rows = members.into_iter().map(|row| shown_row(row, now)).collect::<Result<_, _>>()?;
        Ok(ExportedRows { rows, roles: actor.roles, next })
    }
}
