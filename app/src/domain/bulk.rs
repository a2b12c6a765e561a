//! What can be done with several people at once.

use super::{
    ids::MemberId,
    member::{MemberRow, ShownState},
    permission::PermissionKey,
    policy::{Refusal, Verdict, Whose, can_edit, can_handle_invitation, can_remove, can_start_editing},
    role::{Effective, Grant, Roles},
};
use serde::{Deserialize, Serialize};

/// The most people that one request changes; the page sends more in parts.
pub const MAX_CHANGED_AT_ONCE: usize = 100;
/// The most people that one look at a view of the list selects; the page looks on from there.
pub const MAX_SELECTED_AT_ONCE: usize = 500;
/// The most people that are selected in all.
pub const MAX_SELECTED: usize = 10_000;

/// A bulk action: each of them does to every person what its own operation does to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is its action")]
pub enum BulkAction {
    ChangeRole,
    GivePermission,
    TakePermission,
    Resend,
    Suspend,
    Remove,
}

/// Somebody who is selected, as far as a bulk action has to know them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The member.
    pub id: MemberId,
    /// The address, as typed.
    pub email: String,
    /// The name, once there is one.
    pub name: Option<String>,
    /// The state shown.
    pub state: ShownState,
    /// Role and extras.
    pub grant: Grant,
    /// Counts the changes of the row (R66).
    pub version: i64,
}

impl Selected {
    /// The name, or the address while there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.email)
    }
}

impl From<&MemberRow> for Selected {
    fn from(row: &MemberRow) -> Self {
        Self {
            id: row.id,
            email: row.email.clone(),
            name: row.name.clone(),
            state: row.state,
            grant: row.grant.clone(),
            version: row.version,
        }
    }
}

/// Why a person is left out of a bulk action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOut {
    /// The person's state does not allow it.
    State,
    /// There is nobody any more: the row was erased meanwhile.
    Gone,
    /// It is the caller, who changes their own row by itself, with a question (R31).
    Own,
    /// The permission is an extra of theirs already.
    HasExtra,
    /// Their role holds the permission.
    HasByRole,
    /// They do not hold the permission.
    HasNot,
    /// The policy does not allow it.
    Refused(Refusal),
}

impl BulkAction {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Resend, Self::ChangeRole, Self::GivePermission, Self::TakePermission, Self::Suspend, Self::Remove];
    /// Those that the list offers, in their order; whether a permission is given or taken is chosen later.
    pub const OFFERED: [Self; 5] = [Self::Resend, Self::ChangeRole, Self::GivePermission, Self::Suspend, Self::Remove];

    /// The text in URLs and forms.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ChangeRole => "role",
            Self::GivePermission => "give",
            Self::TakePermission => "take",
            Self::Resend => "resend",
            Self::Suspend => "suspend",
            Self::Remove => "remove",
        }
    }

    /// The action with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.key() == key)
    }

    /// Is this person left out, as far as is known before? Where a permission is given or taken, `permission` is that one, once it is chosen.
    ///
    /// # Errors
    /// [`LeftOut`].
    pub fn applies_to(
        self,
        person: &Selected,
        permission: Option<&PermissionKey>,
        whose: Whose,
        my: &Effective,
        roles: &Roles,
    ) -> Result<(), LeftOut> {
        let fits = match self {
            Self::ChangeRole | Self::GivePermission | Self::TakePermission | Self::Remove => {
                person.state != ShownState::Removed
            }
            Self::Resend => person.state.is_awaiting_answer(),
            Self::Suspend => person.state == ShownState::Active,
        };
        if !fits {
            return Err(LeftOut::State);
        }
        let present = &person.grant;
        let verdict = match self {
            Self::ChangeRole | Self::GivePermission | Self::TakePermission if whose == Whose::Own => {
                return Err(LeftOut::Own);
            }
            Self::ChangeRole => can_start_editing(my, whose, present, roles),
            Self::GivePermission | Self::TakePermission => match permission {
                None => can_start_editing(my, whose, present, roles),
                Some(key) => can_edit(my, whose, present, &self.wanted(present, key, roles)?, roles),
            },
            Self::Resend => can_handle_invitation(my, present, roles),
            Self::Suspend | Self::Remove => can_remove(my, whose, present, roles),
        };
        match verdict {
            Verdict::Yes => Ok(()),
            Verdict::No(refusal) => Err(LeftOut::Refused(refusal)),
        }
    }

    /// What somebody is to hold when a permission is given to them, or taken; every other action leaves that as it is.
    ///
    /// # Errors
    /// [`LeftOut`] where there is nothing to give or to take: what comes with a role is taken by another role alone.
    pub fn wanted(self, present: &Grant, key: &PermissionKey, roles: &Roles) -> Result<Grant, LeftOut> {
        let by_role = roles.find(&present.role).is_some_and(|role| role.permissions.contains(key));
        let mut wanted = present.clone();
        match self {
            Self::GivePermission if by_role => Err(LeftOut::HasByRole),
            Self::GivePermission if !wanted.extras.insert(key.clone()) => Err(LeftOut::HasExtra),
            Self::TakePermission if !wanted.extras.remove(key) => {
                Err(if by_role { LeftOut::HasByRole } else { LeftOut::HasNot })
            }
            Self::GivePermission
            | Self::TakePermission
            | Self::ChangeRole
            | Self::Resend
            | Self::Suspend
            | Self::Remove => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{permission::Catalogue, role::BuiltInRole};
    use uuid::Uuid;

    fn person(state: ShownState, grant: Grant) -> Selected {
        let (id, email) = (MemberId(Uuid::from_u128(1)), "ben@example.org".to_owned());
        Selected { id, email, name: None, state, grant, version: 1 }
    }

    #[test]
    fn every_bulk_action_has_a_key_of_its_own() {
        for action in BulkAction::ALL {
            assert_eq!(BulkAction::from_key(action.key()), Some(action));
        }
        assert_eq!(BulkAction::from_key(""), None);
    }

    #[test]
    fn r30_a_permission_is_given_and_taken_by_the_policy_and_where_it_changes_something() {
        let roles = Roles::built_in(Catalogue::with([]));
        let admin = Effective::of(&Grant::of(BuiltInRole::Admin), &roles);
        let viewer = Grant::of(BuiltInRole::Viewer);
        let judged = |action: BulkAction, key: &str, whose, grant: &Grant, state| {
            let key = PermissionKey::new(key);
            action.applies_to(&person(state, grant.clone()), Some(&key), whose, &admin, &roles)
        };
        let (give, take, others) = (BulkAction::GivePermission, BulkAction::TakePermission, Whose::Others);
        let with_extra = viewer.clone().with("bots.edit");
        for (action, key, grant, expected) in [
            (give, "bots.edit", &viewer, Ok(())),
            (give, "bots.edit", &with_extra, Err(LeftOut::HasExtra)),
            (give, "bots.read", &viewer, Err(LeftOut::HasByRole)),
            (take, "bots.edit", &with_extra, Ok(())),
            (take, "bots.edit", &viewer, Err(LeftOut::HasNot)),
            (take, "bots.read", &viewer, Err(LeftOut::HasByRole)),
        ] {
            assert_eq!(judged(action, key, others, grant, ShownState::Active), expected, "{action:?} {key}");
        }
        let above = judged(give, "billing.manage", others, &viewer, ShownState::Active);
        assert!(matches!(above, Err(LeftOut::Refused(Refusal::AboveYourOwn { .. }))), "{above:?}");
        let owner = judged(give, "bots.edit", others, &Grant::of(BuiltInRole::Owner), ShownState::Active);
        assert_eq!(owner, Err(LeftOut::HasByRole));
        assert_eq!(judged(give, "bots.edit", Whose::Own, &viewer, ShownState::Active), Err(LeftOut::Own));
        assert_eq!(judged(give, "bots.edit", others, &viewer, ShownState::Removed), Err(LeftOut::State));
    }

    #[test]
    fn r32_nobody_is_among_those_whom_they_remove_or_whose_role_they_change() {
        let roles = Roles::built_in(Catalogue::with([]));
        let owner = Effective::of(&Grant::of(BuiltInRole::Owner), &roles);
        let me = person(ShownState::Active, Grant::of(BuiltInRole::Owner));
        let judged = |action: BulkAction| action.applies_to(&me, None, Whose::Own, &owner, &roles);
        assert_eq!(judged(BulkAction::Remove), Err(LeftOut::Refused(Refusal::LeaveInstead)));
        assert_eq!(judged(BulkAction::ChangeRole), Err(LeftOut::Own));
    }
}
