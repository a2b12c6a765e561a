//! Copy link: the copied-channel link of a pending invitation, the same one each time. It proves nothing about the mailbox (R12).

use super::{Services, actors, actors::Actor};
use crate::{
    secrets::Token,
    storage::{
        Tx,
        audit::{self, Event, To},
        invitations,
        members::Member,
    },
};
use app::{
    api::invitations::Link,
    domain::{
        ids::{InvitationId, MemberId},
        invitation::Channel,
        member::ShownState,
        permission::Gate,
        policy::can_handle_invitation,
        time::Timestamp,
    },
    error::AppError,
    paths,
    ports::Caller,
};

impl Services {
    /// The link of a row's pending invitation, to hand over by other means.
    pub(super) async fn copy_link(&self, caller: &Caller, member: MemberId) -> Result<Link, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersInvite).await?;
        let row = actors::find_member(&mut tx, &actor, member).await?;
        can_handle_invitation(&actor.effective, &row.grant, &actor.roles).or_refuse()?;
        let latest =
            row.invitation.as_ref().filter(|_| row.shown(now) == ShownState::Invited).ok_or(AppError::NotFound)?;
        let url = self.copied_link(&mut tx, &actor, &row, latest.id, now).await?;
        tx.commit().await?;
        Ok(Link { url, expires: latest.expires })
    }

    /// The copied-channel link of an invitation, made at its first use. The caller has established the right to it.
    pub(super) async fn copied_link(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        invitation: InvitationId,
        now: Timestamp,
    ) -> Result<String, AppError> {
        let token = match invitations::live_token(tx, actor.scope(), invitation, Channel::Copied).await? {
            Some(sealed) => self.keyring.open_token(&sealed)?,
            None => {
                let token = Token::new();
                let sealed = self.keyring.seal_token(&token);
                let (scope, hash) = (actor.scope(), token.hash());
                invitations::insert_token(tx, scope, invitation, Channel::Copied, &hash, &sealed, now).await?;
                let to = To { member: row.id, email: row.email.key().to_owned() };
                audit::record(tx, scope, &actor.by(), Some(&to), &Event::LinkCopied { invitation }, now).await?;
                token
            }
        };
        Ok(self.config.link(&paths::invitation_link(token.reveal())))
    }
}
