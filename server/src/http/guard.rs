//! Turns panics, slow requests and requests out of proportion into answers.
//!
//! Panics are caught here and not by tower-http's `CatchPanicLayer`, whose handler is not given the request and so cannot answer with its id;
//! its `TimeoutLayer` answers with an empty body, where ours says in words and in the server functions' encoding what happened.

use super::{answer, lengths::HiddenLength, trace::RequestId};
use app::error::{AppError, BadRequest};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http_body_util::BodyExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tower_http::timeout::TimeoutBody;

/// How long a request may take; after that, nobody waits for the answer any more.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest path with its query (IN-09).
const MAX_URI_BYTES: usize = 8 * 1024;
/// All headers together (IN-09).
const MAX_HEADERS_BYTES: usize = 16 * 1024;

/// Answers 503 when a request takes too long, and breaks an answer off whose next part takes as long: a page or a file that is sent as it is made
/// keeps nobody waiting for ever. A stream that has nothing to tell says so more often than that.
pub(super) async fn time_limit(request: Request, next: Next) -> Response {
    let Ok(response) = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await else {
        tracing::error!("timed out after {} s", REQUEST_TIMEOUT.as_secs());
        return answer::error(&AppError::Unavailable);
    };
    response.map(|body| if body.size_hint().exact().is_some() { body } else { breaking_off(body) })
}

fn breaking_off(body: Body) -> Body {
    // The body is read outside of the request's span.
    let span = tracing::Span::current();
    Body::new(TimeoutBody::new(REQUEST_TIMEOUT, body).map_err(move |error| {
        span.in_scope(|| tracing::error!(%error, "an answer broke off"));
        error
    }))
}

/// Refuses requests with too long an address or too large headers.
pub(super) async fn sizes(request: Request, next: Next) -> Response {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > MAX_URI_BYTES {
        return answer::bad_request(BadRequest::AddressTooLong);
    }
    if size(request.headers()) > MAX_HEADERS_BYTES {
        return answer::bad_request(BadRequest::HeadersTooLarge);
    }
    next.run(request).await
}

/// Refuses requests that a proxy in front might read differently (BR-16). A body in chunks is taken, as some proxies and tunnels send every
/// body so, but not with a length beside it; and it is the last thing that its connection carries, as RFC 9112, 6.1 has it, so that nothing
/// behind it can be taken for a request.
pub(super) async fn ambiguities(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let in_chunks = headers.contains_key(header::TRANSFER_ENCODING);
    let two_lengths = in_chunks
        && (headers.contains_key(header::CONTENT_LENGTH) || request.extensions().get::<HiddenLength>().is_some());
    let two_hosts = headers.get_all(header::HOST).iter().count() > 1;
    let mut response = if request.uri().path_and_query().is_none() || two_hosts || two_lengths {
        answer::bad_request(BadRequest::Malformed)
    } else {
        next.run(request).await
    };
    if in_chunks {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Answers a panic with a generic 500. The panic hook has logged it already, within the request's span, so that there is one line
/// (LG-04). What the request held may be half done, but nobody sees it again: its transaction is rolled back.
pub(super) async fn panics(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(RequestId::to_string).unwrap_or_default();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| answer::error(&AppError::Internal { request_id }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        Router,
        body::{Body, to_bytes},
        http::StatusCode,
        middleware::from_fn,
        routing::get,
    };
    use futures::StreamExt;
    use tower::ServiceExt;

    #[tokio::test]
    async fn lg_04_a_panic_is_a_generic_500() {
        async fn broken() -> &'static str {
            panic!("a secret")
        }
        let app = Router::new().route("/", get(broken)).layer(from_fn(panics));
        let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(&body[..], br#"{"internal":{"request_id":""}}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn f27_an_answer_that_stays_away_in_its_middle_is_broken_off() {
        async fn stuck() -> Body {
            let first = futures::stream::once(async { Ok::<_, std::io::Error>("first") });
            Body::from_stream(first.chain(futures::stream::pending()))
        }
        let app = Router::new().route("/", get(stuck)).layer(from_fn(time_limit));
        let mut body = app.oneshot(Request::new(Body::empty())).await.unwrap().into_body().into_data_stream();
        assert_eq!(body.next().await.unwrap().unwrap(), "first");
        let began = tokio::time::Instant::now();
        assert!(body.next().await.unwrap().is_err());
        assert_eq!(began.elapsed().as_secs(), REQUEST_TIMEOUT.as_secs());
    }

    #[tokio::test]
    async fn in_09_and_br_16_heads_out_of_proportion_or_ambiguous_are_refused() {
        let status = async |headers: &[(&'static str, String)]| {
            let app = Router::new().route("/", get(|| async { "" })).layer(from_fn(ambiguities)).layer(from_fn(sizes));
            let mut request = Request::new(Body::empty());
            for (name, value) in headers {
                request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
            }
            app.oneshot(request).await.unwrap().status()
        };
        assert_eq!(status(&[("host", "x".into())]).await, StatusCode::OK);
        let large = status(&[("cookie", "x".repeat(MAX_HEADERS_BYTES))]).await;
        assert_eq!(large, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(status(&[("host", "x".into()), ("host", "y".into())]).await, StatusCode::BAD_REQUEST);
        assert_eq!(status(&[("transfer-encoding", "chunked".into())]).await, StatusCode::OK);
        let both = status(&[("transfer-encoding", "chunked".into()), ("content-length", "1".into())]).await;
        assert_eq!(both, StatusCode::BAD_REQUEST);
    }
}
