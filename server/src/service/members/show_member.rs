//! One row of the Users list, for its dialogs.

use super::list_members::shown_row;
use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        StorageError, Tx, identities,
        members::{self, Member},
        second_factor_requirements::has_second_factor,
    },
};
use app::{
    api::members::MemberDetails,
    backend::ShowMember,
    domain::{email::Email, ids::MemberId, member::MemberState, permission::Gate},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// A row with what its dialogs need.
pub(in crate::service) async fn member_details(
    services: &Services,
    tx: &mut Tx,
    actor: &Actor,
    row: Member,
) -> Result<MemberDetails, StorageError> {
    let last_owner = row.state == MemberState::Active
        && row.grant.makes_owner()
        && members::other_owners(tx, actor.scope(), row.id).await? == 0;
    let facts = actors::facts(services, tx, actor).await?;
    let identity = match row.user {
        Some(user) => identities::of_user(tx, actor.scope(), row.method.id, user).await?,
        None => None,
    };
    let known_as =
        identity.and_then(|(_, email)| email).filter(|email| Email::parse_exactly(email).as_ref() != Ok(&row.email));
    let identifier = row.identifier.clone();
    let second_factor = match row.user {
        Some(_) => Some(has_second_factor(tx, actor.scope(), row.id).await?),
        None => None,
    };
    let address_is_theirs = row.user.is_some();
    let row = shown_row(row, services.now())?;
    Ok(MemberDetails { facts, row, last_owner, identifier, address_is_theirs, known_as, second_factor })
}

#[async_trait]
impl ShowMember for Services {
    /// One row, for its dialogs.
    async fn show_member(&self, caller: &Caller, id: MemberId) -> Result<MemberDetails, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::UsersRead).await?;
        let row = actors::find_member(&mut tx, &actor, id).await?;
        Ok(member_details(self, &mut tx, &actor, row).await?)
    }
}
