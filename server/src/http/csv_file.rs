//! Files to be downloaded.

use app::error::AppError;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

/// A file of this name, which browsers store and caches do not.
///
/// # Errors
/// [`AppError::NotFound`] for a name that no header can hold.
pub(super) fn download(body: Body, content_type: &'static str, name: &str) -> Result<Response, AppError> {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| AppError::NotFound)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A point in time, as files and the REST API have it.
pub(super) use crate::clock::rfc3339 as moment;

#[cfg(test)]
mod tests {
    use super::*;
    use app::domain::time::Timestamp;

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(moment(Timestamp(1_777_885_200_000)), "2026-05-04T09:00:00Z");
    }
}
