//! Decisions about people whom a provider named differently from those invited, or who ask to be invited by another address.

use super::{
    authenticate::By,
    extract::{Id, Parameters, limit},
    problem::{Problem, ProblemCode},
    types::Moment,
};
use crate::{context::Services, service::KeyUse};
use app::{api::login_methods::Notice, backend::Decide, domain::ids::DecisionId};
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which decisions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DecisionsQuery {
    /// The `next` of the page before.
    cursor: Option<Uuid>,
    /// How many; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Open decisions, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decisions {
    /// The decisions.
    decisions: Vec<OpenDecision>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<Uuid>,
}

/// Somebody came back from the provider as somebody else than the one invited, or asks to be invited by another email address.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenDecision {
    /// Its id.
    id: Uuid,
    /// The member who is invited.
    member: Uuid,
    /// The login method.
    login_method: Uuid,
    /// The identifier that the provider gave; null for somebody who asks to be invited by another address.
    identifier: Option<String>,
    /// The email address that the provider gave, or that is asked for.
    email: Option<String>,
    /// When the person came.
    came_at: Moment,
}

/// List open decisions
///
/// Needs `users.invite`.
#[utoipa::path(get, path = "/decisions", operation_id = "list_decisions", tag = "Decisions", params(DecisionsQuery),
    responses((status = 200, description = "Some decisions, and where the list goes on.", body = Decisions)))]
pub(super) async fn list(
    State(services): State<Services>,
    Extension(by): By,
    Parameters(query): Parameters<DecisionsQuery>,
) -> Result<Json<Decisions>, Problem> {
    let (after, most) = (DecisionId(query.cursor.unwrap_or_default()), limit(query.limit)?);
    let (found, more) = services.list_some_decisions(&by.caller, after, most as i64).await?;
    let next = found.last().filter(|_| more).map(|last| last.id.0);
    let decisions = found
        .into_iter()
        .map(|decision| OpenDecision {
            id: decision.id.0,
            member: decision.member.0,
            login_method: decision.method.0,
            identifier: decision.asked_by.is_none().then_some(decision.identifier),
            email: decision.email,
            came_at: decision.at.into(),
        })
        .collect();
    Ok(Json(Decisions { decisions, next }))
}

/// Let the person in as the provider named them, or invite them by the address that they ask for
///
/// With a new link. In place of an address, the invited one is withdrawn and the other is invited with the same role and extras. Needs `users.invite`. Whatever is offered, the key must hold itself.
#[utoipa::path(post, path = "/decisions/{id}/approve", operation_id = "approve_decision", tag = "Decisions",
    params(("id" = Uuid, Path, description = "The decision.")),
    responses((status = 204, description = "Decided.")))]
pub(super) async fn approve(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    decide(&services, &by, DecisionId(id), "use").await
}

/// Leave the invitation as it was
///
/// With a new link, unless another address was asked for. Needs `users.invite`. Whatever is offered, the key must hold itself.
#[utoipa::path(post, path = "/decisions/{id}/reject", operation_id = "reject_decision", tag = "Decisions",
    params(("id" = Uuid, Path, description = "The decision.")),
    responses((status = 204, description = "Decided.")))]
pub(super) async fn reject(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    decide(&services, &by, DecisionId(id), "reject").await
}

async fn decide(services: &Services, by: &KeyUse, id: DecisionId, outcome: &str) -> Result<StatusCode, Problem> {
    let member = services.member_of_decision(&by.caller, id).await?;
    match services.decide(&by.caller, member, id, outcome).await?.notice {
        Some(Notice::Decided | Notice::RequestGranted | Notice::RequestRefused) => Ok(StatusCode::NO_CONTENT),
        Some(Notice::RequestInTheList) => Err(Problem::new(ProblemCode::AlreadyInvited).about(member.0)),
        Some(Notice::IdentifierTaken) => Err(Problem::new(ProblemCode::IdentifierTaken).about(member.0)),
        Some(_) | None => Err(Problem::new(ProblemCode::AlreadyDecided).about(member.0)),
    }
}
