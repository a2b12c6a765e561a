//! The page of an invitation (R8, R11 to R16, R18, R20, R22, R23, INV-17). It changes nothing.

use super::{ask_to_be_invited::ask_as, presented_invitation::PresentedInvitation};
use crate::{
    context::Services,
    service::actors::is_recent,
    storage::{
        StorageError, Tx, accounts,
        decisions::{self, RequestState},
        members, sessions,
        users::{self, User},
    },
};
use app::{
    api::joining::{InvitationView, Inviter, OpenInvitation, Standing},
    backend::ViewInvitation,
    domain::{
        ids::{AttemptId, InvitationId},
        invitation::{Channel, InvitationState},
        member::LoginMethodKind,
        oauth::masked,
        time::{Span, Timestamp},
    },
    error::AppError,
    paths,
    request::Visitor,
};
use async_trait::async_trait;

/// How long to wait before a new link can be asked for again.
pub(in crate::service) const MIN_ASK_INTERVAL: Span = Span::days(1);

#[async_trait]
impl ViewInvitation for Services {
    /// What the page of the invitation with this id shows this browser.
    async fn view_invitation(
        &self,
        visitor: &Visitor,
        id: Option<InvitationId>,
        attempt: Option<AttemptId>,
    ) -> Result<InvitationView, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let Some(presented) = self.presented_invitation(&mut tx, visitor).await? else {
            if let Some(id) = id
                && let Some(account) = self.account_joined_with(&mut tx, visitor, id).await?
            {
                return Ok(InvitationView::Used { account: account.name, mine: Some(account.slug) });
            }
            let refused = self.refused_account(&mut tx, visitor).await?;
            return Ok(refused.map_or(InvitationView::Unknown, InvitationView::Refused));
        };
        match id {
            None => return Ok(InvitationView::Unknown),
            Some(id) if id != presented.invitation.id => return Ok(InvitationView::OpenTheLinkAgain),
            Some(_) => {}
        }
        let account = presented.account.name.clone();
        Ok(match presented.invitation.state {
            InvitationState::Accepted => {
                let mine =
                    visitor.signed_in.as_ref().is_some_and(|signed_in| presented.was_taken_up_by(signed_in.user));
                InvitationView::Used { account, mine: mine.then_some(presented.account.slug) }
            }
            InvitationState::Declined => {
                let asks = self.may_ask_again(&mut tx, &presented).await?;
                let may_ask = asks.then(|| may_ask(presented.invitation.asked, now));
                InvitationView::Declined { id: presented.invitation.id, account, may_ask }
            }
            InvitationState::Revoked => match self.invited_as(&mut tx, visitor, &presented).await? {
                Some(email) => InvitationView::InvitedAs { account, email },
                None => InvitationView::Withdrawn(account),
            },
            InvitationState::AwaitingApproval => InvitationView::AwaitingApproval(account),
            InvitationState::Pending if presented.account.delete_at.is_some() => {
                InvitationView::AccountDeleted(account)
            }
            InvitationState::Pending if presented.invitation.expires <= now => InvitationView::Expired {
                id: presented.invitation.id,
                account,
                inviter: inviter(&mut tx, &presented).await?.map(|inviter| inviter.name),
                may_ask: may_ask(presented.invitation.asked, now),
            },
            InvitationState::Pending if !presented.live => match self.newer_mail(&presented) {
                Some(at) => InvitationView::Replaced { account, at },
                None => InvitationView::LinkEnded(account),
            },
            InvitationState::Pending => {
                InvitationView::Open(Box::new(self.open(&mut tx, visitor, presented, attempt).await?))
            }
        })
    }
}

impl Services {
    /// When a mail with a newer link was written, if that is why this link is dead.
    fn newer_mail(&self, presented: &PresentedInvitation) -> Option<Timestamp> {
        presented.invitation.mailed.filter(|at| self.config.smtp.is_some() && *at > presented.made)
    }

    /// The address of the person who is signed in, if it was invited in place of this invitation's, as they had asked (R14).
    async fn invited_as(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
    ) -> Result<Option<String>, StorageError> {
        let Some(signed_in) = &visitor.signed_in else { return Ok(None) };
        let request = decisions::request(tx, presented.scope, presented.invitation.id).await?;
        Ok((request == Some((signed_in.user, RequestState::Granted))).then(|| signed_in.email.clone()))
    }

    async fn open(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: PresentedInvitation,
        attempt: Option<AttemptId>,
    ) -> Result<OpenInvitation, AppError> {
        let roles = accounts::roles(tx, presented.scope, &self.catalogue).await?;
        let standing = match presented.member.method.kind {
            _ if !presented.member.method_enabled => Standing::MethodOff,
            LoginMethodKind::Password => self.standing(tx, visitor, &presented).await?,
            LoginMethodKind::OAuth => self.standing_by_method(tx, visitor, &presented, attempt).await?,
        };
        Ok(OpenInvitation {
            id: presented.invitation.id,
            inviter: inviter(tx, &presented).await?,
            permissions: roles.permissions_of(&presented.member.grant),
            roles: roles.only(&presented.member.grant.role),
            role: presented.member.grant.role,
            account: presented.account.name,
            slug: presented.account.slug,
            expires: presented.invitation.expires,
            standing,
        })
    }

    async fn standing(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
    ) -> Result<Standing, AppError> {
        let sign_up = |needs_code, or_sign_in| Standing::SignUp {
            email: presented.member.email.typed().to_owned(),
            name: presented.member.name.clone().unwrap_or_default(),
            needs_code,
            or_sign_in,
            shortest_password: self.config.passwords.shortest,
        };
        if let Some(signed_in) = &visitor.signed_in {
            let user = users::find(tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            let email = signed_in.email.clone();
            // INV-10: what counts is the user's own password, whatever else the session proved.
            let proved = sessions::password_proved(tx, signed_in.session).await?.is_some();
            return Ok(match self.can_join_as(presented, &user) {
                true if proved => Standing::Join(email),
                true if user.phc.is_none() && presented.channel == Channel::Mailed => sign_up(false, false),
                true => Standing::SignIn,
                false => somebody_else(tx, presented, &user).await?,
            });
        }
        match presented.channel {
            // R7: the inviter holds this link too, so the page must not tell whether the address has a user.
            Channel::Copied => Ok(sign_up(self.needs_code(presented), true)),
            Channel::Mailed => {
                let user = users::find_by_email(tx, presented.member.email.key()).await?;
                Ok(match user {
                    Some(user) if user.verified.is_some() && user.phc.is_some() => Standing::SignIn,
                    // R13: the mailbox outranks somebody who never proved it, unless it is the same person, who can sign in.
                    Some(user) if user.verified.is_none() => sign_up(false, true),
                    // R17: somebody who came by providers alone so far sets a password.
                    Some(_) | None => sign_up(false, false),
                })
            }
        }
    }
}

impl Services {
    /// What the person can do where the account's provider has to name them (R17, R42, INV-10).
    async fn standing_by_method(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        attempt: Option<AttemptId>,
    ) -> Result<Standing, AppError> {
        let method = presented.member.method.name.clone().unwrap_or_default();
        let signed_in = visitor.signed_in.as_ref();
        let user = match signed_in {
            Some(signed_in) => users::find(tx, signed_in.user).await?,
            // R7: by a copied link, the page does not tell whether the address has a user.
            None if presented.channel == Channel::Copied => None,
            None => {
                users::find_by_email(tx, presented.member.email.key()).await?.filter(|user| user.verified.is_some())
            }
        };
        match (signed_in, &user) {
            (Some(_), None) => return Err(AppError::Unauthenticated),
            (Some(_), Some(user)) if user.email != presented.member.email => {
                return somebody_else(tx, presented, user).await;
            }
            (Some(_) | None, _) => {}
        }
        if let Some(user) = &user
            && self.must_enter_password(tx, visitor, user).await?
        {
            return Ok(Standing::SignInFirst { method });
        }
        let Some(callback) = self.verified_callback(tx, visitor, presented, attempt).await? else {
            let start = paths::oauth_start_for(presented.member.method.id, presented.invitation.id);
            let expected = presented.member.identifier.as_deref().and_then(masked);
            return Ok(Standing::ToProvider { method, start, expected });
        };
        let suggested = || presented.member.name.clone().or_else(|| callback.person.name()).unwrap_or_default();
        Ok(Standing::FromProvider {
            method,
            attempt: callback.attempt.id,
            name: user.is_none().then(suggested),
            needs_code: self.needs_code(presented),
        })
    }

    /// R17: somebody who has a password must have entered it recently before a provider is linked to the login.
    async fn must_enter_password(&self, tx: &mut Tx, visitor: &Visitor, user: &User) -> Result<bool, StorageError> {
        if user.phc.is_none() {
            return Ok(false);
        }
        let Some(signed_in) = &visitor.signed_in else { return Ok(true) };
        let proved = sessions::password_proved(tx, signed_in.session).await?;
        Ok(!proved.is_some_and(|at| is_recent(at, self.config.sessions.step_up_minutes, self.now())))
    }
}

/// Another person than the one invited is signed in (R14).
async fn somebody_else(tx: &mut Tx, presented: &PresentedInvitation, user: &User) -> Result<Standing, AppError> {
    Ok(Standing::SomebodyElse {
        email: user.email.typed().to_owned(),
        invited: presented.member.email.typed().to_owned(),
        ask_as: ask_as(tx, presented, user).await?,
    })
}

/// May a new link be asked for now (R20)?
pub(in crate::service) fn may_ask(asked: Option<Timestamp>, now: Timestamp) -> bool {
    asked.is_none_or(|at| at + MIN_ASK_INTERVAL <= now)
}

/// Who invites; nobody for an invitation by the host's operator.
async fn inviter(tx: &mut Tx, presented: &PresentedInvitation) -> Result<Option<Inviter>, StorageError> {
    if presented.invitation.sponsor == presented.member.id {
        return Ok(None);
    }
    let sponsor = members::find(tx, presented.scope, presented.invitation.sponsor).await?;
    Ok(sponsor.map(|sponsor| Inviter { name: sponsor.label().to_owned(), email: sponsor.email.typed().to_owned() }))
}
