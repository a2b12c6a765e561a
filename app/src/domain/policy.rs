//! The one policy: who may give, edit and remove what. Pure and total; the page explains with it, the server enforces with it.

use super::{
    list::Count,
    permission::{Gate, PermissionKey, Permissions},
    role::{Effective, Grant, Roles},
};
use serde::{Deserialize, Serialize};

/// The policy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Allowed.
    Yes,
    /// Refused, and why.
    No(Refusal),
}

impl Verdict {
    /// Is it allowed?
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes)
    }

    /// The reason of a refusal.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Yes => None,
            Self::No(refusal) => Some(refusal),
        }
    }

    /// `Ok` if it is allowed.
    ///
    /// # Errors
    /// The refusal.
    pub fn or_refuse(self) -> Result<(), Refusal> {
        match self {
            Self::Yes => Ok(()),
            Self::No(refusal) => Err(refusal),
        }
    }

    /// This verdict, or the next one if this one allows.
    #[must_use]
    pub fn and(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => next(),
            Self::No(refusal) => Self::No(refusal),
        }
    }
}

/// Why something is refused. The page says it in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The permission for this kind of change is missing.
    Needs {
        /// The permission asked for.
        gate: Gate,
    },
    /// The grant holds permissions that the actor lacks (R30).
    AboveYourOwn {
        /// What the actor lacks.
        missing: Permissions,
    },
    /// Only owners give or take Owner (R30).
    OnlyOwnersMakeOwners,
    /// Only owners change the account itself.
    OnlyOwnersChangeAccount,
    /// The other person holds permissions that the actor lacks (R30).
    TheyHoldMore {
        /// What the actor lacks.
        missing: Permissions,
    },
    /// The account does not have this role any more (R28).
    RoleGone,
    /// Somebody with the role holds permissions as extras that the actor lacks, and so may be made to lose nothing by the actor (R30).
    RolePeopleHoldMore {
        /// What the actor lacks.
        missing: Permissions,
    },
    /// The role holds permissions that the actor lacks (R30).
    RoleHoldsMore {
        /// What the actor lacks.
        missing: Permissions,
    },
    /// A role that members or invited people have is not deleted (R28).
    RoleInUse {
        /// How many people have it.
        people: Count,
    },
    /// The account has as many roles of its own as it can have.
    TooManyRoles {
        /// The most.
        most: u32,
    },
    /// The account has as many webhooks as it can have.
    TooManyWebhooks {
        /// The most.
        most: u32,
    },
    /// The account has as many API keys as it can have.
    TooManyApiKeys {
        /// The most.
        most: u32,
    },
    /// Members cannot grant themselves permissions (R31).
    NoSelfPromotion {
        /// What would have been gained.
        gained: Permissions,
    },
    /// One leaves an account, one does not remove oneself (R32).
    LeaveInstead,
    /// An account keeps an active owner who can sign in (R33).
    LastOwner,
    /// Nobody is invited into an account that is going to be deleted.
    AccountDeleted,
    /// Nobody becomes an owner whose login is going to be deleted.
    OwnLoginDeleted,
    /// The person does not want to be invited to the account again (R51).
    WantsNoInvitations,
    /// A second factor is required only once an owner has one (R33, LT-09).
    NoOwnerReady,
    /// One's own login is changed in a session that proved one's own password: an account's provider vouches for that account alone (R49).
    OwnPasswordNeeded,
}

/// May `actor` give `grant` to somebody? Compared as sets of permissions, never by the role's name (R30).
pub fn can_grant(actor: &Effective, grant: &Grant, roles: &Roles) -> Verdict {
    if roles.find(&grant.role).is_none() {
        Verdict::No(Refusal::RoleGone)
    } else if grant.makes_owner() && !actor.is_owner {
        Verdict::No(Refusal::OnlyOwnersMakeOwners)
    } else {
        can_give(actor, &roles.permissions_of(grant))
    }
}

/// May `actor` give these permissions to somebody (R30)?
pub fn can_give(actor: &Effective, wanted: &Permissions) -> Verdict {
    match lacking(actor, wanted) {
        missing if missing.is_empty() => Verdict::Yes,
        missing => Verdict::No(Refusal::AboveYourOwn { missing }),
    }
}

/// May `actor` touch somebody who holds `theirs`? Nobody edits or removes a person who holds permissions that they lack themselves (R30, AZ-08).
fn can_touch(actor: &Effective, theirs: &Grant, roles: &Roles) -> Verdict {
    if theirs.makes_owner() && !actor.is_owner {
        return Verdict::No(Refusal::OnlyOwnersMakeOwners);
    }
    match lacking(actor, &roles.permissions_of(theirs)) {
        missing if missing.is_empty() => Verdict::Yes,
        missing => Verdict::No(Refusal::TheyHoldMore { missing }),
    }
}

/// Does `actor` hold the permission for this kind of change?
pub fn can_pass(actor: &Effective, gate: Gate) -> Verdict {
    if actor.opens(gate) { Verdict::Yes } else { Verdict::No(Refusal::Needs { gate }) }
}

/// May `actor` see and change what is settled for the account as a whole: its name, its language, what invitations begin with?
pub fn can_change_account(actor: &Effective) -> Verdict {
    if actor.is_owner { Verdict::Yes } else { Verdict::No(Refusal::OnlyOwnersChangeAccount) }
}

/// May `actor` invite somebody with `grant`?
pub fn can_invite(actor: &Effective, grant: &Grant, roles: &Roles) -> Verdict {
    can_pass(actor, Gate::UsersInvite).and(|| can_grant(actor, grant, roles))
}

/// May `actor` resend, copy the link of, or correct the pending invitation of somebody who was offered `offered` (R30)?
pub fn can_handle_invitation(actor: &Effective, offered: &Grant, roles: &Roles) -> Verdict {
    can_invite(actor, offered, roles)
}

/// Whose row it is, seen from the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// The actor's own row.
    Own,
    /// Somebody else's.
    Others,
}

/// May `actor` open the edit dialog of a member who holds `present`? What may be given, [`can_edit`] tells.
pub fn can_start_editing(actor: &Effective, whose: Whose, present: &Grant, roles: &Roles) -> Verdict {
    can_pass(actor, Gate::UsersEdit).and(|| match whose {
        Whose::Own => Verdict::Yes,
        Whose::Others => can_touch(actor, present, roles),
    })
}

/// May `actor` change a member's grant from `present` to `wanted` (R30, R31)? Owners are counted elsewhere (R33).
pub fn can_edit(actor: &Effective, whose: Whose, present: &Grant, wanted: &Grant, roles: &Roles) -> Verdict {
    can_start_editing(actor, whose, present, roles).and(|| match whose {
        Whose::Own => {
            let gained = Change::between(present, wanted, roles).gained;
            let becomes_owner = wanted.makes_owner() && !present.makes_owner();
            if gained.is_empty() && !becomes_owner {
                Verdict::Yes
            } else {
                Verdict::No(Refusal::NoSelfPromotion { gained })
            }
        }
        Whose::Others => can_grant(actor, wanted, roles),
    })
}

/// May `actor` change how somebody signs in? Before the person joined, who may invite may (R26); afterwards it is a matter of login
/// methods (R46).
pub fn can_change_login_method(actor: &Effective, has_joined: bool) -> Verdict {
    can_pass(actor, if has_joined { Gate::LoginMethodsManage } else { Gate::UsersInvite })
}

/// May `actor` correct the address of an invited person, which sends a new invitation (R25)?
pub fn can_correct_address(actor: &Effective) -> Verdict {
    can_pass(actor, Gate::UsersInvite)
}

/// May `actor` remove a member who holds `present` (R30, R32)? Suspending cuts access as removing does, and asks the same (R30, R41). Owners are
/// counted elsewhere (R33).
pub fn can_remove(actor: &Effective, whose: Whose, present: &Grant, roles: &Roles) -> Verdict {
    can_pass(actor, Gate::UsersRemove).and(|| match whose {
        Whose::Own => Verdict::No(Refusal::LeaveInstead),
        Whose::Others => can_touch(actor, present, roles),
    })
}

/// May `actor` reactivate a suspended member who holds `present`? That gives the member all of it again (R30, R41).
pub fn can_reactivate(actor: &Effective, present: &Grant, roles: &Roles) -> Verdict {
    can_pass(actor, Gate::UsersRemove).and(|| can_grant(actor, present, roles))
}

/// May a change be made that leaves `owners_left` active owners who can sign in (R33, AZ-07)?
pub fn keeps_an_owner(owners_left: u64) -> Verdict {
    if owners_left > 0 { Verdict::Yes } else { Verdict::No(Refusal::LastOwner) }
}

/// May an account require a second factor, with so many active owners who have one (R33, LT-09)? Else it could be that nobody who may take
/// the requirement back gets in.
pub fn can_require_second_factor(ready_owners: u64) -> Verdict {
    if ready_owners > 0 { Verdict::Yes } else { Verdict::No(Refusal::NoOwnerReady) }
}

/// What `actor` lacks of these; owners lack nothing.
pub(super) fn lacking(actor: &Effective, wanted: &Permissions) -> Permissions {
    if actor.is_owner { Permissions::new() } else { wanted.difference(&actor.permissions).cloned().collect() }
}

/// What an edit changes (R65).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Permissions that the member will hold and does not hold now.
    pub gained: Permissions,
    /// Permissions that the member holds now and will not hold.
    pub lost: Permissions,
}

impl Change {
    /// The difference between two grants.
    pub fn between(present: &Grant, wanted: &Grant, roles: &Roles) -> Self {
        Self::of(&roles.permissions_of(present), &roles.permissions_of(wanted))
    }

    /// The difference between two sets.
    pub fn of(before: &Permissions, after: &Permissions) -> Self {
        Self { gained: after.difference(before).cloned().collect(), lost: before.difference(after).cloned().collect() }
    }

    /// Nothing gained, nothing lost.
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }
}

/// Where an effective permission comes from (R65).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Owners hold everything.
    Owner,
    /// The role holds it.
    Role,
    /// Given to this member on top of the role.
    Extra,
}

/// Where `grant` gets `key` from, if it holds it at all (R65).
pub fn source_of(grant: &Grant, key: &PermissionKey, roles: &Roles) -> Option<Source> {
    if !roles.catalogue.knows(key) {
        None
    } else if grant.makes_owner() {
        Some(Source::Owner)
    } else if roles.permissions_of_role(&grant.role).contains(key) {
        Some(Source::Role)
    } else if grant.extras.contains(key) {
        Some(Source::Extra)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::Catalogue,
        role::{BuiltInRole, RoleKey},
    };
    use proptest::prelude::*;

    fn roles() -> Roles {
        Roles::built_in(Catalogue::with([]))
    }

    fn effective(grant: &Grant) -> Effective {
        Effective::of(grant, &roles())
    }

    fn any_grant() -> impl Strategy<Value = Grant> {
        let keys: Vec<_> = Catalogue::with([]).all().into_iter().collect();
        (prop::sample::select(BuiltInRole::ALL.to_vec()), prop::collection::btree_set(prop::sample::select(keys), 0..6))
            .prop_map(|(role, extras)| Grant { role: role.role(), extras })
    }

    #[test]
    fn a_verdict_goes_on_or_stops_with_its_reason() {
        assert_eq!((Verdict::Yes.or_refuse(), Verdict::Yes.refusal()), (Ok(()), None));
        let no = Verdict::No(Refusal::OnlyOwnersMakeOwners);
        assert_eq!(no.refusal(), Some(&Refusal::OnlyOwnersMakeOwners));
        assert_eq!(no.or_refuse(), Err(Refusal::OnlyOwnersMakeOwners));
    }

    #[test]
    fn r30_az_08_who_holds_no_more_can_be_touched() {
        let (admin, viewer) = (effective(&Grant::of(BuiltInRole::Admin)), Grant::of(BuiltInRole::Viewer));
        assert!(can_touch(&admin, &viewer, &roles()).is_yes());
    }

    #[test]
    fn r65_a_change_is_empty_if_nothing_is_gained_and_nothing_lost() {
        let between = |present, wanted| Change::between(&Grant::of(present), &Grant::of(wanted), &roles());
        assert!(between(BuiltInRole::Viewer, BuiltInRole::Viewer).is_empty());
        assert!(!between(BuiltInRole::Viewer, BuiltInRole::Admin).is_empty());
        assert!(!between(BuiltInRole::Admin, BuiltInRole::Viewer).is_empty());
    }

    #[test]
    fn the_built_in_roles_and_permissions_are_known_by_their_keys() {
        let found = BuiltInRole::ALL.map(|role| BuiltInRole::from_key(&role.role()));
        assert_eq!(found, BuiltInRole::ALL.map(Some));
        assert_eq!(BuiltInRole::from_key(&RoleKey::new("nobody")), None);
        assert_eq!(crate::domain::permission::PermissionKey::new("bots.edit").as_str(), "bots.edit");
    }

    #[test]
    fn r30_only_owners_make_owners() {
        let owner = Grant::of(BuiltInRole::Owner);
        assert!(can_grant(&effective(&owner), &owner, &roles()).is_yes());
        let admin = effective(&Grant::of(BuiltInRole::Admin).with("billing.manage").with("login_methods.manage"));
        assert_eq!(can_grant(&admin, &owner, &roles()), Verdict::No(Refusal::OnlyOwnersMakeOwners));
    }

    #[test]
    fn az_12_only_owners_change_the_account_whatever_else_is_held() {
        assert!(can_change_account(&effective(&Grant::of(BuiltInRole::Owner))).is_yes());
        let everything = Grant { extras: roles().catalogue.all(), ..Grant::of(BuiltInRole::Admin) };
        assert_eq!(can_change_account(&effective(&everything)), Verdict::No(Refusal::OnlyOwnersChangeAccount));
    }

    #[test]
    fn r30_an_admin_cannot_give_what_he_lacks_by_an_extra() {
        let admin = effective(&Grant::of(BuiltInRole::Admin));
        let verdict = can_grant(&admin, &Grant::of(BuiltInRole::Viewer).with("billing.manage"), &roles());
        let missing = Permissions::from([PermissionKey::new("billing.manage")]);
        assert_eq!(verdict, Verdict::No(Refusal::AboveYourOwn { missing }));
    }

    #[test]
    fn az_08_nobody_edits_or_removes_somebody_of_higher_rank() {
        let admin = effective(&Grant::of(BuiltInRole::Admin));
        let higher = Grant::of(BuiltInRole::Admin).with("billing.manage");
        for theirs in [Grant::of(BuiltInRole::Owner), higher] {
            assert!(!can_remove(&admin, Whose::Others, &theirs, &roles()).is_yes());
            assert!(!can_edit(&admin, Whose::Others, &theirs, &Grant::of(BuiltInRole::Viewer), &roles()).is_yes());
        }
    }

    #[test]
    fn r31_nobody_promotes_himself_but_may_step_down() {
        let present = Grant::of(BuiltInRole::Admin);
        let actor = effective(&present);
        let more = present.clone().with("billing.manage");
        assert!(!can_edit(&actor, Whose::Own, &present, &more, &roles()).is_yes());
        assert!(!can_edit(&actor, Whose::Own, &present, &Grant::of(BuiltInRole::Owner), &roles()).is_yes());
        assert!(can_edit(&actor, Whose::Own, &present, &Grant::of(BuiltInRole::Viewer), &roles()).is_yes());
    }

    #[test]
    fn r31_holding_every_permission_makes_nobody_an_owner_and_an_owner_stays_one() {
        let (owner, viewer) = (Grant::of(BuiltInRole::Owner), Grant::of(BuiltInRole::Viewer));
        let everything = Grant { extras: roles().catalogue.all(), ..viewer };
        let no = Verdict::No(Refusal::NoSelfPromotion { gained: Permissions::new() });
        assert_eq!(can_edit(&effective(&everything), Whose::Own, &everything, &owner, &roles()), no);
        assert_eq!(can_edit(&effective(&owner), Whose::Own, &owner, &owner, &roles()), Verdict::Yes);
    }

    #[test]
    fn r32_one_leaves_rather_than_removing_oneself() {
        let owner = Grant::of(BuiltInRole::Owner);
        assert_eq!(can_remove(&effective(&owner), Whose::Own, &owner, &roles()), Verdict::No(Refusal::LeaveInstead));
    }

    #[test]
    fn r33_an_account_keeps_an_owner() {
        assert_eq!(keeps_an_owner(0), Verdict::No(Refusal::LastOwner));
        assert!(keeps_an_owner(1).is_yes());
    }

    #[test]
    fn r65_each_permission_shows_where_it_comes_from() {
        let grant = Grant::of(BuiltInRole::Viewer).with("bots.edit").with("gone.key");
        let source = |grant: &Grant, key: &str| source_of(grant, &PermissionKey::new(key), &roles());
        assert_eq!(source(&grant, "bots.read"), Some(Source::Role));
        assert_eq!(source(&grant, "bots.edit"), Some(Source::Extra));
        assert_eq!(source(&grant, "bots.publish"), None);
        assert_eq!(source(&grant, "gone.key"), None);
        assert_eq!(source(&Grant::of(BuiltInRole::Owner), "billing.manage"), Some(Source::Owner));
    }

    proptest! {
        #[test]
        fn az_12_without_grants_everything_is_denied(grant in any_grant()) {
            let nobody = Effective { permissions: Permissions::new(), is_owner: false };
            prop_assert!(!can_invite(&nobody, &grant, &roles()).is_yes());
            prop_assert!(!can_edit(&nobody, Whose::Others, &grant, &grant, &roles()).is_yes());
            prop_assert!(!can_remove(&nobody, Whose::Others, &grant, &roles()).is_yes());
        }

        #[test]
        fn az_12_removing_a_permission_never_allows_more(actor in any_grant(), theirs in any_grant(), wanted in any_grant(), pick in any::<prop::sample::Index>()) {
            prop_assume!(!actor.makes_owner());
            let before = effective(&actor);
            prop_assume!(!before.permissions.is_empty());
            let mut after = before.clone();
            let dropped = pick.get(&before.permissions.iter().cloned().collect::<Vec<_>>()).clone();
            after.permissions.remove(&dropped);
            let roles = roles();
            for (wider, narrower) in [
                (can_grant(&before, &wanted, &roles), can_grant(&after, &wanted, &roles)),
                (can_edit(&before, Whose::Others, &theirs, &wanted, &roles), can_edit(&after, Whose::Others, &theirs, &wanted, &roles)),
                (can_remove(&before, Whose::Others, &theirs, &roles), can_remove(&after, Whose::Others, &theirs, &roles)),
            ] {
                prop_assert!(wider.is_yes() || !narrower.is_yes());
            }
        }

        #[test]
        fn r30_whoever_is_granted_something_holds_no_more_than_the_giver(actor in any_grant(), wanted in any_grant()) {
            let giver = effective(&actor);
            if can_grant(&giver, &wanted, &roles()).is_yes() {
                prop_assert!(effective(&wanted).permissions.is_subset(&giver.permissions));
                prop_assert!(!wanted.makes_owner() || giver.is_owner);
            }
        }

        #[test]
        fn r65_what_is_gained_and_lost_leads_from_the_one_to_the_other(present in any_grant(), wanted in any_grant()) {
            let roles = roles();
            let change = Change::between(&present, &wanted, &roles);
            let mut permissions = roles.permissions_of(&present);
            permissions.retain(|key| !change.lost.contains(key));
            permissions.extend(change.gained.iter().cloned());
            prop_assert_eq!(permissions, roles.permissions_of(&wanted));
        }

        #[test]
        fn a_form_reads_back_as_the_grant_it_shows(grant in any_grant()) {
            let extras: Vec<String> = grant.extras.iter().map(ToString::to_string).collect();
            let read = roles().parse_grant(grant.role.as_str(), &extras).map(|read| roles().permissions_of(&read));
            prop_assert_eq!(read, Ok(roles().permissions_of(&grant)));
        }
    }

    #[test]
    fn a_role_that_the_account_does_not_have_gives_nothing() {
        let grant = Grant { role: RoleKey::new("nonsense"), extras: Permissions::new() };
        assert!(roles().permissions_of(&grant).is_empty());
        assert!(roles().parse_grant("nonsense", &[]).is_err());
        let gone = Verdict::No(Refusal::RoleGone);
        for actor in [BuiltInRole::Owner, BuiltInRole::Admin] {
            let actor = effective(&Grant::of(actor));
            assert_eq!(can_grant(&actor, &grant, &roles()), gone, "R28");
            assert_eq!(can_reactivate(&actor, &grant, &roles()), gone, "R28, R64");
        }
    }
}
