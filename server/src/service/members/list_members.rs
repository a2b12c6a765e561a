//! The Users list.

use super::cursor;
use crate::{
    context::Services,
    service::actors,
    storage::{
        AccountScope, StorageError, Tx, accounts,
        members::{self, Member, Page, Place, View},
        outbox, retried,
    },
};
use app::{
    api::members::UsersPage,
    backend::ListMembers,
    domain::{
        list::{Cursor, ListQuery, PAGE_ROWS},
        member::{Event, LoginMethodKind, MemberRow, MemberState, ShownState, UNDO_OF_REMOVAL},
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
        let mut tx = self.note_expiry(tx, actor.scope(), now).await?;
        let facts = actors::facts(self, &mut tx, &actor).await?;
        let scope = actor.scope();
        let view = View::open(&mut tx, scope, &query, &actor.roles, now).await?;
        let place = self.place(scope, &query);
        let Page { members, previous, next } = members::page(&mut tx, &view, place, PAGE_ROWS).await?;
        let skipped = match &previous {
            Some(first) => members::count_before(&mut tx, &view, first.clone()).await?,
            None => Some(0),
        };
        let (count, counts) = view.counts(&mut tx).await?;
        let alone = view.numbers.is_one_alone();
        drop(tx);
        self.note_activity(&actor).await;
        let cursor = |position| cursor::seal(&self.keyring, scope, &query, &position);
        Ok(UsersPage {
            facts,
            rows: members.into_iter().map(|row| shown_row(row, now)).collect::<Result<_, _>>()?,
            next: next.and_then(cursor),
            previous: previous.filter(|_| skipped != Some(0)).and_then(cursor),
            skipped,
            count,
            counts,
            alone,
        })
    }
}

impl Services {
    /// Some rows of a view and where it goes on, for programs: they need neither counts nor what a page explains with. Needs `users.read`.
    ///
    /// # Errors
    /// As [`actors::load_with`]; [`BadRequest::Malformed`] for a view that no page could ask for and for a cursor of another view.
    pub async fn list_some_members(
        &self,
        caller: &Caller,
        query: &ListQuery,
        most: usize,
    ) -> Result<(Vec<MemberRow>, Option<Cursor>), AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::UsersRead).await?;
        let place = self.place(actor.scope(), query);
        if !query.is_within_limits() || query.after.is_some() && place == Place::Start {
            return Err(BadRequest::Malformed.into());
        }
        let mut tx = self.note_expiry(tx, actor.scope(), now).await?;
        let view = View::open(&mut tx, actor.scope(), query, &actor.roles, now).await?;
        let Page { members, next, .. } = members::page(&mut tx, &view, place, most).await?;
        let rows = members.into_iter().map(|row| shown_row(row, now)).collect::<Result<_, _>>()?;
        Ok((rows, next.and_then(|position| cursor::seal(&self.keyring, actor.scope(), query, &position))))
    }

    /// Writes what has expired by now, and was not noticed yet, into the rows of the account: once for each of them, before the list or its
    /// numbers are read, so that these are right to the millisecond. Answers the transaction to go on reading with.
    pub(in crate::service) async fn note_expiry(
        &self,
        mut tx: Tx,
        scope: AccountScope,
        now: Timestamp,
    ) -> Result<Tx, AppError> {
        if !members::has_lapsed(&mut tx, scope, now).await? {
            return Ok(tx);
        }
        drop(tx);
        loop {
            match retried(|| self.note_some_expiry(scope, now)).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    // A full disk keeps nobody from reading.
                    tracing::warn!(
                        ?error,
                        "filters and numbers of the list take invitations for open that have expired"
                    );
                    break;
                }
            }
        }
        Ok(self.database.begin_read().await?)
    }

    async fn note_some_expiry(&self, scope: AccountScope, now: Timestamp) -> Result<bool, AppError> {
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, scope).await?;
        let more = members::expire(&mut tx, scope, now).await?;
        tx.commit().await?;
        Ok(more)
    }

    /// Where the page of a view is. A cursor that does not open, because its key has retired or it belongs to another view, leads to the
    /// beginning.
    fn place(&self, scope: AccountScope, query: &ListQuery) -> Place {
        let open = |cursor: &Option<Cursor>| {
            cursor.as_ref().and_then(|cursor| cursor::open(&self.keyring, scope, query, cursor))
        };
        match (open(&query.after), open(&query.before)) {
            (Some(position), _) => Place::After(position),
            (None, Some(position)) => Place::Before(position),
            (None, None) => Place::Start,
        }
    }
}

/// Until when the member's removal can be undone (R64); what was only offered is offered anew.
fn undo_until(member: &Member) -> Option<Timestamp> {
    let was_in = matches!(member.removed_from, Some(MemberState::Active | MemberState::Suspended));
    member.removed_at.filter(|_| was_in).map(|at| at + UNDO_OF_REMOVAL)
}

/// A row as the list shows it.
pub(in crate::service) fn shown_row(member: Member, now: Timestamp) -> Result<MemberRow, StorageError> {
    let state = member.shown(now);
    let waiting = state.is_awaiting_answer();
    let undo_until = undo_until(&member).filter(|until| *until > now);
    let (mut mail, mut invited, mut expires, mut asked) = (None, None, None, None);
    if let Some(invitation) = member.invitation {
        invited = Some(Event { at: member.invited_at, by: invitation.sponsor_name });
        if waiting {
            expires = Some(invitation.expires);
            // What was asked before the present link, or before its offer was declined, is over.
            asked = invitation.asked.filter(|at| state == ShownState::Declined || *at >= invitation.expires);
            if let Some(delivery) = invitation.mail {
                mail = outbox::mail_state(delivery, now)?;
            }
        }
    }
    let lacks_identifier = member.method.kind == LoginMethodKind::OAuth && member.identifier.is_none();
    // One that is fixed at the first sign-in is still to come (R67).
    let is_to_come = member.first_sign_in && member.state == MemberState::Invited;
    Ok(MemberRow {
        id: member.id,
        email: member.email.typed().to_owned(),
        name: member.name,
        grant: member.grant,
        method: member.method,
        awaits_decision: member.awaits_decision && waiting,
        asked_as_another: member.asked_as_another && waiting,
        blocked: !member.method_enabled && state != ShownState::Removed,
        needs_identifier: lacks_identifier && !is_to_come && state != ShownState::Removed,
        state,
        mail,
        invited,
        expires,
        asked,
        joined: member.joined_at,
        vouched_by: member.vouched_by,
        undo_until,
        removed: member.removed_at.map(|at| Event { at, by: member.removed_by }),
        last_active: member.last_active_at,
        version: member.version,
    })
}
