//! An account's front page.

use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        members::list_members::shown_row,
        ownership::seen_by_member,
    },
    storage::{
        StorageError, Tx, accounts,
        members::{self, Place, View},
        ownership_offers,
        second_factor_requirements::has_second_factor,
    },
};
use app::{
    api::{
        accounts::{AccountHome, WAITING_SHOWN, Waiting},
        ownership::OwnershipOffers,
    },
    backend::ShowAccount,
    domain::{
        list::{ListQuery, StateFilter},
        permission::Gate,
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ShowAccount for Services {
    /// The page that people see after joining and signing in.
    async fn show_account(&self, caller: &Caller) -> Result<AccountHome, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load(self, &mut tx, caller).await?;
        let last_owner =
            actor.grant.makes_owner() && members::other_owners(&mut tx, actor.scope(), actor.member).await? == 0;
        let second_factor_from = match actor.second_factor_from {
            Some(from) if !has_second_factor(&mut tx, actor.scope(), actor.member).await? => Some(from),
            Some(_) | None => None,
        };
        let people = if actor.effective.opens(Gate::UsersRead) {
            tx = self.note_expiry(tx, actor.scope(), self.now()).await?;
            members::numbers(&mut tx, actor.scope()).await?.of_states(&ListQuery::default())
        } else {
            None
        };
        let waiting = match &people {
            Some(counts) if counts.need_attention > 0 => waiting(&mut tx, &actor, self.now()).await?,
            Some(_) | None => Vec::new(),
        };
        let offers = match actor.grant.makes_owner() {
            true => Vec::new(),
            false => ownership_offers::to_member(&mut tx, actor.scope(), actor.member, self.now()).await?,
        };
        let deletion = accounts::deletion(&mut tx, actor.scope()).await?.map(super::shown);
        let ownership = OwnershipOffers {
            offers: offers.into_iter().map(seen_by_member).collect(),
            recently_authenticated: actor.is_recently_authenticated(self),
        };
        drop(tx);
        self.note_activity(&actor).await;
        Ok(AccountHome {
            former_slug: Some(caller.account.clone()).filter(|slug| *slug != actor.slug),
            slug: actor.slug,
            name: actor.account_name,
            grant: actor.grant,
            effective: actor.effective,
            roles: actor.roles,
            platform_url: self.config.platform_url.as_ref().map(ToString::to_string),
            second_factor_from,
            last_owner,
            deletion,
            ownership,
            people,
            waiting,
        })
    }
}

/// The first of those who need attention.
async fn waiting(tx: &mut Tx, actor: &Actor, now: Timestamp) -> Result<Vec<Waiting>, StorageError> {
    let query = ListQuery { state: Some(StateFilter::NeedsAttention), ..ListQuery::default() };
    let view = View::open(tx, actor.scope(), &query, &actor.roles, now).await?;
    let page = members::page(tx, &view, Place::Start, WAITING_SHOWN).await?;
    let mut waiting = Vec::new();
    for member in page.members {
        let row = shown_row(member, now)?;
        if let Some(attention) = row.attention() {
            waiting.push(Waiting { member: row.id, label: row.label().to_owned(), attention });
        }
    }
    Ok(waiting)
}
