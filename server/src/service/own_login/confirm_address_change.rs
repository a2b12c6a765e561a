//! Confirms a change of address, by the link that was mailed to the new one (R48, PW-11).

use super::{
    lock_copies,
    notify::{LinkMail, origin},
    own_invitation::MAX_INVITATIONS,
};
use crate::{
    context::Services,
    secrets::Token,
    storage::{
        StorageError, Tx,
        address_changes::{self, AddressChange},
        audit::Event,
        invitations, members,
        outbox::MailKind,
        password_resets, retried,
        user_events::{self, UserEvent},
        users::{self, User},
    },
};
use app::{
    api::address::AddressChanged,
    backend::ConfirmAddressChange,
    domain::{
        email::Email,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

/// How long the old address can take the change back.
const UNDO_TTL: Span = Span::hours(24);

#[async_trait]
impl ConfirmAddressChange for Services {
    /// Sets the new address, everywhere at once. The old one is told, and can take it back for a day. Open invitations stay with the
    /// address that was invited.
    ///
    /// # Errors
    /// [`AppError::OpenTheLinkAgain`] if the link is not valid any more.
    async fn confirm_address_change(&self, visitor: &Visitor) -> Result<WithCookies<AddressChanged>, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (change, user) = self.lock_presented(&mut tx, visitor, false).await?;
            let (undo, until) = (Token::new(), now + UNDO_TTL);
            if !address_changes::confirm(&mut tx, change.id, &undo.hash(), until, now).await? {
                return Err(AppError::OpenTheLinkAgain);
            }
            let owned_mailbox = user.verified.is_some();
            let user = match self.readdress(&mut tx, visitor, user, &change.new, now).await {
                Err(StorageError::Taken(_)) => {
                    let answer = AddressChanged::Taken { email: change.new.typed().to_owned() };
                    return Ok(WithCookies { answer, cookies: Vec::new() });
                }
                other => other?,
            };
            let to_old = LinkMail {
                kind: MailKind::EmailChangeNotice,
                user: Some(&user),
                language: visitor.language,
                to: &change.old,
                token: &undo,
                expires: until,
            };
            self.mail_link(&mut tx, to_old, now).await?;
            if change.tell_inviters && owned_mailbox {
                self.tell_inviters(&mut tx, &change, now).await?;
            }
            user_events::record(&mut tx, user.id, &UserEvent::AddressChanged, &origin(visitor), now).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, ip = %visitor.ip, "address changed");
            let answer = AddressChanged::Done { email: change.new.typed().to_owned() };
            Ok(WithCookies { answer, cookies: vec![self.cookies.clear_address_change()] })
        })
        .await
    }
}

impl Services {
    /// Tells those who invited the old address, where that is still open, that the person has another one now: they can invite that instead
    /// (R48). Nobody is told who did not invite, nor unless the person wants it.
    async fn tell_inviters(&self, tx: &mut Tx, change: &AddressChange, now: Timestamp) -> Result<(), StorageError> {
        for offered in invitations::offered_to(tx, change.old.key(), MAX_INVITATIONS, now).await? {
            let Some(scope) = invitations::account_offered(tx, offered.id, change.old.key()).await? else { continue };
            let Some(invitation) = invitations::find(tx, scope, offered.id).await? else { continue };
            self.tell_sponsor(tx, scope, MailKind::InviteeMoved, invitation.member, &invitation, now).await?;
        }
        Ok(())
    }

    /// The change of this browser's link and its user, under the locks of all accounts that hold copies of the address.
    pub(super) async fn lock_presented(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        confirmed: bool,
    ) -> Result<(AddressChange, User), AppError> {
        let before = self.presented_change(tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
        let user = lock_copies(tx, before.user).await?.ok_or(AppError::OpenTheLinkAgain)?;
        let change = self.presented_change(tx, visitor).await?.ok_or(AppError::OpenTheLinkAgain)?;
        if change.confirmed.is_some() != confirmed || change.id != before.id {
            return Err(AppError::OpenTheLinkAgain);
        }
        Ok((change, user))
    }

    /// Gives a user another address, which a mail from us has just proved, and all copies of it. What was mailed to the earlier address to
    /// get at the login is dead (PW-10).
    ///
    /// # Errors
    /// [`StorageError::Taken`] if another user has it.
    pub(super) async fn readdress(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        before: User,
        email: &Email,
        now: Timestamp,
    ) -> Result<User, StorageError> {
        users::set_email(tx, before.id, email, now).await?;
        for address in [before.email.key(), email.key()] {
            password_resets::end_of_address(tx, address, now).await?;
        }
        let user = User { email: email.clone(), verified: Some(now), ..before };
        self.rewrite_copies(tx, visitor, &user, &Event::EmailChanged, now).await?;
        for scope in members::accounts_with_copy(tx, user.id).await? {
            members::release_invited(tx, scope, user.id).await?;
        }
        Ok(user)
    }
}
