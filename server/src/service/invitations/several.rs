//! What several people who are pasted have in common: each becomes the form of one invitation (R54).

use crate::{context::Services, service::actors};
use app::{
    api::invitations::{InviteForm, InviteSeveralForm},
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::LoginMethod,
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPerson, pasted_people},
        permission::Gate,
        role::Roles,
    },
    error::AppError,
    i18n::{login_method_by_name, permission_by_name, role_by_name},
    request::Caller,
};

/// One of several people.
pub(super) struct OneOfSeveral {
    /// What stood there for an address.
    pub typed: String,
    /// The invitation: what is said of the person, and else what holds for all.
    pub form: InviteForm,
}

impl Services {
    /// Reads the people of a form, whose names of roles, permissions and login methods are the account's.
    ///
    /// # Errors
    /// What is wrong with the people as a whole, at their field; as [`actors::load_with`].
    pub(super) async fn read_several(
        &self,
        caller: &Caller,
        form: &InviteSeveralForm,
    ) -> Result<Vec<OneOfSeveral>, AppError> {
        let people = pasted_people(&form.people).people;
        let wrong = |problem| AppError::from(FieldErrors::one(Field::People, problem));
        if people.is_empty() {
            return Err(wrong(Problem::Required));
        }
        if people.len() > MAX_PEOPLE_AT_ONCE {
            return Err(wrong(Problem::TooMany { most: MAX_PEOPLE_AT_ONCE as u32 }));
        }
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let facts = actors::facts(self, &mut tx, &actor).await?;
        Ok(people.into_iter().map(|person| one_of_several(person, form, &facts.roles, &facts.methods)).collect())
    }
}

fn one_of_several(
    person: PastedPerson,
    all: &InviteSeveralForm,
    roles: &Roles,
    methods: &[LoginMethod],
) -> OneOfSeveral {
    let is_plain = person.role.is_empty() && person.extras.is_empty();
    let role = match person.role.as_str() {
        "" => all.role.clone(),
        // A name that means nothing is refused at its field.
        name => role_by_name(roles, name).map_or_else(|| name.to_owned(), |key| key.to_string()),
    };
    let extras = if is_plain {
        all.extras.clone()
    } else {
        let keys = person.extras.iter().map(|name| permission_by_name(roles, name));
        keys.zip(&person.extras).map(|(key, name)| key.map_or_else(|| name.clone(), |key| key.to_string())).collect()
    };
    let method = match person.method.as_str() {
        "" => all.method.clone(),
        name => login_method_by_name(methods, name).map_or_else(|| name.to_owned(), |id| id.to_string()),
    };
    let form = InviteForm {
        method,
        email: person.email.clone(),
        identifier: person.identifier,
        first_name: person.first_name,
        last_name: person.last_name,
        role,
        extras,
        language: all.language.clone(),
        lifetime: all.lifetime.clone(),
        again: all.again.clone(),
    };
    OneOfSeveral { typed: person.email, form }
}
