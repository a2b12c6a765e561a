//! May a role of the account's own be made, changed or deleted? Every decision about it, on facts that somebody else has read.

use super::{
    edit::EditProblem,
    fields::{Field, FieldErrors, Problem},
    list::Count,
    permission::{Gate, Permissions},
    policy::{Change, Refusal, Verdict, Whose, can_give, can_pass, lacking},
    role::Effective,
};

/// How many roles of its own an account can have: every request reads them, and the grid shows them side by side.
pub const MAX_OWN_ROLES: u32 = 50;

/// May `actor` make one more role that holds `wanted` (R30)? Copying is making: whatever is copied, only what it is to hold counts.
pub fn can_create_role(actor: &Effective, wanted: &Permissions, own_roles: usize) -> Verdict {
    can_pass(actor, Gate::RolesManage).and(|| can_give(actor, wanted)).and(|| {
        if own_roles < MAX_OWN_ROLES as usize {
            Verdict::Yes
        } else {
            Verdict::No(Refusal::TooManyRoles { most: MAX_OWN_ROLES })
        }
    })
}

/// May `actor` begin to change a role that holds `present` (R30)? What it may hold then, [`can_change_role`] tells.
pub fn can_start_changing_role(actor: &Effective, present: &Permissions) -> Verdict {
    can_pass(actor, Gate::RolesManage).and(|| match lacking(actor, present) {
        missing if missing.is_empty() => Verdict::Yes,
        missing => Verdict::No(Refusal::RoleHoldsMore { missing }),
    })
}

/// May `actor` change what a role holds from `present` to `wanted` (R30, R31)? `whose` says whether the actor has the role: nobody's own
/// role gains anything by their own hand.
pub fn can_change_role(actor: &Effective, whose: Whose, present: &Permissions, wanted: &Permissions) -> Verdict {
    can_start_changing_role(actor, present).and(|| match whose {
        Whose::Own => match Change::of(present, wanted).gained {
            gained if gained.is_empty() => Verdict::Yes,
            gained => Verdict::No(Refusal::NoSelfPromotion { gained }),
        },
        Whose::Others => can_give(actor, wanted),
    })
}

/// May `actor` delete a role that holds `present` and that so many people have, active, suspended or invited (R28, R30)?
pub fn can_delete_role(actor: &Effective, present: &Permissions, people: Count) -> Verdict {
    can_start_changing_role(actor, present).and(|| match people {
        Count::Exactly(0) => Verdict::Yes,
        Count::Exactly(_) | Count::Many => Verdict::No(Refusal::RoleInUse { people }),
    })
}

/// A change of what a role holds, with the facts that decide about it.
#[derive(Clone, Copy, Debug)]
pub struct RoleEdit<'a> {
    /// Does the actor have the role?
    pub whose: Whose,
    /// What it holds.
    pub present: &'a Permissions,
    /// What it is to hold.
    pub wanted: &'a Permissions,
    /// What people with the role hold as extras, one or another of them.
    pub extras_of_people: &'a Permissions,
    /// Did the actor confirm giving up permissions of their own (R31)?
    pub confirmed: bool,
}

impl RoleEdit<'_> {
    /// What everybody who has the role gains and loses, but for what they have as an extra (R65).
    pub fn change(&self) -> Change {
        Change::of(self.present, self.wanted)
    }

    /// May `actor` take what people with the role lose by the change (R30)? Nobody takes anything from a person who holds what they lack.
    pub fn can_take(&self, actor: &Effective) -> Verdict {
        if self.change().lost.is_empty() {
            return Verdict::Yes;
        }
        match lacking(actor, self.extras_of_people) {
            missing if missing.is_empty() => Verdict::Yes,
            missing => Verdict::No(Refusal::RolePeopleHoldMore { missing }),
        }
    }

    /// Does the actor give something up?
    pub fn gives_something_up(&self) -> bool {
        self.whose == Whose::Own && !self.change().lost.is_empty()
    }

    /// May it be saved?
    ///
    /// # Errors
    /// The first [`EditProblem`].
    pub fn check(&self, actor: &Effective) -> Result<(), EditProblem> {
        can_change_role(actor, self.whose, self.present, self.wanted).and(|| self.can_take(actor)).or_refuse()?;
        if self.gives_something_up() && !self.confirmed {
            return Err(EditProblem::Invalid(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::{Catalogue, PermissionKey},
        role::{BuiltInRole, Grant, Roles},
    };
    use proptest::prelude::*;

    fn effective(grant: &Grant) -> Effective {
        Effective::of(grant, &Roles::built_in(Catalogue::with([])))
    }

    fn admin() -> Effective {
        effective(&Grant::of(BuiltInRole::Admin))
    }

    fn set(keys: &[&str]) -> Permissions {
        keys.iter().map(|key| PermissionKey::new(*key)).collect()
    }

    fn any_permissions() -> impl Strategy<Value = Permissions> {
        let keys: Vec<_> = Catalogue::with([]).all().into_iter().collect();
        prop::collection::btree_set(prop::sample::select(keys), 0..8)
    }

    fn any_actor() -> impl Strategy<Value = Effective> {
        any_permissions().prop_map(|permissions| Effective { permissions, is_owner: false })
    }

    #[test]
    fn r30_a_role_is_made_of_what_its_maker_has() {
        assert_eq!(can_create_role(&admin(), &set(&["bots.read"]), 0), Verdict::Yes);
        let above = Refusal::AboveYourOwn { missing: set(&["billing.manage"]) };
        assert_eq!(can_create_role(&admin(), &set(&["billing.manage", "bots.read"]), 0), Verdict::No(above));
        let owner = effective(&Grant::of(BuiltInRole::Owner));
        assert_eq!(can_create_role(&owner, &set(&["billing.manage"]), 0), Verdict::Yes);
        let viewer = effective(&Grant::of(BuiltInRole::Viewer));
        let needs = Refusal::Needs { gate: Gate::RolesManage };
        assert_eq!(can_create_role(&viewer, &set(&[]), 0), Verdict::No(needs));
    }

    #[test]
    fn an_account_has_so_many_roles_of_its_own_and_no_more() {
        let most = MAX_OWN_ROLES as usize;
        assert_eq!(can_create_role(&admin(), &set(&[]), most - 1), Verdict::Yes);
        let refusal = Refusal::TooManyRoles { most: MAX_OWN_ROLES };
        assert_eq!(can_create_role(&admin(), &set(&[]), most), Verdict::No(refusal));
    }

    #[test]
    fn r30_a_role_above_ones_own_permissions_is_neither_changed_nor_deleted() {
        let above = set(&["billing.manage"]);
        let refusal = Verdict::No(Refusal::RoleHoldsMore { missing: above.clone() });
        assert_eq!(can_change_role(&admin(), Whose::Others, &above, &set(&[])), refusal);
        assert_eq!(can_delete_role(&admin(), &above, Count::Exactly(0)), refusal);
        assert_eq!(
            can_delete_role(&effective(&Grant::of(BuiltInRole::Owner)), &above, Count::Exactly(0)),
            Verdict::Yes
        );
    }

    #[test]
    fn r31_nobodys_own_role_gains_by_their_own_hand() {
        let (present, more, less) =
            (set(&["bots.read", "bots.edit"]), set(&["bots.read", "analytics.read"]), set(&["bots.read"]));
        let refusal = Refusal::NoSelfPromotion { gained: set(&["analytics.read"]) };
        assert_eq!(can_change_role(&admin(), Whose::Own, &present, &more), Verdict::No(refusal));
        assert_eq!(can_change_role(&admin(), Whose::Others, &present, &more), Verdict::Yes);
        assert_eq!(can_change_role(&admin(), Whose::Own, &present, &less), Verdict::Yes);
    }

    #[test]
    fn r31_giving_up_ones_own_permissions_is_confirmed() {
        let (present, less) = (set(&["bots.read", "bots.edit"]), set(&["bots.read"]));
        let edit = RoleEdit {
            whose: Whose::Own,
            present: &present,
            wanted: &less,
            extras_of_people: &set(&[]),
            confirmed: false,
        };
        let unconfirmed = EditProblem::Invalid(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed));
        assert_eq!(edit.check(&admin()), Err(unconfirmed));
        assert_eq!(RoleEdit { confirmed: true, ..edit }.check(&admin()), Ok(()));
        assert_eq!(RoleEdit { whose: Whose::Others, ..edit }.check(&admin()), Ok(()));
        assert_eq!(RoleEdit { wanted: &present, ..edit }.check(&admin()), Ok(()), "nothing is given up");
    }

    #[test]
    fn r28_a_role_that_people_have_is_not_deleted() {
        let none = set(&[]);
        assert_eq!(can_delete_role(&admin(), &none, Count::Exactly(0)), Verdict::Yes);
        for people in [Count::Exactly(1), Count::Many] {
            assert_eq!(can_delete_role(&admin(), &none, people), Verdict::No(Refusal::RoleInUse { people }));
        }
    }

    proptest! {
        #[test]
        fn r30_no_change_of_a_role_goes_beyond_what_its_editor_has(actor in any_actor(), present in any_permissions(), wanted in any_permissions()) {
            for whose in [Whose::Own, Whose::Others] {
                if can_change_role(&actor, whose, &present, &wanted).is_yes() {
                    prop_assert!(present.is_subset(&actor.permissions) && wanted.is_subset(&actor.permissions));
                }
            }
            if can_create_role(&actor, &wanted, 0).is_yes() {
                prop_assert!(wanted.is_subset(&actor.permissions));
            }
        }

        #[test]
        fn r31_whoever_changes_their_own_role_holds_no_more_than_before(actor in any_actor(), wanted in any_permissions()) {
            let present = actor.permissions.clone();
            if can_change_role(&actor, Whose::Own, &present, &wanted).is_yes() {
                prop_assert!(wanted.is_subset(&present));
            }
        }

        #[test]
        fn az_12_without_the_permission_no_role_is_touched(permissions in any_permissions(), wanted in any_permissions()) {
            let mut actor = Effective { permissions, is_owner: false };
            actor.permissions.remove(&Gate::RolesManage.permission());
            prop_assert!(!can_create_role(&actor, &wanted, 0).is_yes());
            prop_assert!(!can_change_role(&actor, Whose::Others, &wanted, &wanted).is_yes());
            prop_assert!(!can_delete_role(&actor, &wanted, Count::Exactly(0)).is_yes());
        }

        #[test]
        fn r65_what_a_role_gains_and_loses_leads_from_the_one_to_the_other(present in any_permissions(), wanted in any_permissions()) {
            let change = RoleEdit { whose: Whose::Others, present: &present, wanted: &wanted, extras_of_people: &Permissions::new(), confirmed: false }.change();
            let mut permissions = present.clone();
            permissions.retain(|key| !change.lost.contains(key));
            permissions.extend(change.gained);
            prop_assert_eq!(permissions, wanted);
        }
    }

    #[test]
    fn r30_nobody_takes_anything_by_a_role_from_a_person_who_holds_what_they_lack() {
        let (present, extras) = (set(&["bots.read", "bots.edit"]), set(&["billing.manage"]));
        let (more, less) = (set(&["bots.read", "bots.edit", "bots.publish"]), set(&["bots.read"]));
        let edit = |wanted| RoleEdit {
            whose: Whose::Others,
            present: &present,
            wanted,
            extras_of_people: &extras,
            confirmed: false,
        };
        let refusal = Refusal::RolePeopleHoldMore { missing: extras.clone() };
        assert_eq!(edit(&less).check(&admin()), Err(EditProblem::from(refusal)));
        assert_eq!(edit(&more).check(&admin()), Ok(()), "giving takes nothing from anybody");
        assert_eq!(edit(&less).check(&effective(&Grant::of(BuiltInRole::Owner))), Ok(()));
    }
}
