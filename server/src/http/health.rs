//! Probes for whatever runs the server.

use crate::context::Services;
use axum::{extract::State, http::StatusCode};

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers too, and takes what is written.
pub(super) async fn ready(State(services): State<Services>) -> (StatusCode, &'static str) {
    if services.is_ready().await {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "database unavailable\n")
    }
}
