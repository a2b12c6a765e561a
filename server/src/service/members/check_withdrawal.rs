//! What is checked before a member is removed or suspended: both take away the access to the account.

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        Tx,
        members::{self, Member},
    },
};
use app::{
    domain::{
        member::MemberState,
        policy::{can_remove, keeps_an_owner},
    },
    error::AppError,
};

/// May the actor take this member's access away? An active owner must leave another one behind (R33), whoever takes it from an owner signed
/// in recently (AZ-16), and `version` is the one of the row that the actor saw (R66).
///
/// # Errors
/// The policy's refusal; [`AppError::ReauthenticationRequired`]; [`AppError::ChangedMeanwhile`].
pub(super) async fn check_withdrawal(
    services: &Services,
    tx: &mut Tx,
    actor: &Actor,
    row: &Member,
    version: &str,
) -> Result<(), AppError> {
    can_remove(&actor.effective, actor.whose(row.id), &row.grant, &actor.roles).or_refuse()?;
    if row.grant.makes_owner() && row.state == MemberState::Active {
        keeps_an_owner(members::other_owners(tx, actor.scope(), row.id).await?).or_refuse()?;
    }
    if row.grant.makes_owner() {
        actor.require_recent_authentication(services)?;
    }
    if version.parse() != Ok(row.version) {
        return Err(AppError::ChangedMeanwhile { by: row.changed_by.clone(), at: row.changed_at });
    }
    Ok(())
}
