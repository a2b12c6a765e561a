//! How somebody can reauthenticate for changes of the login.

use super::{require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::second_factors::{self, FactorsOf},
};
use app::{
    api::second_factors::OwnReauthenticationView, backend::ViewOwnReauthentication,
    domain::second_factor::SecondFactorKind, error::AppError, paths, request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ViewOwnReauthentication for Services {
    /// The ways that the user has: the password, and each kind of second factor.
    async fn view_own_reauthentication(
        &self,
        visitor: &Visitor,
        next: &str,
    ) -> Result<OwnReauthenticationView, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        require_own_password_session(&mut tx, signed_in).await?;
        let factors = second_factors::list(&mut tx, FactorsOf::user(signed_in.user)).await?;
        Ok(OwnReauthenticationView {
            recently_authenticated: self.is_recently_authenticated(&mut tx, signed_in).await?,
            minutes: self.config.sessions.step_up_minutes,
            next: next_page(next),
            email: signed_in.email.clone(),
            app: factors.iter().any(|factor| factor.kind == SecondFactorKind::Totp),
            passkey: factors.iter().any(|factor| factor.kind == SecondFactorKind::Passkey),
        })
    }
}

/// Where to go on: `next`, or the page of how one signs in.
pub(super) fn next_page(next: &str) -> String {
    paths::local_or(next, paths::ME_SIGN_IN)
}
