//! Links that carry a token: exchanged for a cookie at once, so that the token is in no later address, referrer or log (INV-07). They
//! change nothing in the database, however often a mail scanner opens them (INV-06).

use crate::{context::Services, secrets::Token, service::Linked};
use app::{domain::language::Language, paths};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

/// The page of links that lead to no invitation.
const UNKNOWN: &str = "unknown";

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// `/i/{token}`: redirects to the page of the invitation. Unknown tokens, and texts that cannot be tokens, lead to the same page.
pub(super) async fn invitation(State(services): State<Services>, Path(token): Path<String>) -> Response {
    let unknown = || redirect(&paths::invitation(UNKNOWN), None);
    if Token::parse(&token).is_none() {
        return unknown();
    }
    match services.linked_by_token(&token).await {
        Ok(Some(Linked::Invitation(id))) => {
            redirect(&paths::invitation(id), Some(&services.cookies.invitation(&token)))
        }
        Ok(Some(Linked::Refusal)) => redirect(&paths::invitation(UNKNOWN), Some(&services.cookies.invitation(&token))),
        Ok(None) => unknown(),
        Err(error) => {
            tracing::warn!(%error, "cannot look up an invitation");
            super::answer::error(&app::error::AppError::Unavailable)
        }
    }
}

/// `/s/{token}`: redirects to the set-up page, which checks the token.
pub(super) async fn setup(State(services): State<Services>, Path(token): Path<String>) -> Response {
    let cookie = Token::parse(&token).map(|token| services.cookies.setup(token.reveal()));
    redirect(paths::SETUP, cookie.as_deref())
}

/// `/r/{token}`: redirects to the page that chooses a new password, which checks the token.
pub(super) async fn password_reset(State(services): State<Services>, Path(token): Path<String>) -> Response {
    let cookie = Token::parse(&token).map(|token| services.cookies.password_reset(token.reveal()));
    redirect(paths::RESET_PASSWORD, cookie.as_deref())
}

/// `/e/{token}`: redirects to the page that confirms a change of address or takes it back, which checks the token.
pub(super) async fn address_change(State(services): State<Services>, Path(token): Path<String>) -> Response {
    let cookie = Token::parse(&token).map(|token| services.cookies.address_change(token.reveal()));
    redirect(paths::ADDRESS, cookie.as_deref())
}

/// Where to go on after choosing a language.
#[derive(Deserialize)]
pub(super) struct NextQuery {
    #[serde(default)]
    next: String,
}

/// `/language/{tag}?next=…`: keeps the language in this browser and goes on to a page of ours (BR-08).
pub(super) async fn language(
    State(services): State<Services>,
    Path(tag): Path<String>,
    Query(NextQuery { next }): Query<NextQuery>,
) -> Response {
    let cookie = Language::from_tag(&tag).map(|language| services.cookies.language(language));
    redirect(&paths::local_or(&next, "/"), cookie.as_deref())
}

/// 303 to a path of ours, perhaps with a cookie.
fn redirect(path: &str, cookie: Option<&str>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_07_the_answer_to_a_link_leads_away_from_the_token() {
        let response = redirect("/invitation/unknown", Some("a=b; Path=/"));
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], "/invitation/unknown");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-robots-tag"], "noindex");
        assert_eq!(response.headers()["set-cookie"], "a=b; Path=/");
    }
}
