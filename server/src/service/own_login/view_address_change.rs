//! What the link of a change of address leads to.

use crate::{
    context::Services,
    secrets::Token,
    storage::{StorageError, Tx, address_changes, address_changes::AddressChange},
};
use app::{api::address::AddressChangeView, backend::ViewAddressChange, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl ViewAddressChange for Services {
    /// Whether the change of this browser's link can be confirmed, or taken back. Nothing changes.
    async fn view_address_change(&self, visitor: &Visitor) -> Result<AddressChangeView, AppError> {
        let mut tx = self.database.begin_read().await?;
        Ok(match self.presented_change(&mut tx, visitor).await? {
            Some(change) if change.confirmed.is_none() => AddressChangeView::Confirm {
                old: change.old.typed().to_owned(),
                new: change.new.typed().to_owned(),
                until: change.expires,
            },
            Some(change) => AddressChangeView::Undo { old: change.old.typed().to_owned(), until: change.expires },
            None => AddressChangeView::Ended,
        })
    }
}

impl Services {
    /// The change whose link this browser opened, if it can be confirmed or taken back now.
    pub(super) async fn presented_change(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<Option<AddressChange>, StorageError> {
        let Some(token) = visitor.address_change.as_deref().and_then(Token::parse) else { return Ok(None) };
        match address_changes::to_confirm(tx, &token.hash(), self.now()).await? {
            Some(change) => Ok(Some(change)),
            None => address_changes::to_undo(tx, &token.hash(), self.now()).await,
        }
    }
}
