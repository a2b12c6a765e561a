//! Ends one of the person's own sessions (SE-08).

use super::{notify::origin, require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{
        retried, sessions,
        user_events::{self, UserEvent},
    },
};
use app::{backend::EndSession, domain::ids::SessionId, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl EndSession for Services {
    /// Ends a session of the signed-in user; whoever has its cookie is signed out from the next request on.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if the user has no such session (any more).
    async fn end_session(&self, visitor: &Visitor, session: SessionId) -> Result<(), AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            if !sessions::delete_of(&mut tx, signed_in.user, session).await? {
                return Err(AppError::NotFound);
            }
            let event = UserEvent::SessionEnded { session };
            user_events::record(&mut tx, signed_in.user, &event, &origin(visitor), self.now()).await?;
            tx.commit().await?;
            tracing::info!(user = %signed_in.user, %session, "session ended by its user");
            Ok(())
        })
        .await
    }
}
