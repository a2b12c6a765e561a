//! Changes role and extras, in any state (R24, R30, R31, R33, R66), the login method (R26, R46), and the address of the invited (R25).

use super::{
    change_login_method::LoginAssignment,
    correct_address::{correct_address, wanted_address},
    list_members::shown_row,
};
use crate::{
    context::Services,
    service::{actors, invitations::copy_link::kill_links_beyond_rights},
    storage::{
        audit::{self, AuditTarget, Event},
        invitations, members, retried,
    },
};
use app::{
    api::members::{EditForm, Edited},
    backend::EditMember,
    domain::{edit::Edit, ids::MemberId, member::MemberState, permission::Gate, policy::can_invite},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl EditMember for Services {
    /// Gives a member another role, other extras, or another login method. The invitation of somebody who has not joined yet offers what
    /// was last saved (R24).
    async fn edit_member(&self, caller: &Caller, form: EditForm) -> Result<Edited, AppError> {
        retried(|| async {
            let id: MemberId = form.member.parse().map_err(|_| AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersEdit).await?;
            let row = actors::find_member(&mut tx, &actor, id).await?;
            if row.state == MemberState::Removed {
                return Err(AppError::NotFound);
            }
            if form.version.parse() != Ok(row.version) {
                return Err(AppError::ChangedMeanwhile { by: row.changed_by, at: row.changed_at });
            }
            let wanted = actor.roles.parse_grant(&form.role, &form.extras)?;
            let assignment = LoginAssignment::wanted(&mut tx, &actor, &row, &form).await?;
            let new_address = wanted_address(&mut tx, &actor, &row, &form).await?;
            let edit = Edit {
                whose: actor.whose(id),
                state: row.state,
                present: &row.grant,
                wanted: &wanted,
                login_method: assignment.as_ref().map(LoginAssignment::kind),
                corrects_address: new_address.is_some(),
                other_owners: members::other_owners(&mut tx, actor.scope(), id).await?,
                confirmed: form.confirmation.trim() == actor.slug.as_str(),
                recently_authenticated: actor.is_recently_authenticated(self),
            };
            if edit.changes_nothing() {
                return Ok(Edited::Unchanged);
            }
            edit.check(&actor.effective, &actor.roles)?;

            if !members::set_grant(&mut tx, actor.scope(), id, &wanted, Some(actor.member), row.version, now).await? {
                return Err(AppError::ChangedMeanwhile { by: row.changed_by, at: row.changed_at });
            }
            kill_links_beyond_rights(&mut tx, actor.scope(), id, &actor.roles, now).await?;
            let open = row.invitation.as_ref().filter(|_| row.state == MemberState::Invited);
            if let Some(invitation) = open
                && can_invite(&actor.effective, &wanted, &actor.roles).is_yes()
            {
                // Whoever last decided what is offered becomes the sponsor (R29): the earlier one may be unable to grant it.
                invitations::set_sponsor(&mut tx, actor.scope(), invitation.id, actor.member).await?;
            }
            let target = AuditTarget { member: id, email: row.email.key().to_owned() };
            if let Some(assignment) = &assignment {
                self.change_login_method(&mut tx, &actor, &row, assignment).await?;
                let event = Event::SignsInBy { method: assignment.method.id };
                audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            }
            if let Some(email) = &new_address {
                correct_address(&mut tx, &actor, &row, email, now).await?;
            }
            if assignment.is_some() || new_address.is_some() {
                self.renew_changed_invitation(&mut tx, &actor, &row, new_address.as_ref(), now).await?;
            }
            if wanted != row.grant {
                self.tell_of_role(&mut tx, &actor, &row, &wanted, now).await?;
                let event = Event::Edited { before: row.grant, after: wanted };
                audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            }
            let saved = actors::find_member(&mut tx, &actor, id).await?;
            tx.commit().await?;
            Ok(Edited::Done { row: Box::new(shown_row(saved, now)?) })
        })
        .await
    }
}
