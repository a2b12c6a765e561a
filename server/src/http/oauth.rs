//! The redirect to a provider and the callback. All of them are links: the policy of our pages lets no form lead to another site (BR-01).

use super::answer;
use crate::{context::Services, oauth::AuthorizationResponse};
use app::{
    domain::ids::{InvitationId, LoginMethodId},
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use url::Url;

/// What a start link may carry.
#[derive(Deserialize)]
pub(super) struct StartQuery {
    #[serde(default)]
    next: String,
    invitation: Option<InvitationId>,
}

/// `/oauth/{method}/start`: to the provider, to sign in or to accept an invitation. Only after a press on a page of ours: otherwise another
/// site could sign people in as somebody else, or send them to a site of its own under our name, without their doing.
pub(super) async fn start(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path(method): Path<String>,
    Query(StartQuery { next, invitation }): Query<StartQuery>,
    headers: HeaderMap,
) -> Response {
    let begun = match method.parse() {
        Ok(method) => {
            let pressed = comes_from_our_page(&headers, &services.config.origin());
            services.begin_oauth(&visitor, method, invitation, &next, pressed).await
        }
        Err(_) => Err(AppError::NotFound),
    };
    redirect(begun)
}

/// `/a/{slug}/settings/login-methods/{method}/test`: to the provider, to see whether what is set up works. Only after a press on a page of
/// ours: otherwise another site could make an owner test what the owner did not mean to.
pub(super) async fn test(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path((slug, method)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let pressed = comes_from_our_page(&headers, &services.config.origin());
    redirect(begin_test(&services, &visitor, &slug, &method, pressed).await)
}

/// Did the person press a link on a page of ours? `Sec-Fetch-Site: none` does not say so: it is sent for an address that was typed, and for
/// a link in a mail or a chat just as well. Browsers that know no such header name the page in `Referer`, as our pages let them.
fn comes_from_our_page(headers: &HeaderMap, our_origin: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let page = headers.get(header::REFERER).and_then(|page| Url::parse(page.to_str().ok()?).ok());
    page.is_some_and(|page| page.origin().ascii_serialization() == our_origin)
}

async fn begin_test(
    services: &Services,
    visitor: &Visitor,
    slug: &str,
    method: &str,
    pressed: bool,
) -> Result<WithCookies<String>, AppError> {
    let caller = visitor.caller_in(slug)?;
    let method: LoginMethodId = method.parse().map_err(|_| AppError::NotFound)?;
    if !pressed {
        // The page where one chooses to.
        return Ok(WithCookies { answer: paths::login_method(caller.account.as_str(), method), cookies: Vec::new() });
    }
    services.begin_test(&caller, visitor, method).await
}

/// The parameters of an authorization response. Any others are left unread (OA-16).
#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `/oauth/{method}/callback`: the authorization response.
pub(super) async fn callback(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path(method): Path<String>,
    Query(CallbackQuery { state, code, error, iss }): Query<CallbackQuery>,
) -> Response {
    let Ok(method) = method.parse() else { return redirect(Err(AppError::NotFound)) };
    let answer = AuthorizationResponse { code, error, iss };
    redirect(services.finish_oauth(&visitor, method, &state, &answer).await)
}

/// 303 to the page that follows; neither state nor code goes further.
fn redirect(to: Result<WithCookies<String>, AppError>) -> Response {
    let to = match to {
        Ok(to) => to,
        Err(error) => return answer::error(&error),
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(&to.answer).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in to.cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    response
}
