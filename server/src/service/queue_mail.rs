//! Writing an invitation's mail with its link, in the transaction of the change.

use super::{Services, invitation_facts::Held, sign_in::too_many};
use crate::{
    mail::MailKind,
    secrets::Token,
    storage::{
        AccountScope, StorageError, Tx, accounts,
        invitations::{self, NewInvitation},
        members,
        outbox::{self, NewMail},
        rate_buckets::{self, Limit},
        users,
    },
};
use app::{
    domain::{
        email::Email,
        ids::{InvitationId, MemberId},
        invitation::Channel,
        member::MailState,
        policy::can_handle_invitation,
        role::Effective,
        time::{Span, Timestamp},
    },
    error::AppError,
};
use uuid::Uuid;

async fn later(tx: &mut Tx, (key, limit): &(String, Limit), now: Timestamp) -> Result<Span, StorageError> {
    rate_buckets::take_later(tx, key, *limit, now).await
}

impl Services {
    /// Makes the invitation's mailed token and queues the mail that will carry it; earlier links die, copied ones too (R23, INV-11).
    /// Without a mail server no mailed token is made, and the mail is only shown (R61).
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if the limits put the mail off beyond the invitation's life.
    pub(super) async fn queue_invitation(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        new: NewInvitation<'_>,
        now: Timestamp,
    ) -> Result<MailState, AppError> {
        let NewInvitation { id, member, email, language, .. } = new;
        invitations::kill_tokens(tx, scope, id, None, now).await?;
        let mut not_before = now;
        if self.config.smtp.is_some() {
            self.make_token(tx, scope, id, Channel::Mailed, now).await?;
            not_before = self.when_limits_allow(tx, scope, new, now).await?;
        }
        let mail =
            NewMail { kind: MailKind::Invitation, member, invitation: id, language, to: email.key(), sealed: None };
        Ok(outbox::queue(tx, scope, mail, self.config.smtp.is_some(), not_before, now).await?)
    }

    /// Makes the live token of a channel, where there is none. Answers its row and itself.
    pub(super) async fn make_token(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        invitation: InvitationId,
        channel: Channel,
        now: Timestamp,
    ) -> Result<(Uuid, Token), StorageError> {
        let (row, token) = (Uuid::now_v7(), Token::new());
        let (hash, sealed) = (token.hash(), self.keyring.seal_token(row, &token));
        invitations::insert_token(tx, scope, row, invitation, channel, &hash, &sealed, now).await?;
        Ok((row, token))
    }

    /// When an invitation's mail may go: now, or when account, inviter and recipient have had few enough (R52, INV-19). The operator's
    /// go at once.
    async fn when_limits_allow(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        new: NewInvitation<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, AppError> {
        if new.sponsor == new.member {
            return Ok(now);
        }
        let [of_both, of_account, of_recipient] = self.mail_limits(scope, new.email);
        let per_hour = self.config.limits.mails_per_inviter_hour;
        let of_inviter = (format!("mail:by:{}", new.sponsor), Limit::per_hour(per_hour));
        let mut wait = later(tx, &of_both, now).await?;
        if wait == Span(0) {
            // What waits for the account's own limit comes at the account's own pace, and takes nothing from the other accounts.
            wait = later(tx, &of_recipient, now).await?;
        }
        wait = wait.max(later(tx, &of_account, now).await?).max(later(tx, &of_inviter, now).await?);
        if wait >= new.lifetime {
            return Err(too_many(Span(wait.0 - new.lifetime.0)));
        }
        Ok(now + wait)
    }

    /// Counts a mail that somebody waits for, where it may go now (INV-19).
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if account or recipient have had enough.
    pub(super) async fn count_mail(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        to: &Email,
        now: Timestamp,
    ) -> Result<(), AppError> {
        for (key, limit) in self.mail_limits(scope, to) {
            rate_buckets::take(tx, &key, limit, now).await?.map_err(too_many)?;
        }
        Ok(())
    }

    /// The limits on mails of an account to a recipient, in the order in which everybody takes from them: of both, of the account, and
    /// of the recipient, whose bucket all accounts share (EN-05).
    fn mail_limits(&self, scope: AccountScope, to: &Email) -> [(String, Limit); 3] {
        let (limits, account, to) = (&self.config.limits, scope.id(), to.rate_key());
        [
            (format!("mail:account:{account}:to:{to}"), Limit::per_day(limits.mails_per_account_recipient_day)),
            (format!("mail:account:{account}"), Limit::per_day(limits.mails_per_account_day)),
            (format!("mail:to:{to}"), Limit::per_day(limits.mails_per_recipient_day)),
        ]
    }

    /// Tells the sponsor, in the sponsor's language, what became of the invitation (R51, R63).
    pub(super) async fn tell_sponsor(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        kind: MailKind,
        member: MemberId,
        invitation: &invitations::Invitation,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        if invitation.sponsor == member {
            return Ok(());
        }
        let Some(sponsor) = members::find(tx, scope, invitation.sponsor).await? else { return Ok(()) };
        let Some(user) = sponsor.user else { return Ok(()) };
        let Some(user) = users::find(tx, user).await? else { return Ok(()) };
        let language = user.language.unwrap_or(invitation.language);
        let mail = NewMail { kind, member, invitation: invitation.id, language, to: user.email.key(), sealed: None };
        self.queue(tx, scope, mail, now).await?;
        Ok(())
    }

    /// Tells those who could send the invitation again, each in their own language (R20, R29).
    pub(super) async fn tell_admins(
        &self,
        tx: &mut Tx,
        kind: MailKind,
        held: &Held,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let roles = accounts::roles(tx, held.scope, &self.catalogue).await?;
        for inviter in members::inviters(tx, held.scope).await? {
            let effective = Effective::of(&inviter.grant, &roles);
            if can_handle_invitation(&effective, &held.member.grant, &roles).is_yes() {
                let mail = NewMail {
                    kind,
                    member: held.member.id,
                    invitation: held.invitation.id,
                    language: inviter.language.unwrap_or(held.account.language),
                    to: &inviter.email_key,
                    sealed: None,
                };
                self.queue(tx, held.scope, mail, now).await?;
            }
        }
        Ok(())
    }

    /// Queues a mail, in the transaction of the change that it tells of.
    pub(super) async fn queue(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        mail: NewMail<'_>,
        now: Timestamp,
    ) -> Result<MailState, StorageError> {
        outbox::queue(tx, scope, mail, self.config.smtp.is_some(), now, now).await
    }
}
