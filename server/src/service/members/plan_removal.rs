//! The effects of removing a member (R64).

use super::show_member::member_details;
use crate::{
    context::Services,
    service::actors,
    storage::{api_keys, invitations},
};
use app::{
    api::members::{RemovalPlan, Sponsored},
    backend::PlanRemoval,
    domain::{ids::MemberId, permission::Gate},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl PlanRemoval for Services {
    /// What removing this member will do, for the dialog (R37, R64).
    async fn plan_removal(&self, caller: &Caller, id: MemberId) -> Result<RemovalPlan, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::UsersRead).await?;
        let row = actors::find_member(&mut tx, &actor, id).await?;
        let sponsored = invitations::sponsored_by(&mut tx, actor.scope(), id).await?;
        let keys = api_keys::names_of_member(&mut tx, actor.scope(), id, self.now()).await?;
        Ok(RemovalPlan {
            keys,
            details: member_details(self, &mut tx, &actor, row).await?,
            sponsored: sponsored
                .into_iter()
                .map(|invitation| Sponsored { email: invitation.email, grant: invitation.grant })
                .collect(),
        })
    }
}
