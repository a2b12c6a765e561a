//! Who asks: the key in `Authorization: Bearer`, and nothing else. Every answer says what is left of the key's bucket.

use super::problem::{Problem, ProblemCode};
use crate::{
    context::Services,
    http::{client_ip::client_ip, visitor::peer},
    metrics::Denial,
    secrets::ApiKey,
    service::{Allowance, KeyRefusal, KeyUse},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// As the draft of the IETF's working group has them (`draft-ietf-httpapi-ratelimit-headers`).
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds the [`KeyUse`] to the request, or turns it away.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let ip = client_ip(peer(&request), request.headers(), &services.config.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let Some(key) = presented(request.headers()) else {
        return denied(&services, &route, None, ip, Problem::new(ProblemCode::InvalidKey).into_response());
    };
    match services.authenticate_key(&key, ip).await {
        Ok(by) => {
            let (id, allowance) = (by.key, by.allowance);
            request.extensions_mut().insert(by);
            let response = next.run(request).await;
            with_allowance(denied(&services, &route, Some(id.to_string()), ip, response), allowance, &services)
        }
        Err(KeyRefusal::NotLive) => {
            denied(&services, &route, Some(key.hint()), ip, Problem::new(ProblemCode::InvalidKey).into_response())
        }
        Err(KeyRefusal::RateLimited { retry_after_s, allowance }) => {
            let problem = Problem::new(ProblemCode::RateLimited).retry_after(retry_after_s);
            with_allowance(
                denied(&services, &route, Some(key.hint()), ip, problem.into_response()),
                allowance,
                &services,
            )
        }
        Err(KeyRefusal::Failed(error)) => Problem::from(error).into_response(),
    }
}

/// The key of a request that has exactly one, well formed.
fn presented(headers: &HeaderMap) -> Option<ApiKey> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| ApiKey::parse(key.trim()))?
}

/// Logs what is denied (AZ-17, LG-01): by the id of the key, or by the first characters of one that opens nothing.
fn denied(services: &Services, what: &str, key: Option<String>, ip: IpAddr, response: Response) -> Response {
    let status = response.status();
    let denies = [
        (StatusCode::UNAUTHORIZED, Denial::WrongKey),
        (StatusCode::FORBIDDEN, Denial::Refused),
        (StatusCode::NOT_FOUND, Denial::NotFound),
        (StatusCode::TOO_MANY_REQUESTS, Denial::OverALimit),
    ];
    if let Some((_, denial)) = denies.into_iter().find(|(denies, _)| *denies == status) {
        services.metrics().denied(denial);
        let reason = status.canonical_reason().unwrap_or_default();
        tracing::warn!(what, key, %ip, reason, "denied");
    }
    response
}

fn with_allowance(mut response: Response, allowance: Allowance, services: &Services) -> Response {
    let Allowance { burst, left, full_in_s } = allowance;
    let window = (f64::from(burst) / services.config.limits.api_per_s).ceil();
    let headers = response.headers_mut();
    for (name, value) in [
        (RATE_LIMIT_POLICY, format!("\"key\";q={burst};w={window}")),
        (RATE_LIMIT, format!("\"key\";r={left};t={full_in_s}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// The key that asks, as handlers take it.
pub(super) type By = axum::Extension<KeyUse>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lt_01_a_key_comes_once_and_by_its_header_alone() {
        let key = ApiKey::new();
        let found = |values: &[String]| {
            let lines = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
            presented(&lines.collect())
        };
        let bearer = format!("Bearer {}", key.reveal());
        assert_eq!(found(std::slice::from_ref(&bearer)), Some(key.clone()));
        assert_eq!(found(&[format!("bearer {}", key.reveal())]), Some(key.clone()));
        let (bare, basic) = (key.reveal().to_owned(), format!("Basic {}", key.reveal()));
        for none in [vec![], vec![bearer.clone(), bearer], vec![bare], vec![basic], vec!["Bearer x".to_owned()]] {
            assert_eq!(found(&none), None, "{none:?}");
        }
    }
}
