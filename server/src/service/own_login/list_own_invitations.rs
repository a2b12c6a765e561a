//! The open invitations to the person's own address (R6).

use super::signed_in;
use crate::context::Services;
use app::{
    api::{joining::Inviter, own_login::OwnInvitation},
    backend::ListOwnInvitations,
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ListOwnInvitations for Services {
    /// Those that can be answered, the latest first.
    async fn list_own_invitations(&self, visitor: &Visitor) -> Result<Vec<OwnInvitation>, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        let invitations = self.own_invitations(&mut tx, signed_in).await?;
        Ok(invitations
            .into_iter()
            .map(|offered| OwnInvitation {
                id: offered.id,
                account: offered.account,
                slug: offered.slug,
                inviter: offered.sponsor.map(|(name, email)| Inviter { name, email }),
                role: offered.role,
                role_name: offered.role_name,
                expires: offered.expires,
                by_password: offered.by_password,
            })
            .collect())
    }
}
