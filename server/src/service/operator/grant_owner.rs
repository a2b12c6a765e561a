//! `roster owner grant`: restores access to an account of which no owner can sign in (R33).

use super::invite_owner::OwnerInvitation;
use crate::{
    context::Services,
    storage::{
        AccountScope, Tx, accounts,
        audit::{self, AuditActor, AuditTarget, Event},
        identities,
        members::{self, Member},
        ownership_offers, users,
    },
};
use app::{
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        member::{LoginMethodKind, MemberState},
        name::Slug,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};

/// How somebody became an owner, by the state in which the operator found them.
#[derive(Clone, Debug)]
pub enum OwnerGranted {
    /// An active member is an owner now.
    Active,
    /// A suspended member is active again, as an owner.
    Reactivated,
    /// They could not sign in any more, and are an active owner with Email & password now.
    ByPassword,
    /// Anybody else is invited as an owner with Email & password: invited before, removed, unknown to the account, or without a password
    /// and unable to sign in.
    Invited(OwnerInvitation),
}

impl Services {
    /// Makes the person with this address an owner, whatever the person's state. Somebody who cannot sign in as far as Roster can tell, or
    /// who is to sign in `by_password` because the operator knows better, signs in with Email & password from then on.
    ///
    /// # Errors
    /// [`AppError::NotFound`] without such an account; [`AppError::Invalid`] by field, or the database's.
    pub async fn grant_owner(&self, account: &str, email: &str, by_password: bool) -> Result<OwnerGranted, AppError> {
        let slug = Slug::parse(account).map_err(|problem| FieldErrors::one(Field::Slug, problem))?;
        let email = Email::parse(email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
        let mut tx = self.database.begin_write().await?;
        let (account, scope) = accounts::for_operator(&mut tx, &slug).await?.ok_or(AppError::NotFound)?;
        accounts::lock(&mut tx, scope).await?;
        let known = members::find_by_email(&mut tx, scope, &email).await?;
        let granted = match known.as_ref().map(|row| (row.state, row)) {
            Some((MemberState::Active | MemberState::Suspended, row)) => {
                let is_in = members::can_sign_in(&mut tx, scope, row.id).await?
                    && (!by_password || row.method.kind == LoginMethodKind::Password);
                let user = match row.user {
                    Some(user) => users::find(&mut tx, user).await?,
                    None => None,
                };
                if !is_in && user.is_none_or(|user| user.phc.is_none()) {
                    OwnerGranted::Invited(self.invite_owner(&mut tx, scope, Some(row), &email, account.language).await?)
                } else {
                    self.make_active_owner(&mut tx, scope, row, is_in).await?
                }
            }
            Some((MemberState::Invited | MemberState::Removed, _)) | None => OwnerGranted::Invited(
                self.invite_owner(&mut tx, scope, known.as_ref(), &email, account.language).await?,
            ),
        };
        if let Some(row) = known.as_ref().filter(|row| !row.grant.makes_owner()) {
            match granted {
                OwnerGranted::Active | OwnerGranted::Reactivated | OwnerGranted::ByPassword => {
                    self.tell_owners_of_another(&mut tx, scope, account.language, &[row.id], self.now()).await?;
                }
                OwnerGranted::Invited(_) => {}
            }
        }
        if let Some(row) = &known {
            ownership_offers::end_fallen(&mut tx, scope, row.id, self.now()).await?;
        }
        tx.commit().await?;
        Ok(granted)
    }

    /// Makes a member who has joined an owner: reactivated if suspended, with Email & password if they cannot sign in.
    async fn make_active_owner(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
        row: &Member,
        is_in: bool,
    ) -> Result<OwnerGranted, AppError> {
        self.make_owner(tx, scope, row).await?;
        let was_suspended = row.state == MemberState::Suspended;
        if was_suspended {
            members::reactivate(tx, scope, row.id, None, self.now()).await?;
        }
        if !is_in {
            let method = self.email_and_password(tx, scope).await?;
            if let Some(user) = row.user {
                identities::delete_of_user_at_method(tx, scope, row.method.id, user).await?;
            }
            members::set_method(tx, scope, row.id, method, None).await?;
            let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
            audit::record(tx, scope, &AuditActor::default(), Some(&target), &Event::SignsInBy { method }, self.now())
                .await?;
        }
        Ok(match (is_in, was_suspended) {
            (false, _) => OwnerGranted::ByPassword,
            (true, true) => OwnerGranted::Reactivated,
            (true, false) => OwnerGranted::Active,
        })
    }

    async fn make_owner(&self, tx: &mut Tx, scope: AccountScope, row: &Member) -> Result<(), AppError> {
        let now = self.now();
        let grant = Grant { role: BuiltInRole::Owner.role(), extras: row.grant.extras.clone() };
        members::set_grant(tx, scope, row.id, &grant, None, row.version, now).await?;
        let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
        let event = Event::OwnerGranted { was: row.state };
        Ok(audit::record(tx, scope, &AuditActor::default(), Some(&target), &event, now).await?)
    }
}
