//! Makes the configuration of a test that passed live (R45).

use super::test_login_method::{PassedTest, Promotion};
use crate::{
    context::Services,
    storage::{oauth_attempts, retried},
};
use app::{
    api::login_methods::{MakeLiveForm, NextPage, Notice},
    backend::MakeLive,
    domain::ids::LoginMethodId,
    error::AppError,
    paths,
    request::{Caller, Visitor},
};
use async_trait::async_trait;

#[async_trait]
impl MakeLive for Services {
    /// Makes the tested configuration live, perhaps with another of the received claims as the identifier.
    async fn make_live(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let method: LoginMethodId = form.method.parse().map_err(|_| AppError::NotFound)?;
            let page = paths::login_method(caller.account.as_str(), method);
            let mut tx = self.database.begin_write().await?;
            let Some(passed) = self.passed_test(&mut tx, caller, visitor, method, &form).await? else {
                return Ok(NextPage::saying(page, Notice::TestGone));
            };
            let PassedTest { actor, attempt, by, person, at } = passed;
            let tested = paths::tested(caller.account.as_str(), method, attempt.id);
            let made = self.promote(&mut tx, &actor, method, &by, (&person, at), form.confirmed == "yes").await?;
            match made {
                Promotion::Done => {
                    oauth_attempts::set_configuration(&mut tx, &attempt, by.id).await?;
                    tx.commit().await?;
                    Ok(NextPage::saying(tested, Notice::Live))
                }
                Promotion::NeedsConfirmation | Promotion::Replaced => Ok(NextPage::silent(tested)),
                Promotion::LastOwnerLocked => Ok(NextPage::saying(tested, Notice::LastOwner)),
            }
        })
        .await
    }
}
