//! The REST API under `/api/v1`, for programs with a key. It is no second door: each handler reads a request, calls the operation that the
//! pages call, and writes what that answered in types of its own, which stay as they are while the pages' change.
//!
//! Nothing here looks at cookies, and so nothing here needs what keeps other sites out.

#![allow(
    clippy::result_large_err,
    reason = "a problem is made once for each refused request, and read by whoever gets it"
)]

mod accounts;
mod audit_events;
mod authenticate;
mod check;
mod decisions;
mod document;
mod extract;
mod idempotency;
mod invitations;
mod login_methods;
mod members;
mod problem;
mod reader;
mod roles;
mod types;

pub(super) use problem::problem_of;

use crate::context::Services;
use app::domain::permission::Gate;
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, delete, get, patch, post},
};
use problem::{Problem, ProblemCode};

/// Where the API lies.
const ROOT: &str = "/api/v1";
const ROOT_WITH_SLASH: &str = "/api/v1/";

/// Whom an operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Every live key.
    AnyKey,
    /// Keys that hold all of these permissions, whose member holds them too.
    Permissions(&'static [Gate]),
}

/// Where a key of the host's operator can ask for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByOperator {
    /// Nowhere.
    Refused,
    /// In the account that the request names.
    InAccount,
    /// Over all accounts, without naming one.
    OverAll,
}

/// One operation of the API.
#[derive(Clone)]
pub struct ApiOperation {
    /// Its method.
    pub method: Method,
    /// Its path below `/api/v1`.
    pub path: &'static str,
    /// Whom it answers.
    pub needs: Needs,
    /// Is it done once for an `Idempotency-Key`? What changes nothing, or answers the same each time, needs no keeping.
    pub is_done_once: bool,
    /// Can a key of the host's operator ask for it?
    pub by_operator: ByOperator,
    handler: fn() -> MethodRouter<Services>,
}

use ByOperator::{InAccount, OverAll};

/// Every operation: the router is built from this table, the access test walks it, and another test holds it against the document.
pub static API_OPERATIONS: [ApiOperation; 20] = [
    operation(Method::GET, "/accounts", Needs::AnyKey, || get(accounts::list)).by_operator(OverAll),
    operation(Method::GET, "/members", needs(&[Gate::UsersRead]), || get(members::list)).by_operator(InAccount),
    operation(Method::GET, "/members/{id}", needs(&[Gate::UsersRead]), || get(members::show)).by_operator(InAccount),
    operation(Method::PATCH, "/members/{id}", needs(&[Gate::UsersRead, Gate::UsersEdit]), || patch(members::edit)),
    operation(Method::DELETE, "/members/{id}", needs(&[Gate::UsersRead, Gate::UsersRemove]), || {
        delete(members::remove)
    })
    .by_operator(InAccount),
    once("/members/{id}/suspend", needs(&[Gate::UsersRead, Gate::UsersRemove]), || post(members::suspend))
        .by_operator(InAccount),
    once("/members/{id}/reactivate", needs(&[Gate::UsersRemove]), || post(members::reactivate)).by_operator(InAccount),
    once("/invitations", needs(&[Gate::UsersInvite]), || post(invitations::create)),
    once("/invitations/batch", needs(&[Gate::UsersInvite]), || post(invitations::create_several)),
    once("/members/{id}/invitation/resend", needs(&[Gate::UsersInvite]), || post(invitations::resend)),
    operation(Method::POST, "/members/{id}/invitation/link", needs(&[Gate::UsersInvite]), || post(invitations::link)),
    operation(Method::DELETE, "/members/{id}/invitation", needs(&[Gate::UsersRead, Gate::UsersRemove]), || {
        delete(invitations::revoke)
    }),
    operation(Method::GET, "/roles", needs(&[Gate::UsersRead]), || get(roles::list)).by_operator(InAccount),
    operation(Method::GET, "/login-methods", needs(&[Gate::UsersRead]), || get(login_methods::list))
        .by_operator(InAccount),
    operation(Method::GET, "/decisions", needs(&[Gate::UsersInvite]), || get(decisions::list)),
    once("/decisions/{id}/approve", needs(&[Gate::UsersInvite]), || post(decisions::approve)),
    once("/decisions/{id}/reject", needs(&[Gate::UsersInvite]), || post(decisions::reject)),
    operation(Method::GET, "/audit-events", needs(&[Gate::AuditRead]), || get(audit_events::list))
        .by_operator(InAccount),
    operation(Method::POST, "/check", needs(&[Gate::UsersRead]), || post(check::one)).by_operator(InAccount),
    operation(Method::POST, "/check/batch", needs(&[Gate::UsersRead]), || post(check::several)).by_operator(InAccount),
];

const fn operation(
    method: Method,
    path: &'static str,
    needs: Needs,
    handler: fn() -> MethodRouter<Services>,
) -> ApiOperation {
    ApiOperation { method, path, needs, is_done_once: false, by_operator: ByOperator::Refused, handler }
}

/// A POST that is done once for an `Idempotency-Key`.
const fn once(path: &'static str, needs: Needs, handler: fn() -> MethodRouter<Services>) -> ApiOperation {
    ApiOperation { method: Method::POST, path, needs, is_done_once: true, by_operator: ByOperator::Refused, handler }
}

impl ApiOperation {
    /// A key of the host's operator can ask for it there, too.
    const fn by_operator(mut self, where_asked: ByOperator) -> Self {
        self.by_operator = where_asked;
        self
    }
}

const fn needs(permissions: &'static [Gate]) -> Needs {
    Needs::Permissions(permissions)
}

/// The operation that a request asks for.
fn operation_of(request: &Request) -> Option<&'static ApiOperation> {
    let path = request.extensions().get::<MatchedPath>()?.as_str().strip_prefix(ROOT)?;
    API_OPERATIONS.iter().find(|operation| operation.method == request.method() && operation.path == path)
}

/// Is this an address of the API?
pub(super) fn is_api(uri: &Uri) -> bool {
    uri.path().strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The API with its document and its page. What is below its root and is none of these is not found, in its own words.
pub(super) fn router<S: Clone + Send + Sync + 'static>(services: &Services) -> Router<S> {
    let mut operations = Router::new();
    for operation in &API_OPERATIONS {
        operations = operations.route(operation.path, (operation.handler)());
    }
    let operations = operations
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(services.clone(), idempotency::layer))
        .route_layer(from_fn(extract::limit_body))
        .route_layer(from_fn_with_state(services.clone(), authenticate::layer));
    let api = operations
        .route("/openapi.json", get(document::json).fallback(method_not_allowed))
        .route("/docs", get(reader::page).fallback(method_not_allowed))
        .fallback(not_found)
        .with_state(services.clone());
    // What ends in a slash is no path of a nested router.
    Router::new().nest(ROOT, api).route(ROOT_WITH_SLASH, any(not_found))
}

async fn not_found() -> Response {
    Problem::new(ProblemCode::NotFound).into_response()
}

async fn method_not_allowed() -> Response {
    Problem::new(ProblemCode::MethodNotAllowed).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_its_root_belongs_to_the_api() {
        let is = |path: &str| is_api(&path.parse().unwrap());
        assert!(is("/api/v1") && is("/api/v1/members?limit=1") && is("/api/v1/"));
        assert!(!is("/api/v10/members") && !is("/api/users/list") && !is("/a/api/v1"));
    }
}
