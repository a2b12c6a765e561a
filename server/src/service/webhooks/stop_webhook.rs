//! Switches a webhook off that does not work any more, or for which nobody answers, and tells whoever can mend it (LT-10).

use crate::{
    context::Services,
    storage::{
        AccountScope, StorageError, Tx, accounts,
        audit::{self, AuditActor, Event},
        members,
        outbox::{MailKind, NewMail},
        webhooks::{self, OwnerlessWebhook},
    },
};
use app::domain::{
    ids::{MemberId, WebhookId},
    member::MemberState,
    permission::Gate,
    role::Effective,
    time::Timestamp,
    webhook::{WebhookStatus, can_manage_webhooks, host_of},
};

/// How many webhooks are stopped one after the other before the worker looks at deliveries again.
const BATCH: i64 = 64;

/// A webhook that is to be stopped, and why.
pub(super) struct Stop<'a> {
    pub(super) scope: AccountScope,
    pub(super) webhook: WebhookId,
    pub(super) url: &'a str,
    pub(super) why: WebhookStatus,
    /// Who answers for it.
    pub(super) owner: Option<MemberId>,
}

impl Services {
    /// Stops webhooks for which nobody answers any more. What tells that this very person's access ended is delivered all the same.
    pub(super) async fn stop_ownerless_webhooks(&self) -> Result<(), StorageError> {
        let mut tx = self.database.begin_read().await?;
        let ownerless = webhooks::ownerless(&mut tx, BATCH).await?;
        drop(tx);
        for OwnerlessWebhook { scope, id, url, member } in ownerless {
            let mut tx = self.database.begin_write().await?;
            let stop = Stop { scope, webhook: id, url: &url, why: WebhookStatus::Ownerless, owner: member };
            self.stop_webhook(&mut tx, stop, self.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Is the one who answers for a webhook still in, and may still manage it? Who lost the permission has it told nothing more.
    pub(super) async fn can_answer_for_webhook(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        owner: Option<MemberId>,
    ) -> Result<bool, StorageError> {
        let Some(owner) = owner else { return Ok(false) };
        let row = members::find(tx, scope, owner).await?.filter(|row| row.state == MemberState::Active);
        let Some(row) = row else { return Ok(false) };
        let roles = accounts::roles(tx, scope, &self.catalogue).await?;
        Ok(can_manage_webhooks(&Effective::of(&row.grant, &roles)).is_yes())
    }

    /// Switches the webhook off with an audit event and a mail, unless it is off.
    pub(super) async fn stop_webhook(&self, tx: &mut Tx, stop: Stop<'_>, now: Timestamp) -> Result<(), StorageError> {
        let Stop { scope, webhook, url, why, owner } = stop;
        accounts::lock(tx, scope).await?;
        let but_about = owner.filter(|_| why == WebhookStatus::Ownerless);
        if !webhooks::switch_off(tx, scope, webhook, why, but_about, now).await? {
            return Ok(());
        }
        let event = Event::WebhookStopped { webhook, host: host_of(url) };
        audit::record(tx, scope, &AuditActor::default(), None, &event, now).await?;
        self.tell_answerable_for_webhook(tx, scope, owner, now).await?;
        tracing::info!(account = %scope.id(), %webhook, why = why.key(), "a webhook was switched off");
        Ok(())
    }

    /// Mails the one who is answerable: who answers for the webhook, if they may still manage it, else the first who may, owners before others.
    async fn tell_answerable_for_webhook(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        owner: Option<MemberId>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let Some(account) = accounts::find(tx, scope).await? else { return Ok(()) };
        let roles = accounts::roles(tx, scope, &self.catalogue).await?;
        let mut able = members::holders(tx, scope, &roles, Gate::WebhooksManage).await?;
        able.retain(|holder| can_manage_webhooks(&Effective::of(&holder.grant, &roles)).is_yes());
        let is_owner = able.iter().find(|holder| Some(holder.member) == owner);
        let Some(answerable) = is_owner.or_else(|| able.first()) else { return Ok(()) };
        let mail = NewMail::about(
            MailKind::WebhookStopped,
            answerable.member,
            answerable.language.unwrap_or(account.language),
            &answerable.email_key,
        );
        self.queue(tx, scope, mail, now).await?;
        Ok(())
    }
}
