//! Logs one line for each request, and gives each an id that ties it to everything else that is logged about it. The line holds the matched
//! route, never the path or query: those carry tokens (INV-07, LG-02).
//!
//! tower-http's layers for request ids are not used, because they take over an id that came with the request, and its `TraceLayer` logs the
//! path.

use crate::{context::Services, forward_auth::CHECK, metrics::Present};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use std::{fmt, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request; always our own, since one that came with the request could forge log lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// Gives the request its id and span, and logs the outcome.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::now_v7());
    request.extensions_mut().insert(id);
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let without_route = request.extensions().get::<MatchedPath>().is_none();
    let is_check = route == CHECK;
    let span = tracing::info_span!("request", %id, method = %short(request.method().as_str()), %route);
    let started = Instant::now();
    let method = request.method().clone();

    async move {
        let in_flight = Present::of(&services.metrics().http_requests_in_flight);
        let mut response = next.run(request).await;
        drop(in_flight);
        services.metrics().answered(&route, &method, response.status(), started.elapsed());
        let status = response.status().as_u16();
        // Files have no route; what else has none is not found.
        let is_a_file = without_route && status < 400;
        // Proxies ask about every request of their platforms, which have logs of their own.
        let is_a_check = is_check && status < 500;
        let ms = started.elapsed().as_millis();
        if response.status().is_server_error() {
            tracing::warn!(status, ms, "answered");
        } else if is_a_file || is_a_check {
            tracing::debug!(status, ms, "answered");
        } else {
            tracing::info!(status, ms, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// The method as the log shows it: clients may send any text, so it is cut to the length of the longest real one.
fn short(method: &str) -> &str {
    method.get(..method.len().min(16)).unwrap_or("?")
}
