//! API keys, by which programs act in an account for one of its members: no more than the key was given, and never more than that member
//! may do at the moment (LT-01).

use super::{
    fields::Problem,
    permission::{Gate, Permissions},
    policy::{Refusal, Verdict, can_give, can_pass},
    role::Effective,
    time::{Span, Timestamp},
};

/// How many keys an account can have.
pub const MAX_API_KEYS: u32 = 100;
/// The days that a key is valid for, unless somebody chooses others.
pub const USUAL_KEY_DAYS: u32 = 90;
/// The most days that a key is valid for, unless it never expires.
pub const MAX_KEY_DAYS: u32 = 366;
/// What stands for a key that never expires.
pub const NEVER: &str = "never";

/// When a key that is made now expires: after so many days, or never.
///
/// # Errors
/// [`Problem::NotBetween`].
pub fn parse_key_lifetime(raw: &str, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let range = Problem::NotBetween { least: 1, most: MAX_KEY_DAYS };
    match raw.trim() {
        NEVER => Ok(None),
        "" => Ok(Some(now + Span::days(i64::from(USUAL_KEY_DAYS)))),
        days => match days.parse::<u32>() {
            Ok(days) if (1..=MAX_KEY_DAYS).contains(&days) => Ok(Some(now + Span::days(i64::from(days)))),
            Ok(_) | Err(_) => Err(range),
        },
    }
}

/// Can `actor` make a key that holds `wanted`, beside so many others of the account? A key holds no more than its maker (R30).
pub fn can_make_api_key(actor: &Effective, wanted: &Permissions, keys: usize) -> Verdict {
    can_pass(actor, Gate::ApiKeysManage).and(|| can_give(actor, wanted)).and(|| {
        if keys < MAX_API_KEYS as usize {
            Verdict::Yes
        } else {
            Verdict::No(Refusal::TooManyApiKeys { most: MAX_API_KEYS })
        }
    })
}

/// What a key is to hold, which is something.
///
/// # Errors
/// [`Problem::NoneChosen`].
pub fn require_permissions(wanted: Permissions) -> Result<Permissions, Problem> {
    if wanted.is_empty() { Err(Problem::NoneChosen) } else { Ok(wanted) }
}

impl Effective {
    /// What a key may do that holds `limit` and acts for whoever may do this. A key is never an owner: what only owners do, and what asks for
    /// a recent authentication, is for people alone.
    #[must_use]
    pub fn within(&self, limit: &Permissions) -> Self {
        Self { permissions: self.permissions.intersection(limit).cloned().collect(), is_owner: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        permission::{Catalogue, PermissionKey},
        policy::can_change_account,
        role::{BuiltInRole, Grant, Roles},
    };
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_777_885_200_000);

    fn effective(grant: &Grant) -> Effective {
        Effective::of(grant, &Roles::built_in(Catalogue::with([])))
    }

    fn keys(of: &[&str]) -> Permissions {
        of.iter().map(|key| PermissionKey::new(*key)).collect()
    }

    #[test]
    fn lt_01_a_key_expires_after_ninety_days_unless_something_else_is_chosen() {
        assert_eq!(parse_key_lifetime("", NOW), Ok(Some(NOW + Span::days(90))));
        assert_eq!(parse_key_lifetime(" 30 ", NOW), Ok(Some(NOW + Span::days(30))));
        assert_eq!(parse_key_lifetime("never", NOW), Ok(None));
        for wrong in ["0", "367", "-1", "1.5", "always", "99999999999999999999"] {
            assert_eq!(parse_key_lifetime(wrong, NOW), Err(Problem::NotBetween { least: 1, most: 366 }), "{wrong}");
        }
    }

    #[test]
    fn lt_01_a_key_holds_something_and_no_more_than_its_maker() {
        let admin = effective(&Grant::of(BuiltInRole::Admin));
        assert!(can_make_api_key(&admin, &keys(&["users.read"]), 0).is_yes());
        let missing = keys(&["billing.manage"]);
        let beyond = can_make_api_key(&admin, &missing, 0);
        assert_eq!(beyond, Verdict::No(Refusal::AboveYourOwn { missing }));
        let viewer = effective(&Grant::of(BuiltInRole::Viewer));
        let needs = Verdict::No(Refusal::Needs { gate: Gate::ApiKeysManage });
        assert_eq!(can_make_api_key(&viewer, &keys(&["bots.read"]), 0), needs);
        let many = can_make_api_key(&admin, &keys(&["users.read"]), MAX_API_KEYS as usize);
        assert_eq!(many, Verdict::No(Refusal::TooManyApiKeys { most: MAX_API_KEYS }));
        assert_eq!(require_permissions(Permissions::new()), Err(Problem::NoneChosen));
    }

    #[test]
    fn lt_01_a_key_of_an_owner_is_no_owner() {
        let owner = effective(&Grant::of(BuiltInRole::Owner));
        let key = owner.within(&owner.permissions);
        assert_eq!(key.permissions, owner.permissions);
        assert!(can_change_account(&owner).is_yes() && !can_change_account(&key).is_yes());
    }

    proptest! {
        #[test]
        fn lt_01_a_key_does_what_both_it_and_its_maker_may_and_nothing_else(
            role in prop::sample::select(BuiltInRole::ALL.to_vec()),
            limit in prop::collection::btree_set(prop::sample::select(Catalogue::with([]).all().into_iter().collect::<Vec<_>>()), 0..16),
        ) {
            let maker = effective(&Grant::of(role));
            let key = maker.within(&limit);
            for permission in Catalogue::with([]).all() {
                let both = maker.permissions.contains(&permission) && limit.contains(&permission);
                prop_assert_eq!(key.permissions.contains(&permission), both);
            }
        }
    }
}
