//! Inviting several people at once, each by themselves (R54).

use super::several::OneOfSeveral;
use crate::context::Services;
use app::{
    api::invitations::{InviteForm, InviteSeveralForm, Invited, InvitedOne},
    backend::{InviteSeveral, InviteUser},
    domain::fields::Field,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl InviteSeveral for Services {
    /// Invites each person as [`InviteUser`] does, in a transaction of its own, so that what is wrong with one does not keep the others.
    ///
    /// # Errors
    /// What is wrong with the people as a whole, at their field; what would be refused for everybody, before anybody is invited.
    async fn invite_several(&self, caller: &Caller, form: InviteSeveralForm) -> Result<Vec<InvitedOne>, AppError> {
        let people = self.read_several(caller, &form).await?;
        let is_for_all = |error: &AppError| is_about_all(error, &form, &people);
        let mut results = Vec::with_capacity(people.len());
        for OneOfSeveral { typed, form } in &people {
            let result = self.invite_one_of_several(caller, form).await;
            if let (true, Err(error)) = (results.is_empty(), &result)
                && is_for_all(error)
            {
                return Err(error.clone());
            }
            results.push(InvitedOne { typed: typed.clone(), result });
        }
        Ok(results)
    }
}

impl Services {
    async fn invite_one_of_several(&self, caller: &Caller, form: &InviteForm) -> Result<Invited, AppError> {
        match self.invite_user(caller, form.clone()).await {
            // A name beside an address is no reason not to invite.
            Err(error) if is_about(&error, &[Field::FirstName, Field::LastName]) => {
                let nameless = InviteForm { first_name: String::new(), last_name: String::new(), ..form.clone() };
                self.invite_user(caller, nameless).await
            }
            other => other,
        }
    }
}

/// Is the first person refused for what was chosen for all of them?
fn is_about_all(error: &AppError, all: &InviteSeveralForm, people: &[OneOfSeveral]) -> bool {
    let same = |of: fn(&InviteForm) -> &String, chosen: &String| people.iter().all(|one| of(&one.form) == chosen);
    match error.fields() {
        Some(errors) => errors.all().all(|(field, _)| {
            matches!(field, Field::Language | Field::Lifetime)
                || field == Field::Role && same(|form| &form.role, &all.role)
                || field == Field::LoginMethod && same(|form| &form.method, &all.method)
                || field == Field::Extras && people.iter().all(|one| one.form.extras == all.extras)
        }),
        // Who is restored gets another grant than the one that was chosen (R4).
        None => all.again != "restore" && same(|form| &form.role, &all.role),
    }
}

/// Are only these fields wrong?
fn is_about(error: &AppError, fields: &[Field]) -> bool {
    error.fields().is_some_and(|errors| errors.all().all(|(wrong, _)| fields.contains(&wrong)))
}
