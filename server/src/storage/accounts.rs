//! Accounts, their roles and login methods.

use super::{AccountScope, StorageError, Tx, audit, changed, login_methods, on, run, statements};
use crate::collation;
use app::domain::{
    ids::{AccountId, LoginMethodId, MemberId, SessionId, UserId},
    invitation::InvitationDefaults,
    language::Language,
    member::{LoginMethod, LoginMethodKind},
    name::Slug,
    permission::{Catalogue, PermissionKey, Permissions},
    role::{BuiltInRole, Grant, Role, RoleKey, Roles},
    time::{Span, Timestamp},
};
use sqlx_macros::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The account that an address leads to, with `$slug` the parameter: the one that has it, or had it before. Whatever looks an account up by its
/// slug does so by this.
macro_rules! account_at {
    ($slug:literal) => {
        concat!(
            "COALESCE((SELECT s.id FROM accounts s WHERE s.slug = ",
            $slug,
            "), (SELECT f.account_id FROM former_slugs f WHERE f.slug = ",
            $slug,
            "))"
        )
    };
}
pub(super) use account_at;

statements! {
    INSERT = "
        INSERT INTO accounts (id, slug, name, language, created_at, audit_seq, audit_hash) VALUES ($1, $2, $3, $4, $5, 0, $6)";
    INSERT_ROLE = "INSERT INTO roles (account_id, key, name) VALUES ($1, $2, NULL)";
    FIND = "SELECT id, slug, name, language, delete_at FROM accounts WHERE id = $1";
    FIND_BY_SLUG = concat!("SELECT id, slug, name, language, delete_at FROM accounts WHERE id = ", account_at!("$1"));
    SOME = "SELECT id, slug, name, language, delete_at FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
    ALL_SLUGS = "SELECT slug FROM accounts ORDER BY slug";
    SETTINGS = "
        SELECT a.name, a.language, a.invitation_role, a.invitation_hours, a.invitation_reminders, a.invitation_replies, a.version, COALESCE(a.changed_at, a.created_at) AS changed_at,
               (SELECT COALESCE(m.name, m.email) FROM members m WHERE m.account_id = $1 AND m.id = a.changed_by) AS changed_by
          FROM accounts a WHERE a.id = $1";
    CHANGE = "
        UPDATE accounts SET name = $3, language = $4, invitation_role = $5, invitation_hours = $6, invitation_reminders = $9,
                            invitation_replies = $10,
                            version = version + 1, changed_at = $7, changed_by = $8
         WHERE id = $1 AND version = $2";
    SET_SLUG = "UPDATE accounts SET slug = $2 WHERE id = $1";
    GIVE_UP_SLUG = "
        INSERT INTO former_slugs (slug, account_id) SELECT a.slug, a.id FROM accounts a WHERE a.id = $1
            ON CONFLICT (slug) DO UPDATE SET account_id = excluded.account_id, until = NULL";
    TAKE_BACK_SLUG = "DELETE FROM former_slugs WHERE account_id = $1 AND slug = $2";
    RESERVE_SLUGS = "UPDATE former_slugs SET account_id = NULL, until = $2 WHERE account_id = $1";
    IS_KEPT_FROM = "
        SELECT COUNT(*) FROM former_slugs WHERE slug = $2 AND (account_id <> $1 OR account_id IS NULL AND until > $3)";
    DELETION = "
        SELECT a.delete_at, (SELECT COALESCE(m.name, m.email) FROM members m WHERE m.account_id = $1 AND m.id = a.delete_by) AS delete_by
          FROM accounts a WHERE a.id = $1 AND a.delete_at IS NOT NULL";
    SET_DELETION = "UPDATE accounts SET delete_at = $2, delete_by = $3 WHERE id = $1";
    TO_DELETE = "SELECT id FROM accounts WHERE delete_at <= $1 AND id > $2 ORDER BY id LIMIT 1";
    NEXT = "SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT 1";
    ANY = "SELECT COUNT(*) FROM (SELECT 1 FROM accounts LIMIT 1) a";
    LOCK = "UPDATE accounts SET audit_seq = audit_seq WHERE id = $1";
    OWN_ROLES = "
        SELECT r.key, r.name, r.removed_at, p.permission
          FROM roles r LEFT JOIN role_permissions p ON p.account_id = r.account_id AND p.role_key = r.key
         WHERE r.account_id = $1 AND r.name IS NOT NULL
         ORDER BY r.key";
    OF_USER = "
        SELECT a.slug, a.name, m.role_key,
               (SELECT r.name FROM roles r WHERE r.account_id = m.account_id AND r.key = m.role_key) AS role_name,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM members m
          JOIN accounts a ON a.id = m.account_id
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE m.user_id = $1 AND m.state = 'active'
           AND EXISTS (SELECT 1 FROM session_proofs s
                        WHERE s.session_id = $2 AND l.enabled AND s.proved_at >= COALESCE(m.readmitted_at, 0)
                          AND (l.kind = 'password' AND s.kind = 'password' OR s.login_method_id = l.id))
         ORDER BY a.slug";
    SIGN_IN_PAGES = "
        SELECT a.name, a.slug FROM members m JOIN accounts a ON a.id = m.account_id
         WHERE m.user_id = $1 AND m.state = 'active' ORDER BY a.slug";
    // Whoever proved the user's own password may know of all the user's accounts; whoever came by an account's provider may not.
    BY_OTHER_METHODS = "
        SELECT a.slug, a.name, l.id, l.name AS method
          FROM members m
          JOIN accounts a ON a.id = m.account_id
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE m.user_id = $1 AND m.state = 'active' AND l.enabled AND l.kind = 'oauth'
           AND EXISTS (SELECT 1 FROM session_proofs s WHERE s.session_id = $2 AND s.kind = 'password')
           AND NOT EXISTS (SELECT 1 FROM session_proofs s WHERE s.session_id = $2 AND s.login_method_id = l.id)
         ORDER BY a.slug";
}

/// An account: the tenant.
#[derive(Clone, Debug)]
pub struct Account {
    /// The id.
    pub id: AccountId,
    /// The slug in its URLs.
    pub slug: Slug,
    /// The name.
    pub name: String,
    /// The language of its mails, unless another is chosen.
    pub language: Language,
    /// When it is to be deleted, if an owner asked for that.
    pub delete_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct AccountRow {
    id: Uuid,
    slug: String,
    name: String,
    language: String,
    delete_at: Option<i64>,
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: AccountId(row.id),
            slug: Slug::parse(&row.slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
            name: row.name,
            language: Language::from_tag(&row.language).unwrap_or_default(),
            delete_at: row.delete_at.map(Timestamp),
        })
    }
}

/// Makes an account with its built-in roles and Email & password.
///
/// # Errors
/// [`StorageError::Taken`] if another account has the slug. Whether another had it, [`is_kept_from`] tells.
pub async fn insert(
    tx: &mut Tx,
    account: &Account,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<AccountScope, StorageError> {
    run!(
        tx,
        INSERT,
        account.id.0,
        account.slug.as_str(),
        &account.name,
        account.language.tag(),
        now.0,
        audit::genesis_hash(account.id.0)
    )?;
    for role in BuiltInRole::ALL {
        run!(tx, INSERT_ROLE, account.id.0, role.key())?;
    }
    let scope = AccountScope::established(account.id);
    login_methods::insert(tx, scope, method, LoginMethodKind::Password, None, now).await?;
    Ok(scope)
}

/// The account of a scope.
pub async fn find(tx: &mut Tx, scope: AccountScope) -> Result<Option<Account>, StorageError> {
    let row = on!(tx, c => sqlx::query_as::<_, AccountRow>(FIND).bind(scope.id().0).fetch_optional(c).await)?;
    row.map(Account::try_from).transpose()
}

/// The account that has this slug or had it before. It establishes no right: whoever knows an address bar knows slugs.
async fn find_by_slug(tx: &mut Tx, slug: &Slug) -> Result<Option<Account>, StorageError> {
    let row = on!(tx, c => sqlx::query_as::<_, AccountRow>(FIND_BY_SLUG).bind(slug.as_str()).fetch_optional(c).await)?;
    row.map(Account::try_from).transpose()
}

/// The login methods that let people into the account at this slug, which everybody may know. `None` without such an account.
pub(crate) async fn ready_login_methods(tx: &mut Tx, slug: &Slug) -> Result<Option<Vec<LoginMethod>>, StorageError> {
    let Some(account) = find_by_slug(tx, slug).await? else { return Ok(None) };
    Ok(Some(login_methods::ready(tx, AccountScope::established(account.id)).await?))
}

/// The account with this slug, for the commands of the host's operator, who has a right to every account.
pub(crate) async fn for_operator(tx: &mut Tx, slug: &Slug) -> Result<Option<(Account, AccountScope)>, StorageError> {
    let account = find_by_slug(tx, slug).await?;
    Ok(account.map(|account| {
        let scope = AccountScope::established(account.id);
        (account, scope)
    }))
}

/// The account with this id, for a key of the host's operator, which opens every account. Only `service::actors` and `service::operator` call this.
pub(crate) async fn of_operator_key(
    tx: &mut Tx,
    account: AccountId,
) -> Result<Option<(Account, AccountScope)>, StorageError> {
    let scope = AccountScope::established(account);
    Ok(find(tx, scope).await?.map(|account| (account, scope)))
}

/// Some accounts in the order of their ids, after this one. For the host's operator.
pub(crate) async fn some(tx: &mut Tx, after: Option<AccountId>, most: i64) -> Result<Vec<Account>, StorageError> {
    let after = after.map_or(Uuid::nil(), |account| account.0);
    let rows: Vec<AccountRow> = on!(tx, c => sqlx::query_as(SOME).bind(after).bind(most).fetch_all(c).await)?;
    rows.into_iter().map(Account::try_from).collect()
}

/// The slugs of all accounts. For the host's operator.
pub(crate) async fn all_slugs(tx: &mut Tx) -> Result<Vec<Slug>, StorageError> {
    let slugs: Vec<String> = on!(tx, c => sqlx::query_scalar(ALL_SLUGS).fetch_all(c).await)?;
    slugs.iter().map(|slug| Slug::parse(slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))).collect()
}

/// The account after this one in the order of their ids, for jobs that go through all of them.
pub(crate) async fn next(tx: &mut Tx, after: Option<AccountId>) -> Result<Option<AccountScope>, StorageError> {
    let after = after.map_or(Uuid::nil(), |account| account.0);
    let next: Option<Uuid> = on!(tx, c => sqlx::query_scalar(NEXT).bind(after).fetch_optional(c).await)?;
    Ok(next.map(|id| AccountScope::established(AccountId(id))))
}

/// Did another account have this slug before, so that this one cannot get it? It must be asked after the slug was taken: whoever gives it up in
/// the same moment has done so by then.
pub async fn is_kept_from(tx: &mut Tx, scope: AccountScope, slug: &Slug, now: Timestamp) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(IS_KEPT_FROM)
        .bind(scope.id().0)
        .bind(slug.as_str())
        .bind(now.0)
        .fetch_one(c).await)?;
    Ok(count > 0)
}

/// Gives the account another slug. The one that it had leads to it for as long as it lives.
///
/// # Errors
/// [`StorageError::Taken`] if another account has the slug. Whether another had it, [`is_kept_from`] tells.
pub async fn set_slug(tx: &mut Tx, scope: AccountScope, slug: &Slug) -> Result<(), StorageError> {
    run!(tx, GIVE_UP_SLUG, scope.id().0)?;
    run!(tx, TAKE_BACK_SLUG, scope.id().0, slug.as_str())?;
    run!(tx, SET_SLUG, scope.id().0, slug.as_str())
}

/// Keeps every slug that the account has or had from all others until then. It leads nowhere from now on.
pub(super) async fn reserve_slugs(tx: &mut Tx, scope: AccountScope, until: Timestamp) -> Result<(), StorageError> {
    run!(tx, GIVE_UP_SLUG, scope.id().0)?;
    run!(tx, RESERVE_SLUGS, scope.id().0, until.0)
}

/// An account's deletion that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// When.
    pub at: Timestamp,
    /// Who asked for it; `None` for somebody whose row is gone.
    pub by: Option<String>,
}

/// The account's deletion, if an owner asked for it.
pub async fn deletion(tx: &mut Tx, scope: AccountScope) -> Result<Option<Deletion>, StorageError> {
    let row: Option<(i64, Option<String>)> =
        on!(tx, c => sqlx::query_as(DELETION).bind(scope.id().0).fetch_optional(c).await)?;
    Ok(row.map(|(at, by)| Deletion { at: Timestamp(at), by }))
}

/// Sets when the account is to be deleted, or takes that back; and who did so.
pub async fn set_deletion(
    tx: &mut Tx,
    scope: AccountScope,
    at: Option<Timestamp>,
    by: MemberId,
) -> Result<(), StorageError> {
    run!(tx, SET_DELETION, scope.id().0, at.map(|at| at.0), by.0)
}

/// The next account after `after` whose deletion is due, for the job that deletes it.
pub(crate) async fn to_delete(
    tx: &mut Tx,
    after: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<AccountScope>, StorageError> {
    let after = after.map_or(Uuid::nil(), |account| account.0);
    let next: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(TO_DELETE).bind(now.0).bind(after).fetch_optional(c).await)?;
    Ok(next.map(|id| AccountScope::established(AccountId(id))))
}

/// Is there any account yet?
pub async fn any(tx: &mut Tx) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(ANY).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Holds the account's row until the transaction ends, so that changes to its members come one after the other (R33). An update in
/// both databases: SQLite has no `FOR UPDATE`.
pub async fn lock(tx: &mut Tx, scope: AccountScope) -> Result<(), StorageError> {
    match changed!(tx, LOCK, scope.id().0)? {
        0 => Err(StorageError::inconsistent("accounts", "id")),
        _ => Ok(()),
    }
}

/// The account's roles: the built-in ones under this catalogue, then its own. What the catalogue does not know is inert and left out.
pub async fn roles(tx: &mut Tx, scope: AccountScope, catalogue: &Catalogue) -> Result<Roles, StorageError> {
    let rows: Vec<(String, String, Option<i64>, Option<String>)> =
        on!(tx, c => sqlx::query_as(OWN_ROLES).bind(scope.id().0).fetch_all(c).await)?;
    let mut own: BTreeMap<(String, String), Permissions> = BTreeMap::new();
    let mut former = BTreeMap::new();
    for (key, name, removed_at, permission) in rows {
        if removed_at.is_some() {
            former.insert(RoleKey::new(key), name);
        } else {
            let known = permission.map(PermissionKey::new).filter(|permission| catalogue.knows(permission));
            own.entry((name, key)).or_default().extend(known);
        }
    }
    let mut own: Vec<_> = own.into_iter().collect();
    own.sort_by(|((one, _), _), ((other, _), _)| collation::compare(one, other));
    let mut roles = Roles { former, ..Roles::built_in(catalogue.clone()) };
    roles.roles.extend(own.into_iter().map(|((name, key), permissions)| Role {
        key: RoleKey::new(key),
        name: Some(name),
        permissions,
    }));
    Ok(roles)
}

/// Extras as the lists of both databases aggregate them.
pub(super) fn extras(aggregated: Option<String>) -> Permissions {
    aggregated.unwrap_or_default().split(',').filter(|key| !key.is_empty()).map(PermissionKey::new).collect()
}

/// An account that a user is in, with what the user is there.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// Role and extras.
    pub grant: Grant,
    /// The role's name, if it is the account's own.
    pub role_name: Option<String>,
}

#[derive(FromRow)]
struct MembershipRow {
    slug: String,
    name: String,
    role_key: String,
    role_name: Option<String>,
    extras: Option<String>,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StorageError;

    fn try_from(row: MembershipRow) -> Result<Self, StorageError> {
        Ok(Self {
            slug: Slug::parse(&row.slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
            name: row.name,
            grant: Grant { role: RoleKey::new(row.role_key), extras: extras(row.extras) },
            role_name: row.role_name,
        })
    }
}

/// The accounts that this session of this user opens, by name: where the user is active and the session proved the member's login method.
pub async fn of_user(tx: &mut Tx, user: UserId, session: SessionId) -> Result<Vec<Membership>, StorageError> {
    let rows: Vec<MembershipRow> =
        on!(tx, c => sqlx::query_as(OF_USER).bind(user.0).bind(session.0).fetch_all(c).await)?;
    let mut memberships: Vec<Membership> =
        rows.into_iter().map(Membership::try_from).collect::<Result<_, StorageError>>()?;
    // Not by the database: each of the two sorts names its own way. Those of one name stay in the order of their slugs.
    memberships.sort_by(|one, other| collation::compare(&one.name, &other.name));
    Ok(memberships)
}

/// The accounts that a user is active in, by name and slug, for a mail to that user.
pub(crate) async fn sign_in_pages(tx: &mut Tx, user: UserId) -> Result<Vec<(String, Slug)>, StorageError> {
    let rows: Vec<(String, String)> = on!(tx, c => sqlx::query_as(SIGN_IN_PAGES).bind(user.0).fetch_all(c).await)?;
    let page = |(name, slug): (String, String)| {
        Ok((name, Slug::parse(&slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?))
    };
    rows.into_iter().map(page).collect()
}

/// What an account's owners settle for it, with who changed it last (R66).
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// The name.
    pub name: String,
    /// The language of its mails, unless another is chosen.
    pub language: Language,
    /// What its invitations begin with.
    pub invitations: InvitationDefaults,
    /// Are invited people reminded before their links expire?
    pub reminders: bool,
    /// Do answers to the emails of invitations go to whoever invites (R51)?
    pub replies: bool,
    /// Counts the changes.
    pub version: i64,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// By whom; `None` for nobody, and for somebody whose row is gone.
    pub changed_by: Option<String>,
}

#[derive(FromRow)]
struct AccountSettingsRow {
    name: String,
    language: String,
    invitation_role: Option<String>,
    invitation_hours: i64,
    invitation_reminders: bool,
    invitation_replies: bool,
    version: i64,
    changed_at: i64,
    changed_by: Option<String>,
}

/// What is settled for the account.
pub async fn settings(tx: &mut Tx, scope: AccountScope) -> Result<AccountSettings, StorageError> {
    let row: AccountSettingsRow = on!(tx, c => sqlx::query_as(SETTINGS).bind(scope.id().0).fetch_one(c).await)?;
    Ok(AccountSettings {
        name: row.name,
        language: Language::from_tag(&row.language).unwrap_or_default(),
        invitations: invitation_defaults(row.invitation_role, row.invitation_hours),
        reminders: row.invitation_reminders,
        replies: row.invitation_replies,
        version: row.version,
        changed_at: Timestamp(row.changed_at),
        changed_by: row.changed_by,
    })
}

/// Settles `wanted` for the account, in the place of its version; `false` if that is no longer the present one (R66).
pub async fn change(
    tx: &mut Tx,
    scope: AccountScope,
    wanted: &AccountSettings,
    by: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(
        tx,
        CHANGE,
        scope.id().0,
        wanted.version,
        &wanted.name,
        wanted.language.tag(),
        wanted.invitations.role.as_ref().map(RoleKey::as_str),
        wanted.invitations.lifetime.as_hours(),
        now.0,
        by.0,
        wanted.reminders,
        wanted.replies
    )?;
    Ok(changed == 1)
}

/// The columns `invitation_role` and `invitation_hours`.
pub(super) fn invitation_defaults(role: Option<String>, hours: i64) -> InvitationDefaults {
    InvitationDefaults { role: role.map(RoleKey::new), lifetime: Span::hours(hours) }
}

/// An account that the user is in, and that asks for a sign-in by another login method than this session proved.
#[derive(Clone, Debug)]
pub struct OtherMembership {
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// The member's login method.
    pub method: LoginMethodId,
    /// What stands on its button.
    pub method_name: String,
}

/// The accounts of a user that this session does not open, by name, because they take another login method than the password that it proved.
pub async fn by_other_methods(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
) -> Result<Vec<OtherMembership>, StorageError> {
    let rows: Vec<(String, String, Uuid, Option<String>)> =
        on!(tx, c => sqlx::query_as(BY_OTHER_METHODS).bind(user.0).bind(session.0).fetch_all(c).await)?;
    let mut memberships: Vec<OtherMembership> = rows
        .into_iter()
        .map(|(slug, name, method, method_name)| {
            Ok(OtherMembership {
                slug: Slug::parse(&slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
                name,
                method: LoginMethodId(method),
                method_name: method_name.unwrap_or_default(),
            })
        })
        .collect::<Result<_, StorageError>>()?;
    memberships.sort_by(|one, other| collation::compare(&one.name, &other.name));
    Ok(memberships)
}
