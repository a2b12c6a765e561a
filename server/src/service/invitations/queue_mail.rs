//! Writes the mail of an invitation with its link, in the transaction of the change.

use crate::{
    context::Services,
    secrets::Token,
    service::{joining::presented_invitation::PresentedInvitation, sessions::sign_in::rate_limited},
    storage::{
        AccountScope, StorageError, Tx, accounts,
        invitation_refusals::{self, AddressDigest},
        invitations::{self, NewInvitation},
        members::{self, Inviter},
        outbox::{self, MailKind, NewMail},
        rate_buckets::{self, Limit},
    },
};
use app::{
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::{InvitationId, MemberId},
        invitation::Channel,
        member::MailState,
        policy::{Refusal, can_handle_invitation},
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

/// Nobody is invited into an account that is going to be deleted.
pub(super) async fn refuse_if_account_is_deleted(tx: &mut Tx, scope: AccountScope) -> Result<(), AppError> {
    match accounts::deletion(tx, scope).await? {
        Some(_) => Err(Refusal::AccountDeleted.into()),
        None => Ok(()),
    }
}

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
    /// [`Problem::WantsNoInvitations`] if whoever has the address said so (R51); [`Refusal::AccountDeleted`] in an account that is going to be deleted; [`AppError::RateLimited`] if the limits put the mail off beyond the
    /// invitation's life.
    pub(in crate::service) async fn queue_invitation(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        new: NewInvitation<'_>,
        now: Timestamp,
    ) -> Result<MailState, AppError> {
        let NewInvitation { id, member, email, language, .. } = new;
        refuse_if_account_is_deleted(tx, scope).await?;
        let address = AddressDigest::of(scope, email);
        // The host's operator gives access back where nobody else can.
        if new.sponsor != member && invitation_refusals::is_refused(tx, scope, &address).await? {
            return Err(FieldErrors::one(Field::Email, Problem::WantsNoInvitations).into());
        }
        if new.has_links {
            invitations::kill_tokens(tx, scope, id, None, now).await?;
        }
        let mut not_before = now;
        if self.config.smtp.is_some() {
            self.make_token(tx, scope, id, Channel::Mailed, Some(&address), now).await?;
            not_before = self.when_limits_allow(tx, scope, new, now).await?;
        }
        let mail = NewMail {
            kind: MailKind::Invitation,
            member,
            invitation: Some(id),
            offer: None,
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
        address: Option<&AddressDigest>,
        now: Timestamp,
    ) -> Result<(Uuid, Token), StorageError> {
        let (row, token) = (Uuid::now_v7(), Token::new());
        let (hash, sealed) = (token.hash(), self.keyring.seal_token(row, &token));
        invitations::insert_token(tx, scope, row, invitation, channel, &hash, &sealed, address, now).await?;
        Ok((row, token))
    }

    /// When the mail of an invitation may be sent, by the limits of account, inviter, recipient and server (R52, INV-19). The operator's
    /// mails are sent at once. Only members with the permission invite, so an address with another `+tag` is another recipient here, as R1
    /// has it; a wider limit counts what one account sends to one mailbox under any number of tags.
    pub(super) async fn when_limits_allow(
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
        let inviter = members::answerable(tx, scope, new.sponsor).await?.and_then(|sponsor| sponsor.user);
        let inviter = inviter.map_or_else(|| new.sponsor.to_string(), |(user, _, _)| user.to_string());
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
        let sponsor = members::answerable(tx, scope, invitation.sponsor).await?;
        let Some((_, email_key, language)) = sponsor.and_then(|sponsor| sponsor.user) else { return Ok(()) };
        let language = language.unwrap_or(invitation.language);
        let mail = NewMail {
            kind,
            member,
            invitation: Some(invitation.id),
            offer: None,
            language,
            to: &email_key,
            sealed: None,
        };
        self.queue(tx, scope, mail, now).await?;
        Ok(())
    }

    /// Mails the one who is answerable, in their own language: the sponsor, if they may still send the invitation again, else the first who
    /// may, owners before others (R20, R29). Everybody else finds it in the list.
    pub(in crate::service) async fn tell_answerable(
        &self,
        tx: &mut Tx,
        kind: MailKind,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let roles = accounts::roles(tx, presented.scope, &self.catalogue).await?;
        let inviters = members::inviters(tx, presented.scope, &roles).await?;
        let may_handle = |inviter: &&Inviter| {
            let effective = Effective::of(&inviter.grant, &roles);
            can_handle_invitation(&effective, &presented.member.grant, &roles).is_yes()
        };
        let is_sponsor = |inviter: &&Inviter| inviter.member == presented.invitation.sponsor;
        let sponsor = inviters.iter().find(|inviter| is_sponsor(inviter) && may_handle(inviter));
        let Some(answerable) = sponsor.or_else(|| inviters.iter().find(may_handle)) else { return Ok(()) };
        let mail = NewMail {
            kind,
            member: presented.member.id,
            invitation: Some(presented.invitation.id),
            offer: None,
            language: answerable.language.unwrap_or(presented.account.language),
            to: &answerable.email_key,
            sealed: None,
        };
        self.queue(tx, presented.scope, mail, now).await?;
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
