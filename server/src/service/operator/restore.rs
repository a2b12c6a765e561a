//! After a restore (F21): the database is one of before, and what was ended since must not come back by it. Its sessions, tokens, links and API keys end,
//! its webhooks are off, and its mails are not sent again. Who was removed since is known only to the database that it takes the place of.

use crate::{
    context::Services,
    service::invitations::copy_link::kill_links_beyond_rights,
    storage::{
        AccountScope, Database, StorageError, accounts,
        audit::{self, AuditActor, AuditTarget, Event},
        members,
        restoring::{self, ActiveMember, Ended},
        retried,
        sealed::{self, Column},
    },
};
use app::{
    domain::{
        ids::{AccountId, MemberId},
        name::Slug,
        permission::Permissions,
        role::Grant,
        time::Timestamp,
    },
    error::AppError,
};
use std::collections::HashSet;
use uuid::Uuid;

/// How many sealed values are looked at in one transaction.
const BATCH_ROWS: i64 = 500;

/// What was done after a restore.
#[derive(Clone, Debug, Default)]
pub struct AfterRestore {
    /// The time of the newest thing in the database: what came later is lost.
    pub state_of: Option<Timestamp>,
    /// What ended.
    pub ended: Ended,
    /// Accounts, and how many people of each are suspended, since the replaced database has them active no more.
    pub suspended: Vec<SuspendedIn>,
}

/// Suspended people of one account.
#[derive(Clone, Debug)]
pub struct SuspendedIn {
    /// The account.
    pub slug: Slug,
    /// How many.
    pub people: usize,
    /// Is nobody left who owns it?
    pub ownerless: bool,
}

impl Services {
    /// How many of the values that people cannot do without no key of the key file opens: client secrets, second factors, secrets of
    /// webhooks, signing keys. Not links and mails, which end in any case.
    ///
    /// # Errors
    /// The database's.
    pub async fn unopened_values(&self) -> Result<usize, StorageError> {
        let mut unopened = 0;
        for column in [Column::ClientSecrets, Column::TotpSeeds, Column::WebhookSecrets, Column::SigningKeys] {
            let mut after = Uuid::nil();
            loop {
                let mut tx = self.database.begin_read().await?;
                let batch = sealed::others(&mut tx, column, self.keyring.current(), after, BATCH_ROWS).await?;
                let Some(last) = batch.last() else { break };
                after = last.id;
                unopened +=
                    batch.iter().filter(|value| self.keyring.open(value.purpose, &value.sealed).is_err()).count();
            }
        }
        Ok(unopened)
    }

    /// Does what a restore asks for, on a database that nobody else works on yet. Can be done again if it broke off.
    ///
    /// # Errors
    /// The database's.
    pub async fn after_restore(&self, replaced: Option<&Database>) -> Result<AfterRestore, AppError> {
        let still_active = match replaced {
            Some(replaced) => Some(restoring::active(&mut replaced.begin_read().await?).await?),
            None => None,
        };
        let (state_of, ended) = retried(|| async {
            let mut tx = self.database.begin_write().await?;
            let state_of = restoring::newest(&mut tx).await?;
            let ended = restoring::end_all(&mut tx, self.now()).await?;
            tx.commit().await?;
            Ok::<_, AppError>((state_of, ended))
        })
        .await?;
        let mut suspended = Vec::new();
        if let Some(still_active) = still_active {
            let mut after = None;
            while let Some(scope) = self.account_after(after).await? {
                after = Some(scope.id());
                suspended.extend(retried(|| async { self.suspend_but(scope, &still_active).await }).await?);
            }
        }
        Ok(AfterRestore { state_of, ended, suspended })
    }

    async fn account_after(&self, after: Option<AccountId>) -> Result<Option<AccountScope>, AppError> {
        Ok(accounts::next(&mut self.database.begin_read().await?, after).await?)
    }

    /// Suspends the active members of an account but these. An account may be left without an owner: that somebody was removed outranks it, and the
    /// host's operator can help (R33).
    async fn suspend_but(
        &self,
        scope: AccountScope,
        still_active: &HashSet<MemberId>,
    ) -> Result<Option<SuspendedIn>, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, scope).await?;
        let mut gone = restoring::active_of(&mut tx, scope).await?;
        gone.retain(|member| !still_active.contains(&member.id));
        let Some(account) = accounts::find(&mut tx, scope).await?.filter(|_| !gone.is_empty()) else { return Ok(None) };
        let roles = accounts::roles(&mut tx, scope, &self.catalogue).await?;
        let mut ownerless = false;
        for ActiveMember { id, email_key, role, version } in &gone {
            members::suspend(&mut tx, scope, *id, None, *version, now).await?;
            kill_links_beyond_rights(&mut tx, scope, *id, &roles, now).await?;
            let was_owner = Grant { role: role.clone(), extras: Permissions::new() }.makes_owner();
            let last_owner = was_owner && members::other_owners(&mut tx, scope, *id).await? == 0;
            ownerless |= last_owner;
            let target = AuditTarget { member: *id, email: email_key.clone() };
            let event = Event::HeldForReview { last_owner };
            audit::record(&mut tx, scope, &AuditActor::default(), Some(&target), &event, now).await?;
        }
        tx.commit().await?;
        Ok(Some(SuspendedIn { slug: account.slug, people: gone.len(), ownerless }))
    }
}
