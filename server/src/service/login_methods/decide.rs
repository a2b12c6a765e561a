//! Decides about somebody whom the provider named differently from the one invited (R43, R44), or who asks to be invited by another address (R14).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, AuditTarget, Event},
        decisions::{self, Outcome},
        invitations, members, retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::Decide,
    domain::{
        ids::{DecisionId, MemberId},
        permission::Gate,
        policy::can_handle_invitation,
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl Decide for Services {
    /// Lets the person in as the provider named them, with a new link, or invites whoever asks; or leaves the invitation as it was.
    async fn decide(
        &self,
        caller: &Caller,
        member: MemberId,
        decision: DecisionId,
        outcome: &str,
    ) -> Result<NextPage, AppError> {
        retried(|| async {
            let outcome = match outcome {
                "use" => Outcome::Used,
                "reject" => Outcome::Rejected,
                _ => return Err(AppError::NotFound),
            };
            let now = self.now();
            let page = paths::decide(caller.account.as_str(), member);
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersInvite).await?;
            let row = actors::find_member(&mut tx, &actor, member).await?;
            can_handle_invitation(&actor.effective, &row.grant, &actor.roles).or_refuse()?;
            let open = decisions::find_open(&mut tx, actor.scope(), member).await?;
            let open = open.filter(|open| open.id == decision);
            if let Some((request, asker)) = open.as_ref().and_then(|open| Some((open, open.asked_by?))) {
                let notice = self.decide_request(&mut tx, &actor, &row, request, asker, outcome).await?;
                tx.commit().await?;
                return Ok(NextPage::saying(page, notice));
            }
            let refused = match &open {
                None => Some(Notice::DecidedBefore),
                Some(open) if outcome == Outcome::Used => {
                    if row.grant.makes_owner() {
                        actor.require_recent_authentication(self)?;
                    }
                    let (scope, identifier) = (actor.scope(), &open.identifier);
                    let taken =
                        members::is_identifier_taken(&mut tx, scope, open.method, identifier, Some(member)).await?;
                    taken.then_some(Notice::IdentifierTaken)
                }
                Some(_) => None,
            };
            let (Some(open), None) = (open, refused.as_ref()) else {
                return Ok(NextPage { path: page, notice: refused });
            };
            decisions::decide(&mut tx, actor.scope(), open.id, outcome, actor.member, now).await?;
            let invitation =
                invitations::find(&mut tx, actor.scope(), open.invitation).await?.ok_or(AppError::NotFound)?;
            if outcome == Outcome::Used {
                members::set_identifier(&mut tx, actor.scope(), member, &open.identifier).await?;
            }
            // Either way the invitation is renewed, with a new link, and whoever decided becomes its sponsor (R29).
            if invitations::renew(&mut tx, actor.scope(), &invitation, actor.member, now).await? {
                self.queue_invitation(&mut tx, actor.scope(), invitation.again(&row.email, actor.member), now).await?;
            }
            let target = AuditTarget { member, email: row.email.key().to_owned() };
            let event = Event::Decided { invitation: invitation.id, used: outcome == Outcome::Used };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::Decided))
        })
        .await
    }
}
