//! The account of the key, and what the key may do there.

use super::{
    authenticate::By,
    problem::Problem,
    types::{ApiLanguage, Moment},
};
use crate::{context::Services, service::AccountOfKey};
use axum::{Extension, Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The accounts that the key opens: one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    accounts: Vec<Account>,
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

/// The account of this key
///
/// Every live key can ask. This is the request to try a new key with.
#[utoipa::path(get, path = "/accounts", operation_id = "list_accounts", tag = "Account",
    responses((status = 200, description = "The account, and what the key can do there.", body = Accounts)))]
pub(super) async fn list(State(services): State<Services>, Extension(by): By) -> Result<Json<Accounts>, Problem> {
    let AccountOfKey { id, slug, name, language, key_name, permissions } =
        services.show_account_of_key(&by.caller).await?;
    let api_key = ThisKey {
        name: key_name,
        permissions: permissions.iter().map(ToString::to_string).collect(),
        expires_at: by.expires.map(Moment::from),
    };
    let account = Account { id: id.0, slug: slug.to_string(), name, language: language.into(), api_key };
    Ok(Json(Accounts { accounts: vec![account] }))
}
