//! Sends an invitation again: a new mailed link replaces the earlier ones, copied ones too, and the lifetime begins again (R23, INV-11).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, AuditTarget, Event},
        invitation_refusals::{self, AddressDigest},
        invitations,
        rate_buckets::{self, Limit},
        retried,
    },
};
use app::{
    api::invitations::Resent,
    backend::ResendInvitation,
    domain::{ids::MemberId, member::ShownState, permission::Gate, policy::Refusal, time::Span},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ResendInvitation for Services {
    /// Sends the invitation of a row again; role, extras, method and language are kept. The actor becomes its sponsor.
    async fn resend_invitation(&self, caller: &Caller, member: MemberId) -> Result<Resent, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersInvite).await?;
            let (row, latest) =
                actors::find_invited(&mut tx, &actor, member, ShownState::is_awaiting_answer, now).await?;
            let invitation = invitations::find(&mut tx, actor.scope(), latest.id).await?.ok_or(AppError::NotFound)?;

            let address = AddressDigest::of(actor.scope(), &row.email);
            if invitation_refusals::is_refused(&mut tx, actor.scope(), &address).await? {
                return Err(Refusal::WantsNoInvitations.into());
            }
            let cool_down = Span::seconds(i64::from(self.config.invitations.resend_cool_down_s));
            if let Some(again) = invitation.mailed.map(|at| at + cool_down).filter(|again| *again > now) {
                return Err(AppError::RateLimited { retry_after_s: (again - now).as_seconds() });
            }
            let again = Limit::per_day(self.config.invitations.resends_per_day);
            if let Err(wait) = rate_buckets::take(&mut tx, &format!("resend:{}", invitation.id), again, now).await? {
                return Err(AppError::RateLimited { retry_after_s: wait.as_seconds() });
            }
            if !invitations::renew(&mut tx, actor.scope(), &invitation, actor.member, now).await? {
                return Err(AppError::NotFound);
            }
            let again = invitation.again(&row.email, actor.member);
            let mail = self.queue_invitation(&mut tx, actor.scope(), again, now).await?;
            let target = AuditTarget { member, email: row.email.key().to_owned() };
            let event = Event::InvitationResent { invitation: invitation.id };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(Resent { member, email: row.email.typed().to_owned(), mail })
        })
        .await
    }
}
