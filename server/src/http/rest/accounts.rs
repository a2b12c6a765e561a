//! The accounts of the key, and what the key may do there.

use super::{
    authenticate::{By, ByOperatorOverAll},
    extract::{Parameters, limit},
    problem::{Problem, ProblemCode},
    types::{ApiLanguage, Moment},
};
use crate::{
    context::Services,
    service::{AccountOfKey, AccountsOfOperator, KeyUse, OperatorUse},
};
use app::domain::{ids::AccountId, permission::Permissions, time::Timestamp};
use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The accounts that the key opens: one for a member's key.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    accounts: Vec<Account>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<Uuid>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// Its id.
    id: Uuid,
    /// What stands in its addresses.
    slug: String,
    /// Its name.
    name: String,
    /// Its language.
    language: ApiLanguage,
    /// The key that asks.
    api_key: ThisKey,
}

/// The key that asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThisKey {
    /// Its name.
    name: String,
    /// What it can do now: what it was given, as far as the member it acts for can do it too.
    permissions: Vec<String>,
    /// When it expires; null for never.
    expires_at: Option<Moment>,
}

impl ThisKey {
    fn new(name: String, permissions: &Permissions, expires: Option<Timestamp>) -> Self {
        let permissions = permissions.iter().map(ToString::to_string).collect();
        Self { name, permissions, expires_at: expires.map(Moment::from) }
    }
}

/// Which accounts, and how many: for keys of the operator, as every other opens one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccountsQuery {
    /// The `next` of the page before.
    cursor: Option<Uuid>,
    /// How many; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The accounts of this key
///
/// Every live key can ask. This is the request to try a new key with. A member's key opens one account, one of Roster's operator all of them.
#[utoipa::path(get, path = "/accounts", operation_id = "list_accounts", tag = "Account", params(AccountsQuery),
    responses((status = 200, description = "The accounts, and what the key can do there.", body = Accounts)))]
pub(super) async fn list(
    State(services): State<Services>,
    by: Option<By>,
    over_all: Option<ByOperatorOverAll>,
    Parameters(query): Parameters<AccountsQuery>,
) -> Result<Json<Accounts>, Problem> {
    let most = limit(query.limit)?;
    match (by, over_all) {
        (Some(Extension(by)), _) => of_member(&services, &by).await,
        (None, Some(Extension(by))) => of_operator(&services, &by, query.cursor.map(AccountId), most).await,
        (None, None) => Err(Problem::new(ProblemCode::InvalidKey)),
    }
}

/// The one account of a member's key.
async fn of_member(services: &Services, by: &KeyUse) -> Result<Json<Accounts>, Problem> {
    let AccountOfKey { id, slug, name, language, key_name, permissions } =
        services.show_account_of_key(&by.caller).await?;
    let api_key = ThisKey::new(key_name, &permissions, by.expires);
    let account = Account { id: id.0, slug: slug.to_string(), name, language: language.into(), api_key };
    Ok(Json(Accounts { accounts: vec![account], next: None }))
}

/// Some of all accounts, for a key of the operator.
async fn of_operator(
    services: &Services,
    by: &OperatorUse,
    after: Option<AccountId>,
    most: usize,
) -> Result<Json<Accounts>, Problem> {
    let AccountsOfOperator { key, accounts, next } = services.list_accounts_of_operator(by, after, most).await?;
    let accounts = accounts.into_iter().map(|account| Account {
        id: account.id.0,
        slug: account.slug.to_string(),
        name: account.name,
        language: account.language.into(),
        api_key: ThisKey::new(key.name.clone(), &key.permissions, key.expires),
    });
    Ok(Json(Accounts { accounts: accounts.collect(), next: next.map(|id| id.0) }))
}
