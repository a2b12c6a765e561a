//! The Users list.

use super::cursor;
use crate::{
    context::Services,
    service::actors,
    storage::{
        StorageError,
        members::{self, Member},
        outbox,
    },
};
use app::{
    api::members::UsersPage,
    backend::ListMembers,
    domain::{
        list::ListQuery,
        member::{Event, LoginMethodKind, MemberRow, ShownState},
        permission::Gate,
        time::Timestamp,
    },
    error::{AppError, BadRequest},
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ListMembers for Services {
    /// One page of the list.
    async fn list_members(&self, caller: &Caller, query: ListQuery) -> Result<UsersPage, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        if !query.is_within_limits() {
            return Err(BadRequest::Malformed.into());
        }
        let facts = actors::facts(self, &mut tx, &actor).await?;
        // A cursor that does not open, because its key has retired or it belongs to another view, leads to the beginning.
        let from = query.after.as_ref().and_then(|cursor| cursor::open(&self.keyring, actor.scope(), &query, cursor));
        let (rows, next) = members::page(&mut tx, actor.scope(), &query, from, now).await?;
        let next = next.and_then(|position| cursor::seal(&self.keyring, actor.scope(), &query, &position));
        let count = members::count(&mut tx, actor.scope(), &query, now).await?;
        let alone = members::is_alone(&mut tx, actor.scope(), actor.member).await?;
        drop(tx);
        self.note_activity(&actor).await;
        let rows = rows.into_iter().map(|row| shown_row(row, now)).collect::<Result<_, _>>()?;
        Ok(UsersPage { facts, rows, next, count, alone })
    }
}

/// A row as the list shows it.
pub(in crate::service) fn shown_row(member: Member, now: Timestamp) -> Result<MemberRow, StorageError> {
    let state = member.shown(now);
    let waiting = state.is_awaiting_answer();
    let (mut mail, mut invited, mut expires) = (None, None, None);
    if let Some(invitation) = member.invitation {
        invited = Some(Event { at: member.invited_at, by: invitation.sponsor_name });
        if waiting {
            expires = Some(invitation.expires);
            if let Some(delivery) = invitation.mail {
                mail = outbox::mail_state(delivery, now)?;
            }
        }
    }
    let lacks_identifier = member.method.kind == LoginMethodKind::OAuth && member.identifier.is_none();
    Ok(MemberRow {
        id: member.id,
        email: member.email.typed().to_owned(),
        name: member.name,
        grant: member.grant,
        method: member.method,
        awaits_decision: member.awaits_decision && waiting,
        blocked: !member.method_enabled && state != ShownState::Removed,
        needs_identifier: lacks_identifier && state != ShownState::Removed,
        state,
        mail,
        invited,
        expires,
        joined: member.joined_at,
        vouched_by: member.vouched_by,
        removed: member.removed_at.map(|at| Event { at, by: member.removed_by }),
        last_active: member.last_active_at,
        version: member.version,
    })
}
