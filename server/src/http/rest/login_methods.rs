//! Login methods, as far as somebody who invites needs them: no set-up, no secrets.

use super::{authenticate::By, problem::Problem, types::ApiLoginMethod};
use crate::context::Services;
use app::domain::permission::Gate;
use axum::{Extension, Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// Login methods.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginMethods {
    login_methods: Vec<ApiLoginMethod>,
}

/// List login methods
///
/// Those that are switched on and fully set up, by which people can be invited. Needs `users.read`.
#[utoipa::path(get, path = "/login-methods", operation_id = "list_login_methods", tag = "Account",
    responses((status = 200, description = "The login methods.", body = LoginMethods)))]
pub(super) async fn list(State(services): State<Services>, Extension(by): By) -> Result<Json<LoginMethods>, Problem> {
    let methods = services.list_ready_login_methods(&by.caller, Gate::UsersRead).await?;
    Ok(Json(LoginMethods { login_methods: methods.into_iter().map(ApiLoginMethod::from).collect() }))
}
