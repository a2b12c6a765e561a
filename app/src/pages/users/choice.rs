//! Role and extras as chosen in a dialog so far, and what the policy says to each further choice.

use crate::{
    api::members::AccountFacts,
    domain::{
        permission::{Gate, PermissionKey, Permissions},
        policy::{Refusal, Verdict, Whose, can_edit, can_give, can_invite, can_pass, can_start_editing},
        role::{Grant, RoleKey},
    },
    flash::{old_input, old_inputs},
};
use leptos::prelude::*;

/// What has been chosen. It outlives answers of the server, so that nobody chooses twice.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    role: RwSignal<RoleKey>,
    extras: RwSignal<Permissions>,
    /// Is the page hydrated? Without scripting a role chosen later could not free the boxes that the first one fills.
    live: RwSignal<bool>,
}

impl Choice {
    /// Starts from what is there, or from what was chosen in a form that came back.
    pub(super) fn starting_from(grant: &Grant) -> Self {
        let grant = old_grant().unwrap_or_else(|| grant.clone());
        let (role, extras) = (RwSignal::new(grant.role), RwSignal::new(grant.extras));
        let live = RwSignal::new(false);
        let chosen = chosen_already();
        Effect::new(move |_| {
            if let Some(grant) = &chosen {
                role.set(grant.role.clone());
                extras.set(grant.extras.clone());
            }
            live.set(true);
        });
        Self { role, extras, live }
    }

    /// The grant as chosen.
    pub(super) fn grant(self) -> Grant {
        Grant { role: self.role.get(), extras: self.extras.get() }
    }

    /// The role as chosen.
    pub(super) fn role(self) -> RoleKey {
        self.role.get()
    }

    /// Is the dialog alive, that is, do its parts answer to each other?
    pub(super) fn is_live(self) -> bool {
        self.live.get()
    }

    /// Is this extra chosen?
    pub(super) fn has_extra(self, key: &PermissionKey) -> bool {
        self.extras.with(|extras| extras.contains(key))
    }

    /// Does the chosen role hold this already?
    pub(super) fn is_included(self, facts: &AccountFacts, key: &PermissionKey) -> bool {
        self.is_live()
            && self.role.with(|role| facts.roles.find(role).is_some_and(|role| role.permissions.contains(key)))
    }

    /// Chooses a role.
    pub(super) fn set_role(self, key: String) {
        self.role.set(RoleKey::new(key));
    }

    /// Gives an extra, or takes it.
    pub(super) fn set_extra(self, key: &PermissionKey, given: bool) {
        self.extras.update(|extras| {
            if given {
                extras.insert(key.clone());
            } else {
                extras.remove(key);
            }
        });
    }
}

fn old_grant() -> Option<Grant> {
    let extras = old_inputs("form[extras][]")?;
    Some(Grant {
        role: RoleKey::new(old_input("form[role]")?),
        extras: extras.into_iter().map(PermissionKey::new).collect(),
    })
}

/// What was chosen in a dialog that the server made, before hydration.
#[cfg(not(feature = "ssr"))]
fn chosen_already() -> Option<Grant> {
    use web_sys::{HtmlInputElement, HtmlSelectElement, wasm_bindgen::JsCast};
    let role = document().query_selector("dialog select[name='form[role]']").ok()??;
    let boxes = document().query_selector_all("dialog input[name='form[extras][]']:checked").ok()?;
    let keys = (0..boxes.length()).filter_map(|index| boxes.item(index)?.dyn_into::<HtmlInputElement>().ok());
    Some(Grant {
        role: RoleKey::new(role.dyn_into::<HtmlSelectElement>().ok()?.value()),
        extras: keys.map(|input| PermissionKey::new(input.value())).collect(),
    })
}

#[cfg(feature = "ssr")]
const fn chosen_already() -> Option<Grant> {
    None
}

/// What a grant is chosen for: the policy's answer depends on it.
#[derive(Clone)]
pub(super) enum Purpose {
    /// A new invitation.
    Invite,
    /// A member's next grant.
    Edit {
        whose: Whose,
        present: Grant,
        /// Would another role leave the account without an owner (R33)?
        last_owner: bool,
    },
}

impl Purpose {
    /// May this role be chosen?
    pub(super) fn of_role(&self, facts: &AccountFacts, role: &RoleKey) -> Verdict {
        self.of(facts, &Grant { role: role.clone(), extras: Permissions::new() })
    }

    /// May this extra be given?
    pub(super) fn of_extra(&self, facts: &AccountFacts, key: &PermissionKey) -> Verdict {
        let extra = Permissions::from([key.clone()]);
        match self {
            Self::Invite => can_pass(&facts.my, Gate::UsersInvite).and(|| can_give(&facts.my, &extra)),
            Self::Edit { whose: Whose::Own, present, .. } => {
                let more = Grant { role: present.role.clone(), extras: extra };
                can_edit(&facts.my, Whose::Own, present, &more, &facts.roles)
            }
            Self::Edit { whose: Whose::Others, present, .. } => {
                can_start_editing(&facts.my, Whose::Others, present, &facts.roles).and(|| can_give(&facts.my, &extra))
            }
        }
    }

    fn of(&self, facts: &AccountFacts, wanted: &Grant) -> Verdict {
        match self {
            Self::Invite => can_invite(&facts.my, wanted, &facts.roles),
            Self::Edit { last_owner: true, .. } if !wanted.makes_owner() => Verdict::No(Refusal::LastOwner),
            Self::Edit { whose, present, .. } => can_edit(&facts.my, *whose, present, wanted, &facts.roles),
        }
    }
}

/// The role that a new invitation starts with: the account's own choice, or the narrowest, of those that may be given.
pub(super) fn first_role(facts: &AccountFacts) -> RoleKey {
    let can_give = |key: &RoleKey| Purpose::Invite.of_role(facts, key).is_yes();
    let roles = &facts.roles;
    let of_account = facts.invitations.role.as_ref().filter(|key| roles.find(key).is_some() && can_give(key));
    let narrowest = || {
        roles
            .roles
            .iter()
            .rev()
            .filter(|role| can_give(&role.key))
            .min_by_key(|role| role.permissions.len())
            .map(|role| &role.key)
    };
    of_account.or_else(narrowest).cloned().unwrap_or_else(|| RoleKey::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::MemberId,
        invitation::InvitationDefaults,
        language::Language,
        name::Slug,
        permission::Catalogue,
        role::{BuiltInRole, Effective, Roles},
    };
    use uuid::Uuid;

    fn facts(mine: &Grant) -> AccountFacts {
        let roles = Roles::built_in(Catalogue::with([]));
        AccountFacts {
            slug: Slug::parse("acme").unwrap(),
            name: "Acme".to_owned(),
            language: Language::En,
            me: MemberId(Uuid::from_u128(1)),
            my: Effective::of(mine, &roles),
            roles,
            invitations: InvitationDefaults::default(),
            methods: Vec::new(),
            mail_server: true,
        }
    }

    #[test]
    fn r30_an_admin_is_offered_what_he_may_give() {
        let facts = facts(&Grant::of(BuiltInRole::Admin));
        assert!(Purpose::Invite.of_role(&facts, &BuiltInRole::Admin.role()).is_yes());
        assert!(!Purpose::Invite.of_role(&facts, &BuiltInRole::Owner.role()).is_yes());
        assert!(Purpose::Invite.of_extra(&facts, &PermissionKey::new("bots.edit")).is_yes());
        assert!(!Purpose::Invite.of_extra(&facts, &PermissionKey::new("billing.manage")).is_yes());
    }

    #[test]
    fn r31_nobody_is_offered_more_for_himself() {
        let present = Grant::of(BuiltInRole::Admin);
        let facts = facts(&present);
        let purpose = Purpose::Edit { whose: Whose::Own, present, last_owner: false };
        assert!(purpose.of_role(&facts, &BuiltInRole::Viewer.role()).is_yes());
        assert!(!purpose.of_role(&facts, &BuiltInRole::Owner.role()).is_yes());
        assert!(!purpose.of_extra(&facts, &PermissionKey::new("billing.manage")).is_yes());
    }

    #[test]
    fn r33_the_last_owner_stays_owner_and_the_dialog_says_so() {
        let present = Grant::of(BuiltInRole::Owner);
        let facts = facts(&present);
        let purpose = Purpose::Edit { whose: Whose::Own, present, last_owner: true };
        assert!(purpose.of_role(&facts, &BuiltInRole::Owner.role()).is_yes());
        assert_eq!(purpose.of_role(&facts, &BuiltInRole::Admin.role()), Verdict::No(Refusal::LastOwner));
    }

    #[test]
    fn an_invitation_starts_with_the_narrowest_role() {
        assert_eq!(first_role(&facts(&Grant::of(BuiltInRole::Owner))), BuiltInRole::Viewer.role());
        let with_default = |mine: &Grant, role: BuiltInRole| {
            let invitations = InvitationDefaults { role: Some(role.role()), ..InvitationDefaults::default() };
            first_role(&AccountFacts { invitations, ..facts(mine) })
        };
        let owner = Grant::of(BuiltInRole::Owner);
        assert_eq!(with_default(&owner, BuiltInRole::Editor), BuiltInRole::Editor.role(), "the account's own choice");
        let inviter = Grant::of(BuiltInRole::Viewer).with("users.invite");
        assert_eq!(with_default(&inviter, BuiltInRole::Admin), BuiltInRole::Viewer.role(), "as far as it can be given");
        let nobody = facts(&Grant::of(BuiltInRole::Viewer));
        assert_eq!(first_role(&nobody).as_str(), "");
    }
}
