//! Joins an account that invited the person's own address, without the link (R6).

use super::signed_in;
use crate::{context::Services, storage::retried};
use app::{
    api::joining::Joined, backend::JoinOwnInvitation, domain::ids::InvitationId, error::AppError, request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl JoinOwnInvitation for Services {
    /// Accepts one invitation; the others stay as they are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that is over as for somebody else's, and for one whose account asks for its own login method.
    async fn join_own_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<Joined, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            let presented = self.own_invitation(&mut tx, signed_in, id).await?;
            let joined = match self.join_with_login(&mut tx, visitor, signed_in, &presented, self.now()).await {
                Err(AppError::OpenTheLinkAgain) => return Err(AppError::NotFound),
                other => other?,
            };
            tx.commit().await?;
            Ok(joined)
        })
        .await
    }
}
