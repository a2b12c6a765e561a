//! Login methods and their configurations: drafts, live ones, and those before them.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, ConfigurationId, LoginMethodId, MemberId},
    member::{IdentifierHint, LoginMethod, LoginMethodKind},
    name::Slug,
    oauth::{Configuration, Preset},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO login_methods (id, account_id, kind, name, enabled, preset, created_at) VALUES ($1, $2, $3, $4, TRUE, $5, $6)";
    READY = "
        SELECT l.id, l.kind, l.name, c.configuration, c.example
          FROM login_methods l
          LEFT JOIN login_method_configurations c ON c.login_method_id = l.id AND c.stage = 'live'
         WHERE l.account_id = $1 AND l.enabled AND (l.kind = 'password' OR c.id IS NOT NULL)
         ORDER BY l.created_at, l.id";
    ALL = "
        SELECT l.id, l.kind, l.name, l.enabled, l.preset, c.tested_at,
               (SELECT COUNT(*) FROM login_method_configurations d WHERE d.login_method_id = l.id AND d.stage = 'draft') AS drafts,
               (SELECT COUNT(*) FROM members m WHERE m.login_method_id = l.id AND m.state IN ('active', 'suspended')) AS members,
               (SELECT COUNT(*) FROM members m WHERE m.login_method_id = l.id AND m.state = 'invited') AS invited,
               (SELECT COUNT(*) FROM identities i WHERE i.login_method_id = l.id) AS linked
          FROM login_methods l
          LEFT JOIN login_method_configurations c ON c.login_method_id = l.id AND c.stage = 'live'
         WHERE l.account_id = $1
         ORDER BY l.created_at, l.id";
    ACCOUNT_OF = "
        SELECT a.id, a.slug, a.name, l.name AS method_name, l.enabled
          FROM login_methods l JOIN accounts a ON a.id = l.account_id WHERE l.id = $1 AND l.kind = 'oauth'";
    CONFIGURATION = "
        SELECT id, configuration, secret, example, created_at FROM login_method_configurations
         WHERE account_id = $1 AND login_method_id = $2 AND stage = $3";
    CONFIGURATION_BY_ID = "
        SELECT id, configuration, secret, example, created_at FROM login_method_configurations WHERE account_id = $1 AND id = $2";
    IN_FORCE = "
        SELECT COUNT(*) FROM login_method_configurations c JOIN login_methods l ON l.id = c.login_method_id
         WHERE c.account_id = $1 AND c.id = $2 AND c.stage = 'live' AND l.enabled";
    DELETE_DRAFT = "
        UPDATE login_method_configurations SET stage = 'retired', secret = NULL
         WHERE account_id = $1 AND login_method_id = $2 AND stage = 'draft'";
    INSERT_DRAFT = "
        INSERT INTO login_method_configurations (id, account_id, login_method_id, stage, configuration, secret, created_at, created_by)
        VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7)";
    RETIRE = "
        UPDATE login_method_configurations SET stage = 'retired', secret = NULL
         WHERE account_id = $1 AND login_method_id = $2 AND stage = 'live'";
    PROMOTE = "
        UPDATE login_method_configurations SET stage = 'live', tested_at = $3, example = $4
         WHERE account_id = $1 AND id = $2 AND stage IN ('draft', 'live')";
    SET_FIRST_SIGN_IN = "UPDATE login_methods SET first_sign_in = $3 WHERE account_id = $1 AND id = $2";
    RENAME = "UPDATE login_methods SET name = $3 WHERE account_id = $1 AND id = $2";
    SWITCH = "UPDATE login_methods SET enabled = $3 WHERE account_id = $1 AND id = $2";
    FACTOR_VALUES = "
        SELECT second_factor_values, tested_factor_values FROM login_methods WHERE account_id = $1 AND id = $2";
    SET_FACTOR_VALUES = "UPDATE login_methods SET second_factor_values = $3 WHERE account_id = $1 AND id = $2";
    SET_TESTED_FACTOR_VALUES = "UPDATE login_methods SET tested_factor_values = $3 WHERE account_id = $1 AND id = $2";
    FORGET_PROOFS = "DELETE FROM session_proofs WHERE login_method_id = $1";
    IN_USE = "
        SELECT (SELECT COUNT(*) FROM members WHERE account_id = $1 AND login_method_id = $2)
             + (SELECT COUNT(*) FROM identities WHERE account_id = $1 AND login_method_id = $2)";
    DELETE_DECISIONS = "DELETE FROM decisions WHERE account_id = $1 AND login_method_id = $2";
    DELETE_ATTEMPTS = "DELETE FROM oauth_attempts WHERE account_id = $1 AND login_method_id = $2";
    DELETE_CONFIGURATIONS = "DELETE FROM login_method_configurations WHERE account_id = $1 AND login_method_id = $2";
    DELETE_METHOD = "DELETE FROM login_methods WHERE account_id = $1 AND id = $2 AND kind = 'oauth'";
}

/// The stage of a configuration that sign-in or a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Edited, not yet proved by a test.
    Draft,
    /// The last one that passed.
    Live,
}

impl Stage {
    const fn key(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Live => "live",
        }
    }
}

/// Makes a login method. An OAuth method has a name and a preset, and is not offered before a configuration of it has passed a test.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    id: LoginMethodId,
    kind: LoginMethodKind,
    began_as: Option<(&str, Preset)>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT,
        id.0,
        scope.id().0,
        kind.key(),
        began_as.map(|(name, _)| name),
        began_as.map(|(_, preset)| preset.key()),
        now.0
    )
}

/// The login methods that are available and fully set up, in the order of their making.
pub async fn ready(tx: &mut Tx, scope: AccountScope) -> Result<Vec<LoginMethod>, StorageError> {
    type Row = (Uuid, String, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(READY).bind(scope.id().0).fetch_all(c).await)?;
    rows.into_iter()
        .map(|(id, kind, name, configuration, example)| {
            let hint = configuration.as_deref().map(read).transpose()?;
            let hint = hint.map(|live| IdentifierHint {
                claim: live.identifier.to_string(),
                example,
                at_first_sign_in: live.first_sign_in,
            });
            Ok(LoginMethod { hint, ..login_method(id, &kind, name)? })
        })
        .collect()
}

/// A login method from its columns.
pub(super) fn login_method(id: Uuid, kind: &str, name: Option<String>) -> Result<LoginMethod, StorageError> {
    let kind = LoginMethodKind::from_key(kind).ok_or(StorageError::inconsistent("login_methods", "kind"))?;
    Ok(LoginMethod { id: LoginMethodId(id), kind, name, hint: None })
}

fn read(configuration: &str) -> Result<Configuration, StorageError> {
    serde_json::from_str(configuration)
        .map_err(|_| StorageError::inconsistent("login_method_configurations", "configuration"))
}

#[derive(FromRow)]
struct SummaryRow {
    id: Uuid,
    kind: String,
    name: Option<String>,
    enabled: bool,
    preset: Option<String>,
    tested_at: Option<i64>,
    drafts: i64,
    members: i64,
    invited: i64,
    linked: i64,
}

/// A login method with its facts.
#[derive(Clone, Debug)]
pub struct MethodSummary {
    /// The method.
    pub method: LoginMethod,
    /// Is it switched on?
    pub enabled: bool,
    /// The preset that it began as; `None` for Email & password.
    pub preset: Option<Preset>,
    /// When its live configuration passed; `None` without one.
    pub tested: Option<Timestamp>,
    /// Is there a draft?
    pub has_draft: bool,
    /// Active and suspended members who sign in by it.
    pub members: u64,
    /// People invited by it.
    pub invited: u64,
    /// Users who are known by it.
    pub linked: u64,
}

/// Every login method of the account, in the order of their making.
pub async fn all(tx: &mut Tx, scope: AccountScope) -> Result<Vec<MethodSummary>, StorageError> {
    let rows: Vec<SummaryRow> = on!(tx, c => sqlx::query_as(ALL).bind(scope.id().0).fetch_all(c).await)?;
    rows.into_iter()
        .map(|row| {
            Ok(MethodSummary {
                method: login_method(row.id, &row.kind, row.name)?,
                enabled: row.enabled,
                preset: row.preset.as_deref().and_then(Preset::from_key),
                tested: row.tested_at.map(Timestamp),
                has_draft: row.drafts > 0,
                members: row.members.unsigned_abs(),
                invited: row.invited.unsigned_abs(),
                linked: row.linked.unsigned_abs(),
            })
        })
        .collect()
}

/// One of them.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: LoginMethodId) -> Result<Option<MethodSummary>, StorageError> {
    Ok(all(tx, scope).await?.into_iter().find(|line| line.method.id == id))
}

/// The account of an OAuth method, where its callbacks belong.
#[derive(Clone, Debug)]
pub struct MethodAccount {
    /// The account's scope.
    pub scope: AccountScope,
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub account: String,
    /// The method's name.
    pub name: String,
    /// Is the method switched on?
    pub enabled: bool,
}

#[derive(FromRow)]
struct MethodAccountRow {
    id: Uuid,
    slug: String,
    name: String,
    method_name: Option<String>,
    enabled: bool,
}

/// The account of an OAuth method. Everybody may begin a sign-in at a login method, so it establishes the scope; only
/// `service::login_methods` calls it.
pub(crate) async fn account_of(tx: &mut Tx, id: LoginMethodId) -> Result<Option<MethodAccount>, StorageError> {
    let row: Option<MethodAccountRow> = on!(tx, c => sqlx::query_as(ACCOUNT_OF).bind(id.0).fetch_optional(c).await)?;
    row.map(|row| {
        Ok(MethodAccount {
            scope: AccountScope::established(AccountId(row.id)),
            slug: Slug::parse(&row.slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
            account: row.name,
            name: row.method_name.unwrap_or_default(),
            enabled: row.enabled,
        })
    })
    .transpose()
}

/// What a provider says of a second factor, in `amr` and `acr`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactorValues {
    /// The values by which its word counts as a second factor; none if it does not count.
    pub accepted: Vec<String>,
    /// What the last test brought; `None` before there was one.
    pub tested: Option<Vec<String>>,
}

/// What the provider of a method says of a second factor, and which words of it count.
pub async fn factor_values(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
) -> Result<FactorValues, StorageError> {
    let row: Option<(String, Option<String>)> = on!(tx, c => sqlx::query_as(FACTOR_VALUES)
        .bind(scope.id().0)
        .bind(method.0)
        .fetch_optional(c).await)?;
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    Ok(row.map_or_else(FactorValues::default, |(accepted, tested)| FactorValues {
        accepted: lines(&accepted),
        tested: tested.as_deref().map(lines),
    }))
}

/// Sets the values by which the provider's word counts as a second factor; none, and it does not count.
pub async fn set_factor_values(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    values: &[String],
) -> Result<(), StorageError> {
    run!(tx, SET_FACTOR_VALUES, scope.id().0, method.0, values.join("\n"))
}

/// Stores what a test brought.
pub async fn set_tested_factor_values(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    values: &[String],
) -> Result<(), StorageError> {
    run!(tx, SET_TESTED_FACTOR_VALUES, scope.id().0, method.0, values.join("\n"))
}

/// A configuration as saved.
#[derive(Clone, Debug)]
pub struct SavedConfiguration {
    /// Its id.
    pub id: ConfigurationId,
    /// The configuration.
    pub configuration: Configuration,
    /// The client secret, sealed.
    pub secret: Option<Vec<u8>>,
    /// The identifier that its test received.
    pub example: Option<String>,
    /// When it was saved.
    pub at: Timestamp,
}

type ConfigurationRow = (Uuid, String, Option<Vec<u8>>, Option<String>, i64);

fn saved((id, configuration, secret, example, at): ConfigurationRow) -> Result<SavedConfiguration, StorageError> {
    let configuration = read(&configuration)?;
    Ok(SavedConfiguration { id: ConfigurationId(id), configuration, secret, example, at: Timestamp(at) })
}

/// The draft of a method, or its live configuration.
pub async fn configuration(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    stage: Stage,
) -> Result<Option<SavedConfiguration>, StorageError> {
    let row: Option<ConfigurationRow> = on!(tx, c => sqlx::query_as(CONFIGURATION)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(stage.key())
        .fetch_optional(c).await)?;
    row.map(saved).transpose()
}

/// The configuration with this id, in any stage.
pub async fn configuration_by_id(
    tx: &mut Tx,
    scope: AccountScope,
    id: ConfigurationId,
) -> Result<Option<SavedConfiguration>, StorageError> {
    let row: Option<ConfigurationRow> = on!(tx, c => sqlx::query_as(CONFIGURATION_BY_ID)
        .bind(scope.id().0)
        .bind(id.0)
        .fetch_optional(c).await)?;
    row.map(saved).transpose()
}

/// Is this configuration live, and its method switched on?
pub async fn is_in_force(tx: &mut Tx, scope: AccountScope, id: ConfigurationId) -> Result<bool, StorageError> {
    let found: i64 = on!(tx, c => sqlx::query_scalar(IN_FORCE).bind(scope.id().0).bind(id.0).fetch_one(c).await)?;
    Ok(found == 1)
}

/// Saves a draft in place of the one before.
#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub async fn save_draft(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    id: ConfigurationId,
    configuration: &Configuration,
    secret: Option<&[u8]>,
    by: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    drop_draft(tx, scope, method).await?;
    let text = serde_json::to_string(configuration)
        .map_err(|_| StorageError::inconsistent("login_method_configurations", "configuration"))?;
    run!(tx, INSERT_DRAFT, id.0, scope.id().0, method.0, &text, secret, now.0, by.0)
}

/// Deletes a draft; `false` if there is none.
pub async fn drop_draft(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<bool, StorageError> {
    let dropped = changed!(tx, DELETE_DRAFT, scope.id().0, method.0)?;
    Ok(dropped > 0)
}

/// Makes a draft that passed its test the live configuration; `false` if it does not exist any more. A live configuration that passed again
/// stays live.
pub async fn promote(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    tested: &SavedConfiguration,
    example: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let live = configuration(tx, scope, method, Stage::Live).await?;
    if live.is_some_and(|live| live.id != tested.id) {
        run!(tx, RETIRE, scope.id().0, method.0)?;
    }
    let promoted = changed!(tx, PROMOTE, scope.id().0, tested.id.0, now.0, example)?;
    run!(tx, SET_FIRST_SIGN_IN, scope.id().0, method.0, tested.configuration.first_sign_in)?;
    Ok(promoted == 1)
}

/// Gives a method another name.
pub async fn rename(tx: &mut Tx, scope: AccountScope, id: LoginMethodId, name: &str) -> Result<(), StorageError> {
    run!(tx, RENAME, scope.id().0, id.0, name)
}

/// Switches a method on or off. Switching off deletes the proofs of sessions by this method (OA-19).
pub async fn switch(tx: &mut Tx, scope: AccountScope, id: LoginMethodId, on: bool) -> Result<(), StorageError> {
    run!(tx, SWITCH, scope.id().0, id.0, on)?;
    if !on {
        forget_proofs(tx, id).await?;
    }
    Ok(())
}

/// Deletes the proofs of sessions by a method.
pub async fn forget_proofs(tx: &mut Tx, id: LoginMethodId) -> Result<(), StorageError> {
    run!(tx, FORGET_PROOFS, id.0)
}

/// Deletes an OAuth method that no member has; `false` if somebody has it. The audit events still have what was decided about it.
pub async fn delete(tx: &mut Tx, scope: AccountScope, id: LoginMethodId) -> Result<bool, StorageError> {
    let (account, method) = (scope.id().0, id.0);
    let in_use: i64 = on!(tx, c => sqlx::query_scalar(IN_USE).bind(account).bind(method).fetch_one(c).await)?;
    if in_use > 0 {
        return Ok(false);
    }
    forget_proofs(tx, id).await?;
    for sql in [DELETE_ATTEMPTS, DELETE_DECISIONS, DELETE_CONFIGURATIONS] {
        run!(tx, sql, account, method)?;
    }
    let deleted = changed!(tx, DELETE_METHOD, account, method)?;
    Ok(deleted == 1)
}
