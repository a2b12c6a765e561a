//! Reactivates a suspended member (R3, R41).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, AuditTarget, Event},
        members, retried,
    },
};
use app::{
    api::members::Reactivated,
    backend::ReactivateMember,
    domain::{ids::MemberId, member::MemberState, permission::Gate, policy::can_reactivate},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ReactivateMember for Services {
    /// Lets a suspended member in again, with the role and extras that the row holds. It also decides for a member who was suspended because
    /// the mailbox turned out to be somebody else's (R13).
    async fn reactivate_member(&self, caller: &Caller, id: MemberId) -> Result<Reactivated, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change_or_operator(self, &mut tx, caller, Gate::UsersRemove).await?;
            let row = actors::find_member(&mut tx, &actor, id).await?;
            if row.state != MemberState::Suspended {
                return Ok(Reactivated::NotSuspended);
            }
            can_reactivate(&actor.effective, &row.grant, &actor.roles).or_refuse()?;
            if row.grant.makes_owner() {
                actor.require_recent_authentication(self)?;
            }
            members::reactivate(&mut tx, actor.scope(), id, actor.row(), now).await?;
            let target = AuditTarget { member: id, email: row.email.key().to_owned() };
            let event = Event::Reactivated { grant: row.grant.clone() };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(Reactivated::Done { label: row.label().to_owned() })
        })
        .await
    }
}
