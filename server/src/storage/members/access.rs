//! Who may do what in an account: the actor of a request, owners, inviters; and memberships that are suspended.

use super::state;
use crate::storage::{
    AccountScope, StorageError, Tx,
    accounts::{self, account_at},
    api_keys::{is_owned, lets_in, proof_stands, proves_factor},
    changed, on, platform_sign_ins,
    second_factor_requirements::{is_ready, is_required},
    statements,
};
use app::domain::{
    ids::{AccountId, ApiKeyId, LoginMethodId, MemberId, SessionId, UserId},
    invitation::InvitationDefaults,
    language::Language,
    member::MemberState,
    name::Slug,
    permission::{Gate, Permissions},
    role::{BuiltInRole, Grant, RoleKey, Roles},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// Can the row's user sign in (R33): by a password while Email & password is on, or by an identity at a method that is on and live?
macro_rules! can_sign_in {
    () => {
        "l.enabled
           AND (l.kind = 'password' AND EXISTS (SELECT 1 FROM password_credentials c WHERE c.user_id = m.user_id)
                OR EXISTS (SELECT 1 FROM identities i JOIN login_method_configurations c ON c.login_method_id = i.login_method_id
                            WHERE i.login_method_id = l.id AND i.user_id = m.user_id AND c.stage = 'live'))"
    };
}

/// When the session proved the login method of the member `m`, if that is switched on; empty if it did not.
macro_rules! proved_at {
    ($session:literal) => {
        concat!(
            "(SELECT MAX(s.proved_at) FROM session_proofs s JOIN login_methods l ON l.id = m.login_method_id
                 WHERE s.session_id = ",
            $session,
            " AND l.enabled AND s.proved_at >= COALESCE(m.readmitted_at, 0)
                   AND (l.kind = 'password' AND s.kind = 'password' OR s.login_method_id = l.id
                        OR s.kind = 'second_factor' AND s.login_method_id IS NULL
                           AND EXISTS (SELECT 1 FROM session_proofs p
                                        WHERE p.session_id = ",
            $session,
            " AND p.proved_at >= COALESCE(m.readmitted_at, 0)
                                          AND (l.kind = 'password' AND p.kind = 'password'
                                               OR p.kind = 'method' AND p.login_method_id = l.id))))"
        )
    };
}

/// How many second factors that count in the account of the member `m` the session proved.
macro_rules! proved_factors {
    ($session:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM session_proofs s LEFT JOIN login_methods l ON l.id = s.login_method_id
                 WHERE s.session_id = ",
            $session,
            " AND s.kind = 'second_factor'
                   AND (l.account_id = m.account_id
                        OR s.login_method_id IS NULL
                           AND NOT EXISTS (SELECT 1 FROM second_factors f
                                            WHERE f.user_id = m.user_id AND f.account_id = m.account_id
                                              AND f.confirmed_at IS NOT NULL)))"
        )
    };
}

pub(in crate::storage) use {proved_at, proved_factors};

/// What the actor of a session is read by; `$session` is the session's id.
macro_rules! select_actor {
    ($session:literal, $($more:tt)+) => {
        concat!("
        SELECT m.id, m.account_id, m.login_method_id, m.state, m.role_key, COALESCE(m.name, m.email) AS label, m.last_active_at,
               a.slug, a.name AS account_name, a.language, a.invitation_role, a.invitation_hours,
               EXISTS (SELECT 1 FROM roles r WHERE r.account_id = a.id AND r.name IS NOT NULL) AS has_own_roles,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras,
               ", proved_at!($session), " AS proved_at,
               (SELECT COUNT(*) FROM second_factors f JOIN login_methods l ON l.id = m.login_method_id
                 WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL AND f.account_id IS NULL AND l.kind = 'password'
                   AND NOT EXISTS (SELECT 1 FROM session_proofs s
                                    WHERE s.session_id = ", $session, " AND s.kind = 'second_factor' AND s.login_method_id IS NULL)) AS unproved_factors,
               (SELECT d.starts_at FROM second_factor_requirements d WHERE d.account_id = m.account_id AND ", is_required!(), ") AS factor_from,
               ", proved_factors!($session), " AS proved_factors", $($more)+)
    };
}

statements! {
    ACTOR = select_actor!("$3", "
          FROM members m JOIN accounts a ON a.id = m.account_id
         WHERE a.id = ", account_at!("$1"), " AND m.user_id = $2");
    // The same of whoever came by a host's cookie, with what the host is told of them: one statement for each check.
    HOST_ACTOR = select_actor!("w.session_id", ",
               u.id AS user_id, u.email_key, u.name AS user_name, u.email_verified_at, e.id AS session_id, e.last_seen_at, w.setting,
               (SELECT p.subject FROM platform_subjects p WHERE p.user_id = u.id AND p.sector = '') AS subject,
               (SELECT string_agg(p.permission, ',') FROM roles r
                  JOIN role_permissions p ON p.account_id = r.account_id AND p.role_key = r.key
                 WHERE r.account_id = m.account_id AND r.key = m.role_key AND r.name IS NOT NULL AND r.removed_at IS NULL) AS own_role
          FROM forward_auth_sign_ins w
          JOIN sessions e ON e.id = w.session_id
          JOIN users u ON u.id = e.user_id
          JOIN members m ON m.account_id = w.account_id AND m.user_id = u.id
          JOIN accounts a ON a.id = m.account_id
         WHERE w.cookie_hash = $1 AND w.host = $2 AND e.created_at > $3 AND e.last_seen_at > $4");
    // What a key opens by itself is what its member could open now.
    KEY_ACTOR = concat!("
        SELECT m.id, m.account_id, m.user_id, m.login_method_id, m.role_key, COALESCE(m.name, m.email) AS label,
               a.slug, a.name AS account_name, a.language, a.invitation_role, a.invitation_hours,
               EXISTS (SELECT 1 FROM roles r WHERE r.account_id = a.id AND r.name IS NOT NULL) AS has_own_roles,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras,
               (SELECT d.starts_at FROM second_factor_requirements d WHERE d.account_id = m.account_id AND ", is_required!(), ") AS factor_from,
               k.id AS key_id, k.name AS key_name, ", proves_factor!(), " AS proves_factor, k.expires_at, k.last_used_at,
               (SELECT string_agg(p.permission, ',') FROM api_key_permissions p WHERE p.key_id = k.id) AS key_permissions
          FROM api_keys k
          JOIN members m ON m.id = k.member_id
          JOIN accounts a ON a.id = m.account_id
          JOIN login_methods l ON l.id = m.login_method_id
          JOIN users u ON u.id = m.user_id
         WHERE k.hash = $1 AND (k.expires_at > $2 OR k.expires_at IS NULL)
           AND m.state = 'active' AND ", is_owned!(), " AND ", proof_stands!(), " AND ", lets_in!());
    // The account's row is held as by `accounts::lock`, for its active members alone.
    LOCK_FOR_USER = concat!("
        UPDATE accounts SET audit_seq = audit_seq
         WHERE id = ", account_at!("$1"), "
           AND EXISTS (SELECT 1 FROM members m WHERE m.account_id = accounts.id AND m.user_id = $2 AND m.state = 'active')");
    SUSPEND_ALL_OF_USER = "
        UPDATE members SET state = 'suspended', version = version + 1, changed_at = $2, changed_by = NULL
         WHERE user_id = $1 AND state = 'active'
        RETURNING account_id, id, email_key, role_key";
    ACCOUNTS_OF = "SELECT account_id FROM members WHERE user_id = $1 AND state = 'active'";
    REACTIVATE = "
        UPDATE members SET state = 'active', reactivated_at = $3, version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND state = 'suspended'";
    OWNERS = concat!("
        SELECT COUNT(*) FROM (
            SELECT 1
              FROM members m
              JOIN login_methods l ON l.id = m.login_method_id
             WHERE m.account_id = $1 AND m.state = 'active' AND m.role_key = 'owner' AND m.id <> $2 AND l.id <> $3 AND ", can_sign_in!(), "
             LIMIT 2) found");
    CAN_SIGN_IN = concat!("
        SELECT COUNT(*)
          FROM members m
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE m.account_id = $1 AND m.id = $2 AND ", can_sign_in!());
    ACTIVE_OWNERS = "
        SELECT m.id, u.email_key, u.language FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.account_id = $1 AND m.state = 'active' AND m.role_key = $2
         ORDER BY m.id";
    WITH_PERMISSION = "
        SELECT m.id, u.email_key, u.id AS user_id, u.language, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.account_id = $1 AND m.state = 'active'
           AND ($3 LIKE '%,' || m.role_key || ',%'
                OR EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = m.id AND p.permission = $2))
         ORDER BY CASE WHEN m.role_key = $4 THEN 0 ELSE 1 END, m.id LIMIT 50";
}

/// The signed-in user's membership in an account, as the database has it now.
#[derive(Clone, Debug)]
pub struct CallerMembership {
    /// The scope of the account. It is a right only once the caller has checked the rest.
    pub scope: AccountScope,
    /// The user's row.
    pub member: MemberId,
    /// The login method by which the member signs in.
    pub method: LoginMethodId,
    /// The row's state.
    pub state: MemberState,
    /// Role and extras.
    pub grant: Grant,
    /// The name to show.
    pub label: String,
    /// Last activity.
    pub last_active: Option<Timestamp>,
    /// The account's present slug, which is perhaps not the one that was asked for.
    pub slug: Slug,
    /// The account's name.
    pub account_name: String,
    /// The account's language.
    pub language: Language,
    /// What the account's invitations begin with.
    pub invitations: InvitationDefaults,
    /// Does the account have roles of its own, or former ones?
    pub has_own_roles: bool,
    /// When this session last proved the member's login method, or a second factor beside it; `None` if it did not prove the method.
    pub authenticated_at: Option<Timestamp>,
    /// Does the user sign in by a password and have a second factor that this session did not prove, as in a remembered browser?
    pub lacks_second_factor: bool,
    /// From when on the account requires a second factor of this member; `None` if it does not.
    pub second_factor_from: Option<Timestamp>,
    /// Did this session prove a second factor that counts in the account?
    pub has_proved_second_factor: bool,
}

#[derive(FromRow)]
struct CallerMembershipRow {
    id: Uuid,
    account_id: Uuid,
    login_method_id: Uuid,
    state: String,
    role_key: String,
    label: String,
    last_active_at: Option<i64>,
    slug: String,
    account_name: String,
    language: String,
    invitation_role: Option<String>,
    invitation_hours: i64,
    has_own_roles: bool,
    extras: Option<String>,
    proved_at: Option<i64>,
    unproved_factors: i64,
    factor_from: Option<i64>,
    proved_factors: i64,
}

/// The membership of a user in the account at this slug, in any state. Only `service::actors` calls this.
pub(crate) async fn caller_membership(
    tx: &mut Tx,
    slug: &Slug,
    user: UserId,
    session: SessionId,
) -> Result<Option<CallerMembership>, StorageError> {
    let row: Option<CallerMembershipRow> = on!(tx, c => sqlx::query_as(ACTOR)
        .bind(slug.as_str())
        .bind(user.0)
        .bind(session.0)
        .fetch_optional(c).await)?;
    row.map(CallerMembership::try_from).transpose()
}

/// Holds the account's row until the transaction ends, if the user is an active member of the account at this slug; `false` otherwise. On SQLite whoever
/// writes is alone with the whole database.
pub(crate) async fn lock_for_user(tx: &mut Tx, slug: &Slug, user: UserId) -> Result<bool, StorageError> {
    match tx {
        Tx::Sqlite(_) => Ok(true),
        Tx::Postgres(_) => Ok(changed!(tx, LOCK_FOR_USER, slug.as_str(), user.0)? > 0),
    }
}

impl TryFrom<CallerMembershipRow> for CallerMembership {
    type Error = StorageError;

    fn try_from(row: CallerMembershipRow) -> Result<Self, StorageError> {
        Ok(Self {
            scope: AccountScope::established(AccountId(row.account_id)),
            member: MemberId(row.id),
            method: LoginMethodId(row.login_method_id),
            state: state(&row.state)?,
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
            label: row.label,
            last_active: row.last_active_at.map(Timestamp),
            slug: slug_of_row(&row.slug)?,
            account_name: row.account_name,
            language: Language::from_tag(&row.language).unwrap_or_default(),
            invitations: accounts::invitation_defaults(row.invitation_role, row.invitation_hours),
            has_own_roles: row.has_own_roles,
            authenticated_at: row.proved_at.map(Timestamp),
            lacks_second_factor: row.unproved_factors > 0,
            second_factor_from: row.factor_from.map(Timestamp),
            has_proved_second_factor: row.proved_factors > 0,
        })
    }
}

/// Who came by a host's cookie, as the database has them now.
#[derive(Clone, Debug)]
pub struct HostVisitor {
    /// The membership. It opens the host only once the caller has checked the rest.
    pub membership: CallerMembership,
    /// The account's slug.
    pub slug: String,
    /// The canonical address.
    pub email_key: String,
    /// The user's name.
    pub name: String,
    /// Did mail that Roster itself sent prove the mailbox?
    pub email_verified: bool,
    /// The session at Roster.
    pub session: SessionId,
    /// When that was last used, to within five minutes.
    pub last_seen: Timestamp,
    /// What the settings said of the account when the person came.
    pub setting: String,
    /// What platforms call the user; `None` if the user has become somebody else to them.
    pub subject: Option<String>,
    /// What the role holds, if it is the account's own.
    pub own_role: Option<Permissions>,
}

#[derive(FromRow)]
struct HostVisitorRow {
    #[sqlx(flatten)]
    membership: CallerMembershipRow,
    slug: String,
    email_key: String,
    user_name: String,
    email_verified_at: Option<i64>,
    session_id: Uuid,
    last_seen_at: i64,
    setting: String,
    subject: Option<String>,
    own_role: Option<String>,
}

/// Who has this cookie at this host, in a session that began after `oldest` and was last used after `idlest`. Only `service::actors` calls this.
pub(crate) async fn host_visitor(
    tx: &mut Tx,
    cookie_hash: &[u8],
    host: &str,
    oldest: Timestamp,
    idlest: Timestamp,
) -> Result<Option<HostVisitor>, StorageError> {
    let row: Option<HostVisitorRow> = on!(tx, c => sqlx::query_as(HOST_ACTOR)
        .bind(cookie_hash)
        .bind(host)
        .bind(oldest.0)
        .bind(idlest.0)
        .fetch_optional(c).await)?;
    row.map(|row| {
        Ok(HostVisitor {
            membership: row.membership.try_into()?,
            slug: row.slug,
            email_key: row.email_key,
            name: row.user_name,
            email_verified: row.email_verified_at.is_some(),
            session: SessionId(row.session_id),
            last_seen: Timestamp(row.last_seen_at),
            setting: row.setting,
            subject: row.subject,
            own_role: row.own_role.map(|keys| accounts::extras(Some(keys))),
        })
    })
    .transpose()
}

fn slug_of_row(slug: &str) -> Result<Slug, StorageError> {
    Slug::parse(slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))
}

/// What a live key opens: the membership of the member for whom it acts, as the database has it now.
#[derive(Clone, Debug)]
pub struct KeyMembership {
    /// The key.
    pub key: ApiKeyId,
    /// Its name.
    pub key_name: String,
    /// What it may do, as far as its member may.
    pub limit: Permissions,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// Its last use.
    pub last_used: Option<Timestamp>,
    /// The member's user.
    pub user: UserId,
    /// The membership. The key stands for a session that proved the login method, only never recently.
    pub membership: CallerMembership,
}

#[derive(FromRow)]
struct KeyMembershipRow {
    id: Uuid,
    account_id: Uuid,
    user_id: Uuid,
    login_method_id: Uuid,
    role_key: String,
    label: String,
    slug: String,
    account_name: String,
    language: String,
    invitation_role: Option<String>,
    invitation_hours: i64,
    has_own_roles: bool,
    extras: Option<String>,
    factor_from: Option<i64>,
    key_id: Uuid,
    key_name: String,
    proves_factor: bool,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    key_permissions: Option<String>,
}

/// What the key with this hash opens; `None` for one that is unknown, revoked or expired, and for one whose member is not active, has joined
/// again since, could not sign in as when it was made, or is about to delete the login. Only `service::actors` calls this.
pub(crate) async fn key_membership(
    tx: &mut Tx,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<KeyMembership>, StorageError> {
    let row: Option<KeyMembershipRow> =
        on!(tx, c => sqlx::query_as(KEY_ACTOR).bind(hash).bind(now.0).fetch_optional(c).await)?;
    row.map(|row| {
        Ok(KeyMembership {
            key: ApiKeyId(row.key_id),
            key_name: row.key_name,
            limit: accounts::extras(row.key_permissions),
            expires: row.expires_at.map(Timestamp),
            last_used: row.last_used_at.map(Timestamp),
            user: UserId(row.user_id),
            membership: CallerMembership {
                scope: AccountScope::established(AccountId(row.account_id)),
                member: MemberId(row.id),
                method: LoginMethodId(row.login_method_id),
                state: MemberState::Active,
                grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
                label: row.label,
                last_active: None,
                slug: slug_of_row(&row.slug)?,
                account_name: row.account_name,
                language: Language::from_tag(&row.language).unwrap_or_default(),
                invitations: accounts::invitation_defaults(row.invitation_role, row.invitation_hours),
                has_own_roles: row.has_own_roles,
                authenticated_at: Some(Timestamp(0)),
                lacks_second_factor: false,
                second_factor_from: row.factor_from.map(Timestamp),
                has_proved_second_factor: row.proves_factor,
            },
        })
    })
    .transpose()
}

/// A membership that was suspended until its account's admins decide.
#[derive(Clone, Debug)]
pub struct SuspendedMembership {
    /// The account's scope, for the record of it.
    pub scope: AccountScope,
    /// The row.
    pub member: MemberId,
    /// The canonical address.
    pub email_key: String,
    /// The role.
    pub role: RoleKey,
}

/// The accounts of a user's active memberships: for the user, and for those who lock them before [`suspend_all_of_user`].
pub(crate) async fn accounts_of(tx: &mut Tx, user: UserId) -> Result<Vec<AccountScope>, StorageError> {
    let accounts: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(ACCOUNTS_OF).bind(user.0).fetch_all(c).await)?;
    Ok(accounts.into_iter().map(|account| AccountScope::established(AccountId(account))).collect())
}

/// Suspends every active membership of a user whose mailbox turned out to be somebody else's (R13). Answers them.
pub(crate) async fn suspend_all_of_user(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SuspendedMembership>, StorageError> {
    let rows: Vec<(Uuid, Uuid, String, String)> =
        on!(tx, c => sqlx::query_as(SUSPEND_ALL_OF_USER).bind(user.0).bind(now.0).fetch_all(c).await)?;
    platform_sign_ins::end_of_user(tx, user).await?;
    Ok(rows
        .into_iter()
        .map(|(account, member, email_key, role)| SuspendedMembership {
            scope: AccountScope::established(AccountId(account)),
            member: MemberId(member),
            email_key,
            role: RoleKey::new(role),
        })
        .collect())
}

/// Lets a suspended member in again; `false` if the member is not suspended.
pub async fn reactivate(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, REACTIVATE, scope.id().0, id.0, now.0, by.map(|by| by.0))?;
    Ok(changed == 1)
}

/// The number of active owners who can sign in, `except` not counted (R33); two stand for more.
pub async fn other_owners(tx: &mut Tx, scope: AccountScope, except: MemberId) -> Result<u64, StorageError> {
    owners(tx, scope, except.0, Uuid::nil()).await
}

/// The number of active owners who can sign in with another method than this (R33, OA-19); two stand for more.
pub async fn owners_without(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<u64, StorageError> {
    owners(tx, scope, Uuid::nil(), method.0).await
}

async fn owners(tx: &mut Tx, scope: AccountScope, except: Uuid, method: Uuid) -> Result<u64, StorageError> {
    let owners: i64 = on!(tx, c => sqlx::query_scalar(OWNERS)
        .bind(scope.id().0)
        .bind(except)
        .bind(method)
        .fetch_one(c).await)?;
    Ok(owners.unsigned_abs())
}

/// Could this row's user sign in by the row's method, as far as Roster can tell (R33)?
pub async fn can_sign_in(tx: &mut Tx, scope: AccountScope, id: MemberId) -> Result<bool, StorageError> {
    let ways: i64 = on!(tx, c => sqlx::query_scalar(CAN_SIGN_IN).bind(scope.id().0).bind(id.0).fetch_one(c).await)?;
    Ok(ways > 0)
}

/// An owner who is to be told something.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The row.
    pub member: MemberId,
    /// The canonical address.
    pub email_key: String,
    /// The language, if one was chosen.
    pub language: Option<Language>,
}

/// The active owners.
pub async fn active_owners(tx: &mut Tx, scope: AccountScope) -> Result<Vec<Owner>, StorageError> {
    let rows: Vec<(Uuid, String, Option<String>)> = on!(tx, c => sqlx::query_as(ACTIVE_OWNERS)
        .bind(scope.id().0)
        .bind(BuiltInRole::Owner.key())
        .fetch_all(c).await)?;
    let owner = |(id, email_key, language): (Uuid, String, Option<String>)| Owner {
        member: MemberId(id),
        email_key,
        language: language.as_deref().and_then(Language::from_tag),
    };
    Ok(rows.into_iter().map(owner).collect())
}

/// Somebody who holds a permission, and is to be told something.
#[derive(Clone, Debug)]
pub struct Inviter {
    /// The row.
    pub member: MemberId,
    /// The user.
    pub user: UserId,
    /// The canonical address.
    pub email_key: String,
    /// The language, if one was chosen.
    pub language: Option<Language>,
    /// Role and extras.
    pub grant: Grant,
}

#[derive(FromRow)]
struct InviterRow {
    id: Uuid,
    email_key: String,
    user_id: Uuid,
    language: Option<String>,
    role_key: String,
    extras: Option<String>,
}

/// Members who may invite, by their role or by an extra permission; owners first, fifty at most. Whether one of them may handle a certain
/// invitation, the policy tells.
pub async fn inviters(tx: &mut Tx, scope: AccountScope, roles: &Roles) -> Result<Vec<Inviter>, StorageError> {
    holders(tx, scope, roles, Gate::UsersInvite).await
}

/// Members who hold the permission of a gate, by their role or as an extra; owners first, fifty at most.
pub async fn holders(
    tx: &mut Tx,
    scope: AccountScope,
    roles: &Roles,
    gate: Gate,
) -> Result<Vec<Inviter>, StorageError> {
    let permission = gate.permission();
    let inviting = roles.roles.iter().filter(|role| role.permissions.contains(&permission));
    let inviting: String = inviting.map(|role| format!(",{},", role.key)).collect();
    let rows: Vec<InviterRow> = on!(tx, c => sqlx::query_as(WITH_PERMISSION)
        .bind(scope.id().0)
        .bind(permission.as_str())
        .bind(&inviting)
        .bind(BuiltInRole::Owner.key())
        .fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|row| Inviter {
            member: MemberId(row.id),
            user: UserId(row.user_id),
            email_key: row.email_key,
            language: row.language.as_deref().and_then(Language::from_tag),
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
        })
        .collect())
}
