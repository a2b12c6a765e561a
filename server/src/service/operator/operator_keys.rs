//! `roster key`: the keys of the host's operator, by which programs act in every account (LT-01). Nobody makes one in the browser, and no account
//! sees them but by what they do there.

use crate::{
    context::Services,
    secrets::ApiKey,
    service::OperatorUse,
    storage::{
        accounts::{self, Account},
        operator_keys::{self, OperatorKey},
    },
};
use app::{
    domain::{
        api_key::{parse_key_lifetime, require_permissions},
        fields::{Field, FieldErrors},
        ids::AccountId,
        name::parse_role_name,
        permission::{PermissionKey, Permissions},
    },
    error::AppError,
};
use uuid::Uuid;

/// What came of adding a key.
#[derive(Clone, Debug)]
pub enum OperatorKeyAdded {
    /// It is there; its text is shown this once.
    Done(ApiKey),
    /// There is one of this name.
    NameTaken,
    /// There is no such permission.
    UnknownPermission(PermissionKey),
}

/// What a key of the operator is told of itself and of the accounts.
#[derive(Clone, Debug)]
pub struct AccountsOfOperator {
    /// The key.
    pub key: OperatorKey,
    /// Some accounts.
    pub accounts: Vec<Account>,
    /// After which the list goes on.
    pub next: Option<AccountId>,
}

impl Services {
    /// Makes a key that can do this in every account, for so many days or for ever (`never`); 90 days if nothing is said.
    ///
    /// # Errors
    /// [`AppError::Invalid`] by field, or the database's.
    pub async fn add_operator_key(
        &self,
        name: &str,
        permissions: &[String],
        lifetime: &str,
    ) -> Result<OperatorKeyAdded, AppError> {
        let now = self.now();
        let name = parse_role_name(name).map_err(|problem| FieldErrors::one(Field::Name, problem))?;
        let permissions: Permissions = permissions.iter().map(|key| PermissionKey::new(key.trim())).collect();
        let expires =
            parse_key_lifetime(lifetime, now).map_err(|problem| FieldErrors::one(Field::Lifetime, problem))?;
        let permissions =
            require_permissions(permissions).map_err(|problem| FieldErrors::one(Field::Permissions, problem))?;
        if let Some(unknown) = permissions.iter().find(|key| !self.catalogue.knows(key)) {
            return Ok(OperatorKeyAdded::UnknownPermission(unknown.clone()));
        }
        let key = ApiKey::new_for_operator();
        let new = OperatorKey {
            id: Uuid::now_v7(),
            name,
            hint: key.hint(),
            permissions,
            created: now,
            expires,
            last_used: None,
        };
        let mut tx = self.database.begin_write().await?;
        if !operator_keys::insert(&mut tx, &new, &key.hash()).await? {
            return Ok(OperatorKeyAdded::NameTaken);
        }
        tx.commit().await?;
        Ok(OperatorKeyAdded::Done(key))
    }

    /// The keys, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_operator_keys(&self) -> Result<Vec<OperatorKey>, AppError> {
        let mut tx = self.database.begin_read().await?;
        Ok(operator_keys::all(&mut tx).await?)
    }

    /// Deletes the key of this name, which opens nothing any more on any instance.
    ///
    /// # Errors
    /// [`AppError::NotFound`], or the database's.
    pub async fn revoke_operator_key(&self, name: &str) -> Result<(), AppError> {
        let mut tx = self.database.begin_write().await?;
        if !operator_keys::revoke(&mut tx, name.trim()).await? {
            return Err(AppError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// Some accounts after this one, for a key that is still live.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`], or the database's.
    pub async fn list_accounts_of_operator(
        &self,
        by: &OperatorUse,
        after: Option<AccountId>,
        most: usize,
    ) -> Result<AccountsOfOperator, AppError> {
        let mut tx = self.database.begin_read().await?;
        let key = operator_keys::live(&mut tx, &by.hash, self.now()).await?.ok_or(AppError::Unauthenticated)?;
        let mut accounts = accounts::some(&mut tx, after, most as i64 + 1).await?;
        let more = accounts.len() > most;
        accounts.truncate(most);
        let next = accounts.last().filter(|_| more).map(|account| account.id);
        Ok(AccountsOfOperator { key, accounts, next })
    }
}
