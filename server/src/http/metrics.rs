//! What Prometheus reads, on an address of its own. Nothing of it is served on the public one.

use crate::{context::Services, metrics::CONTENT_TYPE};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// The path that Prometheus asks for unless it is told otherwise.
pub const PATH: &str = "/metrics";

/// The router of the address for metrics.
pub fn router(services: Services) -> Router {
    Router::new().route(PATH, get(read)).with_state(services)
}

async fn read(State(services): State<Services>) -> Response {
    match services.read_metrics().await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
