//! Writes the mail of an invitation with its link, in the transaction of the change.

use crate::{
    context::Services,
    secrets::Token,
    service::{joining::presented_invitation::PresentedInvitation, sessions::sign_in::rate_limited},
    storage::{
        AccountScope, StorageError, Tx, accounts,
        invitations::{self, NewInvitation},
        members,
        outbox::{self, MailKind, NewMail},
        rate_buckets::{self, Limit},
        users,
    },
};
use app::{
    domain::{
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

/// Invitations of one account to one mailbox in a day, whatever the `+tag`s: as many as “Invite several” takes at once.
const MAILS_PER_ACCOUNT_MAILBOX_DAY: u32 = 50;

/// The limits that several accounts share are never reserved further ahead than this (INV-19).
const MAX_SHARED_WAIT: Span = Span::days(1);

type Bucket = (String, Limit);

async fn reserve_own(tx: &mut Tx, (key, limit): &Bucket, now: Timestamp) -> Result<Span, StorageError> {
    rate_buckets::reserve(tx, key, *limit, now).await
}

async fn reserve_shared(tx: &mut Tx, (key, limit): &Bucket, now: Timestamp) -> Result<Span, StorageError> {
    rate_buckets::reserve_within(tx, key, *limit, MAX_SHARED_WAIT, now).await
}

impl Services {
    /// Makes the invitation's mailed token and queues the mail that will carry it; earlier links are killed, copied ones too (R23, INV-11).
    /// Without a mail server no mailed token is made, and the mail is only shown (R61).
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if the limits put the mail off beyond the invitation's life.
    pub(in crate::service) async fn queue_invitation(
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
        let mail = NewMail {
            kind: MailKind::Invitation,
            member,
            invitation: Some(id),
            language,
            to: email.key(),
            sealed: None,
        };
        Ok(outbox::queue(tx, scope, mail, self.config.smtp.is_some(), not_before, now).await?)
    }

    /// Makes the live token of a channel, where there is none. Answers its row and itself.
    pub(in crate::service) async fn make_token(
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

    /// When the mail of an invitation may be sent, by the limits of account, inviter, recipient and server (R52, INV-19). The operator's
    /// mails are sent at once. Only members with the permission invite, so an address with another `+tag` is another recipient here, as R1
    /// has it; a wider limit counts what one account sends to one mailbox under any number of tags.
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
        // The same person in another account is the same inviter.
        let inviter = members::find(tx, scope, new.sponsor).await?.and_then(|sponsor| sponsor.user);
        let inviter = inviter.map_or_else(|| new.sponsor.to_string(), |user| user.to_string());
        let (limits, account, to) = (&self.config.limits, scope.id(), new.email.key());
        let to_recipient = Limit::per_day(limits.mails_per_account_recipient_day);
        let own = [
            (format!("mail:account:{account}:to:{to}"), to_recipient),
            (format!("mail:by:{inviter}:to:{to}"), to_recipient),
            (
                format!("mail:account:{account}:mailbox:{}", new.email.rate_key()),
                Limit::per_day(MAILS_PER_ACCOUNT_MAILBOX_DAY),
            ),
            (format!("mail:account:{account}"), Limit::per_day(limits.mails_per_account_day)),
            (format!("mail:by:{inviter}"), Limit::per_hour(limits.mails_per_inviter_hour)),
        ];
        let shared = [
            (format!("mail:to:{to}"), Limit::per_day(limits.mails_per_recipient_day)),
            ("mail:server".to_owned(), Limit::per_day(limits.mails_per_server_day)),
        ];
        let mut wait = Span(0);
        for bucket in &own {
            wait = wait.max(reserve_own(tx, bucket, now).await?);
        }
        if wait == Span(0) {
            // A mail that waits for a limit of its own account takes nothing from the limits that accounts share.
            for bucket in &shared {
                wait = wait.max(reserve_shared(tx, bucket, now).await?);
            }
        }
        if wait >= new.lifetime {
            return Err(rate_limited(Span(wait.0 - new.lifetime.0)));
        }
        Ok(now + wait)
    }

    /// Mails the sponsor, in the sponsor's language, the answer to the invitation (R51, R63).
    pub(in crate::service) async fn tell_sponsor(
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
        let mail =
            NewMail { kind, member, invitation: Some(invitation.id), language, to: user.email.key(), sealed: None };
        self.queue(tx, scope, mail, now).await?;
        Ok(())
    }

    /// Mails those who may send the invitation again, each in their own language (R20, R29).
    pub(in crate::service) async fn tell_admins(
        &self,
        tx: &mut Tx,
        kind: MailKind,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let roles = accounts::roles(tx, presented.scope, &self.catalogue).await?;
        for inviter in members::inviters(tx, presented.scope, &roles).await? {
            let effective = Effective::of(&inviter.grant, &roles);
            if can_handle_invitation(&effective, &presented.member.grant, &roles).is_yes() {
                let mail = NewMail {
                    kind,
                    member: presented.member.id,
                    invitation: Some(presented.invitation.id),
                    language: inviter.language.unwrap_or(presented.account.language),
                    to: &inviter.email_key,
                    sealed: None,
                };
                self.queue(tx, presented.scope, mail, now).await?;
            }
        }
        Ok(())
    }

    /// Queues a mail, in the transaction of the change that it tells of.
    pub(in crate::service) async fn queue(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        mail: NewMail<'_>,
        now: Timestamp,
    ) -> Result<MailState, StorageError> {
        outbox::queue(tx, scope, mail, self.config.smtp.is_some(), now, now).await
    }
}
