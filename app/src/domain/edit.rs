//! May an edit of a member's row be saved? Every decision about it, in order, on facts that somebody else has read.

use super::{
    fields::{Field, FieldErrors, Problem},
    member::MemberState,
    policy::{
        Change, Refusal, Whose, can_change_login_method, can_correct_address, can_edit, can_invite, keeps_an_owner,
    },
    role::{Effective, Grant, Roles},
};

/// An edit of a member's row, with the facts that decide about it.
#[derive(Clone, Debug)]
pub struct Edit<'a> {
    /// Whose row it is.
    pub whose: Whose,
    /// The row's state.
    pub state: MemberState,
    /// What the member holds.
    pub present: &'a Grant,
    /// What the member is to hold.
    pub wanted: &'a Grant,
    /// Another login method, if one is wanted.
    pub login_method: Option<NewLoginMethod>,
    /// Is another address wanted (R25)?
    pub corrects_address: bool,
    /// Active owners who can sign in, besides this member (R33).
    pub other_owners: u64,
    /// Did the actor confirm giving up permissions of their own (R31)?
    pub confirmed: bool,
    /// Did the actor authenticate recently enough for what is most dangerous (AZ-16)?
    pub recently_authenticated: bool,
}

/// The login method that a member is to have instead of the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLoginMethod {
    /// Email & password.
    Password {
        /// Has the member a password?
        has_one: bool,
    },
    /// A provider, or another User identifier there.
    Provider,
}

/// Why an edit is not saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditProblem {
    /// The policy refuses.
    Refused(Refusal),
    /// A field is not in order.
    Invalid(FieldErrors),
    /// The actor must reauthenticate first (AZ-16).
    ReauthenticationRequired,
}

impl From<Refusal> for EditProblem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Edit<'_> {
    /// Is everything to stay as it is?
    pub fn changes_nothing(&self) -> bool {
        self.wanted == self.present && self.login_method.is_none() && !self.corrects_address
    }

    /// May it be saved?
    ///
    /// # Errors
    /// The first [`EditProblem`].
    pub fn check(&self, actor: &Effective, roles: &Roles) -> Result<(), EditProblem> {
        can_edit(actor, self.whose, self.present, self.wanted, roles).or_refuse()?;
        if let Some(login_method) = self.login_method {
            self.check_login_method(login_method, actor, roles)?;
        }
        if self.corrects_address {
            can_correct_address(actor).or_refuse()?;
            can_invite(actor, self.wanted, roles).or_refuse()?;
        }
        if self.steps_down() && self.state == MemberState::Active {
            keeps_an_owner(self.other_owners).or_refuse()?;
        }
        if self.whose == Whose::Own && self.gives_something_up(roles) && !self.confirmed {
            return Err(EditProblem::Invalid(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed)));
        }
        if self.is_most_dangerous() && !self.recently_authenticated {
            return Err(EditProblem::ReauthenticationRequired);
        }
        Ok(())
    }

    /// May the actor give this login method, and does it lock nobody out (R26, R33, R46)?
    fn check_login_method(
        &self,
        login_method: NewLoginMethod,
        actor: &Effective,
        roles: &Roles,
    ) -> Result<(), EditProblem> {
        can_change_login_method(actor, self.has_joined()).or_refuse()?;
        if !self.has_joined() {
            return Ok(can_invite(actor, self.wanted, roles).or_refuse()?);
        }
        match login_method {
            NewLoginMethod::Password { has_one: true } => Ok(()),
            NewLoginMethod::Password { has_one: false } => {
                Err(EditProblem::Invalid(FieldErrors::one(Field::LoginMethod, Problem::NoPassword)))
            }
            // Until the person has signed in by it, nobody knows whether the identifier is right.
            NewLoginMethod::Provider if self.wanted.makes_owner() && self.state == MemberState::Active => {
                Ok(keeps_an_owner(self.other_owners).or_refuse()?)
            }
            NewLoginMethod::Provider => Ok(()),
        }
    }

    fn has_joined(&self) -> bool {
        self.state != MemberState::Invited
    }

    fn steps_down(&self) -> bool {
        self.present.makes_owner() && !self.wanted.makes_owner()
    }

    fn gives_something_up(&self, roles: &Roles) -> bool {
        self.steps_down() || !Change::between(self.present, self.wanted, roles).lost.is_empty()
    }

    /// Making or unmaking an owner, and changing how an owner or somebody who has joined signs in, need recent authentication (AZ-16).
    fn is_most_dangerous(&self) -> bool {
        let changes_login_method = self.login_method.is_some();
        self.wanted.makes_owner() != self.present.makes_owner()
            || changes_login_method && (self.wanted.makes_owner() || self.has_joined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::{Catalogue, Gate, PermissionKey, Permissions},
        role::BuiltInRole::{self, Admin, Editor, Owner, Viewer},
    };

    const PASSWORD: NewLoginMethod = NewLoginMethod::Password { has_one: true };

    /// Somebody else's row, joined, by an actor whom nothing else stands in the way of.
    fn edit<'a>(present: &'a Grant, wanted: &'a Grant) -> Edit<'a> {
        Edit {
            whose: Whose::Others,
            state: MemberState::Active,
            present,
            wanted,
            login_method: None,
            corrects_address: false,
            other_owners: 1,
            confirmed: true,
            recently_authenticated: true,
        }
    }

    fn check(actor: BuiltInRole, edit: &Edit<'_>) -> Result<(), EditProblem> {
        let roles = Roles::built_in(Catalogue::with([]));
        edit.check(&Effective::of(&Grant::of(actor), &roles), &roles)
    }

    fn refused(refusal: Refusal) -> Result<(), EditProblem> {
        Err(EditProblem::Refused(refusal))
    }

    fn invalid(field: Field, problem: Problem) -> Result<(), EditProblem> {
        Err(EditProblem::Invalid(FieldErrors::one(field, problem)))
    }

    #[test]
    fn an_edit_without_a_difference_changes_nothing() {
        let (viewer, editor) = (Grant::of(Viewer), Grant::of(Editor));
        assert!(edit(&viewer, &viewer).changes_nothing());
        assert!(!edit(&viewer, &editor).changes_nothing());
        assert!(!Edit { login_method: Some(PASSWORD), ..edit(&viewer, &viewer) }.changes_nothing());
    }

    #[test]
    fn r25_whoever_may_invite_and_grant_what_is_offered_corrects_an_address() {
        let (viewer, owner) = (Grant::of(Viewer), Grant::of(Owner));
        let corrected = Edit { state: MemberState::Invited, corrects_address: true, ..edit(&viewer, &viewer) };
        assert!(!corrected.changes_nothing());
        assert_eq!(check(Admin, &corrected), Ok(()));
        let of_an_owner = Edit { present: &owner, wanted: &owner, ..corrected };
        assert!(check(Admin, &of_an_owner).is_err());
        assert_eq!(check(Owner, &of_an_owner), Ok(()));
    }

    #[test]
    fn r30_the_policy_is_asked_first() {
        let (viewer, owner) = (Grant::of(Viewer), Grant::of(Owner));
        let wanted = Edit { recently_authenticated: false, ..edit(&viewer, &owner) };
        assert_eq!(check(Admin, &wanted), refused(Refusal::OnlyOwnersMakeOwners));
        assert_eq!(check(Viewer, &edit(&viewer, &viewer)), refused(Refusal::Needs { gate: Gate::UsersEdit }));
        assert_eq!(check(Admin, &edit(&viewer, &Grant::of(Editor))), Ok(()));
    }

    #[test]
    fn r31_giving_up_ones_own_permissions_is_confirmed() {
        let (admin, viewer) = (Grant::of(Admin), Grant::of(Viewer));
        let own = Edit { whose: Whose::Own, ..edit(&admin, &viewer) };
        assert_eq!(check(Admin, &own), Ok(()));
        let unconfirmed = Edit { confirmed: false, ..own.clone() };
        assert_eq!(check(Admin, &unconfirmed), invalid(Field::Confirmation, Problem::NotConfirmed));
        assert_eq!(check(Owner, &Edit { whose: Whose::Others, ..unconfirmed }), Ok(()), "somebody else's");
        let nothing_lost = Edit { whose: Whose::Own, confirmed: false, ..edit(&admin, &admin) };
        assert_eq!(check(Admin, &nothing_lost), Ok(()));
    }

    #[test]
    fn r33_the_last_owner_does_not_step_down() {
        let (owner, admin) = (Grant::of(Owner), Grant::of(Admin));
        let last = Edit { other_owners: 0, ..edit(&owner, &admin) };
        assert_eq!(check(Owner, &last), refused(Refusal::LastOwner));
        assert_eq!(check(Owner, &Edit { other_owners: 1, ..last.clone() }), Ok(()));
        assert_eq!(check(Owner, &Edit { state: MemberState::Invited, ..last }), Ok(()), "an offer is no owner yet");
    }

    #[test]
    fn r33_an_owner_is_not_sent_to_a_provider_without_another_owner() {
        let (owner, editor) = (Grant::of(Owner), Grant::of(Editor));
        let last = Edit { login_method: Some(NewLoginMethod::Provider), other_owners: 0, ..edit(&owner, &owner) };
        assert_eq!(check(Owner, &last), refused(Refusal::LastOwner));
        assert_eq!(check(Owner, &Edit { other_owners: 1, ..last.clone() }), Ok(()));
        assert_eq!(check(Owner, &Edit { state: MemberState::Suspended, ..last.clone() }), Ok(()));
        assert_eq!(check(Owner, &Edit { present: &editor, wanted: &editor, ..last }), Ok(()));
    }

    #[test]
    fn r26_before_joining_the_way_in_is_changed_by_who_may_invite() {
        let (viewer, extra) = (Grant::of(Viewer), Grant::of(Viewer).with("billing.manage"));
        let invited = Edit { state: MemberState::Invited, login_method: Some(PASSWORD), ..edit(&viewer, &viewer) };
        assert_eq!(check(Admin, &invited), Ok(()));
        let without_password =
            Edit { login_method: Some(NewLoginMethod::Password { has_one: false }), ..invited.clone() };
        assert_eq!(check(Admin, &without_password), Ok(()), "one is chosen when joining");
        let missing = Permissions::from([PermissionKey::new("billing.manage")]);
        assert_eq!(check(Admin, &Edit { wanted: &extra, ..invited }), refused(Refusal::AboveYourOwn { missing }));
    }

    #[test]
    fn r46_after_joining_the_way_in_is_a_matter_of_login_methods() {
        let viewer = Grant::of(Viewer);
        let joined = Edit { login_method: Some(PASSWORD), ..edit(&viewer, &viewer) };
        assert_eq!(check(Admin, &joined), refused(Refusal::Needs { gate: Gate::LoginMethodsManage }));
        assert_eq!(check(Owner, &joined), Ok(()));
        let locked_out = Edit { login_method: Some(NewLoginMethod::Password { has_one: false }), ..joined };
        assert_eq!(check(Owner, &locked_out), invalid(Field::LoginMethod, Problem::NoPassword));
    }

    #[test]
    fn az_16_what_touches_owners_or_the_way_in_of_somebody_who_joined_needs_a_fresh_proof() {
        let (owner, viewer) = (Grant::of(Owner), Grant::of(Viewer));
        let stale = |edit: Edit<'_>| check(Owner, &Edit { recently_authenticated: false, ..edit });
        let provider = Some(NewLoginMethod::Provider);
        let reauthentication = Err(EditProblem::ReauthenticationRequired);
        assert_eq!(stale(edit(&viewer, &owner)), reauthentication);
        assert_eq!(stale(edit(&owner, &viewer)), reauthentication);
        assert_eq!(stale(Edit { login_method: provider, ..edit(&viewer, &viewer) }), reauthentication);
        let invited = |grant| Edit { state: MemberState::Invited, login_method: provider, ..edit(grant, grant) };
        assert_eq!(stale(invited(&owner)), reauthentication);
        assert_eq!(stale(invited(&viewer)), Ok(()));
        assert_eq!(stale(edit(&viewer, &Grant::of(Editor))), Ok(()));
        assert_eq!(stale(edit(&owner, &owner)), Ok(()));
    }
}
