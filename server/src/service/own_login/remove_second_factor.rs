//! Removes a second factor.

use super::{confirm_totp::end_other_sign_ins, notify::origin, signed_in};
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
use app::{backend::RemoveSecondFactor, domain::ids::SecondFactorId, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl RemoveSecondFactor for Services {
    /// Removes one of the user's second factors, and with the last one the recovery codes (LT-07). The other sessions end (SE-07).
    ///
    /// # Errors
    /// Those of [`Services::begin_login_change`]; [`AppError::NotFound`].
    async fn remove_second_factor(&self, visitor: &Visitor, factor: SecondFactorId) -> Result<(), AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let now = self.now();
            let mut tx = self.begin_login_change(signed_in).await?;
            let own = FactorsOf::user(signed_in.user);
            let factors = second_factors::list(&mut tx, own).await?;
            let kind = factors.iter().find(|known| known.id == factor).ok_or(AppError::NotFound)?.kind;
            if !second_factors::remove(&mut tx, own, factor).await? {
                return Err(AppError::NotFound);
            }
            if !second_factors::has_any(&mut tx, own).await? {
                second_factors::set_recovery_codes(&mut tx, signed_in.user, &[], now).await?;
                second_factors::remove_drafts(&mut tx, own).await?;
            }
            let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            end_other_sign_ins(&mut tx, &user, signed_in).await?;
            let event = UserEvent::SecondFactorRemoved { factor: kind };
            user_events::record(&mut tx, user.id, &event, &origin(visitor), now).await?;
            self.notify_user(
                &mut tx,
                &user,
                MailKind::SecondFactors(SecondFactorChange::Removed),
                visitor.language,
                now,
            )
            .await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, kind = kind.key(), ip = %visitor.ip, "second factor removed");
            Ok(())
        })
        .await
    }
}
