//! `roster owner grant`: the way back in when an account has no owner who can sign in (R33).

use super::{Services, invite_owner::OwnerInvitation};
use crate::storage::{
    AccountScope, Tx, accounts,
    audit::{self, By, Event, To},
    members::{self, Member},
};
use app::{
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        member::MemberState,
        name::Slug,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};

/// How somebody comes to be an owner, by the state in which the operator finds them.
#[derive(Clone, Debug)]
pub enum OwnerGranted {
    /// An active member is an owner now.
    Active,
    /// A suspended member is active again, as an owner.
    Reactivated,
    /// Anybody else is invited as an owner: invited before, removed, or unknown to the account.
    Invited(OwnerInvitation),
}

impl Services {
    /// Makes the person with this address an owner, by the host's operator and whatever the person's state.
    ///
    /// # Errors
    /// [`AppError::NotFound`] without such an account; [`AppError::Invalid`] by field, or the database's.
    pub async fn grant_owner(&self, account: &str, email: &str) -> Result<OwnerGranted, AppError> {
        let slug = Slug::parse(account).map_err(|problem| FieldErrors::one(Field::Slug, problem))?;
        let email = Email::parse(email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
        let mut tx = self.database.begin_write().await?;
        let account = accounts::find_by_slug(&mut tx, &slug).await?.ok_or(AppError::NotFound)?;
        let scope = AccountScope::established(account.id);
        accounts::lock(&mut tx, scope).await?;
        let known = members::find_by_email(&mut tx, scope, &email).await?;
        let granted = match known.as_ref().map(|row| (row.state, row)) {
            Some((MemberState::Active, row)) => {
                self.make_owner(&mut tx, scope, row).await?;
                OwnerGranted::Active
            }
            Some((MemberState::Suspended, row)) => {
                self.make_owner(&mut tx, scope, row).await?;
                members::reactivate(&mut tx, scope, row.id, None, self.now()).await?;
                OwnerGranted::Reactivated
            }
            Some((MemberState::Invited | MemberState::Removed, _)) | None => OwnerGranted::Invited(
                self.invite_owner(&mut tx, scope, known.as_ref(), &email, account.language).await?,
            ),
        };
        tx.commit().await?;
        Ok(granted)
    }

    async fn make_owner(&self, tx: &mut Tx, scope: AccountScope, row: &Member) -> Result<(), AppError> {
        let now = self.now();
        let grant = Grant { role: BuiltInRole::Owner.role(), extras: row.grant.extras.clone() };
        members::set_grant(tx, scope, row.id, &grant, None, row.version, now).await?;
        let to = To { member: row.id, email: row.email.key().to_owned() };
        let event = Event::OwnerGranted { was: row.state };
        Ok(audit::record(tx, scope, &By::default(), Some(&to), &event, now).await?)
    }
}
