//! `Idempotency-Key` on requests that make something (`draft-ietf-httpapi-idempotency-key-header`): the answer is given again for a day.

use super::problem::{Problem, ProblemCode};
use crate::{
    context::Services,
    service::{Answer, Claim, KeyUse},
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_CHARS: usize = 255;
/// More than any answer has.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Does a request with an `Idempotency-Key` once. An invitation's link is the same each time anyway, and is not for keeping.
pub(super) async fn layer(State(services): State<Services>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path().ends_with("/invitation/link") {
        return next.run(request).await;
    }
    let by = request.extensions().get::<KeyUse>().cloned();
    match (name_of(request.headers()), by) {
        (Ok(Some(name)), Some(by)) => once(&services, &by, &name, request, next).await,
        (Ok(_), _) => next.run(request).await,
        (Err(problem), _) => problem.into_response(),
    }
}

/// The name that the program gave the request.
fn name_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let wrong = || {
        Problem::new(ProblemCode::Malformed)
            .saying(format!("Idempotency-Key is 1 to {MAX_KEY_CHARS} visible characters"))
    };
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let name = value.to_str().map_err(|_| wrong())?.trim();
            let fine = (1..=MAX_KEY_CHARS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
            if fine { Ok(Some(name.to_owned())) } else { Err(wrong()) }
        }
        (Some(_), Some(_)) => Err(wrong()),
    }
}

async fn once(services: &Services, by: &KeyUse, name: &str, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return Problem::new(ProblemCode::Malformed).into_response();
    };
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let hash = Sha256::new()
        .chain_update((address.len() as u64).to_be_bytes())
        .chain_update(address)
        .chain_update(&body)
        .finalize()
        .to_vec();
    match services.claim_answer(by, name, &hash).await {
        Ok(Claim::First) => {}
        Ok(Claim::Again(answer)) => return again(answer),
        Ok(Claim::UnderWay) => return Problem::new(ProblemCode::RequestUnderWay).retry_after(1).into_response(),
        Ok(Claim::OtherRequest) => return Problem::new(ProblemCode::IdempotencyKeyReused).into_response(),
        Err(error) => return Problem::from(error).into_response(),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(services, by, name, response).await
}

/// The answer of the first time.
fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    headers.remove(header::CONTENT_TYPE);
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// Keeps the answer to what was done. An error did nothing: the same request may come out otherwise the next time.
async fn keep(services: &Services, by: &KeyUse, name: &str, response: Response) -> Response {
    let status = response.status();
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return Problem::new(ProblemCode::Internal).into_response();
    };
    let answer = Answer { status: status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() };
    if let Err(error) = services.keep_answer(by, name, status.is_success().then_some(&answer)).await {
        tracing::warn!(%error, "an answer is not kept");
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_name_of_visible_characters() {
        let name = |values: &[&'static str]| {
            name_of(&values.iter().map(|value| (IDEMPOTENCY_KEY, HeaderValue::from_static(value))).collect()).ok()
        };
        assert_eq!(name(&[]), Some(None));
        assert_eq!(name(&["\"8e03978e\""]), Some(Some("\"8e03978e\"".to_owned())));
        for wrong in [&["a", "b"][..], &[""], &["a b"]] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }
}
