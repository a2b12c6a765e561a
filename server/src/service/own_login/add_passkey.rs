//! Adds a passkey as a second factor.

use super::{confirm_totp::parse_factor_name, signed_in};
use crate::{
    context::Services,
    storage::{passkey_challenges::ChallengePurpose, retried, second_factors},
};
use app::{
    api::second_factors::{PasskeyForm, SecondFactorAdded},
    backend::AddPasskey,
    domain::{
        fields::{Field, FieldErrors},
        second_factor::SecondFactorKind,
    },
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl AddPasskey for Services {
    /// Checks what the browser made, and adds it. The first factor comes with recovery codes.
    ///
    /// # Errors
    /// Those of [`Services::begin_login_change`]; [`AppError::PasskeyRefused`]; what is wrong with the name, at its field.
    async fn add_passkey(
        &self,
        visitor: &Visitor,
        form: PasskeyForm,
    ) -> Result<WithCookies<SecondFactorAdded>, AppError> {
        let signed_in = signed_in(visitor)?;
        let name = parse_factor_name(&form.name).map_err(|problem| FieldErrors::one(Field::FactorName, problem))?;
        let state = self.use_challenge(&form.challenge, ChallengePurpose::Register, Some(signed_in.session.0)).await?;
        let made = self.relying_party()?.finish_registration(&state, signed_in.user, &form.credential);
        let credential = made.map_err(|fault| {
            tracing::info!(user = %signed_in.user, ?fault, ip = %visitor.ip, "a new passkey was refused");
            AppError::PasskeyRefused
        })?;
        retried(|| async {
            let mut tx = self.begin_login_change(signed_in).await?;
            second_factors::insert_passkey(&mut tx, signed_in.user, &name, &credential, self.now())
                .await
                .map_err(|error| error.or_taken::<AppError>(|| AppError::PasskeyRefused))?;
            let kind = SecondFactorKind::Passkey;
            let added = self.second_factor_added(&mut tx, visitor, signed_in, kind).await?;
            tx.commit().await?;
            Ok(added)
        })
        .await
    }
}
