//! Headers that hold for every answer, errors and static files included (BR-01 to BR-03, BR-15, SE-12).

use crate::config::Config;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Headers that no answer may choose for itself.
static ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (COOP, HeaderValue::from_static("same-origin")),
    (CORP, HeaderValue::from_static("same-origin")),
    (
        PERMISSIONS,
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
             midi=(), payment=(), usb=()",
        ),
    ),
];

/// Headers that an answer may set more fitly: a page its policy with a nonce, a link its `no-referrer`, a static file its caching.
static UNLESS_SET: [(HeaderName, HeaderValue); 3] = [
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"),
    ),
];

/// Two years; a server that was reached by https is not asked for http again.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// What depends on the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    https: bool,
}

impl From<&Config> for Policy {
    fn from(config: &Config) -> Self {
        Self { https: config.is_https() }
    }
}

/// Sets them.
pub(super) async fn layer(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    set(response.headers_mut(), policy);
    response
}

fn set(headers: &mut HeaderMap, policy: Policy) {
    for (name, value) in &ALWAYS {
        headers.insert(name, value.clone());
    }
    for (name, value) in &UNLESS_SET {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if policy.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    name_the_charset(headers);
}

/// All our texts are UTF-8, and say so (BR-15).
fn name_the_charset(headers: &mut HeaderMap) {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return };
    let text = kind.starts_with("text/") || kind == "application/json" || kind == "image/svg+xml";
    if text
        && !kind.contains("charset")
        && let Ok(named) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers_after(before: &[(HeaderName, &'static str)], https: bool) -> HeaderMap {
        let mut headers: HeaderMap =
            before.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        set(&mut headers, Policy { https });
        headers
    }

    #[test]
    fn br_03_every_answer_carries_the_headers() {
        let headers = headers_after(&[], true);
        for name in [
            "x-content-type-options",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "permissions-policy",
            "referrer-policy",
            "content-security-policy",
            "cache-control",
            "strict-transport-security",
        ] {
            assert!(headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["cache-control"], "no-store");
    }

    #[test]
    fn an_answer_may_be_stricter_about_referrer_and_set_its_own_caching() {
        let headers =
            headers_after(&[(header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-cache")], false);
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-cache");
        assert!(!headers.contains_key("strict-transport-security"));
    }

    #[test]
    fn br_15_texts_name_their_charset() {
        let kind = |kind: &'static str| headers_after(&[(header::CONTENT_TYPE, kind)], false)["content-type"].clone();
        assert_eq!(kind("text/html"), "text/html; charset=utf-8");
        assert_eq!(kind("text/html; charset=utf-8"), "text/html; charset=utf-8");
        assert_eq!(kind("application/json"), "application/json; charset=utf-8");
        assert_eq!(kind("application/wasm"), "application/wasm");
    }
}
