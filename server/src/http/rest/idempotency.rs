//! `Idempotency-Key` on requests that make something (`draft-ietf-httpapi-idempotency-key-header`): the answer is given again for a day.

use super::{
    ApiOperation, Needs, operation_of,
    problem::{Problem, ProblemCode},
};
use crate::{
    context::Services,
    service::{Answer, Claim, KeyUse},
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts, uri::PathAndQuery},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tracing::Instrument;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_CHARS: usize = 255;
/// More than any answer has.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Does a request with an `Idempotency-Key` once, if it is one that changes something.
pub(super) async fn layer(State(services): State<Services>, request: Request, next: Next) -> Response {
    let by = request.extensions().get::<KeyUse>().cloned();
    let operation = operation_of(&request).filter(|operation| operation.is_done_once);
    let (Some(operation), Some(by)) = (operation, by) else { return next.run(request).await };
    match name_of(request.headers()) {
        Ok(Some(name)) => {
            // To its end, even if the client goes away meanwhile: else something would be done, and its answer not kept.
            let work = async move { once(&services, &by, &name, operation, request, next).await };
            let done = tokio::spawn(work.in_current_span()).await;
            done.unwrap_or_else(|_| Problem::new(ProblemCode::Internal).into_response())
        }
        Ok(None) => next.run(request).await,
        Err(problem) => problem.into_response(),
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

async fn once(
    services: &Services,
    by: &KeyUse,
    name: &str,
    operation: &ApiOperation,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return Problem::new(ProblemCode::Malformed).into_response();
    };
    let needed = match operation.needs {
        Needs::AnyKey => &[],
        Needs::Permissions(needed) => needed,
    };
    match services.claim_answer(by, needed, name, &fingerprint(&parts, &body)).await {
        Ok(Claim::First) => {}
        Ok(Claim::Again(answer)) => return again(answer),
        Ok(Claim::UnderWay) => return Problem::new(ProblemCode::RequestUnderWay).retry_after(1).into_response(),
        Ok(Claim::OtherRequest) => return Problem::new(ProblemCode::IdempotencyKeyReused).into_response(),
        Ok(Claim::TooMany { wait }) => {
            let full = Problem::new(ProblemCode::RateLimited).saying("This key keeps as many answers as it can.");
            return full.retry_after(wait.as_seconds()).into_response();
        }
        Err(error) => return Problem::from(error).into_response(),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(services, by, name, response).await
}

/// The hash of all that says what a request is to do.
fn fingerprint(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let address = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(parts.method.as_str().as_bytes());
    add(address.as_bytes());
    for name in [header::CONTENT_TYPE, header::IF_MATCH] {
        let values: Vec<_> = parts.headers.get_all(&name).iter().collect();
        add(&(values.len() as u64).to_be_bytes());
        values.into_iter().for_each(|value| add(value.as_bytes()));
    }
    add(body);
    hash.finalize().to_vec()
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

    #[test]
    fn r66_whatever_says_what_is_to_be_done_is_in_the_fingerprint() {
        let of = |uri: &str, headers: &[(HeaderName, &str)], body: &str| {
            let request =
                headers.iter().fold(Request::post(uri), |request, (name, value)| request.header(name, *value));
            fingerprint(&request.body(()).unwrap().into_parts().0, body.as_bytes())
        };
        let json = (header::CONTENT_TYPE, "application/json");
        let requests = [
            of("/a", &[], "1"),
            of("/b", &[], "1"),
            of("/a?b", &[], "1"),
            of("/a", &[], "2"),
            of("/a", std::slice::from_ref(&json), "1"),
            of("/a", &[(header::IF_MATCH, "\"1\"")], "1"),
            of("/a", &[(header::IF_MATCH, "\"2\"")], "1"),
            of("/a", &[(header::IF_MATCH, "\"1\""), (header::IF_MATCH, "\"2\"")], "1"),
        ];
        let distinct: std::collections::BTreeSet<_> = requests.iter().collect();
        assert_eq!(distinct.len(), requests.len());
        assert_eq!(of("/a", &[(header::ACCEPT, "*/*"), json.clone()], "1"), of("/a", &[json], "1"), "and nothing else");
    }
}
