//! API keys, by which programs act in an account for one of its members (LT-01).

use super::{
    AccountScope, StorageError, Tx, accounts, changed, on, run,
    second_factor_requirements::{is_ready, is_required},
    statements,
};
use app::domain::{
    api_key::MAX_API_KEYS,
    ids::{ApiKeyId, LoginMethodId, MemberId, UserId},
    member::MemberState,
    permission::Permissions,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// Has the member `m` had access to the account ever since the key `k` is theirs? A key from before somebody joined again is dead, as a session is
/// (INV-12), and so is one from before a suspension that was taken back (R41).
macro_rules! is_owned {
    () => {
        "(m.state <> 'removed' AND m.user_id IS NOT NULL
           AND k.owned_since >= COALESCE(m.joined_at, 0) AND k.owned_since >= COALESCE(m.readmitted_at, 0)
           AND k.owned_since >= COALESCE(m.reactivated_at, 0))"
    };
}

/// Could the member `m` still prove what was proved when the key `k` became theirs? The login method `l` is the member's still, and the
/// password is there, or the very link to the provider (R45, R46).
macro_rules! proof_stands {
    () => {
        "(k.login_method_id IS NOT NULL AND k.login_method_id = m.login_method_id
           AND (l.kind = 'password' AND EXISTS (SELECT 1 FROM password_credentials c WHERE c.user_id = m.user_id)
                OR EXISTS (SELECT 1 FROM identities i
                            WHERE i.user_id = m.user_id AND i.login_method_id = l.id AND i.created_at <= k.owned_since)))"
    };
}

/// Did the session that made the key `k` prove a second factor, and has its member `m` one that counts in the account now (LT-09)?
macro_rules! proves_factor {
    () => {
        concat!("(k.proved_factor AND ", is_ready!(), ")")
    };
}

/// Is the member's login method `l` switched on, and the login `u` not about to be deleted?
macro_rules! lets_in {
    () => {
        "(l.enabled AND u.delete_at IS NULL)"
    };
}

pub(super) use {is_owned, lets_in, proof_stands, proves_factor};

/// A key `k` with its member `m`.
macro_rules! select_keys {
    ($and:literal) => {
        concat!(
            "
        SELECT k.id, k.name, k.hint, k.created_at, k.expires_at, k.last_used_at, k.member_id, COALESCE(m.name, m.email) AS owner, m.state,
               m.role_key, (SELECT string_agg(e.permission, ',') FROM member_permissions e WHERE e.member_id = m.id) AS extras,
               (SELECT string_agg(p.permission, ',') FROM api_key_permissions p WHERE p.key_id = k.id) AS permissions,
               ",
            is_owned!(),
            " AS is_owned, ",
            proof_stands!(),
            " AS proof_stands, ",
            proves_factor!(),
            " AS proves_factor, ",
            lets_in!(),
            " AS lets_in,
               (SELECT d.starts_at FROM second_factor_requirements d WHERE d.account_id = m.account_id AND ",
            is_required!(),
            ") AS factor_from
          FROM api_keys k
          JOIN members m ON m.id = k.member_id
          JOIN login_methods l ON l.id = m.login_method_id
          LEFT JOIN users u ON u.id = m.user_id
         WHERE k.account_id = $1 ",
            $and,
            " ORDER BY k.id DESC"
        )
    };
}

statements! {
    ALL = select_keys!("");
    FIND = select_keys!("AND k.id = $2");
    OF_MEMBER = select_keys!("AND k.member_id = $2");
    COUNT = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1";
    INSERT = "
        INSERT INTO api_keys (id, account_id, member_id, name, hint, hash, created_at, owned_since, login_method_id, proved_factor, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)";
    ADD_PERMISSION = "INSERT INTO api_key_permissions (account_id, key_id, permission) VALUES ($1, $2, $3)";
    TAKE_OVER = "
        UPDATE api_keys SET member_id = $3, owned_since = $4, login_method_id = $5, proved_factor = $6
         WHERE account_id = $1 AND id = $2";
    FORGET_FACTORS_BY = "UPDATE api_keys SET proved_factor = FALSE WHERE account_id = $1 AND login_method_id = $2";
    FORGET_FACTORS_OF = "UPDATE api_keys SET proved_factor = FALSE WHERE account_id = $1 AND member_id = $2";
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
    /// Has the member had access to the account ever since the key is theirs?
    pub is_owned: bool,
    /// Could the member still prove what was proved then, by the same password or link to a provider?
    pub proof_stands: bool,
    /// Was a second factor proved then, and has the member one now?
    pub proves_factor: bool,
    /// From when on the account requires one of the member.
    pub factor_from: Option<Timestamp>,
    /// Is the member's login method switched on, and the login not about to be deleted?
    pub lets_in: bool,
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
    proof_stands: bool,
    proves_factor: bool,
    lets_in: bool,
    factor_from: Option<i64>,
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
            proof_stands: row.proof_stands,
            proves_factor: row.proves_factor,
            factor_from: row.factor_from.map(Timestamp),
            lets_in: row.lets_in,
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

/// The names of the keys that end with this member's membership, newest first: those that act for the member, and are not dead already.
pub async fn names_of_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<String>, StorageError> {
    let rows: Vec<StoredKeyRow> =
        on!(tx, c => sqlx::query_as(OF_MEMBER).bind(scope.id().0).bind(member.0).fetch_all(c).await)?;
    let is_alive = |row: &StoredKeyRow| row.is_owned && row.proof_stands && row.expires_at.is_none_or(|at| at > now.0);
    Ok(rows.into_iter().filter(is_alive).map(|row| row.name).collect())
}

/// How many keys the account has.
pub async fn count(tx: &mut Tx, scope: AccountScope) -> Result<usize, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(COUNT).bind(scope.id().0).fetch_one(c).await)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// For whom a key acts, and what that member had proved when it became theirs.
#[derive(Clone, Copy, Debug)]
pub struct KeyOwner {
    /// The member.
    pub member: MemberId,
    /// The login method.
    pub method: LoginMethodId,
    /// Did the session prove a second factor that counts in the account?
    pub proved_factor: bool,
}

/// A key to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// The id.
    pub id: ApiKeyId,
    /// For whom it acts.
    pub owner: KeyOwner,
    /// The name.
    pub name: &'a str,
    /// The first characters.
    pub hint: &'a str,
    /// The hash of its text.
    pub hash: &'a [u8],
    /// What it may do.
    pub permissions: &'a Permissions,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// Writes a key.
pub async fn insert(tx: &mut Tx, scope: AccountScope, key: NewKey<'_>, now: Timestamp) -> Result<(), StorageError> {
    let NewKey { id, owner: KeyOwner { member, method, proved_factor }, name, hint, hash, permissions, expires } = key;
    let (account, expires) = (scope.id().0, expires.map(|at| at.0));
    run!(tx, INSERT, id.0, account, member.0, name, hint, hash, now.0, method.0, proved_factor, expires)?;
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
    owner: KeyOwner,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let KeyOwner { member, method, proved_factor } = owner;
    Ok(changed!(tx, TAKE_OVER, scope.id().0, id.0, member.0, now.0, method.0, proved_factor)? == 1)
}

/// Forgets the second factors with which keys were made by members of this method, as sessions forget them: another word of the provider counts
/// from now on (LT-09).
pub async fn forget_factors_by(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<(), StorageError> {
    run!(tx, FORGET_FACTORS_BY, scope.id().0, method.0)
}

/// Forgets the second factors with which this member's keys were made, as the member's sessions forget theirs.
pub async fn forget_factors_of(tx: &mut Tx, scope: AccountScope, member: MemberId) -> Result<(), StorageError> {
    run!(tx, FORGET_FACTORS_OF, scope.id().0, member.0)
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
