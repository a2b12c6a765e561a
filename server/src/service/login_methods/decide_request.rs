//! Decides about somebody who asks to be invited by another address (R14).

use crate::{
    context::Services,
    service::{
        actors::Actor,
        invitations::invite_user::{Request, standing_of},
        members::remove_member::withdraw,
    },
    storage::{
        Tx,
        audit::{self, AuditTarget, Event},
        decisions::{self, Decision, Outcome},
        identities,
        invitation_refusals::{self, AddressDigest},
        invitations,
        members::{self, Member},
        users,
    },
};
use app::{
    api::{invitations::Standing, login_methods::Notice},
    domain::{ids::UserId, policy::Refusal},
    error::AppError,
};

impl Services {
    /// Withdraws the invitation and makes the same offer to the address of whoever asked; or leaves it as it is, with its link. The actor may invite
    /// with what is offered; that the first invitation ends with it takes no further right.
    ///
    /// # Errors
    /// As for inviting.
    pub(super) async fn decide_request(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        request: &Decision,
        asker: UserId,
        outcome: Outcome,
    ) -> Result<Notice, AppError> {
        let notice = match outcome {
            Outcome::Used => self.grant_request(tx, actor, row, request, asker).await?,
            Outcome::Rejected => Notice::RequestRefused,
        };
        if notice != Notice::RequestInTheList {
            let now = self.now();
            decisions::decide(tx, actor.scope(), request.id, outcome, actor.member, now).await?;
            let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
            let event = Event::Decided { invitation: request.invitation, used: outcome == Outcome::Used };
            audit::record(tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
        }
        Ok(notice)
    }

    async fn grant_request(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        request: &Decision,
        asker: UserId,
    ) -> Result<Notice, AppError> {
        if row.grant.makes_owner() {
            actor.require_recent_authentication(self)?;
        }
        let (scope, now) = (actor.scope(), self.now());
        let asker = users::find(tx, asker).await?.filter(|user| user.verified.is_some()).ok_or(AppError::NotFound)?;
        if invitation_refusals::is_refused(tx, scope, &AddressDigest::of(scope, &asker.email)).await? {
            return Err(Refusal::WantsNoInvitations.into());
        }
        let known = members::find_by_email(tx, scope, &asker.email).await?;
        match known.as_ref().and_then(|known| standing_of(actor, known, now)) {
            None | Some(Standing::RemovedBefore { .. } | Standing::New) => {}
            Some(Standing::Member | Standing::Suspended | Standing::Invited) => return Ok(Notice::RequestInTheList),
        }
        let invitation = invitations::find(tx, scope, request.invitation).await?.ok_or(AppError::NotFound)?;
        if !members::remove(tx, scope, row.id, Some(actor.member), row.version, now).await? {
            return Err(AppError::NotFound);
        }
        if let Some(user) = row.user {
            identities::delete_of_user_in_account(tx, scope, user).await?;
        }
        if let Some(event) = withdraw(tx, actor, row, now).await? {
            let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
            audit::record(tx, scope, &actor.audit_actor(), Some(&target), &event, now).await?;
        }
        let offer = Request::to_another(row, &invitation, asker.email);
        self.write_invitation(tx, actor, known.as_ref(), &offer, now).await?;
        Ok(Notice::RequestGranted)
    }
}
