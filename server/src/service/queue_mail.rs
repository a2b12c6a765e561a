//! Writing an invitation's mail with its link, in the transaction of the change.

use super::Services;
use crate::{
    mail::MailKind,
    secrets::Token,
    storage::{
        AccountScope, StorageError, Tx, invitations, members,
        outbox::{self, NewMail},
        rate_buckets::{self, Limit},
        users,
    },
};
use app::domain::{
    email::Email,
    ids::{InvitationId, MemberId},
    invitation::Channel,
    language::Language,
    member::MailState,
    time::Timestamp,
};

impl Services {
    /// Makes the invitation's mailed token and queues the mail that will carry it; earlier links die, copied ones too (R23, INV-11).
    /// Without a mail server no mailed token is made, and the mail is only shown (R61).
    #[allow(clippy::too_many_arguments, reason = "the facts of one step of one operation")]
    pub(super) async fn queue_invitation(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        member: MemberId,
        invitation: InvitationId,
        to: &Email,
        by: Option<MemberId>,
        language: Language,
        now: Timestamp,
    ) -> Result<MailState, StorageError> {
        invitations::kill_tokens(tx, scope, invitation, None, now).await?;
        if self.config.smtp.is_some() {
            let token = Token::new();
            let sealed = self.keyring.seal_token(&token);
            invitations::insert_token(tx, scope, invitation, Channel::Mailed, &token.hash(), &sealed, now).await?;
        }
        let not_before = self.when_limits_allow(tx, scope, to, by, now).await?;
        let mail = NewMail { kind: MailKind::Invitation, member, invitation, language, to: to.key(), sealed: None };
        outbox::queue(tx, scope, mail, self.config.smtp.is_some(), not_before, now).await
    }

    /// When an invitation's mail may go: now, or when the account, the inviter and the recipient have had few enough (R52, INV-19).
    async fn when_limits_allow(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        to: &Email,
        by: Option<MemberId>,
        now: Timestamp,
    ) -> Result<Timestamp, StorageError> {
        let limits = &self.config.limits;
        let mut buckets = vec![
            (format!("mail:account:{}", scope.id()), Limit::per_day(limits.mails_per_account_day)),
            (format!("mail:to:{}", to.rate_key()), Limit::per_day(limits.mails_per_recipient_day)),
        ];
        buckets.extend(by.map(|by| (format!("mail:by:{by}"), Limit::per_hour(limits.mails_per_inviter_hour))));
        let mut when = now;
        for (key, limit) in buckets {
            when = when.max(now + rate_buckets::take_later(tx, &key, limit, now).await?);
        }
        Ok(when)
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
