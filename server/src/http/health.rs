//! Probes for whatever runs the server.

use crate::service::Services;
use axum::{extract::State, http::StatusCode};

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers too.
pub(super) async fn ready(State(services): State<Services>) -> (StatusCode, &'static str) {
    match services.check().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "database unavailable\n")
        }
    }
}
