//! Ends the person's sessions but for the present one (SE-08).

use super::{notify::origin, require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{
        retried, sessions,
        user_events::{self, UserEvent},
    },
};
use app::{api::own_login::OthersEnded, backend::EndOtherSessions, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl EndOtherSessions for Services {
    /// Signs the person out everywhere else; answers how many sessions that ended.
    async fn end_other_sessions(&self, visitor: &Visitor) -> Result<OthersEnded, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            let ended = sessions::delete_others(&mut tx, signed_in.user, Some(signed_in.session)).await?;
            if ended > 0 {
                let event = UserEvent::OtherSessionsEnded { ended };
                user_events::record(&mut tx, signed_in.user, &event, &origin(visitor), self.now()).await?;
            }
            tx.commit().await?;
            tracing::info!(user = %signed_in.user, session = %signed_in.session, ended, "other sessions ended");
            Ok(OthersEnded { ended })
        })
        .await
    }
}
