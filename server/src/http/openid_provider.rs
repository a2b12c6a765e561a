//! Roster as the OpenID provider of the platforms behind it: the addresses under `/oidc/`, and the documents that name them. What stands under
//! `/oauth/` is the other side, where Roster is the client of an account's provider ([`oauth`](super::oauth)).
//!
//! People come by their browsers to [`authorize`], [`go_on`] and [`sign_out`], with the session of Roster. Programs come to all others with what
//! they were given; those stand outside the layers that look for a session, and so never see one.

use super::{answer, client_ip::client_ip, nul, visitor::peer};
use crate::{
    config::SigningAlgorithm,
    context::Services,
    openid_provider::{
        ACCOUNT_CLAIM, AUTHORIZE, INTROSPECT, JWKS, LOGOUT, PERMISSIONS_CLAIM, REVOKE, ROLE_CLAIM, Scopes, TOKEN,
        USER_INFO, unverified_subject,
    },
    service::{
        AccountChoice, Authorization, AuthorizationProblem, ClientCredentials, SignOutRequest, SignedOut, TokenError,
        TokenForm,
    },
};
use app::{
    domain::theme::Theme,
    error::{AppError, BadRequest},
    i18n::{Locale, leptos_i18n, text},
    paths,
    request::Visitor,
};
use askama::Template;
use axum::{
    Extension, Json,
    body::to_bytes,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::IpAddr};
use url::form_urlencoded;

/// The largest form of a program.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// Browsers keep no larger ones (RFC 6265, 6.1). A request that is larger goes on by its address alone.
const MAX_COOKIE_BYTES: usize = 4096;
const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// How a client says that it signs its proof (RFC 7523, 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long pages and proxies may keep the documents, in seconds. A new key is published ten minutes before it signs, so that by then nobody still
/// has the list without it. Only the first key of an algorithm signs at once: whoever has a list without it fetches the list again.
const DOCUMENT_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Our style sheet and our icons; the only form leads to ourselves.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
);

/// `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server` (OpenID Connect Discovery 1.0, RFC 8414).
pub(super) async fn metadata(State(services): State<Services>) -> Response {
    let at = |path: &str| services.config.link(path);
    let algorithms = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
    let document = json!({
        "issuer": services.config.origin(),
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USER_INFO),
        "jwks_uri": at(JWKS),
        "introspection_endpoint": at(INTROSPECT),
        "revocation_endpoint": at(REVOKE),
        "end_session_endpoint": at(LOGOUT),
        "scopes_supported": Scopes::KNOWN,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr", "name", "locale", "email",
            "email_verified", ACCOUNT_CLAIM, ROLE_CLAIM, PERMISSIONS_CLAIM,
        ],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "ui_locales_supported": ["en", "de"],
    });
    public_document(document)
}

/// `/oidc/jwks.json`: the public keys.
pub(super) async fn keys(State(services): State<Services>) -> Response {
    match services.public_signing_keys().await {
        Ok(keys) => public_document(json!({ "keys": keys })),
        Err(error) => answer::error(&error),
    }
}

/// A document that every page may read: there is nothing of anybody in it.
fn public_document(document: Value) -> Response {
    let mut response = Json(document).into_response();
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(header::CACHE_CONTROL, DOCUMENT_CACHING);
    response
}

/// `/oidc/authorize`: a platform sends somebody to sign in.
pub(super) async fn authorize(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    match services.authorize(&visitor, &parameters(query.unwrap_or_default().as_bytes())).await {
        Ok(Authorization::Back { to, .. }) => see_other(&to),
        Ok(authorization) => page_of(&services, &visitor, authorization),
        Err(error) => answer::error(&error),
    }
}

/// `/oidc/continue`: the same goes on after a page of ours. Whoever comes here from a form is led away by a page: the policy of the form's page
/// lets no redirect lead to another site (BR-01).
pub(super) async fn go_on(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    let request = find(&parameters, "request").unwrap_or_default();
    match services.continue_authorization(&visitor, request, find(&parameters, "account")).await {
        Ok(authorization) => page_of(&services, &visitor, authorization),
        Err(error) => answer::error(&error),
    }
}

/// `POST` to an address for people (OpenID Connect Core, 3.1.2.1): the same by `GET`. A form from another site brings no session along, a
/// link does.
pub(super) async fn post_to_get(State(services): State<Services>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    match read_form(&services, request).await {
        Ok(form) => {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.parameters).finish();
            see_other(&format!("{path}?{query}"))
        }
        Err(_) => answer::bad_request(BadRequest::Malformed),
    }
}

/// `/oidc/logout`: a platform sends somebody to sign out of Roster.
pub(super) async fn sign_out(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    const ASKED: &str = "roster_asked";
    let query = query.unwrap_or_default();
    let parameters = parameters(query.as_bytes());
    let text = |name: &str| find(&parameters, name).unwrap_or_default().to_owned();
    let request = SignOutRequest {
        id_token_hint: text("id_token_hint"),
        client_id: text("client_id"),
        post_logout_redirect_uri: text("post_logout_redirect_uri"),
        state: text("state"),
    };
    let done = match services.sign_out_for_platform(&visitor, &request).await {
        Ok(done) => done,
        Err(error) => return answer::error(&error),
    };
    let locale = Locale::from(visitor.language);
    let mut response = match done.answer {
        // Behind the form of the page that asked, no redirect may lead to another site.
        SignedOut::Done { back: Some((_, to)) } if find(&parameters, ASKED).is_none() => see_other(&to),
        SignedOut::Done { back: Some((client, to)) } => leads_on(&visitor, client, to),
        SignedOut::Done { back: None } => see_other(paths::LOGIN),
        SignedOut::Ask => {
            let asked = form_urlencoded::Serializer::new(query).append_pair(ASKED, "1").finish();
            render(Page {
                sign_out: Some(SignOutForm {
                    next: format!("{LOGOUT}?{asked}"),
                    label: text!(locale, platform.sign_out).to_owned(),
                }),
                text: text!(locale, platform.sign_out_text).to_owned(),
                ..Page::of(&visitor, text!(locale, platform.sign_out_title).to_owned())
            })
        }
    };
    for cookie in done.cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// What one of our pages shows on the way between a platform and Roster. It has no script.
#[derive(Template)]
#[template(path = "platform.html")]
struct Page {
    language: &'static str,
    theme: Option<Theme>,
    product: &'static str,
    skip: &'static str,
    title: String,
    text: String,
    choices: Vec<AccountChoice>,
    /// Where the page leads by itself, and by a link.
    leads_to: Option<Link>,
    links: Vec<Link>,
    sign_out: Option<SignOutForm>,
    status: StatusCode,
}

struct Link {
    href: String,
    label: String,
}

struct SignOutForm {
    next: String,
    label: String,
}

impl Page {
    fn of(visitor: &Visitor, title: String) -> Self {
        let locale = Locale::from(visitor.language);
        Self {
            language: visitor.language.tag(),
            theme: visitor.theme,
            product: text!(locale, common.product),
            skip: text!(locale, common.skip_to_content),
            title,
            text: String::new(),
            choices: Vec::new(),
            leads_to: None,
            links: Vec::new(),
            sign_out: None,
            status: StatusCode::OK,
        }
    }
}

fn render(page: Page) -> Response {
    match page.render() {
        Ok(html) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
                (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            ];
            (page.status, headers, Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "cannot render a page");
            answer::error(&AppError::Unavailable)
        }
    }
}

/// A page that names the platform and leads there by itself.
fn leads_on(visitor: &Visitor, client: String, to: String) -> Response {
    let locale = Locale::from(visitor.language);
    let label = text!(locale, platform.go_on, platform = client.clone());
    render(Page {
        leads_to: Some(Link { href: to, label }),
        ..Page::of(visitor, text!(locale, platform.going_title, platform = client))
    })
}

pub(super) fn page_of(services: &Services, visitor: &Visitor, authorization: Authorization) -> Response {
    let locale = Locale::from(visitor.language);
    match authorization {
        Authorization::Back { client, to } => leads_on(visitor, client, to),
        Authorization::Page { path, request } => {
            let mut response = see_other(&path);
            let cookie = HeaderValue::from_str(&services.cookies.authorization(&request));
            if let Some(cookie) = cookie.ok().filter(|cookie| cookie.len() <= MAX_COOKIE_BYTES) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Authorization::Choose { client, accounts } => render(Page {
            text: text!(locale, platform.choose_text, platform = client.clone()),
            choices: accounts,
            ..Page::of(visitor, text!(locale, platform.choose_title).to_owned())
        }),
        Authorization::Problem(problem) => render(problem_page(visitor, problem)),
    }
}

fn problem_page(visitor: &Visitor, problem: AuthorizationProblem) -> Page {
    let locale = Locale::from(visitor.language);
    let page = |title: String, text: String| Page { text, status: StatusCode::BAD_REQUEST, ..Page::of(visitor, title) };
    let at_login = |page: Page| Page {
        links: vec![Link { href: paths::ACCOUNTS.to_owned(), label: text!(locale, platform.to_accounts).to_owned() }],
        status: StatusCode::FORBIDDEN,
        ..page
    };
    let back_to = |client: &str, href: String| Link { href, label: text!(locale, platform.back, platform = client) };
    match problem {
        AuthorizationProblem::UnknownClient => {
            page(text!(locale, platform.problem_title).to_owned(), text!(locale, platform.unknown_client).to_owned())
        }
        AuthorizationProblem::UnknownRedirectUri { client } => page(
            text!(locale, platform.problem_title).to_owned(),
            text!(locale, platform.unknown_address, platform = client),
        ),
        AuthorizationProblem::NotServed { client } => page(
            text!(locale, platform.problem_title).to_owned(),
            text!(locale, platform.not_served, platform = client),
        ),
        AuthorizationProblem::Expired => {
            page(text!(locale, platform.problem_title).to_owned(), text!(locale, platform.expired).to_owned())
        }
        AuthorizationProblem::NoAccount { client, back } => {
            let mut shown = at_login(page(
                text!(locale, platform.no_account_title).to_owned(),
                text!(locale, platform.no_account, platform = client.clone()),
            ));
            shown.links.push(back_to(&client, back));
            shown
        }
        AuthorizationProblem::NotInAccount { client, back } => {
            let mut shown = at_login(page(
                text!(locale, platform.no_account_title).to_owned(),
                text!(locale, platform.not_in_account, platform = client.clone()),
            ));
            shown.links.push(back_to(&client, back));
            shown
        }
    }
}

/// 303; nothing of the address goes further.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `POST /oidc/token`.
pub(super) async fn token(State(services): State<Services>, request: Request) -> Response {
    let origin = origin_of(request.headers());
    let answered = async {
        let form = read_form(&services, request).await?;
        let text = |name: &str| find(&form.parameters, name).unwrap_or_default().to_owned();
        let sent = TokenForm {
            grant_type: text("grant_type"),
            code: text("code"),
            code_verifier: text("code_verifier"),
            redirect_uri: text("redirect_uri"),
            refresh_token: text("refresh_token"),
            scope: text("scope"),
        };
        services.issue_tokens(form.ip, &form.credentials, &sent).await
    };
    let response = answered.await.map_or_else(|error| refused(&error), |tokens| Json(tokens).into_response());
    for_pages(&services, origin, response).await
}

/// `POST /oidc/introspect` (RFC 7662). Pages have no business there.
pub(super) async fn introspect(State(services): State<Services>, request: Request) -> Response {
    let answered = async {
        let form = read_form(&services, request).await?;
        let token = find(&form.parameters, "token").ok_or(TokenError::InvalidRequest)?;
        services.introspect(form.ip, &form.credentials, token).await
    };
    answered.await.map_or_else(|error| refused(&error), |claims| Json(claims).into_response())
}

/// `POST /oidc/revoke` (RFC 7009).
pub(super) async fn revoke(State(services): State<Services>, request: Request) -> Response {
    let origin = origin_of(request.headers());
    let answered = async {
        let form = read_form(&services, request).await?;
        let token = find(&form.parameters, "token").ok_or(TokenError::InvalidRequest)?;
        services.revoke(form.ip, &form.credentials, token).await
    };
    let response = answered.await.map_or_else(|error| refused(&error), |()| StatusCode::OK.into_response());
    for_pages(&services, origin, response).await
}

/// `/oidc/userinfo`, by an access token in the header (RFC 6750, 2.1).
pub(super) async fn user_info(State(services): State<Services>, headers: HeaderMap) -> Response {
    let response = match bearer(&headers) {
        None => challenged(HeaderValue::from_static("Bearer realm=\"Roster\"")),
        Some(token) => match services.user_info(token).await {
            Ok(Some(claims)) => Json(Value::Object(claims)).into_response(),
            Ok(None) => challenged(HeaderValue::from_static("Bearer realm=\"Roster\", error=\"invalid_token\"")),
            Err(error) => answer::error(&error),
        },
    };
    for_pages(&services, origin_of(&headers), response).await
}

fn challenged(how: HeaderValue) -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, how)]).into_response()
}

/// The question of a browser whether a page may ask with a header of its own (CORS).
pub(super) async fn preflight(State(services): State<Services>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allowed = response.headers_mut();
    allowed.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    allowed.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    allowed.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    for_pages(&services, origin_of(&headers), response).await
}

fn origin_of(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::ORIGIN).cloned()
}

/// Lets pages of public clients read an answer, and no others: theirs are the only pages that hold tokens.
async fn for_pages(services: &Services, origin: Option<HeaderValue>, mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return response };
    let known = match origin.to_str() {
        Ok(origin) => services.is_origin_of_public_client(origin).await.unwrap_or_default(),
        Err(_) => false,
    };
    if known {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What a program sent.
struct ProgramForm {
    ip: IpAddr,
    credentials: ClientCredentials,
    parameters: Vec<(String, String)>,
}

/// Reads a form in which each parameter stands once, and who sends it: by a header or by the form, not by both (RFC 6749, 2.3).
async fn read_form(services: &Services, request: Request) -> Result<ProgramForm, TokenError> {
    let ip = client_ip(peer(&request), request.headers(), &services.config.trusted_proxies);
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM_CONTENT_TYPE));
    if parts.method != Method::POST || !is_form {
        return Err(TokenError::InvalidRequest);
    }
    let body = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| TokenError::InvalidRequest)?;
    let parameters = parameters(&body);
    let mut names = BTreeSet::new();
    if nul::has_nul(&body) || !parameters.iter().all(|(name, _)| names.insert(name.as_str())) {
        return Err(TokenError::InvalidRequest);
    }
    let in_form = |name: &str| find(&parameters, name).map(str::to_owned);
    let credentials = match parts.headers.get(header::AUTHORIZATION) {
        Some(header) => {
            let credentials = header.to_str().ok().and_then(basic).ok_or(TokenError::InvalidClient)?;
            let other = in_form("client_id").is_some_and(|id| id != credentials.id);
            if other || in_form("client_secret").is_some() || in_form("client_assertion").is_some() {
                return Err(TokenError::InvalidRequest);
            }
            credentials
        }
        None => {
            let assertion = in_form("client_assertion");
            if assertion.is_some() && find(&parameters, "client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(TokenError::InvalidRequest);
            }
            let id = in_form("client_id").or_else(|| unverified_subject(assertion.as_deref()?));
            ClientCredentials { id: id.unwrap_or_default(), secret: in_form("client_secret"), assertion }
        }
    };
    Ok(ProgramForm { ip, credentials, parameters })
}

/// `client_secret_basic`: both parts are form-encoded before they are joined (RFC 6749, 2.3.1).
fn basic(header: &str) -> Option<ClientCredentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    if nul::has_nul(decoded.as_bytes()) {
        return None;
    }
    let plain = |part: &str| parameters(format!("={part}").as_bytes()).into_iter().next().map(|(_, value)| value);
    Some(ClientCredentials { id: plain(id)?, secret: plain(secret), assertion: None })
}

/// The parameters of a query or a form, in their order.
pub(super) fn parameters(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

pub(super) fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Why a client gets nothing (RFC 6749, 5.2).
fn refused(error: &TokenError) -> Response {
    let (status, code) = match error {
        TokenError::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
        TokenError::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client"),
        TokenError::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant"),
        TokenError::UnauthorizedClient => (StatusCode::BAD_REQUEST, "unauthorized_client"),
        TokenError::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        TokenError::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope"),
        TokenError::RateLimited(wait) => {
            return answer::error(&AppError::RateLimited { retry_after_s: wait.as_seconds().max(1) });
        }
        TokenError::Failed(error) => return answer::error(error),
    };
    let mut response = (status, Json(json!({ "error": code }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Roster\", charset=\"UTF-8\""));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_header_are_decoded_as_they_were_encoded() {
        let header = format!("Basic {}", STANDARD.encode("bots%2Bone:a%3Ab+c%25"));
        let read = basic(&header).unwrap();
        assert_eq!((read.id.as_str(), read.secret.as_deref()), ("bots+one", Some("a:b c%")));
        for wrong in ["Bearer abc", "Basic", "Basic !!!", "Basic Ym90cw==", "Basic YQA6Yg=="] {
            assert!(basic(wrong).is_none(), "{wrong}");
        }
    }
}
