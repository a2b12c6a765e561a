//! Takes a change of address back, by the link in the notice to the old one (R48, PW-11).

use super::notify::origin;
use crate::{
    context::Services,
    storage::{
        StorageError, address_changes, ownership_offers, pending_sign_ins, remembered_browsers, retried,
        second_factors, sessions,
        user_events::{self, UserEvent},
    },
};
use app::{
    api::address::AddressRestored,
    backend::UndoAddressChange,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl UndoAddressChange for Services {
    /// Gives the user the old address back. Whoever takes a change back did not make it, so every session ends, and so do the changes that
    /// came after it. A change of the password in between is no obstacle: a thief would begin with it. Second factors and recovery codes that
    /// came since the change was asked for go with it, or a thief's would keep the owner out.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] if the link is not valid any more.
    async fn undo_address_change(&self, visitor: &Visitor) -> Result<WithCookies<AddressRestored>, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (change, user) = self.lock_presented(&mut tx, visitor, true).await?;
            if !address_changes::end_from(&mut tx, &change, now).await? {
                return Err(AppError::OpenTheLinkAgain);
            }
            let user = match self.readdress(&mut tx, visitor, user, &change.old, now).await {
                Err(StorageError::Taken(_)) => {
                    let answer = AddressRestored::Taken { email: change.old.typed().to_owned() };
                    return Ok(WithCookies { answer, cookies: Vec::new() });
                }
                other => other?,
            };
            sessions::delete_of_user(&mut tx, user.id).await?;
            pending_sign_ins::delete_of_user(&mut tx, user.id).await?;
            remembered_browsers::delete_of_user(&mut tx, user.id).await?;
            ownership_offers::end_by_user(&mut tx, user.id, now).await?;
            let removed = second_factors::remove_since(&mut tx, user.id, change.asked).await?;
            if removed > 0 {
                user_events::record(&mut tx, user.id, &UserEvent::SecondFactorsTakenBack, &origin(visitor), now)
                    .await?;
            }
            user_events::record(&mut tx, user.id, &UserEvent::AddressChangeUndone, &origin(visitor), now).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, ip = %visitor.ip, "change of address taken back");
            let answer = AddressRestored::Done { email: change.old.typed().to_owned() };
            Ok(WithCookies { answer, cookies: vec![self.cookies.clear_address_change(), self.cookies.clear_session()] })
        })
        .await
    }
}
