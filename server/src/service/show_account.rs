//! The chooser of accounts, an account's front page, and the signed-in user for the shell.

use super::{Services, actors};
use crate::storage::{accounts, members};
use app::{
    api::{
        accounts::{AccountHome, AccountLine, MyAccounts, OtherAccount},
        session::{Me, WayIn},
    },
    backend::{ListAccounts, ShowAccount, Whoami},
    error::AppError,
    paths,
    request::{Caller, SignedIn, Visitor},
};
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
        }))
    }
}

#[async_trait]
impl ShowAccount for Services {
    /// What joining and signing in lead to.
    async fn show_account(&self, caller: &Caller) -> Result<AccountHome, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load(self, &mut tx, caller).await?;
        let last_owner =
            actor.grant.makes_owner() && members::other_owners(&mut tx, actor.scope(), actor.member).await? == 0;
        drop(tx);
        self.note_activity(&actor).await;
        Ok(AccountHome {
            slug: actor.slug,
            name: actor.account_name,
            grant: actor.grant,
            effective: actor.effective,
            roles: actor.roles,
            platform_url: self.config.platform_url.as_ref().map(ToString::to_string),
            last_owner,
        })
    }
}

#[async_trait]
impl ListAccounts for Services {
    /// The accounts that this session can open, those that it cannot, and whether another may be opened.
    async fn list_accounts(&self, visitor: &Visitor) -> Result<MyAccounts, AppError> {
        let signed_in = visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)?;
        Ok(MyAccounts {
            accounts: self.accounts_of(signed_in).await?,
            others: self.other_accounts_of(signed_in).await?,
            may_open: self.may_open_account(signed_in).await?,
        })
    }
}

impl Services {
    /// The accounts that this session can open, by name.
    async fn accounts_of(&self, signed_in: &SignedIn) -> Result<Vec<AccountLine>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let memberships = accounts::of_user(&mut tx, signed_in.user, signed_in.session).await?;
        Ok(memberships
            .into_iter()
            .map(|membership| AccountLine { slug: membership.slug, name: membership.name, grant: membership.grant })
            .collect())
    }

    /// The accounts that this session does not open, because they take another login method, with the link that starts it.
    async fn other_accounts_of(&self, signed_in: &SignedIn) -> Result<Vec<OtherAccount>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let memberships = accounts::by_other_methods(&mut tx, signed_in.user, signed_in.session).await?;
        Ok(memberships
            .into_iter()
            .map(|membership| OtherAccount {
                slug: membership.slug,
                name: membership.name,
                way: WayIn { name: membership.method_name, start: paths::oauth_start(membership.method) },
            })
            .collect())
    }
}
