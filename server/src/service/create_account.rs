//! `roster account create`: another account with an invitation for its owner.

use super::{Services, open_account::NameAndSlug};
use crate::{
    secrets::Token,
    storage::{
        audit::{self, By, Event, To},
        invitations::{self, NewInvitation},
        members,
    },
};
use app::{
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        ids::{InvitationId, MemberId},
        invitation::{Channel, DEFAULT_LIFETIME},
        member::MailState,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
    paths,
};
use uuid::Uuid;

/// The account just made.
#[derive(Clone, Debug)]
pub struct CreatedAccount {
    /// Its slug.
    pub slug: String,
    /// The owner's invitation, to hand over by other means.
    pub link: String,
    /// Where the owner's mail is.
    pub mail: MailState,
}

impl Services {
    /// Makes an account and invites its owner. The operator answers for the invitation: its sponsor is the invited row itself.
    ///
    /// # Errors
    /// [`AppError::Invalid`] by field, or the database's.
    pub async fn create_account(&self, name: &str, slug: &str, owner: &str) -> Result<CreatedAccount, AppError> {
        let mut errors = FieldErrors::default();
        let account = NameAndSlug::parse(name, slug, &mut errors);
        let email = errors.keep(Field::Email, Email::parse(owner));
        let (Some(account), Some(email)) = (account, email) else { return Err(errors.into()) };

        let now = self.now();
        let slug = account.slug.to_string();
        let language = self.config.accounts.language;
        let grant = Grant::of(BuiltInRole::Owner);
        let mut tx = self.database.begin_write().await?;
        let (scope, method) = self.insert_account(&mut tx, account, None).await?;
        let member = MemberId(Uuid::now_v7());
        members::insert_invited(&mut tx, scope, member, &email, &grant, method, None, now).await?;
        let id = InvitationId(Uuid::now_v7());
        let new =
            NewInvitation { id, member, email_key: email.key(), sponsor: member, language, lifetime: DEFAULT_LIFETIME };
        invitations::insert(&mut tx, scope, new, now).await?;
        members::set_invitation(&mut tx, scope, member, id).await?;
        let mail = self.queue_invitation(&mut tx, scope, member, id, &email, None, language, now).await?;
        let token = Token::new();
        let sealed = self.keyring.seal_token(&token);
        invitations::insert_token(&mut tx, scope, id, Channel::Copied, &token.hash(), &sealed, now).await?;
        let to = To { member, email: email.key().to_owned() };
        audit::record(&mut tx, scope, &By::default(), Some(&to), &Event::Invited { invitation: id, grant }, now)
            .await?;
        tx.commit().await?;
        Ok(CreatedAccount { slug, link: self.config.link(&paths::invitation_link(token.reveal())), mail })
    }
}
