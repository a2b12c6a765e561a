//! Declines an invitation to the person's own address, without the link (R6, R63).

use super::signed_in;
use crate::{context::Services, storage::retried};
use app::{backend::DeclineOwnInvitation, domain::ids::InvitationId, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl DeclineOwnInvitation for Services {
    /// Declines one invitation, and answers the account's name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that is over as for somebody else's.
    async fn decline_own_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<String, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            let presented = self.own_invitation(&mut tx, signed_in, id).await?;
            let now = self.now();
            if !presented.is_open(now) || !self.decline(&mut tx, visitor, &presented, now).await? {
                return Err(AppError::NotFound);
            }
            tx.commit().await?;
            Ok(presented.account.name)
        })
        .await
    }
}
