//! Keeps a login that was to be deleted.

use super::{notify::origin, require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{
        retried,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{backend::KeepLogin, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl KeepLogin for Services {
    /// Nothing is deleted any more.
    async fn keep_login(&self, visitor: &Visitor) -> Result<(), AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            users::lock(&mut tx, signed_in.user).await?;
            let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            if user.delete_at.is_some() {
                users::set_deletion(&mut tx, user.id, None).await?;
                let event = UserEvent::LoginKept;
                user_events::record(&mut tx, user.id, &event, &origin(visitor), self.now()).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }
}
