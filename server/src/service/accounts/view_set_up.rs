//! What the set-up page shows.

use super::set_up::presented_token;
use crate::{
    context::Services,
    program,
    storage::{
        accounts,
        tokens::{self, Purpose},
    },
};
use app::{api::setup::SetUpView, backend::ViewSetUp, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl ViewSetUp for Services {
    /// What the set-up page shows this browser.
    async fn view_set_up(&self, visitor: &Visitor) -> Result<SetUpView, AppError> {
        let mut tx = self.database.begin_read().await?;
        if accounts::any(&mut tx).await? {
            return Ok(SetUpView::Done);
        }
        let live = match presented_token(visitor) {
            Some(token) => tokens::is_live(&mut tx, Purpose::SetUp, &token.hash(), self.now()).await?,
            None => false,
        };
        Ok(match live {
            true => SetUpView::Open,
            false => SetUpView::NeedsLink { command: format!("{} setup-link", program::name()) },
        })
    }
}
