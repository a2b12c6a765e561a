//! The signed-in user, for the shell.

use crate::context::Services;
use app::{api::session::Me, backend::Whoami, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl Whoami for Services {
    /// The signed-in user with the accounts this session can open.
    async fn whoami(&self, visitor: &Visitor) -> Result<Option<Me>, AppError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(None) };
        Ok(Some(Me {
            name: signed_in.name.clone(),
            email: signed_in.email.clone(),
            accounts: self.accounts_of(signed_in).await?,
            delete_at: signed_in.delete_at,
        }))
    }
}
