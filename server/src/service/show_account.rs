//! The chooser of accounts, an account's front page, and the signed-in user for the shell.

use super::{Services, actors};
use crate::storage::{accounts, members};
use app::{
    api::{
        accounts::{AccountHome, AccountLine, OtherAccount},
        session::{Me, WayIn},
    },
    error::AppError,
    paths,
    ports::{Caller, SignedIn, Visitor},
};

impl Services {
    /// The signed-in user with the accounts this session can open.
    pub(super) async fn me(&self, visitor: &Visitor) -> Result<Option<Me>, AppError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(None) };
        Ok(Some(Me {
            name: signed_in.name.clone(),
            email: signed_in.email.clone(),
            accounts: self.list_accounts(signed_in).await?,
        }))
    }

    /// The accounts that this session can open, by name.
    pub(super) async fn list_accounts(&self, signed_in: &SignedIn) -> Result<Vec<AccountLine>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let memberships = accounts::of_user(&mut tx, signed_in.user, signed_in.session).await?;
        Ok(memberships
            .into_iter()
            .map(|membership| AccountLine { slug: membership.slug, name: membership.name, grant: membership.grant })
            .collect())
    }

    /// The accounts that this session does not open, because they take another login method, with the link that starts it.
    pub(super) async fn list_other_accounts(&self, signed_in: &SignedIn) -> Result<Vec<OtherAccount>, AppError> {
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

    /// What joining and signing in lead to.
    pub(super) async fn show_account(&self, caller: &Caller) -> Result<AccountHome, AppError> {
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
