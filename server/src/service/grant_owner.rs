//! `roster owner grant`: the way back in when an account has no owner who can sign in (R33).

use super::Services;
use crate::storage::{
    accounts,
    audit::{self, By, Event, To},
    members,
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

impl Services {
    /// Makes an active member an owner, by the host's operator.
    ///
    /// # Errors
    /// [`AppError::NotFound`] without such an account or active member.
    pub async fn grant_owner(&self, account: &str, email: &str) -> Result<(), AppError> {
        let slug = Slug::parse(account).map_err(|problem| FieldErrors::one(Field::Slug, problem))?;
        let email = Email::parse(email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let account = accounts::find_by_slug(&mut tx, &slug).await?.ok_or(AppError::NotFound)?;
        let scope = crate::storage::AccountScope::established(account.id);
        accounts::lock(&mut tx, scope).await?;
        let row = members::find_by_email(&mut tx, scope, &email)
            .await?
            .filter(|row| row.state == MemberState::Active)
            .ok_or(AppError::NotFound)?;
        let grant = Grant { role: BuiltInRole::Owner.role(), extras: row.grant.extras };
        members::set_grant(&mut tx, scope, row.id, &grant, None, row.version, now).await?;
        let to = To { member: row.id, email: row.email.key().to_owned() };
        audit::record(&mut tx, scope, &By::default(), Some(&to), &Event::OwnerGranted, now).await?;
        tx.commit().await?;
        Ok(())
    }
}
