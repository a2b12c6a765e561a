//! Shows the seed of an app that is being set up.

use super::signed_in;
use crate::{
    context::Services,
    second_factors::Seed,
    secrets::SealedFor,
    storage::{
        Tx,
        second_factors::{self, FactorsOf, SecondFactor},
    },
};
use app::{
    api::second_factors::TotpView,
    backend::ShowTotp,
    domain::{ids::SecondFactorId, time::Span},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// How long an app may take to be set up.
const SET_UP_TTL: Span = Span::minutes(30);

#[async_trait]
impl ShowTotp for Services {
    /// The seed as a QR code and as text, for as long as it is not confirmed; afterwards nobody sees it again.
    ///
    /// # Errors
    /// Those of [`Services::require_recent_own_authentication`]; [`AppError::NotFound`].
    async fn show_totp(&self, visitor: &Visitor, factor: SecondFactorId) -> Result<TotpView, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        self.require_recent_own_authentication(&mut tx, signed_in).await?;
        let (_, seed) = self.draft_of_app(&mut tx, FactorsOf::user(signed_in.user), factor).await?;
        self.totp_view(&seed, self.config.base_url.host_str().unwrap_or_default(), &signed_in.email)
    }
}

impl Services {
    /// A seed as an app scans or takes it, under the names of who issues it and of whose it is.
    pub(in crate::service) fn totp_view(&self, seed: &Seed, issuer: &str, email: &str) -> Result<TotpView, AppError> {
        let shown = seed.url(issuer, email).map_err(|_| AppError::Unavailable)?;
        Ok(TotpView { qr: shown.qr, seed: shown.text, url: shown.url })
    }

    /// The app that is being set up, with its seed.
    pub(in crate::service) async fn draft_of_app(
        &self,
        tx: &mut Tx,
        of: FactorsOf,
        factor: SecondFactorId,
    ) -> Result<(SecondFactor, Seed), AppError> {
        let oldest = self.now() - SET_UP_TTL;
        let draft = second_factors::find_draft(tx, of, factor, oldest).await?.ok_or(AppError::NotFound)?;
        let sealed = draft.sealed.as_deref().ok_or(AppError::NotFound)?;
        let seed = self.keyring.open(SealedFor::TotpSeed(draft.id), sealed)?;
        Ok((draft, Seed::from_bytes(&seed).ok_or(AppError::NotFound)?))
    }
}
