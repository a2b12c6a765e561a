//! The open invitations to the person's own address, answered without their links: the mailbox was proved before, so it need not be proved
//! once more (R6).

use super::require_own_password_session;
use crate::{
    context::Services,
    service::joining::presented_invitation::PresentedInvitation,
    storage::{
        StorageError, Tx, accounts, invitations, members, sessions,
        users::{self, User},
    },
};
use app::{
    domain::{
        ids::InvitationId,
        invitation::{Channel, InvitationState},
    },
    error::AppError,
    request::SignedIn,
};

/// More open invitations than anybody looks through.
pub(super) const MAX_INVITATIONS: i64 = 100;

impl Services {
    /// The open invitations to the address of the signed-in user. None in a session that did not prove the user's own password, and none
    /// while no mail of ours has proved the mailbox: somebody else may own it (R12).
    pub(in crate::service) async fn own_invitations(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
    ) -> Result<Vec<invitations::Offered>, StorageError> {
        let proved = sessions::password_proved(tx, signed_in.session).await?.is_some();
        let user = users::find(tx, signed_in.user).await?.filter(|user| proved && user.verified.is_some());
        let Some(user) = user else { return Ok(Vec::new()) };
        invitations::offered_to(tx, user.email.key(), MAX_INVITATIONS, self.now()).await
    }

    /// An invitation to the address of the signed-in user, as if its mailed link were there; its account is locked.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that is over as for somebody else's.
    pub(super) async fn own_invitation(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
        id: InvitationId,
    ) -> Result<PresentedInvitation, AppError> {
        require_own_password_session(tx, signed_in).await?;
        let owns_mailbox = |user: &User| user.verified.is_some();
        let user = users::find(tx, signed_in.user).await?.filter(owns_mailbox).ok_or(AppError::NotFound)?;
        let scope = invitations::account_offered(tx, id, user.email.key()).await?.ok_or(AppError::NotFound)?;
        accounts::lock(tx, scope).await?;
        let account = accounts::find(tx, scope).await?.ok_or(AppError::NotFound)?;
        let invitation = invitations::find(tx, scope, id).await?.ok_or(AppError::NotFound)?;
        let member = members::find(tx, scope, invitation.member).await?.ok_or(AppError::NotFound)?;
        if invitation.state != InvitationState::Pending || account.delete_at.is_some() {
            return Err(AppError::NotFound);
        }
        let made = invitation.mailed.unwrap_or(invitation.created);
        Ok(PresentedInvitation {
            scope,
            account,
            invitation,
            member,
            channel: Channel::Mailed,
            made,
            live: true,
            address: None,
        })
    }
}
