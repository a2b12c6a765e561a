//! Signing out: the session is dead on the server (SE-05).

use crate::{
    context::Services,
    storage::{retried, sessions},
};
use app::{
    backend::SignOut,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl SignOut for Services {
    /// Ends this browser's session, if there is one.
    async fn sign_out(&self, visitor: &Visitor) -> Result<WithCookies<()>, AppError> {
        retried(|| async {
            if let Some(signed_in) = &visitor.signed_in {
                let mut tx = self.database.begin_write().await?;
                sessions::delete(&mut tx, signed_in.user, signed_in.session).await?;
                tx.commit().await?;
                tracing::info!(user = %signed_in.user, session = %signed_in.session, "signed out");
            }
            Ok(WithCookies { answer: (), cookies: vec![self.cookies.clear_session(), self.cookies.clear_flash()] })
        })
        .await
    }
}
