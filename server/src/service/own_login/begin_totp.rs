//! Begins to set an authenticator app up as a second factor.

use super::signed_in;
use crate::{
    context::Services,
    second_factors::Seed,
    secrets::SealedFor,
    storage::{
        retried,
        second_factors::{self, FactorsOf},
    },
};
use app::{
    backend::BeginTotp,
    domain::{ids::SecondFactorId, second_factor::SecondFactorKind},
    error::AppError,
    paths,
    request::Visitor,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl BeginTotp for Services {
    /// Makes a seed, sealed; it counts for nothing until a code confirms it. Answers the page that shows it.
    ///
    /// # Errors
    /// Those of [`Services::require_recent_own_authentication`].
    async fn begin_totp(&self, visitor: &Visitor) -> Result<String, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let mut tx = self.database.begin_write().await?;
            self.require_recent_own_authentication(&mut tx, signed_in).await?;
            let id = SecondFactorId(Uuid::now_v7());
            let sealed = self.keyring.seal(SealedFor::TotpSeed(id), Seed::new().bytes());
            let kind = SecondFactorKind::Totp;
            second_factors::insert_draft(&mut tx, id, FactorsOf::user(signed_in.user), kind, &sealed, self.now())
                .await?;
            tx.commit().await?;
            Ok(paths::set_up_totp(id))
        })
        .await
    }
}
