//! How the caller can reauthenticate.

use super::reauthentication::{ReauthenticationOptions, next_page};
use crate::{
    context::Services,
    service::{actors, required_factor::factors_of},
    storage::second_factors,
};
use app::{
    api::login_methods::ReauthenticationView, backend::ViewReauthentication, domain::second_factor::SecondFactorKind,
    error::AppError, request::Caller,
};
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
        let factors = match factors_of(&mut tx, &actor).await? {
            Some(of) => second_factors::list(&mut tx, of).await?,
            None => Vec::new(),
        };
        let has = |kind| factors.iter().any(|factor| factor.kind == kind);
        Ok(ReauthenticationView {
            recently_authenticated: actor.is_recently_authenticated(self),
            minutes: self.config.sessions.step_up_minutes,
            next,
            email: user.email.typed().to_owned(),
            provider,
            shortfall,
            other,
            app: has(SecondFactorKind::Totp),
            passkey: has(SecondFactorKind::Passkey) && self.has_passkeys(),
        })
    }
}
