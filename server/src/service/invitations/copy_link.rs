//! Copy link: the copied-channel link of a pending invitation, the same one each time. It proves nothing about the mailbox (R12), so it is
//! valid only while everybody who was given it may grant what it offers (R29, R30, INV-16).

use super::queue_mail::refuse_if_account_is_deleted;
use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        AccountScope, StorageError, Tx,
        audit::{self, AuditTarget, Event},
        invitations::{self, CopiedLink},
        members::Member,
        ownership_offers, retried,
    },
};
use app::{
    api::invitations::Link,
    backend::CopyLink,
    domain::{
        ids::{InvitationId, MemberId},
        invitation::Channel,
        member::{MemberState, ShownState},
        permission::Gate,
        policy::can_handle_invitation,
        role::{Effective, RoleKey, Roles},
        time::Timestamp,
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl CopyLink for Services {
    /// The link of a row's pending invitation, to hand over by other means.
    async fn copy_link(&self, caller: &Caller, member: MemberId) -> Result<Link, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersInvite).await?;
            let open = |state| state == ShownState::Invited;
            let (row, latest) = actors::find_invited(&mut tx, &actor, member, open, now).await?;
            let url = self.copied_link(&mut tx, &actor, &row, latest.id, now).await?;
            tx.commit().await?;
            Ok(Link { label: row.label().to_owned(), url, expires: latest.expires })
        })
        .await
    }
}

impl Services {
    /// The copied-channel link of an invitation, made at its first use; the actor holds it from now on. The caller has established the
    /// right to it.
    pub(in crate::service) async fn copied_link(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        invitation: InvitationId,
        now: Timestamp,
    ) -> Result<String, AppError> {
        let scope = actor.scope();
        refuse_if_account_is_deleted(tx, scope).await?;
        let (id, token) = match invitations::live_token(tx, scope, invitation, Channel::Copied).await? {
            Some((id, sealed)) => (id, self.keyring.open_token(id, &sealed)?),
            None => self.make_token(tx, scope, invitation, Channel::Copied, None, now).await?,
        };
        let links = invitations::copied_links_about(tx, scope, row.id).await?;
        if links.iter().all(|link| link.holder != actor.member) {
            let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
            audit::record(tx, scope, &actor.audit_actor(), Some(&target), &Event::LinkCopied { invitation }, now)
                .await?;
        }
        invitations::record_holder(tx, scope, id, actor.member, now).await?;
        Ok(self.config.link(&paths::invitation_link(token.reveal())))
    }
}

impl Services {
    /// The copied-channel link of an invitation, if the actor holds it already.
    pub(in crate::service) async fn link_held_by(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        member: MemberId,
        invitation: InvitationId,
    ) -> Result<Option<String>, AppError> {
        let held = invitations::copied_links_about(tx, actor.scope(), member).await?;
        if !held.iter().any(|link| link.invitation == invitation && link.holder == actor.member) {
            return Ok(None);
        }
        let live = invitations::live_token(tx, actor.scope(), invitation, Channel::Copied).await?;
        let Some((id, sealed)) = live else { return Ok(None) };
        let token = self.keyring.open_token(id, &sealed)?;
        Ok(Some(self.config.link(&paths::invitation_link(token.reveal()))))
    }
}

/// May the member who was given the link grant what it offers?
pub(in crate::service) fn holder_may_grant(link: &CopiedLink, roles: &Roles) -> bool {
    link.state == MemberState::Active
        && can_handle_invitation(&Effective::of(&link.grant, roles), &link.offered, roles).is_yes()
}

/// Kills the copied links whose holders may no longer grant what they offer. It must be called after every change of a member's state or
/// grant: it checks the links that the member was given, and those that invite the member; and it ends the offers of ownership that no longer
/// stand (R34).
pub(in crate::service) async fn kill_links_beyond_rights(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    roles: &Roles,
    now: Timestamp,
) -> Result<(), StorageError> {
    let links = invitations::copied_links_about(tx, scope, member).await?;
    kill_beyond_rights(tx, scope, &links, roles, now).await?;
    ownership_offers::end_fallen(tx, scope, member, now).await
}

/// The same for everybody who has a role or is offered it: it must be called after every change of what a role holds, with the roles as
/// they are then.
pub(in crate::service) async fn kill_links_beyond_rights_of_role(
    tx: &mut Tx,
    scope: AccountScope,
    role: &RoleKey,
    roles: &Roles,
    now: Timestamp,
) -> Result<(), StorageError> {
    let links = invitations::copied_links_about_role(tx, scope, role).await?;
    kill_beyond_rights(tx, scope, &links, roles, now).await
}

async fn kill_beyond_rights(
    tx: &mut Tx,
    scope: AccountScope,
    links: &[CopiedLink],
    roles: &Roles,
    now: Timestamp,
) -> Result<(), StorageError> {
    let beyond = links.iter().filter(|link| !holder_may_grant(link, roles));
    let invitations: BTreeSet<_> = beyond.map(|link| link.invitation).collect();
    for invitation in invitations {
        invitations::kill_tokens(tx, scope, invitation, Some(Channel::Copied), now).await?;
    }
    Ok(())
}
