//! Reads requests: bodies of JSON, queries, ids, and the version of a member. What cannot be read is refused in the API's own form.

use super::problem::{Problem, ProblemCode};
use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use std::error::Error;
use uuid::Uuid;

/// The largest body (IN-09).
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How JSON may write the character that no database takes in a text.
const NUL_ESCAPE: &[u8] = b"\\u0000";

/// Reads the body, within the limit, before anything else looks at it.
pub(super) async fn limit_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(error) => {
            let too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
            let code = if too_large { ProblemCode::BodyTooLarge } else { ProblemCode::Malformed };
            Problem::new(code).into_response()
        }
    }
}

/// A body of JSON.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(ProblemCode::WrongContentType));
        }
        let malformed = || Problem::new(ProblemCode::Malformed);
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| malformed())?;
        // Serde would take a list for an object, its fields in their order.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::new(ProblemCode::Invalid).saying("The body must be an object."));
        }
        let read = serde_json::from_slice(&body).map_err(|error| {
            let code = if error.is_data() { ProblemCode::Invalid } else { ProblemCode::Malformed };
            Problem::new(code).saying(error.to_string())
        })?;
        if body.windows(NUL_ESCAPE.len()).any(|part| part == NUL_ESCAPE) {
            return Err(malformed().saying("The body holds a NUL character."));
        }
        Ok(Self(read))
    }
}

/// Reads a list of objects, and takes no lists for them.
///
/// # Errors
/// What is wrong with one of them.
pub(super) fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Map<String, Value>>::deserialize(deserializer)?;
    objects.into_iter().map(|object| serde_json::from_value(object.into()).map_err(D::Error::custom)).collect()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The parameters of a query. Unknown ones, and one that is there twice, are refused.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(read) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(ProblemCode::Malformed).saying(error.body_text()))?;
        Ok(Self(read))
    }
}

/// The id in the path; what is no id names nothing.
pub(super) struct Id(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let not_found = || Problem::new(ProblemCode::NotFound);
        let Path(raw) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        Ok(Self(raw.parse().map_err(|_| not_found())?))
    }
}

/// The version that a change is meant for, from `If-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// There is no such header.
    Absent,
    /// `*`: whichever it is.
    Any,
    /// This one. What is no version of ours is none that could be the present one.
    Version(String),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        Ok(match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) if value == "*" => Self::Any,
            (Some(value), None) => {
                let text = value.to_str().unwrap_or_default().trim();
                let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                Self::Version(version.unwrap_or_default().to_owned())
            }
            (Some(_), Some(_)) => Self::Version(String::new()),
        })
    }
}

/// How many are asked for at once: 50, unless something else is.
pub(super) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(USUAL_LIMIT) {
        fine @ 1..=MAX_LIMIT => Ok(fine as usize),
        _ => Err(Problem::new(ProblemCode::Malformed).saying(format!("limit is between 1 and {MAX_LIMIT}"))),
    }
}

const USUAL_LIMIT: u32 = 50;
/// The largest page (IN-12).
const MAX_LIMIT: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn in_12_a_page_has_one_to_two_hundred() {
        assert_eq!(limit(None).ok(), Some(50));
        assert_eq!((limit(Some(1)).ok(), limit(Some(200)).ok()), (Some(1), Some(200)));
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err() && limit(Some(u32::MAX)).is_err());
    }

    #[tokio::test]
    async fn r66_a_version_is_read_from_if_match() {
        let read = async |value: Option<&'static str>| {
            let mut request = Request::new(Body::empty());
            if let Some(value) = value {
                request.headers_mut().insert(header::IF_MATCH, HeaderValue::from_static(value));
            }
            let (mut parts, _) = request.into_parts();
            IfMatch::from_request_parts(&mut parts, &()).await.ok()
        };
        assert_eq!(read(None).await, Some(IfMatch::Absent));
        assert_eq!(read(Some("*")).await, Some(IfMatch::Any));
        assert_eq!(read(Some("\"12\"")).await, Some(IfMatch::Version("12".to_owned())));
        for none in ["12", "W/\"12\"", "\"", ""] {
            assert_ne!(read(Some(none)).await, Some(IfMatch::Version("12".to_owned())), "{none}");
        }
    }
}
