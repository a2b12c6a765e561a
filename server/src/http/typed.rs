//! Forms that come back with an error, for those without scripting: what was typed goes with the page.

use crate::service::{Services, without_flash};
use app::{domain::ids::FlashId, ports::Visitor};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

/// Puts what was typed into the request for the page that comes back; its fields look there for what they show.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let id = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "flash");
    let id: Option<FlashId> = id.and_then(|(_, id)| id.parse().ok()).filter(|_| request.method() == Method::GET);
    let visitor = request.extensions().get::<Visitor>().cloned();
    if let Some((id, visitor)) = id.zip(visitor) {
        match services.typed(&visitor, id).await {
            Ok(typed) => drop(request.extensions_mut().insert(typed)),
            Err(error) => tracing::warn!(%error, "what was typed cannot be shown again"),
        }
    }
    next.run(request).await
}

/// Is this a form that the browser itself sent, so that the answer is a page?
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

/// The page's address with what brings back what was typed, if the page comes back with an error. One that comes back without has nothing
/// to show of an earlier try.
pub(super) async fn keep(
    services: &Services,
    visitor: Option<Visitor>,
    form: &[u8],
    came_from: &str,
    page: String,
) -> String {
    if !page.contains("__err=") {
        return if page == came_from { without_flash(&page) } else { page };
    }
    let Some(visitor) = visitor else { return page };
    match services.keep_typed(&visitor, form, &page).await {
        Ok(path) => path,
        Err(error) => {
            tracing::warn!(%error, "what was typed cannot be kept");
            page
        }
    }
}
