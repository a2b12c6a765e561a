//! The chooser of accounts.

use crate::{context::Services, storage::accounts};
use app::{
    api::{
        accounts::{AccountLine, MyAccounts, OtherAccount},
        login_methods::SignInOption,
    },
    backend::ListAccounts,
    error::AppError,
    paths,
    request::{SignedIn, Visitor},
};
use async_trait::async_trait;

#[async_trait]
impl ListAccounts for Services {
    /// The accounts that this session can open, those that it cannot, and whether another may be opened.
    async fn list_accounts(&self, visitor: &Visitor) -> Result<MyAccounts, AppError> {
        let signed_in = visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)?;
        let mut tx = self.database.begin_read().await?;
        let invitations = self.own_invitations(&mut tx, signed_in).await?.len();
        drop(tx);
        Ok(MyAccounts {
            accounts: self.accounts_of(signed_in).await?,
            others: self.other_accounts_of(signed_in).await?,
            invitations,
            may_open: self.may_open_account(signed_in).await?,
        })
    }
}

impl Services {
    /// The accounts that this session can open, by name.
    pub(in crate::service) async fn accounts_of(&self, signed_in: &SignedIn) -> Result<Vec<AccountLine>, AppError> {
        let mut tx = self.database.look_up().await?;
        let memberships = accounts::of_user(&mut tx, signed_in.user, signed_in.session).await?;
        Ok(memberships
            .into_iter()
            .map(|membership| AccountLine {
                slug: membership.slug,
                name: membership.name,
                grant: membership.grant,
                role_name: membership.role_name,
            })
            .collect())
    }

    /// The accounts that this session does not open, because they take another login method, with the link that starts it.
    async fn other_accounts_of(&self, signed_in: &SignedIn) -> Result<Vec<OtherAccount>, AppError> {
        let mut tx = self.database.look_up().await?;
        let memberships = accounts::by_other_methods(&mut tx, signed_in.user, signed_in.session).await?;
        Ok(memberships
            .into_iter()
            .map(|membership| OtherAccount {
                slug: membership.slug,
                name: membership.name,
                way: SignInOption { name: membership.method_name, start: paths::oauth_start(membership.method) },
            })
            .collect())
    }
}
