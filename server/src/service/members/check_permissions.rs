//! May this person do this? What the platform behind Roster asks, from the rows as they are now.

use crate::{
    context::Services,
    service::actors,
    storage::{members, second_factor_requirements::lacks_required_factor},
};
use app::{
    domain::{
        email::Email,
        ids::MemberId,
        member::MemberState,
        permission::{Gate, PermissionKey},
        role::Effective,
    },
    error::AppError,
    request::Caller,
};

/// Whom a question is about.
#[derive(Clone, Debug)]
pub enum Person {
    /// The row.
    Member(MemberId),
    /// The row with this address.
    Email(Email),
}

/// May this person do this?
#[derive(Clone, Debug)]
pub struct PermissionQuestion {
    /// Who.
    pub person: Person,
    /// What.
    pub permission: PermissionKey,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionAnswer {
    /// Yes.
    Allowed(MemberId),
    /// No: an active member who lacks it.
    Lacking(MemberId),
    /// No: invited, suspended or removed.
    NotActive(MemberId),
    /// No: the login method of the member is switched off, so that no session opens the account.
    LoginMethodOff(MemberId),
    /// No: the account requires a second factor by now, and the member has none that counts (LT-09).
    SecondFactorRequired(MemberId),
    /// No: nobody whom the account knows.
    Unknown,
    /// There is no such permission.
    NoSuchPermission,
}

impl Services {
    /// Answers each question, all of them from the same moment: what Roster itself would let the person do then. Needs `users.read`.
    ///
    /// # Errors
    /// As [`actors::load_with`].
    pub async fn check_permissions(
        &self,
        caller: &Caller,
        questions: &[PermissionQuestion],
    ) -> Result<Vec<PermissionAnswer>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with_or_operator(self, &mut tx, caller, Gate::UsersRead).await?;
        let now = self.now();
        let mut answers = Vec::with_capacity(questions.len());
        for PermissionQuestion { person, permission } in questions {
            let row = match person {
                Person::Member(id) => members::find(&mut tx, actor.scope(), *id).await?,
                Person::Email(email) => members::find_by_email(&mut tx, actor.scope(), email).await?,
            };
            answers.push(match row {
                _ if !actor.roles.catalogue.knows(permission) => PermissionAnswer::NoSuchPermission,
                None => PermissionAnswer::Unknown,
                Some(row) if row.state != MemberState::Active => PermissionAnswer::NotActive(row.id),
                Some(row) if !row.method_enabled => PermissionAnswer::LoginMethodOff(row.id),
                Some(row) if lacks_required_factor(&mut tx, actor.scope(), row.id, now).await? => {
                    PermissionAnswer::SecondFactorRequired(row.id)
                }
                Some(row) if Effective::of(&row.grant, &actor.roles).permissions.contains(permission) => {
                    PermissionAnswer::Allowed(row.id)
                }
                Some(row) => PermissionAnswer::Lacking(row.id),
            });
        }
        Ok(answers)
    }
}
