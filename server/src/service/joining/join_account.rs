//! Joins with the login that the person has: no new credentials (R15, R16, R19, INV-09).

use super::{accept_invitation::Accepted, presented_invitation::PresentedInvitation};
use crate::{
    context::Services,
    storage::{Tx, accounts, retried, sessions, users},
};
use app::{
    api::joining::Joined,
    backend::JoinAccount,
    domain::{ids::InvitationId, invitation::Channel, member::LoginMethodKind, time::Timestamp},
    error::AppError,
    request::{SignedIn, Visitor, WithCookies},
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
            if let Some(joined) = self.joined_in_another_tab(&mut tx, visitor, id).await? {
                return Ok(joined);
            }
            let scope = self.presented_scope(&mut tx, visitor, id).await?;
            accounts::lock(&mut tx, scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if presented.was_taken_up_by(signed_in.user) {
                return Ok(self.joined(visitor, &presented, Vec::new()));
            }
            let joined = self.join_with_login(&mut tx, visitor, signed_in, &presented, now).await?;
            tx.commit().await?;
            Ok(match joined {
                Joined::In { .. } => self.joined(visitor, &presented, Vec::new()),
                Joined::AwaitingApproval | Joined::SignInFirst => WithCookies { answer: joined, cookies: Vec::new() },
            })
        })
        .await
    }
}

impl Services {
    /// Accepts an invitation, whose account is locked, with the login that is signed in.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] if the invitation is over, or not for this login and session.
    pub(in crate::service) async fn join_with_login(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        signed_in: &SignedIn,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<Joined, AppError> {
        let mut user = users::find(tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
        // INV-10: what the member's login method demands is what must be proved.
        let by_password = presented.member.method.kind == LoginMethodKind::Password && presented.member.method_enabled;
        let proved = sessions::password_proved(tx, signed_in.session).await?.is_some();
        if !presented.is_open(now) || !self.can_join_as(presented, &user) || !by_password || !proved {
            return Err(AppError::OpenTheLinkAgain);
        }
        if !self.sponsor_can_still_invite(tx, presented, now).await? {
            return Ok(Joined::AwaitingApproval);
        }
        if presented.channel == Channel::Mailed && user.verified.is_none() {
            // The password and the mailed link together prove person and mailbox: nothing has to make way, unlike in R13.
            users::verify(tx, user.id, now).await?;
            user.verified = Some(now);
        }
        match self.accept(tx, visitor, presented, &user, now).await? {
            Accepted::Joined => Ok(Joined::In { slug: presented.account.slug.clone(), goes_on: None }),
            Accepted::TooLate => Err(AppError::OpenTheLinkAgain),
        }
    }
}
