//! Answers of the layers themselves, in the encoding of the server functions, so that a page can put them into words.

use app::error::AppError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// An error with its own status.
pub(super) fn error(error: &AppError) -> Response {
    error_with(error.status(), error)
}

/// An error with a status that says more than it does.
pub(super) fn error_with(status: StatusCode, error: &AppError) -> Response {
    let mut response = (status, Json(error)).into_response();
    if let AppError::RateLimited { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}
