//! Invites an owner for the host's operator: into a new account, or to restore access to one (R33).

use crate::{
    context::Services,
    storage::{
        AccountScope, StorageError, Tx,
        audit::{self, AuditActor, AuditTarget, Event},
        identities,
        invitations::{self, NewInvitation},
        login_methods,
        members::{self, Member, Offer},
    },
};
use app::{
    domain::{
        email::Email,
        ids::{InvitationId, LoginMethodId, MemberId},
        invitation::{Channel, DEFAULT_LIFETIME},
        language::Language,
        member::{LoginMethodKind, MailState},
        role::{BuiltInRole, Grant},
    },
    error::AppError,
    paths,
};
use uuid::Uuid;

/// An owner's invitation by the operator.
#[derive(Clone, Debug)]
pub struct OwnerInvitation {
    /// The link, to hand over by other means.
    pub link: String,
    /// Where the mail is.
    pub mail: MailState,
}

impl Services {
    /// Invites an owner, in the row that the address has already or in a new one; what was offered before is withdrawn. The operator
    /// answers for the invitation: its sponsor is the invited row itself, and nobody of the account holds its link.
    pub(in crate::service) async fn invite_owner(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        known: Option<&Member>,
        email: &Email,
        language: Language,
    ) -> Result<OwnerInvitation, AppError> {
        let now = self.now();
        let grant = Grant::of(BuiltInRole::Owner);
        let method = self.email_and_password(tx, scope).await?;
        let offer = Offer { grant: &grant, method, identifier: None, name: None };
        let member = match known {
            Some(row) => {
                if let Some(earlier) = &row.invitation {
                    invitations::revoke(tx, scope, earlier.id, now).await?;
                }
                if let Some(user) = row.user {
                    identities::delete_of_user_in_account(tx, scope, user).await?;
                }
                members::revive(tx, scope, row, offer, None, now).await?;
                row.id
            }
            None => {
                let id = MemberId(Uuid::now_v7());
                members::insert_invited(tx, scope, id, email, offer, None, now).await?;
                id
            }
        };
        let id = InvitationId(Uuid::now_v7());
        let new = NewInvitation {
            id,
            member,
            email,
            sponsor: member,
            language,
            lifetime: DEFAULT_LIFETIME,
            has_links: false,
        };
        invitations::insert(tx, scope, new, now).await?;
        members::set_invitation(tx, scope, member, id).await?;
        let mail = self.queue_invitation(tx, scope, new, now).await?;
        let (_, token) = self.make_token(tx, scope, id, Channel::Copied, None, now).await?;
        let target = AuditTarget { member, email: email.key().to_owned() };
        audit::record(tx, scope, &AuditActor::default(), Some(&target), &Event::Invited { invitation: id, grant }, now)
            .await?;
        Ok(OwnerInvitation { link: self.config.link(&paths::invitation_link(token.reveal())), mail })
    }

    /// Switches Email & password on: the invitation must not depend on a provider that may be the reason why it is needed.
    pub(in crate::service) async fn email_and_password(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
    ) -> Result<LoginMethodId, AppError> {
        let methods = login_methods::all(tx, scope).await?;
        let password = methods.into_iter().find(|line| line.method.kind == LoginMethodKind::Password);
        let password = password.ok_or(StorageError::inconsistent("login_methods", "kind"))?;
        let method = password.method.id;
        if !password.enabled {
            login_methods::switch(tx, scope, method, true).await?;
            let event = Event::LoginMethodSwitched { method, on: true };
            audit::record(tx, scope, &AuditActor::default(), None, &event, self.now()).await?;
        }
        Ok(method)
    }
}
