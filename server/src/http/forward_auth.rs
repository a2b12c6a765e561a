//! Forward-auth: a proxy asks Roster about every request to its platform ([`check`]), and people come from the platform's host to sign in and go
//! back. What stands under `/.roster/` is asked for at that host, whose proxy passes it on; pages there can load nothing of ours.
//!
//! What is asked for is believed from trusted proxies alone, and from one set of headers: `X-Forwarded-Host`, `X-Forwarded-Uri` and
//! `X-Forwarded-Method`, which all three proxies set. `X-Original-URL` and the like are not looked at: a proxy that does not set them
//! passes on what a client wrote there.

use super::{
    answer,
    client_ip::is_trusted,
    language::{language_of, text},
    openid_provider::{find, page_of, parameters, see_other},
    visitor::peer,
};
use crate::{
    config::ForwardAuth,
    context::Services,
    cookies::HostCookies,
    forward_auth::{BEGIN, SIGN_OUT, header_text},
    openid_provider::LOGOUT,
    secrets::Token,
    service::{Authorization, Check, Denial, HostIdentity, Question},
};
use app::{
    domain::language::Language,
    error::{AppError, BadRequest},
    i18n::{Locale, leptos_i18n, text},
    request::{Visitor, accepts_html},
};
use axum::{
    Extension,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `/auth/forward`: may this request go on? For proxies that pass no redirect on, as nginx does not, `?redirect=no` has the way to sign in in the
/// `Location` of a 401.
pub(super) async fn check(State(services): State<Services>, RawQuery(query): RawQuery, request: Request) -> Response {
    let headers = request.headers();
    let from = peer(&request);
    if !is_trusted(from, &services.config.trusted_proxies) {
        tracing::warn!(%from, "forward-auth is asked by somebody who is not in trusted_proxies");
        return answer::bad_request(BadRequest::Malformed);
    }
    let (Some(host), Some(uri)) = (single(headers, &FORWARDED_HOST), single(headers, &FORWARDED_URI)) else {
        tracing::warn!(%from, "forward-auth is asked without one X-Forwarded-Host and one X-Forwarded-Uri");
        return answer::bad_request(BadRequest::Malformed);
    };
    let cookie = HostCookies::sent(headers).cookie;
    let by_a_person = single(headers, &SEC_FETCH_MODE) == Some("navigate");
    let question = Question { host, uri, cookie: cookie.as_deref(), by_a_person };
    match services.check_forwarded(&question).await {
        Ok(Check::Pass(None)) => (StatusCode::OK, told([""; 7].map(str::to_owned))).into_response(),
        Ok(Check::Pass(Some(identity))) => (StatusCode::OK, told(values_of(*identity))).into_response(),
        Ok(Check::SignIn) => {
            let follows = query.as_deref() != Some("redirect=no");
            let app = services.forward_auth_app(host).filter(|_| is_page(headers));
            sign_in_first(app.map(|app| services.way_to_sign_in(app, uri)), follows)
        }
        Ok(Check::Denied(why)) => {
            tracing::info!(host, ?why, "forward-auth denied a request");
            match services.forward_auth_app(host) {
                Some(app) => denied_page(app, language(headers), why),
                None => answer::error(&AppError::NotFound),
            }
        }
        Ok(Check::UnknownHost) => {
            tracing::warn!(host, "forward-auth is asked about a host that is not in the settings");
            answer::error(&AppError::NotFound)
        }
        Err(error) => answer::error(&error),
    }
}

/// What the platform is told. Every header is there even if nobody is signed in: a proxy that copies one that is not there leaves what the client
/// wrote, or writes something of its own.
const TOLD: [HeaderName; 7] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("roster-account"),
    HeaderName::from_static("roster-role"),
    HeaderName::from_static("roster-permissions"),
    HeaderName::from_static("roster-assertion"),
];

/// The values in the order of [`TOLD`].
fn values_of(identity: HostIdentity) -> [String; 7] {
    let permissions: Vec<_> = identity.permissions.iter().map(|key| key.as_str()).collect();
    [
        header_text(&identity.subject),
        header_text(&identity.email),
        header_text(&identity.name),
        header_text(&identity.account),
        header_text(&identity.role),
        header_text(&permissions.join(",")),
        identity.assertion,
    ]
}

fn told(values: [String; 7]) -> HeaderMap {
    let value = |(name, text): (HeaderName, String)| Some((name, HeaderValue::from_str(&text).ok()?));
    TOLD.into_iter().zip(values).filter_map(value).collect()
}

/// Programs are told so; people are led to the page to sign in.
fn sign_in_first(way: Option<String>, proxy_follows: bool) -> Response {
    match way {
        Some(way) if proxy_follows => see_other(&way),
        Some(way) => {
            let mut response = StatusCode::UNAUTHORIZED.into_response();
            if let Ok(way) = HeaderValue::from_str(&way) {
                response.headers_mut().insert(header::LOCATION, way);
            }
            response
        }
        None => answer::error(&AppError::Unauthenticated),
    }
}

/// Does a browser want a page, to which somebody can come back later?
fn is_page(headers: &HeaderMap) -> bool {
    let reads = matches!(single(headers, &FORWARDED_METHOD), Some("GET" | "HEAD"));
    reads && single(headers, &SEC_FETCH_MODE).map_or_else(|| accepts_html(headers), |mode| mode == "navigate")
}

/// `/auth/forward/begin`, on Roster's host: somebody comes from a host to sign in.
pub(super) async fn begin(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    let request = find(&parameters, "request").unwrap_or_default();
    match services.sign_in_at_host(&visitor, request, None).await {
        Ok(Authorization::Back { to, .. }) => see_other(&to),
        Ok(authorization) => page_of(&services, &visitor, authorization),
        Err(error) => answer::error(&error),
    }
}

/// `/auth/forward/continue`: the same goes on after a page of ours. Behind a form, a page leads to the other host (BR-01).
pub(super) async fn go_on(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    let request = find(&parameters, "request").unwrap_or_default();
    match services.sign_in_at_host(&visitor, request, find(&parameters, "account")).await {
        Ok(authorization) => page_of(&services, &visitor, authorization),
        Err(error) => answer::error(&error),
    }
}

/// `/.roster/sign-in`: ties what follows to this browser, and leads to Roster.
pub(super) async fn sign_in(State(services): State<Services>, RawQuery(query): RawQuery, request: Request) -> Response {
    let Some(app) = asked_host(&services, &request) else { return answer::error(&AppError::NotFound) };
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    // Several tabs may be on their way at once.
    let known = HostCookies::sent(request.headers()).nonce.as_deref().and_then(Token::parse);
    let nonce = known.unwrap_or_default();
    let sealed = services.seal_forward_request(app, find(&parameters, "next").unwrap_or_default(), &nonce);
    let to = services.config.link(&format!("{BEGIN}?request={sealed}"));
    with_cookie(see_other(&to), &services.cookies.host_nonce(nonce.reveal()))
}

/// `/.roster/callback`: a code becomes the host's cookie.
pub(super) async fn callback(
    State(services): State<Services>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let Some(app) = asked_host(&services, &request) else { return answer::error(&AppError::NotFound) };
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    let code = find(&parameters, "code").unwrap_or_default();
    let sent = HostCookies::sent(request.headers());
    let nonce = sent.nonce.as_deref().unwrap_or_default();
    match services.finish_at_host(app, code, nonce, sent.cookie.as_deref()).await {
        Ok(Some((cookie, next))) => with_cookie(see_other(&next), &services.cookies.host(cookie.reveal())),
        Ok(None) => {
            let language = language(request.headers());
            let locale = Locale::from(language);
            let again = text!(locale, platform.host_sign_in, platform = app.name.clone());
            let links = [(services.way_to_sign_in(app, "/"), again.as_str())];
            page(StatusCode::BAD_REQUEST, language, text!(locale, platform.host_expired), &links)
        }
        Err(error) => answer::error(&error),
    }
}

/// `/.roster/sign-out`: ends being signed in at the host. A link on another site only asks.
pub(super) async fn sign_out(State(services): State<Services>, request: Request) -> Response {
    let Some(app) = asked_host(&services, &request) else { return answer::error(&AppError::NotFound) };
    let language = language(request.headers());
    let locale = Locale::from(language);
    let name = || app.name.clone();
    if matches!(single(request.headers(), &SEC_FETCH_SITE), Some("cross-site" | "same-site")) {
        let links = [(SIGN_OUT.to_owned(), text!(locale, platform.sign_out))];
        return page(StatusCode::OK, language, &text!(locale, platform.host_sign_out_text, platform = name()), &links);
    }
    let cookie = HostCookies::sent(request.headers()).cookie.unwrap_or_default();
    if let Err(error) = services.sign_out_at_host(app, &cookie).await {
        return answer::error(&error);
    }
    let again = text!(locale, platform.host_sign_in, platform = name());
    let links = [
        (services.way_to_sign_in(app, "/"), again.as_str()),
        (services.config.link(LOGOUT), text!(locale, platform.sign_out_of_roster)),
    ];
    let said = text!(locale, platform.host_signed_out, platform = name());
    with_cookie(page(StatusCode::OK, language, &said, &links), &services.cookies.clear_host())
}

/// `/.roster/denied`: the page for proxies that show none of [`check`].
pub(super) async fn denied(State(services): State<Services>, request: Request) -> Response {
    match asked_host(&services, &request) {
        Some(app) => denied_page(app, language(request.headers()), Denial::Requirement),
        None => answer::error(&AppError::NotFound),
    }
}

fn denied_page(app: &ForwardAuth, language: Language, why: Denial) -> Response {
    let locale = Locale::from(language);
    let name = || app.name.clone();
    let said = match why {
        Denial::Requirement => text!(locale, platform.host_denied, platform = name()),
        Denial::Ambiguous => text!(locale, platform.host_ambiguous, platform = name()),
    };
    let first = text!(locale, platform.host_first_page, platform = name());
    page(StatusCode::FORBIDDEN, language, &said, &[(format!("https://{}/", app.host), first.as_str())])
}

fn page(status: StatusCode, language: Language, text: &str, links: &[(String, &str)]) -> Response {
    (status, Html(answer::page(language.tag(), text, links))).into_response()
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The host at which a browser asked for something under `/.roster/`, if it is in the settings.
fn asked_host<'a>(services: &'a Services, request: &Request) -> Option<&'a ForwardAuth> {
    let headers = request.headers();
    let by_proxy = is_trusted(peer(request), &services.config.trusted_proxies) && headers.contains_key(FORWARDED_HOST);
    let host = if by_proxy {
        single(headers, &FORWARDED_HOST)?
    } else {
        request.uri().authority().map_or_else(|| text(headers, header::HOST), |authority| authority.as_str())
    };
    services.forward_auth_app(host)
}

fn language(headers: &HeaderMap) -> Language {
    language_of(None, None, headers)
}

/// The text of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}
