//! The mails about a role that was given (R35).

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        AccountScope, StorageError, Tx,
        members::{self, Member},
        outbox::{MailKind, NewMail, RoleMail},
        users,
    },
};
use app::domain::{ids::MemberId, language::Language, member::MemberState, role::Grant, time::Timestamp};

impl Services {
    /// Tells an active member that somebody else gave them another role or other permissions, and the owners of one more.
    pub(super) async fn tell_of_role(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        given: &Grant,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Some(user) = row.user.filter(|_| row.state == MemberState::Active) else { return Ok(()) };
        if row.id != actor.member
            && let Some(user) = users::find(tx, user).await?
        {
            let mail = NewMail::about(
                MailKind::Role(RoleMail::Changed),
                row.id,
                user.language.unwrap_or(actor.language),
                user.email.key(),
            );
            self.queue(tx, actor.scope(), mail, now).await?;
        }
        if given.makes_owner() && !row.grant.makes_owner() {
            self.tell_owners_of_another(tx, actor.scope(), actor.language, &[row.id, actor.member], now).await?;
        }
        Ok(())
    }

    /// Tells the owners that the first of these members is one as well; not those who know it, who are all of these.
    pub(in crate::service) async fn tell_owners_of_another(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        language: Language,
        knowing: &[MemberId],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Some(member) = knowing.first().copied() else { return Ok(()) };
        for owner in members::active_owners(tx, scope).await? {
            if knowing.contains(&owner.member) {
                continue;
            }
            let mail = NewMail::about(
                MailKind::Role(RoleMail::OwnerMade),
                member,
                owner.language.unwrap_or(language),
                &owner.email_key,
            );
            self.queue(tx, scope, mail, now).await?;
        }
        Ok(())
    }
}
