//! What the page of an invitation shows (R8, R11 to R16, R18, R20, R22, R23, INV-17). Nothing changes.

use super::{Services, invitation_facts::Held};
use crate::storage::{StorageError, Tx, accounts, members, users};
use app::{
    api::joining::{InvitationView, Inviter, OpenInvitation, Standing},
    domain::{
        ids::InvitationId,
        invitation::{Channel, InvitationState},
        time::{Span, Timestamp},
    },
    error::AppError,
    ports::Visitor,
};

/// A new link can be asked for so often.
pub(super) const BETWEEN_ASKS: Span = Span::days(1);

impl Services {
    /// What the page of the invitation with this id shows this browser.
    pub(super) async fn view_invitation(
        &self,
        visitor: &Visitor,
        id: Option<InvitationId>,
    ) -> Result<InvitationView, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let Some(held) = self.held(&mut tx, visitor).await? else { return Ok(InvitationView::Unknown) };
        match id {
            None => return Ok(InvitationView::Unknown),
            Some(id) if id != held.invitation.id => return Ok(InvitationView::OpenTheLinkAgain),
            Some(_) => {}
        }
        let account = held.account.name.clone();
        Ok(match held.invitation.state {
            InvitationState::Accepted => {
                let mine = visitor.signed_in.as_ref().is_some_and(|signed_in| held.was_taken_up_by(signed_in.user));
                InvitationView::Used { account, mine: mine.then_some(held.account.slug) }
            }
            InvitationState::Declined => InvitationView::Declined { account },
            InvitationState::Revoked => InvitationView::Withdrawn { account },
            InvitationState::Held => InvitationView::Held { account },
            InvitationState::Pending if held.invitation.expires <= now => InvitationView::Expired {
                id: held.invitation.id,
                account,
                inviter: inviter(&mut tx, &held).await?.map(|inviter| inviter.name),
                may_ask: may_ask(held.invitation.asked, now),
            },
            InvitationState::Pending if !held.live => match self.newer_mail(&held) {
                Some(at) => InvitationView::Replaced { account, at },
                None => InvitationView::LinkEnded { account },
            },
            InvitationState::Pending => InvitationView::Open(Box::new(self.open(&mut tx, visitor, held).await?)),
        })
    }

    /// When a mail with a newer link than this one was written, if that is why this one is dead.
    fn newer_mail(&self, held: &Held) -> Option<Timestamp> {
        held.invitation.mailed.filter(|at| self.config.smtp.is_some() && *at > held.made)
    }

    async fn open(&self, tx: &mut Tx, visitor: &Visitor, held: Held) -> Result<OpenInvitation, AppError> {
        let roles = accounts::roles(tx, held.scope, &self.catalogue).await?;
        let standing = self.standing(tx, visitor, &held).await?;
        Ok(OpenInvitation {
            id: held.invitation.id,
            inviter: inviter(tx, &held).await?,
            permissions: roles.permissions_of(&held.member.grant),
            role: held.member.grant.role,
            roles,
            account: held.account.name,
            slug: held.account.slug,
            expires: held.invitation.expires,
            standing,
        })
    }

    async fn standing(&self, tx: &mut Tx, visitor: &Visitor, held: &Held) -> Result<Standing, AppError> {
        if let Some(signed_in) = &visitor.signed_in {
            let user = users::find(tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            let email = signed_in.email.clone();
            return Ok(if self.fits(held, &user) {
                Standing::Join { email }
            } else {
                Standing::SomebodyElse { email }
            });
        }
        let sign_up = |needs_code, or_sign_in| Standing::SignUp {
            email: held.member.email.typed().to_owned(),
            name: held.member.name.clone().unwrap_or_default(),
            needs_code,
            or_sign_in,
            shortest_password: self.config.passwords.shortest,
        };
        match held.channel {
            // R7: the inviter holds this link too, so the page must not tell whether the address has a user.
            Channel::Copied => Ok(sign_up(self.needs_code(held), true)),
            Channel::Mailed => {
                let user = users::find_by_email(tx, held.member.email.key()).await?;
                Ok(match user.map(|user| user.verified) {
                    Some(Some(_)) => Standing::SignIn,
                    // R13: the mailbox outranks somebody who never proved it, unless it is the same person, who can sign in.
                    Some(None) => sign_up(false, true),
                    None => sign_up(false, false),
                })
            }
        }
    }
}

/// May a new link be asked for now (R20)?
pub(super) fn may_ask(asked: Option<Timestamp>, now: Timestamp) -> bool {
    asked.is_none_or(|at| at + BETWEEN_ASKS <= now)
}

/// Who invites; nobody for an invitation by the host's operator.
async fn inviter(tx: &mut Tx, held: &Held) -> Result<Option<Inviter>, StorageError> {
    if held.invitation.sponsor == held.member.id {
        return Ok(None);
    }
    let sponsor = members::find(tx, held.scope, held.invitation.sponsor).await?;
    Ok(sponsor.map(|sponsor| Inviter { name: sponsor.label().to_owned(), email: sponsor.email.typed().to_owned() }))
}
