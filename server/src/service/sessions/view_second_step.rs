//! What the second step of signing in shows.

use crate::{
    context::Services,
    storage::{
        second_factors::{self, FactorsOf},
        users,
    },
};
use app::{
    api::second_factors::SecondStepView, backend::ViewSecondStep, domain::second_factor::SecondFactorKind,
    error::AppError, request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ViewSecondStep for Services {
    /// The sign-in that waits in this browser, if there is one. Whoever has its cookie has shown the password.
    async fn view_second_step(&self, visitor: &Visitor) -> Result<SecondStepView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let Some(pending) = self.presented_sign_in(&mut tx, visitor).await? else { return Ok(SecondStepView::Ended) };
        let Some(user) = users::find(&mut tx, pending.user).await? else { return Ok(SecondStepView::Ended) };
        let factors = second_factors::list(&mut tx, FactorsOf::user(pending.user)).await?;
        Ok(SecondStepView::Waiting {
            email: user.email.typed().to_owned(),
            app: factors.iter().any(|factor| factor.kind == SecondFactorKind::Totp),
            passkey: factors.iter().any(|factor| factor.kind == SecondFactorKind::Passkey),
        })
    }
}
