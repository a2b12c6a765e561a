//! The account that a key opens, and what the key may do there now.

use crate::{context::Services, service::actors};
use app::{
    domain::{ids::AccountId, language::Language, name::Slug, permission::Permissions},
    error::AppError,
    request::Caller,
};

/// What a program is told of itself.
#[derive(Clone, Debug)]
pub struct AccountOfKey {
    /// The account.
    pub id: AccountId,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// The name of the key.
    pub key_name: String,
    /// What the key may do now.
    pub permissions: Permissions,
}

impl Services {
    /// The account of the caller's key; every live key may ask.
    ///
    /// # Errors
    /// As [`actors::load`].
    pub async fn show_account_of_key(&self, caller: &Caller) -> Result<AccountOfKey, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load(self, &mut tx, caller).await?;
        Ok(AccountOfKey {
            id: actor.scope().id(),
            key_name: actor.audit_actor().key.unwrap_or_default(),
            slug: actor.slug,
            name: actor.account_name,
            language: actor.language,
            permissions: actor.effective.permissions,
        })
    }
}
