//! Begins to set an authenticator app up that counts in one account alone.

use super::require_account_app;
use crate::{
    context::Services,
    second_factors::Seed,
    secrets::SealedFor,
    service::actors,
    storage::{retried, second_factors},
};
use app::{
    backend::BeginAccountApp,
    domain::{ids::SecondFactorId, second_factor::SecondFactorKind},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl BeginAccountApp for Services {
    /// Makes a seed, sealed; it counts for nothing until a code confirms it. Answers the page that shows it.
    ///
    /// # Errors
    /// Those of [`require_account_app`].
    async fn begin_account_app(&self, caller: &Caller, next: &str) -> Result<String, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
            let of = require_account_app(self, &mut tx, &actor).await?;
            let id = SecondFactorId(Uuid::now_v7());
            let sealed = self.keyring.seal(SealedFor::TotpSeed(id), Seed::new().bytes());
            second_factors::insert_draft(&mut tx, id, of, SecondFactorKind::Totp, &sealed, self.now()).await?;
            tx.commit().await?;
            Ok(paths::begun_account_app(caller.account.as_str(), id, &paths::local_or(next, "")))
        })
        .await
    }
}
