//! Reading an account's audit events against their chain, for `roster doctor` and `roster audit`.

use crate::{
    context::Services,
    storage::{StorageError, accounts, audit},
};
use app::domain::name::Slug;

impl Services {
    /// The slugs of all accounts, for the host's operator.
    ///
    /// # Errors
    /// The database's.
    pub async fn account_slugs(&self) -> Result<Vec<Slug>, StorageError> {
        accounts::all_slugs(&mut self.database.begin_read().await?).await
    }

    /// The audit events of the account with this slug, each checked against the one before, and the account's own count of them; `None`
    /// without such an account.
    ///
    /// # Errors
    /// The database's.
    pub async fn check_audit(&self, slug: &Slug) -> Result<Option<audit::Chain>, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let Some((_, scope)) = accounts::for_operator(&mut tx, slug).await? else { return Ok(None) };
        Ok(Some(audit::chain(&mut tx, scope).await?))
    }
}
