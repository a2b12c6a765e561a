//! Makes new recovery codes.

use super::{notify::origin, signed_in};
use crate::{
    context::Services,
    storage::{
        outbox::{MailKind, SecondFactorChange},
        retried,
        second_factors::{self, FactorsOf},
        user_events::{self, UserEvent},
        users,
    },
};
use app::{api::second_factors::RecoveryCodes, backend::MakeRecoveryCodes, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl MakeRecoveryCodes for Services {
    /// Replaces the user's recovery codes; they are shown this once.
    ///
    /// # Errors
    /// Those of [`Services::begin_login_change`]; [`AppError::NotFound`] without a second factor.
    async fn make_recovery_codes(&self, visitor: &Visitor) -> Result<RecoveryCodes, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let now = self.now();
            let mut tx = self.begin_login_change(signed_in).await?;
            if !second_factors::has_any(&mut tx, FactorsOf::user(signed_in.user)).await? {
                return Err(AppError::NotFound);
            }
            let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            let codes = self.renew_recovery_codes(&mut tx, user.id).await?;
            user_events::record(&mut tx, user.id, &UserEvent::RecoveryCodesMade, &origin(visitor), now).await?;
            self.notify_user(
                &mut tx,
                &user,
                MailKind::SecondFactors(SecondFactorChange::RecoveryCodesMade),
                visitor.language,
                now,
            )
            .await?;
            tx.commit().await?;
            Ok(codes)
        })
        .await
    }
}
