//! Undoes a removal of the last minutes (R40, R64).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, AuditTarget, Event},
        members, retried, users,
    },
};
use app::{
    api::members::RemovalUndone,
    backend::UndoRemoval,
    domain::{
        ids::MemberId,
        member::{MemberState, UNDO_OF_REMOVAL},
        permission::Gate,
        policy::can_reactivate,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl UndoRemoval for Services {
    /// Lets somebody in again who was removed by mistake, as active or suspended as they were, with role and extras. What was trusted stays
    /// gone: the person signs in once more, a provider's identity is linked then, and a second factor for the account is set up anew. Whoever left is not
    /// brought back.
    async fn undo_removal(&self, caller: &Caller, id: MemberId) -> Result<RemovalUndone, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersRemove).await?;
            let row = actors::find_member(&mut tx, &actor, id).await?;
            let (MemberState::Removed, Some(user)) = (row.state, row.user) else { return Ok(RemovalUndone::TooLate) };
            can_reactivate(&actor.effective, &row.grant, &actor.roles).or_refuse()?;
            if row.grant.makes_owner() {
                actor.require_recent_authentication(self)?;
            }
            users::lock(&mut tx, user).await?;
            let Some(user) = users::find(&mut tx, user).await? else { return Ok(RemovalUndone::TooLate) };
            if !members::undo_removal(&mut tx, actor.scope(), id, actor.member, now - UNDO_OF_REMOVAL, now).await? {
                return Ok(RemovalUndone::TooLate);
            }
            // The line of somebody removed is frozen; what the person changed meanwhile is copied now (R48).
            members::rewrite_copy(&mut tx, actor.scope(), &user, now).await?;
            let target = AuditTarget { member: id, email: user.email.key().to_owned() };
            let event = Event::RemovalUndone { grant: row.grant };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(RemovalUndone::Done { label: user.name })
        })
        .await
    }
}
