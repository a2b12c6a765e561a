//! Forgets a browser that was remembered.

use super::{require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{remembered_browsers, retried},
};
use app::{backend::ForgetBrowser, domain::ids::RememberedBrowserId, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl ForgetBrowser for Services {
    /// Has the next sign-in in that browser ask for a second factor again.
    ///
    /// # Errors
    /// Those of [`require_own_password_session`]; [`AppError::NotFound`] if it is not remembered any more.
    async fn forget_browser(&self, visitor: &Visitor, browser: RememberedBrowserId) -> Result<(), AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            if !remembered_browsers::forget(&mut tx, signed_in.user, browser).await? {
                return Err(AppError::NotFound);
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}
