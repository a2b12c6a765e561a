//! `roster account create`: another account with an invitation for its owner.

use super::invite_owner::OwnerInvitation;
use crate::{context::Services, service::accounts::open_account::NameAndSlug};
use app::{
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
    },
    error::AppError,
};

/// The account just made.
#[derive(Clone, Debug)]
pub struct CreatedAccount {
    /// Its slug.
    pub slug: String,
    /// The owner's invitation.
    pub owner: OwnerInvitation,
}

impl Services {
    /// Makes an account and invites its owner.
    ///
    /// # Errors
    /// [`AppError::Invalid`] by field, or the database's.
    pub async fn create_account(&self, name: &str, slug: &str, owner: &str) -> Result<CreatedAccount, AppError> {
        let mut errors = FieldErrors::default();
        let account = NameAndSlug::parse(name, slug, &mut errors);
        let email = errors.keep(Field::Email, Email::parse(owner));
        let (Some(account), Some(email)) = (account, email) else { return Err(errors.into()) };

        let slug = account.slug.to_string();
        let mut tx = self.database.begin_write().await?;
        let (scope, _) = self.insert_account(&mut tx, account, None).await?;
        let owner = self.invite_owner(&mut tx, scope, None, &email, self.config.accounts.language).await?;
        tx.commit().await?;
        Ok(CreatedAccount { slug, owner })
    }
}
