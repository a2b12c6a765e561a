//! Suspends a member: the same cut as a removal, undone at once by reactivating (R41).

use super::check_withdrawal::check_withdrawal;
use crate::{
    context::Services,
    service::{actors, invitations::copy_link::kill_links_beyond_rights},
    storage::{
        audit::{self, AuditTarget, Event},
        members, retried,
    },
};
use app::{
    api::members::{SuspendForm, Suspended},
    backend::SuspendMember,
    domain::{ids::MemberId, member::MemberState, permission::Gate},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl SuspendMember for Services {
    /// Suspends an active member. Access to this account ends with the next request (R36); role, extras and login method stay. Invitations
    /// that the member answers for wait for approval when they are accepted (R29).
    async fn suspend_member(&self, caller: &Caller, form: SuspendForm) -> Result<Suspended, AppError> {
        retried(|| async {
            let id: MemberId = form.member.parse().map_err(|_| AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change_or_operator(self, &mut tx, caller, Gate::UsersRemove).await?;
            let row = actors::find_member(&mut tx, &actor, id).await?;
            if row.state != MemberState::Active {
                return Ok(Suspended::NotActive);
            }
            check_withdrawal(self, &mut tx, &actor, &row, &form.version).await?;
            if !members::suspend(&mut tx, actor.scope(), id, actor.row(), row.version, now).await? {
                return Err(AppError::ChangedMeanwhile { by: row.changed_by, at: row.changed_at });
            }
            kill_links_beyond_rights(&mut tx, actor.scope(), id, &actor.roles, now).await?;
            let target = AuditTarget { member: id, email: row.email.key().to_owned() };
            let event = Event::Suspended { grant: row.grant.clone() };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(Suspended::Done { label: row.label().to_owned() })
        })
        .await
    }
}
