//! How the caller can reauthenticate.

use super::reauthentication::{ReauthenticationOptions, next_page};
use crate::{context::Services, service::actors};
use app::{api::login_methods::ReauthenticationView, backend::ViewReauthentication, error::AppError, request::Caller};
use async_trait::async_trait;

#[async_trait]
impl ViewReauthentication for Services {
    /// How the caller can reauthenticate.
    async fn view_reauthentication(&self, caller: &Caller, next: &str) -> Result<ReauthenticationView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
        let next = next_page(caller, next);
        let ReauthenticationOptions { user, provider, shortfall, other } =
            self.reauthentication_options(&mut tx, &actor, &next).await?;
        Ok(ReauthenticationView {
            recently_authenticated: actor.is_recently_authenticated(self),
            minutes: self.config.sessions.step_up_minutes,
            next,
            email: user.email.typed().to_owned(),
            provider,
            shortfall,
            other,
        })
    }
}
