//! The invitation that a browser presents: its link left a token in a cookie. Reading it changes nothing (R8, INV-06).

use crate::{
    context::Services,
    secrets::Token,
    storage::{
        AccountScope, StorageError, Tx,
        accounts::{self, Account},
        audit::{self, AuditActor, AuditTarget, Event},
        invitation_refusals::{self, AddressDigest},
        invitations::{self, Invitation},
        members::{self, Member},
        users::User,
    },
};
use app::{
    domain::{
        ids::{InvitationId, UserId},
        invitation::{Channel, InvitationState},
        member::MemberState,
        time::Timestamp,
    },
    error::AppError,
    request::Visitor,
};

/// What the link of an invitation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// Its invitation.
    Invitation(InvitationId),
    /// What is left of it: the refusal that it made (R51).
    Refusal,
}

/// The invitation of the link that this browser opened, with its account and member.
pub(in crate::service) struct PresentedInvitation {
    /// The scope that holding the link establishes.
    pub(in crate::service) scope: AccountScope,
    pub(in crate::service) account: Account,
    pub(in crate::service) invitation: Invitation,
    pub(in crate::service) member: Member,
    pub(in crate::service) channel: Channel,
    /// When the link was made.
    pub(in crate::service) made: Timestamp,
    /// Is the link the newest of its channel?
    pub(in crate::service) live: bool,
    /// The address that the link was mailed to, if it was.
    pub(in crate::service) address: Option<AddressDigest>,
}

impl PresentedInvitation {
    /// The invited person as audit events name them.
    pub(in crate::service) fn audit_target(&self) -> AuditTarget {
        AuditTarget { member: self.member.id, email: self.member.email.key().to_owned() }
    }

    /// Records what whoever holds the link did with it; their name is not known.
    pub(in crate::service) async fn record_by_invitee(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let actor = AuditActor { member: Some(self.member.id), name: None, ip: Some(visitor.ip), key: None };
        audit::record(tx, self.scope, &actor, Some(&self.audit_target()), event, now).await
    }

    /// Can it be accepted or declined now?
    pub(in crate::service) fn is_open(&self, now: Timestamp) -> bool {
        self.live
            && self.invitation.state == InvitationState::Pending
            && self.invitation.expires > now
            && self.account.delete_at.is_none()
    }

    /// Did this user accept it?
    pub(in crate::service) fn was_taken_up_by(&self, user: UserId) -> bool {
        took_up(&self.invitation, &self.member, user)
    }
}

fn took_up(invitation: &Invitation, member: &Member, user: UserId) -> bool {
    invitation.state == InvitationState::Accepted && member.state == MemberState::Active && member.user == Some(user)
}

impl Services {
    /// What a link leads to; `None` for a token that Roster never made.
    ///
    /// # Errors
    /// The database's.
    pub async fn linked_by_token(&self, token: &str) -> Result<Option<Linked>, StorageError> {
        let Some(token) = Token::parse(token) else { return Ok(None) };
        let mut tx = self.database.begin_read().await?;
        if let Some(known) = invitations::find_token(&mut tx, &token.hash()).await? {
            return Ok(Some(Linked::Invitation(known.invitation)));
        }
        let refusal = invitation_refusals::find_by_token(&mut tx, &token.hash()).await?;
        Ok(refusal.map(|_| Linked::Refusal))
    }

    /// The invitation that this browser presents; `None` without a token, or for one that Roster never made.
    pub(in crate::service) async fn presented_invitation(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<Option<PresentedInvitation>, StorageError> {
        let Some(token) = visitor.invitation.as_deref().and_then(Token::parse) else { return Ok(None) };
        let Some(known) = invitations::find_token(tx, &token.hash()).await? else { return Ok(None) };
        let scope = known.scope;
        let account = accounts::find(tx, scope).await?;
        let Some(invitation) = invitations::find(tx, scope, known.invitation).await? else { return Ok(None) };
        let member = members::find(tx, scope, invitation.member).await?;
        Ok(account.zip(member).map(|(account, member)| PresentedInvitation {
            scope,
            account,
            invitation,
            member,
            channel: known.channel,
            made: known.made,
            live: known.live,
            address: known.address,
        }))
    }

    /// The account of the invitation that a form names, for those who lock it before they read the rest.
    pub(in crate::service) async fn presented_scope(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
    ) -> Result<AccountScope, AppError> {
        let token = visitor.invitation.as_deref().and_then(Token::parse).ok_or(AppError::OpenTheLinkAgain)?;
        let known = invitations::find_token(tx, &token.hash()).await?.filter(|known| known.invitation == id);
        Ok(known.ok_or(AppError::OpenTheLinkAgain)?.scope)
    }

    /// The invitation that a form names, which must be the one that this browser presents (INV-22).
    pub(in crate::service) async fn require_invitation(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
    ) -> Result<PresentedInvitation, AppError> {
        let presented = self.presented_invitation(tx, visitor).await?.filter(|presented| presented.invitation.id == id);
        presented.ok_or(AppError::OpenTheLinkAgain)
    }

    /// The account that the signed-in user joined with this invitation. Joining takes the cookie away, and another tab may show the page still
    /// (R19).
    pub(in crate::service) async fn account_joined_with(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
    ) -> Result<Option<Account>, StorageError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(None) };
        for scope in members::accounts_of(tx, signed_in.user).await? {
            let Some(invitation) = invitations::find(tx, scope, id).await? else { continue };
            let member = members::find(tx, scope, invitation.member).await?;
            if member.is_some_and(|member| took_up(&invitation, &member, signed_in.user)) {
                return accounts::find(tx, scope).await;
            }
        }
        Ok(None)
    }

    /// Must a mailed code prove the mailbox, because the link does not (R12)?
    pub(in crate::service) fn needs_code(&self, presented: &PresentedInvitation) -> bool {
        presented.channel == Channel::Copied && self.config.smtp.is_some()
    }

    /// Does whoever handed the link over answer for the mailbox, because there is no mail that could prove it (R12)?
    pub(in crate::service) fn is_vouched_for(&self, presented: &PresentedInvitation) -> bool {
        presented.channel == Channel::Copied && self.config.smtp.is_none()
    }

    /// May this user accept the invitation with the login that they have (INV-09)? The address must be the invited one, and proved: before,
    /// or by this link, if it was mailed there. Without a mail server, whoever handed the link over answers for it (R12).
    pub(in crate::service) fn can_join_as(&self, presented: &PresentedInvitation, user: &User) -> bool {
        let proved = user.verified.is_some() || presented.channel == Channel::Mailed || self.is_vouched_for(presented);
        user.email == presented.member.email && proved
    }
}
