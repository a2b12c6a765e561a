//! Who asks: the key in `Authorization: Bearer`, and nothing else. Every answer says what is left of the key's bucket.

use super::{
    ByOperator, operation_of,
    problem::{Problem, ProblemCode},
};
use crate::{
    context::Services,
    http::{client_ip::client_ip, visitor::peer},
    metrics::Denial,
    secrets::ApiKey,
    service::{Acts, Allowance, Authenticated, KeyRefusal, KeyUse, OperatorUse},
};
use app::domain::ids::AccountId;
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

/// The account in which a key of the operator acts.
pub(super) const ACCOUNT: HeaderName = HeaderName::from_static("roster-account");

/// Adds who asks to the request, a [`KeyUse`] or an [`OperatorUse`], or turns it away.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let ip = client_ip(peer(&request), request.headers(), &services.config.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let Some(key) = presented(request.headers()) else {
        return denied(&services, &route, None, ip, Problem::new(ProblemCode::InvalidKey).into_response());
    };
    let Ok(account) = named_account(request.headers()) else {
        let unread = Problem::new(ProblemCode::Malformed).saying("Roster-Account is the id of an account");
        return denied(&services, &route, Some(key.hint()), ip, unread.into_response());
    };
    match services.authenticate_key(&key, account, ip).await {
        Ok(Authenticated { key: id, allowance, acts }) => {
            let refused = if key.is_operators() { refused_to_operator(&request, &acts) } else { None };
            let response = match (refused, acts) {
                (Some(problem), _) => problem.into_response(),
                (None, Acts::In(by)) => {
                    request.extensions_mut().insert(*by);
                    next.run(request).await
                }
                (None, Acts::OverAll(by)) => {
                    request.extensions_mut().insert(by);
                    next.run(request).await
                }
            };
            with_allowance(denied(&services, &route, Some(id.to_string()), ip, response), allowance, &services)
        }
        Err(KeyRefusal::NotLive) => {
            denied(&services, &route, Some(key.hint()), ip, Problem::new(ProblemCode::InvalidKey).into_response())
        }
        Err(KeyRefusal::OtherAccount) => {
            denied(&services, &route, Some(key.hint()), ip, Problem::new(ProblemCode::NotFound).into_response())
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

/// Why a key of the operator gets no answer: the operation is for members' keys, or the request does not say where it is to be done.
fn refused_to_operator(request: &Request, acts: &Acts) -> Option<Problem> {
    match (operation_of(request)?.by_operator, acts) {
        (ByOperator::Refused, _) => Some(Problem::new(ProblemCode::MembersOnly)),
        (ByOperator::InAccount, Acts::OverAll(_)) => {
            Some(Problem::new(ProblemCode::Malformed).saying("Name the account by its id in Roster-Account"))
        }
        (ByOperator::OverAll, Acts::In(_)) => {
            Some(Problem::new(ProblemCode::Malformed).saying("This is over all accounts: leave Roster-Account out"))
        }
        (ByOperator::InAccount, Acts::In(_)) | (ByOperator::OverAll, Acts::OverAll(_)) => None,
    }
}

/// The account that a request names, if it names one.
fn named_account(headers: &HeaderMap) -> Result<Option<AccountId>, Unreadable> {
    let mut values = headers.get_all(ACCOUNT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let id = value.to_str().ok().and_then(|id| id.parse().ok());
            id.map(|id| Some(AccountId(id))).ok_or(Unreadable)
        }
        (Some(_), Some(_)) => Err(Unreadable),
    }
}

/// A header that cannot be read.
struct Unreadable;

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

/// The key that asks in an account, as handlers take it.
pub(super) type By = axum::Extension<KeyUse>;

/// A key of the operator over all accounts, as the handler takes it.
pub(super) type ByOperatorOverAll = axum::Extension<OperatorUse>;

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
