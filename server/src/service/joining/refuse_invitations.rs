//! “Never again” (R51): whoever holds a mailed link says that the account must not invite that address any more, or takes it back. It takes no
//! login, since whoever has the mailbox decides. The link that refused can take it back for as long as the refusal stands, though the invitation is
//! long gone.

use super::presented_invitation::PresentedInvitation;
use crate::{
    context::Services,
    secrets::Token,
    service::sessions::sign_in::rate_limited,
    storage::{
        Tx, accounts,
        audit::{self, AuditActor, Event},
        invitation_refusals::{self, AddressDigest, Refusal},
        rate_buckets::{self, Limit},
        retried,
    },
};
use app::{
    api::joining::RefusalView,
    backend::{AllowInvitations, RefuseInvitations, ViewRefusal},
    domain::{ids::InvitationId, member::MemberState, time::Timestamp},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// Each change of mind is an event of the account.
const CHANGES_PER_DAY: u32 = 10;

#[async_trait]
impl ViewRefusal for Services {
    /// Whether the link is one that can refuse, and does.
    async fn view_refusal(&self, visitor: &Visitor, id: Option<InvitationId>) -> Result<Option<RefusalView>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let presented = match self.presented_invitation(&mut tx, visitor).await? {
            Some(presented) if Some(presented.invitation.id) == id => presented,
            Some(_) => return Ok(None),
            None => {
                let account = self.refused_account(&mut tx, visitor).await?;
                return Ok(account.map(|account| RefusalView { id: None, account, refused: true }));
            }
        };
        let Some(address) = &presented.address else { return Ok(None) };
        let refused = invitation_refusals::is_refused(&mut tx, presented.scope, address).await?;
        Ok(Some(RefusalView { id, account: presented.account.name, refused }))
    }
}

#[async_trait]
impl RefuseInvitations for Services {
    /// Notes the refusal, and declines the invitation if it is open. Whom the account may know, it knows by the address that it invited.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] for a link that was not mailed: it proves no mailbox (R12); [`AppError::RateLimited`].
    async fn refuse_invitations(&self, visitor: &Visitor, id: InvitationId) -> Result<(), AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (presented, address) = self.require_mailed(&mut tx, visitor, id, now).await?;
            let token = visitor.invitation.as_deref().and_then(Token::parse).ok_or(AppError::OpenTheLinkAgain)?;
            let link = (token.hash(), id);
            if invitation_refusals::insert(&mut tx, presented.scope, &address, (&link.0, link.1), now).await? {
                let event = Event::InvitationsRefused { invitation: id };
                presented.record_by_invitee(&mut tx, visitor, &event, now).await?;
            }
            // Whichever of the links it was, and though an admin has yet to decide: nothing more is to come.
            let is_theirs = address == AddressDigest::of(presented.scope, &presented.member.email);
            if is_theirs && presented.member.state == MemberState::Invited {
                self.decline(&mut tx, visitor, &presented, now).await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl AllowInvitations for Services {
    /// Forgets the refusal. What was declined stays so.
    ///
    /// # Errors
    /// As for refusing.
    async fn allow_invitations(&self, visitor: &Visitor, id: Option<InvitationId>) -> Result<(), AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let Some(id) = id else {
                self.allow_by_refusal(&mut tx, visitor, now).await?;
                tx.commit().await?;
                return Ok(());
            };
            let (presented, address) = self.require_mailed(&mut tx, visitor, id, now).await?;
            if invitation_refusals::is_refused(&mut tx, presented.scope, &address).await? {
                invitation_refusals::delete(&mut tx, presented.scope, &address).await?;
                let event = Event::InvitationsAllowed { invitation: id };
                presented.record_by_invitee(&mut tx, visitor, &event, now).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }
}

impl Services {
    /// The refusal that this browser's link made, if the invitation of the link is gone.
    async fn refusal_by_link(&self, tx: &mut Tx, visitor: &Visitor) -> Result<Option<Refusal>, AppError> {
        let Some(token) = visitor.invitation.as_deref().and_then(Token::parse) else { return Ok(None) };
        if self.presented_invitation(tx, visitor).await?.is_some() {
            return Ok(None);
        }
        Ok(invitation_refusals::find_by_token(tx, &token.hash()).await?)
    }

    /// The name of the account that this browser's link refused, if nothing but the refusal is left of the link.
    pub(super) async fn refused_account(&self, tx: &mut Tx, visitor: &Visitor) -> Result<Option<String>, AppError> {
        let Some(refusal) = self.refusal_by_link(tx, visitor).await? else { return Ok(None) };
        Ok(accounts::find(tx, refusal.scope).await?.map(|account| account.name))
    }

    /// Takes the refusal back by the link that made it, when the invitation of the link is gone.
    async fn allow_by_refusal(&self, tx: &mut Tx, visitor: &Visitor, now: Timestamp) -> Result<(), AppError> {
        let before = self.refusal_by_link(tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
        accounts::lock(tx, before.scope).await?;
        let refusal = self.refusal_by_link(tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
        let limit = Limit::per_day(CHANGES_PER_DAY);
        rate_buckets::take(tx, &format!("refusal:{}", refusal.invitation), limit, now).await?.map_err(rate_limited)?;
        invitation_refusals::delete(tx, refusal.scope, &refusal.address).await?;
        let event = Event::InvitationsAllowed { invitation: refusal.invitation };
        let actor = AuditActor { ip: Some(visitor.ip), ..AuditActor::default() };
        Ok(audit::record(tx, refusal.scope, &actor, None, &event, now).await?)
    }

    /// The invitation of this browser's mailed link, with the address that it was mailed to; its account is locked.
    async fn require_mailed(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<(PresentedInvitation, AddressDigest), AppError> {
        let before = self.require_invitation(tx, visitor, id).await?;
        accounts::lock(tx, before.scope).await?;
        let presented = self.require_invitation(tx, visitor, id).await?;
        let address = presented.address.clone().ok_or(AppError::OpenTheLinkAgain)?;
        let (key, limit) = (format!("refusal:{id}"), Limit::per_day(CHANGES_PER_DAY));
        rate_buckets::take(tx, &key, limit, now).await?.map_err(rate_limited)?;
        Ok((presented, address))
    }
}
