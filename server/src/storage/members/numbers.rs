//! How many rows of each kind an account has, as its rows' changes keep it, and what makes them right in time.

use super::view::Filter;
use crate::storage::{AccountScope, StorageError, Tx, changed, on, statements};
use app::domain::{
    ids::LoginMethodId,
    list::{ListQuery, StateCounts},
    member::ShownState,
    role::RoleKey,
    time::Timestamp,
};
use sqlx_macros::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

statements! {
    NUMBERS = "
        SELECT c.role_key, c.login_method_id, c.status, c.people, c.mail_trouble, c.attention, l.enabled
          FROM member_counts c JOIN login_methods l ON l.id = c.login_method_id
         WHERE c.account_id = $1 AND c.people > 0";
    LAPSED = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members m WHERE m.account_id = $1 AND m.lapses_at <= $2 LIMIT 1) lapsed";
    EXPIRE = "
        UPDATE members SET status = 'expired', attention = TRUE, lapses_at = NULL
         WHERE account_id = $1 AND lapses_at <= $2
           AND id IN (SELECT m.id FROM members m WHERE m.account_id = $1 AND m.lapses_at <= $2 ORDER BY m.lapses_at LIMIT 50)";
}

/// How many rows of each kind there are.
#[derive(Clone, Debug)]
pub struct Numbers(Vec<Kind>);

/// Rows with the same role, login method and state.
#[derive(Clone, Debug)]
struct Kind {
    role: RoleKey,
    method: LoginMethodId,
    status: ShownState,
    people: u64,
    mail_trouble: u64,
    attention: u64,
    switched_on: bool,
}

#[derive(FromRow)]
struct KindRow {
    role_key: String,
    login_method_id: Uuid,
    status: String,
    people: i64,
    mail_trouble: i64,
    attention: i64,
    enabled: bool,
}

/// The numbers of an account's rows: one look-up, whatever their number.
pub async fn numbers(tx: &mut Tx, scope: AccountScope) -> Result<Numbers, StorageError> {
    let rows: Vec<KindRow> = on!(tx, c => sqlx::query_as(NUMBERS).bind(scope.id().0).fetch_all(c).await)?;
    let kinds = rows.into_iter().map(|row| {
        Ok(Kind {
            role: RoleKey::new(row.role_key),
            method: LoginMethodId(row.login_method_id),
            status: ShownState::from_key(&row.status).ok_or(StorageError::inconsistent("member_counts", "status"))?,
            people: row.people.unsigned_abs(),
            mail_trouble: row.mail_trouble.unsigned_abs(),
            attention: row.attention.unsigned_abs(),
            switched_on: row.enabled,
        })
    });
    kinds.collect::<Result<_, _>>().map(Numbers)
}

impl Numbers {
    /// Is there at most one row, removed ones not counted?
    pub fn is_one_alone(&self) -> bool {
        self.0.iter().filter(|kind| kind.status != ShownState::Removed).map(|kind| kind.people).sum::<u64>() <= 1
    }

    pub(super) fn has_role(&self, role: &RoleKey) -> bool {
        self.0.iter().any(|kind| kind.role == *role)
    }

    pub(super) fn has_state(&self, state: ShownState) -> bool {
        self.0.iter().any(|kind| kind.status == state)
    }

    /// The login methods that are switched off and have people.
    pub(super) fn switched_off(&self) -> Vec<LoginMethodId> {
        let mut methods: Vec<_> = self.0.iter().filter(|kind| !kind.switched_on).map(|kind| kind.method).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// How many rows each state has under the filters of a view; `None` for a view whose rows are not counted beforehand.
    pub fn of_states(&self, query: &ListQuery) -> Option<StateCounts> {
        let filter = Filter::of(query);
        if !filter.is_counted() {
            return None;
        }
        let mut states = BTreeMap::<ShownState, u64>::new();
        let mut need_attention = 0;
        for kind in self.0.iter().filter(|kind| kind.fits(&filter)) {
            let people = if filter.mail_trouble { kind.mail_trouble } else { kind.people };
            *states.entry(kind.status).or_default() += people;
            need_attention += kind.need_attention(filter.mail_trouble);
        }
        states.retain(|_, people| *people > 0);
        Some(StateCounts { states: states.into_iter().collect(), need_attention })
    }
}

impl Kind {
    fn fits(&self, filter: &Filter) -> bool {
        filter.role.as_ref().is_none_or(|role| *role == self.role)
            && filter.method.is_none_or(|method| method == self.method)
    }

    /// What a mail that failed is about needs attention in any case.
    fn need_attention(&self, with_mail_trouble: bool) -> u64 {
        if with_mail_trouble {
            self.mail_trouble
        } else if self.switched_on || self.status == ShownState::Removed {
            self.attention
        } else {
            self.people
        }
    }
}

/// Is there an invitation whose time is up, and whose row does not say so yet?
pub async fn has_lapsed(tx: &mut Tx, scope: AccountScope, now: Timestamp) -> Result<bool, StorageError> {
    let lapsed: i64 = on!(tx, c => sqlx::query_scalar(LAPSED).bind(scope.id().0).bind(now.0).fetch_one(c).await)?;
    Ok(lapsed > 0)
}

/// Writes into the rows of invitations whose time is up that they have expired, fifty at once; answers whether there may be more. The account
/// must be locked.
pub async fn expire(tx: &mut Tx, scope: AccountScope, now: Timestamp) -> Result<bool, StorageError> {
    Ok(changed!(tx, EXPIRE, scope.id().0, now.0)? == 50)
}
