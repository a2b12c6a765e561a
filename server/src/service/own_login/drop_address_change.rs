//! Drops a change of the person's address that waits to be confirmed.

use super::{require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{address_changes, retried},
};
use app::{backend::DropAddressChange, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl DropAddressChange for Services {
    /// The link that was mailed to the new address is dead from now on.
    async fn drop_address_change(&self, visitor: &Visitor) -> Result<(), AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            address_changes::end_pending(&mut tx, signed_in.user, self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
