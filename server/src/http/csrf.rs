//! Requests that other sites make a browser send (BR-04). Two layers: the library's, which is kept up with browsers, and a strict one
//! of ours for what that one lets through.

use super::answer;
use crate::{config::Config, http::cookies::Cookies, service::Services};
use app::error::AppError;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tower_http::csrf::{CsrfLayer, ProtectionError};

/// The library's layer: `Sec-Fetch-Site`, then `Origin` against `Host`. Our own origin is named besides, for proxies that change `Host`.
pub(super) fn layer(config: &Config) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let layer = CsrfLayer::new();
    let layer = layer.clone().add_trusted_origin(config.origin()).unwrap_or(layer);
    layer.with_rejection_response(refused_by_library as fn(ProtectionError) -> Response)
}

fn refused_by_library(_: ProtectionError) -> Response {
    refused()
}

/// Refuses what the library lets through: an unsafe request that says neither where it comes from nor that it comes from here, with
/// a session; one of a foreign name that resolves to us (`Host` and `Origin` agree, but are not ours); and `Origin: null`.
pub(super) async fn strict(State(services): State<Services>, request: Request, next: Next) -> Response {
    let fine = request.method().is_safe()
        || comes_from_here(request.headers(), &services.config.origin(), &services.cookies)
        || request.method() == Method::OPTIONS;
    if fine { next.run(request).await } else { refused() }
}

fn comes_from_here(headers: &HeaderMap, our_origin: &str, cookies: &Cookies) -> bool {
    let origin = headers.get(header::ORIGIN);
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" && origin.is_none_or(|origin| origin != "null"),
        None => match origin {
            Some(origin) => origin == our_origin,
            None => !cookies.has_session(headers),
        },
    }
}

fn refused() -> Response {
    tracing::warn!("refused: the request does not come from our own pages");
    answer::error_with(StatusCode::FORBIDDEN, &AppError::Transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn admitted(headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let config = Config { base_url: "https://roster.example.org".parse().unwrap(), ..Config::default() };
        comes_from_here(&headers, &config.origin(), &Cookies::from(&config))
    }

    const SESSION: (&str, &str) = ("cookie", "__Host-roster_session=abc");

    #[test]
    fn br_04_only_our_own_pages_may_post() {
        assert!(admitted(&[("sec-fetch-site", "same-origin"), SESSION]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!admitted(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(admitted(&[("origin", "https://roster.example.org"), SESSION]));
        for origin in ["null", "https://evil.example", "http://roster.example.org", "https://roster.example.org:444"] {
            assert!(!admitted(&[("origin", origin)]), "{origin}");
        }
        assert!(!admitted(&[("origin", "https://evil.example"), ("host", "evil.example")]));
        assert!(!admitted(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn br_04_a_silent_request_may_not_use_a_session() {
        assert!(!admitted(&[SESSION]));
        assert!(admitted(&[]));
    }
}
