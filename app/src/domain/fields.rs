//! What can be wrong with what somebody typed, and in which field: a closed list, worded by the i18n tables.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the field's label")]
pub enum Field {
    AccountName,
    Slug,
    Name,
    Email,
    People,
    Password,
    PresentPassword,
    Code,
    RecoveryCode,
    RequiredOf,
    RequiredRoles,
    GraceDays,
    FactorValues,
    FactorName,
    LoginMethod,
    Role,
    Extras,
    RoleName,
    Permissions,
    Language,
    TimeZone,
    Theme,
    Lifetime,
    WebhookUrl,
    WebhookDescription,
    WebhookEvents,
    Reminders,
    Replies,
    Confirmation,
    Identifier,
    FirstName,
    LastName,
    MethodName,
    Issuer,
    IssuerTenant,
    IssuerDomain,
    IssuerServer,
    IssuerRealm,
    DiscoveryUrl,
    AuthorizationUrl,
    TokenUrl,
    UserInfoUrl,
    ClientId,
    ClientSecret,
    ClientAuthentication,
    Scopes,
    Parameters,
    IdentifierPath,
    EmailPath,
    FirstNamePath,
    LastNamePath,
}

/// What is wrong with one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Nothing was given.
    Required,
    /// None of several choices, of which one at least is wanted.
    NoneChosen,
    /// More characters than the limit.
    TooLong {
        /// The most characters (code points) allowed.
        most: u32,
    },
    /// More of them than are taken at once.
    TooMany {
        /// The most.
        most: u32,
    },
    /// Fewer characters than the limit (PW-01).
    TooShort {
        /// The fewest characters (code points) allowed.
        least: u32,
    },
    /// Not a whole number between these.
    NotBetween {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// Not one plain email address (IN-01).
    NotAnEmail,
    /// Control or direction characters, or nothing visible (IN-03).
    NotAName,
    /// Not 2 to 40 of `a-z`, `0-9` and inner `-`.
    NotASlug,
    /// Somebody has it already.
    Taken,
    /// Changed as often as may be.
    ChangedTooOften {
        /// How many changes there may be.
        most: u32,
        /// In how many days.
        days: u32,
    },
    /// Another line of the account has this address, perhaps that of somebody removed.
    InTheList,
    /// This person's login is going to be deleted.
    LoginDeleted,
    /// Whoever has this address does not want to be invited to the account again (R51).
    WantsNoInvitations,
    /// Not one of the offered choices.
    NotOffered,
    /// No active member of the account has this address.
    NotAnActiveMember,
    /// The person is an owner already.
    OwnerAlready,
    /// The person has no way to sign in at the moment (R33).
    CannotSignIn,
    /// Roster never mailed this person anything that came back: the mailbox may be somebody else's (R13, R34).
    MailboxNotProved,
    /// On a list of common or breached passwords (PW-05).
    TooCommon,
    /// Built from the product's, account's or person's own words (PW-05).
    FromYourWords,
    /// Not the person's present password (PW-08).
    WrongPassword,
    /// Not the address that was invited (R11).
    NotTheInvitedAddress,
    /// The mailed code is wrong or too old (R12).
    WrongCode,
    /// The typed confirmation is not the wanted text (R31).
    NotConfirmed,
    /// Characters that cannot be seen.
    NotAnIdentifier,
    /// The person has no password, so that Email & password would lock them out (R33, R46).
    NoPassword,
    /// Somebody already has a login with this address: sign in instead.
    SignInInstead,
    /// Not an https address without a user name or fragment (OA-15).
    NotAnHttpsUrl,
    /// Not in the public Internet, and not allowed by the operator (OA-15).
    NotAPublicAddress,
    /// Not the way to one claim, such as `sub` or `user.id`.
    NotAClaimPath,
    /// Not lines of `name=value`, or a name that the flow itself sets.
    NotParameters,
    /// Something in braces still stands for what is yours.
    StillATemplate,
    /// More than the part that is asked for.
    MoreThanThePart,
}

/// The problems of a form, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldErrors(BTreeMap<Field, Problem>);

impl FieldErrors {
    /// One problem in one field.
    pub fn one(field: Field, problem: Problem) -> Self {
        Self(BTreeMap::from([(field, problem)]))
    }

    /// The problem of a field.
    pub fn of(&self, field: Field) -> Option<Problem> {
        self.0.get(&field).copied()
    }

    /// Every problem, in the order of [`Field`].
    pub fn all(&self) -> impl Iterator<Item = (Field, Problem)> + '_ {
        self.0.iter().map(|(field, problem)| (*field, *problem))
    }

    /// Keeps a field's value or notes its problem, so that one answer names every wrong field.
    pub fn keep<T>(&mut self, field: Field, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.0.entry(field).or_insert(problem)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_names_every_wrong_field_and_the_first_problem_of_each() {
        let mut errors = FieldErrors::default();
        assert_eq!(errors.keep(Field::Email, Ok(1)), Some(1));
        assert_eq!(errors, FieldErrors::default());
        assert_eq!(errors.keep::<()>(Field::Name, Err(Problem::Required)), None);
        assert_eq!(errors.keep::<()>(Field::Name, Err(Problem::NotAName)), None);
        assert_eq!(errors.keep::<()>(Field::Email, Err(Problem::NotAnEmail)), None);
        assert_eq!((errors.of(Field::Name), errors.of(Field::Role)), (Some(Problem::Required), None));
        let all: Vec<_> = errors.all().collect();
        assert_eq!(all, [(Field::Name, Problem::Required), (Field::Email, Problem::NotAnEmail)]);
    }
}
