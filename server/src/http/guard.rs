//! Faults, slowness and excess, each turned into an answer.

use super::answer;
use app::error::AppError;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::Response,
};
use std::{any::Any, time::Duration};

/// The longest that an answer may take; after that nobody waits for it any more.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);
/// The longest path with its query (IN-09).
const LONGEST_URI: usize = 8 * 1024;
/// All headers together (IN-09).
const LARGEST_HEADERS: usize = 16 * 1024;

/// Answers 503 when a request takes too long.
pub(super) async fn time_limit(request: Request, next: Next) -> Response {
    tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!("gave up after {} s", LONGEST_REQUEST.as_secs());
        answer::error(&AppError::Unavailable)
    })
}

/// Refuses requests whose first lines alone are out of proportion.
pub(super) async fn sizes(request: Request, next: Next) -> Response {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > LONGEST_URI {
        return answer::error_with(StatusCode::URI_TOO_LONG, &AppError::Transport);
    }
    if size(request.headers()) > LARGEST_HEADERS {
        return answer::error_with(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &AppError::Transport);
    }
    next.run(request).await
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Answers a panic with a generic 500. The panic hook has logged it already, within the request's span, so that there is one line (LG-04).
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    answer::error(&AppError::Internal { request_id: String::new() })
}
