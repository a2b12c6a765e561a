//! What the open pages of an account are told while somebody looks at them (R35, R36).

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::Changes,
};
use app::{
    domain::{name::Slug, permission::Gate, role::Effective},
    error::AppError,
    request::Caller,
};
use std::{mem, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// The shortest time between two looks at the rights of one reader, and so between two notices.
const MIN_LOOK_INTERVAL: Duration = Duration::from_millis(300);
/// How often the right to watch is looked at although nothing was told: sessions are also cleaned up.
const RECHECK_INTERVAL: Duration = Duration::from_secs(60);
/// The pause before the right is looked at again, when the database was away.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What an open page is told. It names nobody and nothing: the page asks for itself, with the rights of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// Something was changed in the account. Told to those who may see its members.
    Changed,
    /// The reader's own role or permissions were changed (R35).
    AccessChanged,
    /// The account has another address (R59).
    AddressChanged,
    /// The reader has no access any more (R36).
    AccessEnded,
    /// The session has ended, or has to prove more.
    SignInNeeded,
}

/// A reader who waits for changes of an account.
pub struct AccountWatch {
    services: Services,
    caller: Caller,
    changes: Changes,
    session_ends: Changes,
    access: Effective,
    /// The account's slug.
    slug: Slug,
    /// When the rights were last looked at.
    looked: Instant,
}

impl Services {
    /// Begins to watch an account, as any of its members may. What was changed between loading a page and now is not known: the page asks
    /// for it.
    ///
    /// # Errors
    /// As [`actors::load`].
    pub async fn watch_account(&self, caller: &Caller) -> Result<AccountWatch, AppError> {
        let actor = self.look(caller).await?;
        let changes = self.database.changes_of(actor.scope());
        let session_ends = self.database.session_ends_of(actor.user);
        // Once more, as nobody was told of what came between looking and waiting.
        let Actor { effective: access, slug, .. } = self.look(caller).await?;
        Ok(AccountWatch {
            services: self.clone(),
            caller: caller.clone(),
            changes,
            session_ends,
            access,
            slug,
            looked: Instant::now(),
        })
    }

    async fn look(&self, caller: &Caller) -> Result<Actor, AppError> {
        let mut tx = self.database.begin_read().await?;
        actors::load(self, &mut tx, caller).await
    }
}

impl AccountWatch {
    /// Waits for what the reader is to be told next. Rights are read anew each time.
    pub async fn next(&mut self) -> AccountNotice {
        loop {
            // What happens meanwhile is looked at as one.
            sleep_until(self.looked + MIN_LOOK_INTERVAL).await;
            let changed = tokio::select! {
                () = self.changes.next() => true,
                () = self.session_ends.next() => false,
                () = sleep(RECHECK_INTERVAL) => false,
            };
            let looked = self.look().await;
            self.looked = Instant::now();
            let notice = match looked {
                Ok(actor) => {
                    let sees_members = actor.effective.opens(Gate::UsersRead);
                    let before = mem::replace(&mut self.access, actor.effective);
                    if mem::replace(&mut self.slug, actor.slug) != self.slug {
                        // The page asks for everything anew.
                        Some(AccountNotice::AddressChanged)
                    } else if before != self.access {
                        Some(AccountNotice::AccessChanged)
                    } else {
                        (changed && sees_members).then_some(AccountNotice::Changed)
                    }
                }
                Err(error) => Some(error),
            };
            if let Some(notice) = notice {
                return notice;
            }
        }
    }

    /// The reader, as soon as the database answers; or why there is none any more.
    async fn look(&self) -> Result<Actor, AccountNotice> {
        loop {
            match self.services.look(&self.caller).await {
                Ok(actor) => return Ok(actor),
                Err(AppError::NoLongerAMember { .. } | AppError::NotFound) => return Err(AccountNotice::AccessEnded),
                Err(AppError::Unauthenticated | AppError::SecondFactorRequired) => {
                    return Err(AccountNotice::SignInNeeded);
                }
                Err(error) => {
                    tracing::debug!(?error, "the rights of a reader cannot be read yet");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }
}
