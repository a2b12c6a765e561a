//! Platforms behind a proxy that asks Roster about every request (forward-auth). What opens an account here opens it there, so that there is no
//! second door; and no cookie is shared over a parent domain: each host has its own, which names a session here.

mod check;
mod sign_in;

pub use check::{Check, Denial, HostIdentity, Question};

use crate::{
    config::ForwardAuth,
    context::Services,
    storage::{StorageError, Tx, forward_auth},
};
use uuid::Uuid;

impl Services {
    /// The settings of a host, as a browser names it.
    pub fn forward_auth_app(&self, host: &str) -> Option<&ForwardAuth> {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").unwrap_or(&host);
        self.config.forward_auth.iter().find(|app| app.host == host)
    }

    /// Ties the slugs of hosts to the accounts that have them now, if they are not tied yet: whoever gets a slug later does not get the host.
    ///
    /// # Errors
    /// The database's.
    pub async fn pin_accounts_of_hosts(&self) -> Result<(), StorageError> {
        if self.config.forward_auth.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.begin_write().await?;
        for app in &self.config.forward_auth {
            self.pin_account_of(&mut tx, app).await?;
        }
        tx.commit().await
    }

    /// Which account each host is for: its present slug, or `None` where its setting names none that is there.
    ///
    /// # Errors
    /// The database's.
    pub async fn accounts_of_hosts(&self) -> Result<Vec<(&ForwardAuth, Option<String>)>, StorageError> {
        let mut tx = self.database.begin_read().await?;
        let mut found = Vec::new();
        for app in self.config.forward_auth.iter().filter(|app| app.account.is_some()) {
            found.push((app, self.slug_of_account_of(&mut tx, app).await?));
        }
        Ok(found)
    }

    async fn pin_account_of(&self, tx: &mut Tx, app: &ForwardAuth) -> Result<(), StorageError> {
        match app.account.as_deref().filter(|account| account.parse::<Uuid>().is_err()) {
            Some(slug) => forward_auth::pin(tx, &app.host, slug, self.now()).await,
            None => Ok(()),
        }
    }

    /// The present slug of the only account of a host, as far as its setting is tied to one that is still there.
    async fn slug_of_account_of(&self, tx: &mut Tx, app: &ForwardAuth) -> Result<Option<String>, StorageError> {
        let Some(setting) = &app.account else { return Ok(None) };
        let account = match setting.parse() {
            Ok(id) => Some(id),
            Err(_) => forward_auth::pinned(tx, &app.host, setting).await?,
        };
        match account {
            Some(account) => forward_auth::slug_of(tx, account).await,
            None => Ok(None),
        }
    }
}
