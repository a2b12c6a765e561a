//! The second factors that accounts require of their members, and who is ready for that.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, MemberId, UserId},
    language::Language,
    name::Slug,
    role::{BuiltInRole, RoleKey},
    second_factor::{RequiredOf, Requirement},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Is the second factor of the requirement `d` required of the member `m`?
macro_rules! is_required {
    () => {
        "(d.everybody OR EXISTS (SELECT 1 FROM second_factor_roles r WHERE r.account_id = m.account_id AND r.role_key = m.role_key))"
    };
}

/// Does the member `m` have a second factor that counts in the account? It is one of the login, one of the account, or the provider's,
/// if the account takes the provider's word and the person brought it once.
macro_rules! is_ready {
    () => {
        "(EXISTS (SELECT 1 FROM second_factors f
                   WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL
                     AND (f.account_id IS NULL OR f.account_id = m.account_id))
          OR EXISTS (SELECT 1 FROM identities i JOIN login_methods p ON p.id = i.login_method_id
                      WHERE i.login_method_id = m.login_method_id AND i.user_id = m.user_id
                        AND i.second_factor_at IS NOT NULL AND p.second_factor_values <> ''))"
    };
}

pub(super) use {is_ready, is_required};

statements! {
    FIND = "SELECT everybody, set_at, starts_at FROM second_factor_requirements WHERE account_id = $1";
    ROLES = "SELECT role_key FROM second_factor_roles WHERE account_id = $1 ORDER BY role_key";
    DELETE = "DELETE FROM second_factor_requirements WHERE account_id = $1";
    DELETE_ROLES = "DELETE FROM second_factor_roles WHERE account_id = $1";
    INSERT = "
        INSERT INTO second_factor_requirements (account_id, everybody, set_at, starts_at) VALUES ($1, $2, $3, $4)";
    INCLUDE_ROLE = "
        INSERT INTO second_factor_roles (account_id, role_key)
        SELECT account_id, $2 FROM second_factor_requirements WHERE account_id = $1 AND NOT everybody";
    FORGET_ROLE = "DELETE FROM second_factor_roles WHERE account_id = $1 AND role_key = $2";
    DELETE_WITHOUT_ROLES = "
        DELETE FROM second_factor_requirements
         WHERE account_id = $1 AND NOT everybody
           AND NOT EXISTS (SELECT 1 FROM second_factor_roles r WHERE r.account_id = $1)";
    INSERT_ROLE = "INSERT INTO second_factor_roles (account_id, role_key) VALUES ($1, $2)";
    READINESS = concat!("
        SELECT m.role_key, COUNT(*) AS members, COUNT(CASE WHEN ", is_ready!(), " THEN 1 END) AS ready
          FROM members m WHERE m.account_id = $1 AND m.state = 'active' GROUP BY m.role_key ORDER BY m.role_key");
    READY_OWNERS = concat!("
        SELECT COUNT(*) FROM members m
         WHERE m.account_id = $1 AND m.state = 'active' AND m.role_key = $2 AND ", is_ready!());
    HAS_SECOND_FACTOR = concat!("
        SELECT COUNT(*) FROM members m WHERE m.account_id = $1 AND m.id = $2 AND ", is_ready!());
    LACKS_REQUIRED = concat!("
        SELECT COUNT(*) FROM members m JOIN second_factor_requirements d ON d.account_id = m.account_id
         WHERE m.account_id = $1 AND m.id = $2 AND d.starts_at <= $3 AND ", is_required!(), " AND NOT ", is_ready!());
    OF_USER = concat!("
        SELECT a.slug, a.name, d.starts_at
          FROM members m
          JOIN accounts a ON a.id = m.account_id
          JOIN second_factor_requirements d ON d.account_id = m.account_id
         WHERE m.user_id = $1 AND m.state = 'active' AND ", is_required!(), " ORDER BY a.slug");
    WITH_REQUIREMENT = "
        SELECT account_id FROM second_factor_requirements WHERE account_id > $1 ORDER BY account_id LIMIT 1";
    TO_REMIND = concat!("
        SELECT m.id, u.email_key, u.language
          FROM members m
          JOIN users u ON u.id = m.user_id
          JOIN second_factor_requirements d ON d.account_id = m.account_id
         WHERE m.account_id = $1 AND m.state = 'active' AND m.joined_at <= $2
           AND (m.second_factor_reminded_at IS NULL OR m.second_factor_reminded_at < $2)
           AND ", is_required!(), " AND NOT ", is_ready!(), "
         ORDER BY m.id LIMIT $3");
    TO_BE_REMINDED = concat!("
        SELECT d.starts_at
          FROM members m JOIN second_factor_requirements d ON d.account_id = m.account_id
         WHERE m.id = $1 AND m.state = 'active' AND ", is_required!(), " AND NOT ", is_ready!());
    SET_REMINDED = "UPDATE members SET second_factor_reminded_at = $3 WHERE account_id = $1 AND id = $2";
}

#[derive(FromRow)]
struct RequirementRow {
    everybody: bool,
    set_at: i64,
    starts_at: i64,
}

/// Requires it of one more role, where it is required of certain roles.
pub async fn include_role(tx: &mut Tx, scope: AccountScope, role: &RoleKey) -> Result<(), StorageError> {
    run!(tx, INCLUDE_ROLE, scope.id().0, role.as_str())
}

/// Forgets a role that was deleted; `true` if it was the last one of which a second factor was required, so that none is required any more.
pub async fn forget_role(tx: &mut Tx, scope: AccountScope, role: &RoleKey) -> Result<bool, StorageError> {
    if changed!(tx, FORGET_ROLE, scope.id().0, role.as_str())? == 0 {
        return Ok(false);
    }
    Ok(changed!(tx, DELETE_WITHOUT_ROLES, scope.id().0)? == 1)
}

/// What the account requires; `None` if it requires nothing.
pub async fn find(tx: &mut Tx, scope: AccountScope) -> Result<Option<Requirement>, StorageError> {
    let row: Option<RequirementRow> = on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let required_of = if row.everybody {
        RequiredOf::Everybody
    } else {
        let roles: Vec<String> = on!(tx, c => sqlx::query_scalar(ROLES).bind(scope.id().0).fetch_all(c).await)?;
        RequiredOf::Roles(roles.into_iter().map(RoleKey::new).collect::<BTreeSet<_>>())
    };
    Ok(Some(Requirement { required_of, set: Timestamp(row.set_at), starts: Timestamp(row.starts_at) }))
}

/// Replaces what the account requires; `None` requires nothing any more.
pub async fn set(tx: &mut Tx, scope: AccountScope, requirement: Option<&Requirement>) -> Result<(), StorageError> {
    let account = scope.id().0;
    run!(tx, DELETE, account)?;
    run!(tx, DELETE_ROLES, account)?;
    let Some(Requirement { required_of, set, starts }) = requirement else { return Ok(()) };
    run!(tx, INSERT, account, *required_of == RequiredOf::Everybody, set.0, starts.0)?;
    if let RequiredOf::Roles(roles) = required_of {
        for role in roles {
            run!(tx, INSERT_ROLE, account, role.as_str())?;
        }
    }
    Ok(())
}

/// How many active members of a role there are, and how many of them are ready.
#[derive(Clone, Debug)]
pub struct RoleReadiness {
    /// The role.
    pub role: RoleKey,
    /// Its active members.
    pub members: u64,
    /// Those who have a second factor that counts in the account.
    pub ready: u64,
}

/// Who is ready, by role. Roles without members are left out.
pub async fn readiness(tx: &mut Tx, scope: AccountScope) -> Result<Vec<RoleReadiness>, StorageError> {
    let rows: Vec<(String, i64, i64)> = on!(tx, c => sqlx::query_as(READINESS).bind(scope.id().0).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(role, members, ready)| RoleReadiness {
            role: RoleKey::new(role),
            members: members.unsigned_abs(),
            ready: ready.unsigned_abs(),
        })
        .collect())
}

/// How many active owners are ready (R33).
pub async fn ready_owners(tx: &mut Tx, scope: AccountScope) -> Result<u64, StorageError> {
    let owners: i64 = on!(tx, c => sqlx::query_scalar(READY_OWNERS)
        .bind(scope.id().0)
        .bind(BuiltInRole::Owner.key())
        .fetch_one(c).await)?;
    Ok(owners.unsigned_abs())
}

/// Has this member a second factor that counts in the account?
pub async fn has_second_factor(tx: &mut Tx, scope: AccountScope, member: MemberId) -> Result<bool, StorageError> {
    let ready: i64 =
        on!(tx, c => sqlx::query_scalar(HAS_SECOND_FACTOR).bind(scope.id().0).bind(member.0).fetch_one(c).await)?;
    Ok(ready > 0)
}

/// Is a second factor required of this member by now, who has none that counts in the account? Then no session opens it.
pub async fn lacks_required_factor(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let lacking: i64 = on!(tx, c => sqlx::query_scalar(LACKS_REQUIRED)
        .bind(scope.id().0)
        .bind(member.0)
        .bind(now.0)
        .fetch_one(c).await)?;
    Ok(lacking > 0)
}

/// An account that requires a second factor of a user.
#[derive(Clone, Debug)]
pub struct RequiringAccount {
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// From when on nobody gets in without one.
    pub starts: Timestamp,
}

/// The accounts that require a second factor of a user, for that user alone.
pub(crate) async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<RequiringAccount>, StorageError> {
    let rows: Vec<(String, String, i64)> = on!(tx, c => sqlx::query_as(OF_USER).bind(user.0).fetch_all(c).await)?;
    rows.into_iter()
        .map(|(slug, name, starts)| {
            Ok(RequiringAccount {
                slug: Slug::parse(&slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
                name,
                starts: Timestamp(starts),
            })
        })
        .collect()
}

/// The account that comes after `previous` among those that require a second factor, for the job that reminds their members.
pub(crate) async fn next(tx: &mut Tx, previous: Option<AccountScope>) -> Result<Option<AccountScope>, StorageError> {
    let previous = previous.map_or_else(Uuid::nil, |scope| scope.id().0);
    let account: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(WITH_REQUIREMENT).bind(previous).fetch_optional(c).await)?;
    Ok(account.map(|account| AccountScope::established(AccountId(account))))
}

/// Somebody to be reminded.
#[derive(Clone, Debug)]
pub struct Reminded {
    /// The row.
    pub member: MemberId,
    /// The canonical address.
    pub email_key: String,
    /// The language, if one was chosen.
    pub language: Option<Language>,
}

/// Members who are not ready, and were there at `since` and not reminded since; `most` at once. Whoever joins later is led to it at once.
pub async fn to_remind(
    tx: &mut Tx,
    scope: AccountScope,
    since: Timestamp,
    most: i64,
) -> Result<Vec<Reminded>, StorageError> {
    let rows: Vec<(Uuid, String, Option<String>)> = on!(tx, c => sqlx::query_as(TO_REMIND)
        .bind(scope.id().0)
        .bind(since.0)
        .bind(most)
        .fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(member, email_key, language)| Reminded {
            member: MemberId(member),
            email_key,
            language: language.as_deref().and_then(Language::from_tag),
        })
        .collect())
}

/// From when on a second factor is required of this member, who has none; `None` if there is nothing to remind of. For the mail worker.
pub(crate) async fn to_be_reminded(tx: &mut Tx, member: MemberId) -> Result<Option<Timestamp>, StorageError> {
    let starts: Option<i64> = on!(tx, c => sqlx::query_scalar(TO_BE_REMINDED).bind(member.0).fetch_optional(c).await)?;
    Ok(starts.map(Timestamp))
}

/// Notes that a member was reminded.
pub async fn set_reminded(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, SET_REMINDED, scope.id().0, member.0, now.0)
}
