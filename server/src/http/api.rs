//! The layer around the server functions: it takes one encoding only, and gives errors their status.

use super::{answer, denials::RequestSummary, flash, nul};
use crate::{context::Services, cookies::local_target};
use app::{
    error::{AppError, BadRequest},
    request::{Visitor, accepts_html},
};
use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use http_body_util::LengthLimitError;
use server_fn::error::{FromServerFnError, SERVER_FN_ERROR_HEADER};
use std::error::Error;

/// The largest body of a server function (IN-09).
const MAX_BODY_BYTES: usize = 64 * 1024;
const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Takes only form-encoded bodies within the limit (BR-06, IN-09); then gives errors their status, and makes redirects lead to us.
pub(super) async fn layer(State(services): State<Services>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return handle_page(&services, request, next).await;
    }
    if !request.method().is_safe() && !is_form(request.headers()) {
        return answer::bad_request(BadRequest::WrongContentType);
    }
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return answer::bad_request(read_error(&error)),
    };
    if nul::has_nul(&body) {
        return answer::bad_request(BadRequest::Malformed);
    }
    let visitor = parts.extensions.get::<Visitor>().filter(|_| accepts_html(&parts.headers)).cloned();
    let form = visitor.map(|visitor| flash::Form {
        visitor,
        function: parts.uri.path().to_owned(),
        body: body.clone(),
        page: parts.headers.get(header::REFERER).and_then(|page| page.to_str().ok()).map(local_target),
    });
    let summary = RequestSummary::of_function(parts.extensions.get(), parts.uri.path(), &body);
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        response = log_denied(&services, &summary, response).await;
    }
    let target = response.headers().get(header::LOCATION);
    let target = target.map(|target| local_target(target.to_str().unwrap_or_default()));
    match (form, target) {
        (Some(form), Some(target)) => return form.answer(&services, response, target, MAX_BODY_BYTES).await,
        (None, Some(target)) => {
            let target = HeaderValue::from_str(&target).unwrap_or(HeaderValue::from_static("/"));
            response.headers_mut().insert(header::LOCATION, target);
            return response;
        }
        (_, None) => {}
    }
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) { with_status(response).await } else { response }
}

/// Handles everything but server functions; denied requests to pages of an account are logged.
async fn handle_page(services: &Services, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let summary = RequestSummary::of_page(extensions.get(), route, request.uri().path());
    let response = next.run(request).await;
    if let Some(summary) = summary {
        summary.log_status(response.status(), services.metrics());
    }
    response
}

/// Logs an error that denies something.
async fn log_denied(services: &Services, summary: &RequestSummary, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    summary.log_error(&AppError::de(body.clone()), services.metrics());
    Response::from_parts(parts, Body::from(body))
}

/// Why a body could not be read to its end.
fn read_error(error: &axum::Error) -> BadRequest {
    let too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
    if too_large { BadRequest::BodyTooLarge } else { BadRequest::Malformed }
}

/// Gives an answer the status of the error in its body, since the framework answers every error with 500. The other headers, such as
/// cookies, stay.
async fn with_status(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let mut response = answer::error(&AppError::de(body));
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// Is the body said to be form encoded, and nothing else?
fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM_CONTENT_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[test]
    fn br_06_only_form_encoding_is_taken() {
        let taken = |kinds: &[&'static str]| {
            let headers: HeaderMap =
                kinds.iter().map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind))).collect();
            is_form(&headers)
        };
        assert!(taken(&["application/x-www-form-urlencoded"]));
        assert!(taken(&["Application/X-WWW-Form-Urlencoded; charset=utf-8"]));
        for wrong in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/json",
            "",
            "application/x-www-form-urlencoded2",
        ] {
            assert!(!taken(&[wrong]), "{wrong}");
        }
        assert!(!taken(&[]));
        assert!(!taken(&["application/x-www-form-urlencoded", "text/plain"]));
    }

    #[tokio::test]
    async fn an_error_gets_the_status_it_names() {
        let framework = |error: &AppError| {
            Response::builder()
                .status(StatusCode::INTERNAL_SERVER_ERROR)
                .header(SERVER_FN_ERROR_HEADER, "/api/x")
                .body(Body::from(serde_json::to_vec(error).unwrap()))
                .unwrap()
        };
        let response = with_status(framework(&AppError::RateLimited { retry_after_s: 30 })).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "30");
        assert_eq!(with_status(framework(&AppError::NotFound)).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(with_status(framework(&AppError::Unauthenticated)).await.status(), StatusCode::UNAUTHORIZED);
    }
}
