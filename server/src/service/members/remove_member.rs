//! Removes a member, or withdraws an invitation: one operation (R22, R29, R33, R36, R39).

use super::{
    check_withdrawal::check_withdrawal,
    reassign_sponsored_invitations::{OnRemoval, reassign_sponsored_invitations},
};
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        invitations::copy_link::kill_links_beyond_rights,
    },
    storage::{
        StorageError, Tx,
        audit::{self, AuditTarget, Event},
        identities, invitations,
        members::{self, Member},
        retried,
    },
};
use app::{
    api::members::{RemoveForm, Removed},
    backend::RemoveMember,
    domain::{ids::MemberId, member::MemberState, permission::Gate, time::Timestamp},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl RemoveMember for Services {
    /// Removes a member; the row stays as a tombstone (R39). Access to this account ends with the next request, and nothing else does
    /// (R36).
    async fn remove_member(&self, caller: &Caller, form: RemoveForm) -> Result<Removed, AppError> {
        retried(|| async {
            let id: MemberId = form.member.parse().map_err(|_| AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change_or_operator(self, &mut tx, caller, Gate::UsersRemove).await?;
            let row = actors::find_member(&mut tx, &actor, id).await?;
            if row.state == MemberState::Removed {
                return Ok(Removed::AlreadyRemoved);
            }
            check_withdrawal(self, &mut tx, &actor, &row, &form.version).await?;

            let on_removal = if form.sponsored == "revoke" { OnRemoval::Revoke } else { OnRemoval::Keep };
            reassign_sponsored_invitations(&mut tx, &actor, id, on_removal, now).await?;
            if !members::remove(&mut tx, actor.scope(), id, actor.row(), row.version, now).await? {
                return Ok(Removed::AlreadyRemoved);
            }
            if let Some(user) = row.user {
                identities::delete_of_user_in_account(&mut tx, actor.scope(), user).await?;
            }
            kill_links_beyond_rights(&mut tx, actor.scope(), id, &actor.roles, now).await?;
            let event =
                withdraw(&mut tx, &actor, &row, now).await?.unwrap_or(Event::Removed { grant: row.grant.clone() });
            let target = AuditTarget { member: id, email: row.email.key().to_owned() };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(Removed::Done {
                member: id,
                label: row.label().to_owned(),
                was_invited: row.state == MemberState::Invited,
            })
        })
        .await
    }
}

/// Ends the row's open invitation, if it has one.
pub(in crate::service) async fn withdraw(
    tx: &mut Tx,
    actor: &Actor,
    row: &Member,
    now: Timestamp,
) -> Result<Option<Event>, StorageError> {
    let Some(latest) = row.invitation.as_ref().filter(|_| row.state == MemberState::Invited) else { return Ok(None) };
    let revoked = invitations::revoke(tx, actor.scope(), latest.id, now).await?;
    Ok(revoked.then_some(Event::InvitationWithdrawn { invitation: latest.id }))
}
