//! Inviting several people at once, each by themselves (R54).

use crate::context::Services;
use app::{
    api::invitations::{InviteForm, InviteSeveralForm, InvitedOne},
    backend::{InviteSeveral, InviteUser},
    domain::{
        addresses::{MAX_ADDRESSES, PastedAddress, pasted_addresses},
        fields::{Field, FieldErrors, Problem},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl InviteSeveral for Services {
    /// Invites each address as [`InviteUser`] does, in a transaction of its own. What would be refused for everybody is refused before anybody
    /// is invited.
    ///
    /// # Errors
    /// What is wrong with the addresses as a whole, at their field; what the first invitation is refused for, unless that is its address.
    async fn invite_several(&self, caller: &Caller, form: InviteSeveralForm) -> Result<Vec<InvitedOne>, AppError> {
        let addresses = pasted_addresses(&form.addresses);
        let wrong = |problem| AppError::from(FieldErrors::one(Field::Addresses, problem));
        if addresses.is_empty() {
            return Err(wrong(Problem::Required));
        }
        if addresses.len() > MAX_ADDRESSES {
            return Err(wrong(Problem::TooMany { most: MAX_ADDRESSES as u32 }));
        }
        let mut results = Vec::with_capacity(addresses.len());
        let mut is_granted = false;
        for PastedAddress { typed, name } in addresses {
            let one = InviteForm {
                method: form.method.clone(),
                email: typed.clone(),
                first_name: name,
                role: form.role.clone(),
                extras: form.extras.clone(),
                language: form.language.clone(),
                lifetime: form.lifetime.clone(),
                ..InviteForm::default()
            };
            let result = match self.invite_user(caller, one.clone()).await {
                // A name beside an address is no reason not to invite.
                Err(error) if is_about(&error, Field::FirstName) => {
                    self.invite_user(caller, InviteForm { first_name: String::new(), ..one }).await
                }
                other => other,
            };
            if let Err(error) = &result
                && !is_granted
                && !is_about(error, Field::Email)
            {
                return Err(result.err().unwrap_or(AppError::NotFound));
            }
            is_granted |= result.is_ok();
            results.push(InvitedOne { typed, result });
        }
        Ok(results)
    }
}

/// Is only this field wrong?
fn is_about(error: &AppError, field: Field) -> bool {
    error.fields().is_some_and(|errors| errors.all().all(|(wrong, _)| wrong == field))
}
