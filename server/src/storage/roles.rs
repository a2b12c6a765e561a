//! The roles of an account's own, and who has which role. What roles hold is read with [`super::accounts::roles`].

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use crate::collation;
use app::domain::{
    ids::MemberId,
    list::{Count, MAX_COUNTED_ROWS},
    permission::{Catalogue, PermissionKey, Permissions},
    policy::Change,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Deleted roles that nobody's row names any more: so many keep their names for the audit log, since every request reads them.
const MAX_FORMER_ROLES: i64 = 200;

statements! {
    FIND = "
        SELECT r.version, r.changed_at, COALESCE(k.name, k.email) AS changed_by
          FROM roles r LEFT JOIN members k ON k.id = r.changed_by
         WHERE r.account_id = $1 AND r.key = $2 AND r.name IS NOT NULL AND r.removed_at IS NULL";
    NAMESAKES = "
        SELECT COUNT(*) FROM roles WHERE account_id = $1 AND name_key = $2 AND key <> $3 AND removed_at IS NULL";
    INSERT = "
        INSERT INTO roles (account_id, key, name, name_key, version, changed_at, changed_by) VALUES ($1, $2, $3, $4, 1, $5, $6)";
    UPDATE = "
        UPDATE roles SET name = $3, name_key = $4, version = version + 1, changed_at = $5, changed_by = $6
         WHERE account_id = $1 AND key = $2 AND version = $7 AND name IS NOT NULL AND removed_at IS NULL";
    ADD_PERMISSION = "INSERT INTO role_permissions (account_id, role_key, permission) VALUES ($1, $2, $3)";
    TAKE_PERMISSION = "DELETE FROM role_permissions WHERE account_id = $1 AND role_key = $2 AND permission = $3";
    TAKE_PERMISSIONS = "DELETE FROM role_permissions WHERE account_id = $1 AND role_key = $2";
    DELETE = "
        UPDATE roles SET removed_at = $3, version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND key = $2 AND name IS NOT NULL AND removed_at IS NULL";
    FORGET_FORMER = "
        DELETE FROM roles
         WHERE account_id = $1 AND removed_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM members m WHERE m.account_id = $1 AND m.role_key = roles.key)
           AND key NOT IN (SELECT f.key FROM roles f
                            WHERE f.account_id = $1 AND f.removed_at IS NOT NULL ORDER BY f.removed_at DESC, f.key LIMIT $2)";
    PEOPLE = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members
                               WHERE account_id = $1 AND role_key = $2 AND state <> 'removed' AND purged_at IS NULL LIMIT $3) counted";
    PEOPLE_BY_ROLE = "
        SELECT r.key, (SELECT COUNT(*) FROM (SELECT 1 FROM members m
                                              WHERE m.account_id = r.account_id AND m.role_key = r.key AND m.state <> 'removed'
                                                AND m.purged_at IS NULL
                                              LIMIT $2) counted) AS people
          FROM roles r WHERE r.account_id = $1 AND r.removed_at IS NULL";
    EXTRAS_OF_PEOPLE = "
        SELECT DISTINCT e.permission
          FROM members m JOIN member_permissions e ON e.account_id = m.account_id AND e.member_id = m.id
         WHERE m.account_id = $1 AND m.role_key = $2 AND m.state <> 'removed' AND m.purged_at IS NULL";
    // From the few roles to the many members, so that what is looked at are those who have one of them.
    WITH_ROLES = "
        SELECT m.id, m.name, m.email, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM roles r JOIN members m ON m.account_id = r.account_id AND m.role_key = r.key
         WHERE r.account_id = $1 AND $2 LIKE '%,' || r.key || ',%' AND m.account_id = $1 AND m.state = 'active'
         ORDER BY m.role_key, m.id LIMIT $3";
    WITH_EXTRA = "
        SELECT m.id, m.name, m.email, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM member_permissions e JOIN members m ON m.id = e.member_id
         WHERE e.account_id = $1 AND e.permission = $2 AND m.state = 'active'
         ORDER BY e.member_id LIMIT $3";
}

/// How a role of the account's own was last changed.
#[derive(Clone, Debug)]
pub struct RoleVersion {
    /// The optimistic lock: it counts the changes, and a change of an older version is refused (R66).
    pub version: i64,
    /// The last change.
    pub changed_at: Timestamp,
    /// Who made it.
    pub changed_by: Option<String>,
}

/// How a role of the account's own was last changed; `None` for a built-in role, one that was deleted, and none at all.
pub async fn find(tx: &mut Tx, scope: AccountScope, key: &RoleKey) -> Result<Option<RoleVersion>, StorageError> {
    let row: Option<(i64, Option<i64>, Option<String>)> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(key.as_str()).fetch_optional(c).await)?;
    Ok(row.map(|(version, changed_at, changed_by)| RoleVersion {
        version,
        changed_at: Timestamp(changed_at.unwrap_or_default()),
        changed_by,
    }))
}

/// Names that differ in case, accents or width alone are one name.
pub fn name_key(name: &str) -> String {
    match collation::fold(name) {
        folded if folded.is_empty() => name.to_lowercase(),
        folded => folded,
    }
}

/// Has another role of the account's own this name?
pub async fn is_name_taken(
    tx: &mut Tx,
    scope: AccountScope,
    name: &str,
    except: Option<&RoleKey>,
) -> Result<bool, StorageError> {
    let namesakes: i64 = on!(tx, c => sqlx::query_scalar(NAMESAKES)
        .bind(scope.id().0)
        .bind(name_key(name))
        .bind(except.map_or("", RoleKey::as_str))
        .fetch_one(c).await)?;
    Ok(namesakes > 0)
}

/// Makes a role.
///
/// # Errors
/// [`StorageError::Taken`] if another role of the account has the name.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    key: &RoleKey,
    name: &str,
    permissions: &Permissions,
    by: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, INSERT, scope.id().0, key.as_str(), name, name_key(name), now.0, by.0)?;
    for permission in permissions {
        run!(tx, ADD_PERMISSION, scope.id().0, key.as_str(), permission.as_str())?;
    }
    Ok(())
}

/// Changes a role's name and what it holds, if it is still at `version` (R66); `false` if it is not. What the catalogue does not know stays
/// as it is.
///
/// # Errors
/// [`StorageError::Taken`] if another role of the account has the name.
#[allow(clippy::too_many_arguments, reason = "each is a column or guards one")]
pub async fn update(
    tx: &mut Tx,
    scope: AccountScope,
    key: &RoleKey,
    name: &str,
    change: &Change,
    by: MemberId,
    version: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let account = scope.id().0;
    if changed!(tx, UPDATE, account, key.as_str(), name, name_key(name), now.0, by.0, version)? == 0 {
        return Ok(false);
    }
    for permission in &change.lost {
        run!(tx, TAKE_PERMISSION, account, key.as_str(), permission.as_str())?;
    }
    for permission in &change.gained {
        run!(tx, ADD_PERMISSION, account, key.as_str(), permission.as_str())?;
    }
    Ok(true)
}

/// Deletes a role: it holds nothing any more and is offered nowhere (R28). Its name stays for those who were removed with it. `false` if
/// there is no such role.
pub async fn delete(
    tx: &mut Tx,
    scope: AccountScope,
    key: &RoleKey,
    by: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    if changed!(tx, DELETE, scope.id().0, key.as_str(), now.0, by.0)? == 0 {
        return Ok(false);
    }
    run!(tx, TAKE_PERMISSIONS, scope.id().0, key.as_str())?;
    run!(tx, FORGET_FORMER, scope.id().0, MAX_FORMER_ROLES)?;
    Ok(true)
}

const fn count(people: i64) -> Count {
    let people = people.unsigned_abs();
    if people > MAX_COUNTED_ROWS { Count::Many } else { Count::Exactly(people) }
}

/// How many people have a role: active, suspended or invited.
pub async fn people(tx: &mut Tx, scope: AccountScope, key: &RoleKey) -> Result<Count, StorageError> {
    let people: i64 = on!(tx, c => sqlx::query_scalar(PEOPLE)
        .bind(scope.id().0)
        .bind(key.as_str())
        .bind(MAX_COUNTED_ROWS as i64 + 1)
        .fetch_one(c).await)?;
    Ok(count(people))
}

/// The same of every role.
pub async fn people_by_role(tx: &mut Tx, scope: AccountScope) -> Result<BTreeMap<RoleKey, Count>, StorageError> {
    let rows: Vec<(String, i64)> = on!(tx, c => sqlx::query_as(PEOPLE_BY_ROLE)
        .bind(scope.id().0)
        .bind(MAX_COUNTED_ROWS as i64 + 1)
        .fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(key, people)| (RoleKey::new(key), count(people))).collect())
}

/// What people with a role hold as extras, one or another of them, as far as the catalogue knows it.
pub async fn extras_of_people(
    tx: &mut Tx,
    scope: AccountScope,
    key: &RoleKey,
    catalogue: &Catalogue,
) -> Result<Permissions, StorageError> {
    let extras: Vec<String> = on!(tx, c => sqlx::query_scalar(EXTRAS_OF_PEOPLE)
        .bind(scope.id().0)
        .bind(key.as_str())
        .fetch_all(c).await)?;
    Ok(extras.into_iter().map(PermissionKey::new).filter(|extra| catalogue.knows(extra)).collect())
}

/// An active member who may have a permission.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The row.
    pub member: MemberId,
    /// The name, once there is one.
    pub name: Option<String>,
    /// The address.
    pub email: String,
    /// Role and extras.
    pub grant: Grant,
}

#[derive(FromRow)]
struct HolderRow {
    id: Uuid,
    name: Option<String>,
    email: String,
    role_key: String,
    extras: Option<String>,
}

impl From<HolderRow> for Holder {
    fn from(row: HolderRow) -> Self {
        Self {
            member: MemberId(row.id),
            name: row.name,
            email: row.email,
            grant: Grant { role: RoleKey::new(row.role_key), extras: super::accounts::extras(row.extras) },
        }
    }
}

/// Active members with one of these roles or with this extra permission; no more than `most` of either.
pub async fn holders(
    tx: &mut Tx,
    scope: AccountScope,
    roles: &[&RoleKey],
    extra: &PermissionKey,
    most: i64,
) -> Result<Vec<Holder>, StorageError> {
    let keys: String = roles.iter().map(|key| format!("{key},")).collect();
    let mut rows: Vec<HolderRow> = on!(tx, c => sqlx::query_as(WITH_ROLES)
        .bind(scope.id().0)
        .bind(format!(",{keys}"))
        .bind(most)
        .fetch_all(c).await)?;
    let with_extra: Vec<HolderRow> = on!(tx, c => sqlx::query_as(WITH_EXTRA)
        .bind(scope.id().0)
        .bind(extra.as_str())
        .bind(most)
        .fetch_all(c).await)?;
    let known: Vec<_> = rows.iter().map(|row| row.id).collect();
    rows.extend(with_extra.into_iter().filter(|row| !known.contains(&row.id)));
    Ok(rows.into_iter().map(Holder::from).collect())
}
