//! Shows the text of one mail of Settings → Outbox: a response of its own, isolated from the page that frames it.

use super::answer;
use crate::context::Services;
use app::{domain::ids::MailId, error::AppError, request::Visitor};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};

/// A mail runs no scripts and fetches nothing, and only a page of ours may frame it.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
);

/// `/a/{slug}/settings/outbox/{mail}`.
pub(super) async fn show(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path((slug, mail)): Path<(String, String)>,
) -> Response {
    match html(&services, &visitor, &slug, &mail).await {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)], Html(html)).into_response(),
        Err(error) => answer::error(&error),
    }
}

async fn html(services: &Services, visitor: &Visitor, slug: &str, mail: &str) -> Result<String, AppError> {
    let caller = visitor.caller_in(slug)?;
    let mail: MailId = mail.parse().map_err(|_| AppError::NotFound)?;
    Ok(services.show_mail(&caller, mail).await?.html)
}
