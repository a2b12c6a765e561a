//! API keys, by which programs act in an account for one of its members (LT-01).

use super::{AccountScope, StorageError, Tx, accounts, changed, on, run, statements};
use app::domain::{
    api_key::MAX_API_KEYS,
    ids::{ApiKeyId, MemberId, UserId},
    member::MemberState,
    permission::Permissions,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// A key `k` with its member `m`.
macro_rules! select_keys {
    ($and:literal) => {
        concat!(
            "
        SELECT k.id, k.name, k.hint, k.created_at, k.expires_at, k.last_used_at, k.member_id, COALESCE(m.name, m.email) AS owner, m.state,
               m.role_key, (SELECT string_agg(e.permission, ',') FROM member_permissions e WHERE e.member_id = m.id) AS extras,
               (SELECT string_agg(p.permission, ',') FROM api_key_permissions p WHERE p.key_id = k.id) AS permissions,
               (m.state <> 'removed' AND m.user_id IS NOT NULL AND k.owned_since >= COALESCE(m.joined_at, 0)
                AND k.owned_since >= COALESCE(m.readmitted_at, 0)) AS is_owned,
               l.enabled AS method_enabled
          FROM api_keys k JOIN members m ON m.id = k.member_id JOIN login_methods l ON l.id = m.login_method_id
         WHERE k.account_id = $1 ",
            $and,
            " ORDER BY k.id DESC"
        )
    };
}

statements! {
    ALL = select_keys!("");
    FIND = select_keys!("AND k.id = $2");
    COUNT = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1";
    INSERT = "
        INSERT INTO api_keys (id, account_id, member_id, name, hint, hash, created_at, owned_since, proved_factor, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)";
    ADD_PERMISSION = "INSERT INTO api_key_permissions (account_id, key_id, permission) VALUES ($1, $2, $3)";
    TAKE_OVER = "
        UPDATE api_keys SET member_id = $3, owned_since = $4, proved_factor = $5 WHERE account_id = $1 AND id = $2";
    REVOKE_OF_USER = "DELETE FROM api_keys WHERE member_id IN (SELECT m.id FROM members m WHERE m.user_id = $1)";
    REVOKE = "DELETE FROM api_keys WHERE account_id = $1 AND id = $2";
    TOUCH = "UPDATE api_keys SET last_used_at = $3 WHERE account_id = $1 AND id = $2";
}

/// A key as the account's settings show it.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The id.
    pub id: ApiKeyId,
    /// The name.
    pub name: String,
    /// The first characters.
    pub hint: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// The last use.
    pub last_used: Option<Timestamp>,
    /// What it was given.
    pub permissions: Permissions,
    /// The member for whom it acts.
    pub member: MemberId,
    /// What that member is called.
    pub owner: String,
    /// The state of that member.
    pub state: MemberState,
    /// What that member holds.
    pub grant: Grant,
    /// Has the member been in the account ever since the key is theirs?
    pub is_owned: bool,
    /// Is the member's login method switched on?
    pub method_enabled: bool,
}

#[derive(FromRow)]
struct StoredKeyRow {
    id: Uuid,
    name: String,
    hint: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    member_id: Uuid,
    owner: String,
    state: String,
    role_key: String,
    extras: Option<String>,
    permissions: Option<String>,
    is_owned: bool,
    method_enabled: bool,
}

impl TryFrom<StoredKeyRow> for StoredKey {
    type Error = StorageError;

    fn try_from(row: StoredKeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: ApiKeyId(row.id),
            name: row.name,
            hint: row.hint,
            created: Timestamp(row.created_at),
            expires: row.expires_at.map(Timestamp),
            last_used: row.last_used_at.map(Timestamp),
            permissions: accounts::extras(row.permissions),
            member: MemberId(row.member_id),
            owner: row.owner,
            state: MemberState::from_key(&row.state).ok_or(StorageError::inconsistent("members", "state"))?,
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
            is_owned: row.is_owned,
            method_enabled: row.method_enabled,
        })
    }
}

/// The keys of the account, newest first.
pub async fn all(tx: &mut Tx, scope: AccountScope) -> Result<Vec<StoredKey>, StorageError> {
    let rows: Vec<StoredKeyRow> = on!(tx, c => sqlx::query_as(ALL).bind(scope.id().0).fetch_all(c).await)?;
    debug_assert!(rows.len() <= MAX_API_KEYS as usize);
    rows.into_iter().map(StoredKey::try_from).collect()
}

/// The key with this id.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: ApiKeyId) -> Result<Option<StoredKey>, StorageError> {
    let row: Option<StoredKeyRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    row.map(StoredKey::try_from).transpose()
}

/// How many keys the account has.
pub async fn count(tx: &mut Tx, scope: AccountScope) -> Result<usize, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(COUNT).bind(scope.id().0).fetch_one(c).await)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// A key to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// The id.
    pub id: ApiKeyId,
    /// The member for whom it acts.
    pub member: MemberId,
    /// The name.
    pub name: &'a str,
    /// The first characters.
    pub hint: &'a str,
    /// The hash of its text.
    pub hash: &'a [u8],
    /// What it may do.
    pub permissions: &'a Permissions,
    /// Did the session that makes it prove a second factor that counts in the account?
    pub proved_factor: bool,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// Writes a key.
pub async fn insert(tx: &mut Tx, scope: AccountScope, key: NewKey<'_>, now: Timestamp) -> Result<(), StorageError> {
    let NewKey { id, member, name, hint, hash, permissions, proved_factor, expires } = key;
    let (account, expires) = (scope.id().0, expires.map(|at| at.0));
    run!(tx, INSERT, id.0, account, member.0, name, hint, hash, now.0, proved_factor, expires)?;
    for permission in permissions {
        run!(tx, ADD_PERMISSION, account, id.0, permission.as_str())?;
    }
    Ok(())
}

/// From now on the key is this member's; `false` if there is none.
pub async fn take_over(
    tx: &mut Tx,
    scope: AccountScope,
    id: ApiKeyId,
    member: MemberId,
    proved_factor: bool,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, TAKE_OVER, scope.id().0, id.0, member.0, now.0, proved_factor)? == 1)
}

/// Revokes every key that acts for a user whose mailbox turned out to be somebody else's (R13).
pub(crate) async fn revoke_of_user(tx: &mut Tx, user: UserId) -> Result<(), StorageError> {
    run!(tx, REVOKE_OF_USER, user.0)
}

/// Deletes the key, whose hash then opens nothing; `false` if somebody was faster.
pub async fn revoke(tx: &mut Tx, scope: AccountScope, id: ApiKeyId) -> Result<bool, StorageError> {
    Ok(changed!(tx, REVOKE, scope.id().0, id.0)? == 1)
}

/// Notes a use of the key.
pub async fn touch(tx: &mut Tx, scope: AccountScope, id: ApiKeyId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, TOUCH, scope.id().0, id.0, now.0)
}
