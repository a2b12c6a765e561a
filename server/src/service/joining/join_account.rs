//! Joins with the login that the person has: no new credentials (R15, R16, R19, INV-09).

use super::accept_invitation::Accepted;
use crate::{
    context::Services,
    storage::{accounts, retried, sessions, users},
};
use app::{
    api::joining::Joined,
    backend::JoinAccount,
    domain::{ids::InvitationId, invitation::Channel, member::LoginMethodKind},
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl JoinAccount for Services {
    /// Accepts the invitation as the signed-in user, whose proved address must be the invited one.
    async fn join_account(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<Joined>, AppError> {
        retried(|| async {
            let signed_in = visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let before = self.require_invitation(&mut tx, visitor, id).await?;
            accounts::lock(&mut tx, before.scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if presented.was_taken_up_by(signed_in.user) {
                return Ok(self.joined(&presented, Vec::new()));
            }
            let mut user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            // INV-10: what the member's login method demands is what must be proved.
            let by_password =
                presented.member.method.kind == LoginMethodKind::Password && presented.member.method_enabled;
            let proved = sessions::password_proved(&mut tx, signed_in.session).await?.is_some();
            if !presented.is_open(now) || !self.can_join_as(&presented, &user) || !by_password || !proved {
                return Err(AppError::OpenTheLinkAgain);
            }
            if !self.sponsor_can_still_invite(&mut tx, &presented, now).await? {
                tx.commit().await?;
                return Ok(WithCookies { answer: Joined::AwaitingApproval, cookies: Vec::new() });
            }
            if presented.channel == Channel::Mailed && user.verified.is_none() {
                // The password and the mailed link together prove person and mailbox: nothing has to make way, unlike in R13.
                users::verify(&mut tx, user.id, now).await?;
                user.verified = Some(now);
            }
            match self.accept(&mut tx, visitor, &presented, &user, now).await? {
                Accepted::Joined => {}
                Accepted::TooLate => return Err(AppError::OpenTheLinkAgain),
            }
            tx.commit().await?;
            Ok(self.joined(&presented, Vec::new()))
        })
        .await
    }
}
