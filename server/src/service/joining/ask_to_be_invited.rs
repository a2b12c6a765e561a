//! Asks to be invited by the address that is signed in, in place of the invited one (R14): a request that an admin decides. The link stays good, and
//! nobody's login changes.

use super::presented_invitation::PresentedInvitation;
use crate::{
    context::Services,
    service::sessions::sign_in::rate_limited,
    storage::{
        Tx, accounts,
        audit::Event,
        decisions::{self, Decision, RequestState},
        members,
        rate_buckets::{self, Limit},
        retried,
        users::{self, User},
    },
};
use app::{
    api::joining::AskAs,
    backend::AskToBeInvited,
    domain::{
        ids::{DecisionId, InvitationId},
        member::MemberState,
    },
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;
use uuid::Uuid;

/// Requests of one user, whatever the accounts.
const REQUESTS_PER_USER_DAY: u32 = 10;

#[async_trait]
impl AskToBeInvited for Services {
    /// Opens the request, and tells the one who is answerable.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] for a link that is not open; [`AppError::RateLimited`].
    async fn ask_to_be_invited(&self, visitor: &Visitor, id: InvitationId) -> Result<AskAs, AppError> {
        retried(|| async {
            let now = self.now();
            let signed_in = visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)?;
            let mut tx = self.database.begin_write().await?;
            let before = self.require_invitation(&mut tx, visitor, id).await?;
            accounts::lock(&mut tx, before.scope).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if !presented.is_open(now) {
                return Err(AppError::OpenTheLinkAgain);
            }
            let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            match ask_as(&mut tx, &presented, &user).await? {
                AskAs::Possible => {}
                state @ (AskAs::Asked | AskAs::Refused | AskAs::Member | AskAs::Impossible) => return Ok(state),
            }
            let (key, limit) = (format!("ask-as:{}", user.id), Limit::per_day(REQUESTS_PER_USER_DAY));
            rate_buckets::take(&mut tx, &key, limit, now).await?.map_err(rate_limited)?;
            let decision = Decision {
                id: DecisionId(Uuid::now_v7()),
                member: presented.member.id,
                invitation: id,
                method: presented.member.method.id,
                identifier: String::new(),
                email: None,
                at: now,
                asked_by: Some(user.id),
            };
            decisions::open(&mut tx, presented.scope, &decision).await?;
            presented.record_by_invitee(&mut tx, visitor, &Event::OtherAddressAsked { invitation: id }, now).await?;
            self.tell_of_decision(&mut tx, &presented, now).await?;
            tx.commit().await?;
            Ok(AskAs::Asked)
        })
        .await
    }
}

/// Can an admin be asked to invite this user in place of the one invited? Only by an address that is known to be theirs, and that has no entry in
/// the account yet.
pub(super) async fn ask_as(tx: &mut Tx, presented: &PresentedInvitation, user: &User) -> Result<AskAs, AppError> {
    if user.email == presented.member.email || user.verified.is_none() {
        return Ok(AskAs::Impossible);
    }
    match members::find_by_email(tx, presented.scope, &user.email).await?.map(|row| row.state) {
        Some(MemberState::Active) => return Ok(AskAs::Member),
        Some(MemberState::Invited | MemberState::Suspended) => return Ok(AskAs::Impossible),
        // Only an admin brings back somebody who was removed (R39), and here one decides.
        Some(MemberState::Removed) | None => {}
    }
    Ok(match decisions::request(tx, presented.scope, presented.invitation.id).await? {
        Some((_, RequestState::Open)) => AskAs::Asked,
        Some((_, RequestState::Refused)) => AskAs::Refused,
        Some((_, RequestState::Granted)) => AskAs::Impossible,
        Some((_, RequestState::Superseded)) | None => AskAs::Possible,
    })
}
