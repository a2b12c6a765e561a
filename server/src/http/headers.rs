//! Headers that hold for every answer, errors and static files included (BR-01 to BR-03, BR-15, SE-12).

use crate::config::Config;
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use tower_http::set_header::{HeaderMetadata, response::SetMultipleResponseHeadersLayer};

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const NO_PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
                              microphone=(), midi=(), payment=(), usb=()";
const NO_CONTENT: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
/// Two years; a server that was reached by https is not asked for http again.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Sets the headers that no answer may choose for itself.
pub(super) fn always(config: &Config) -> SetMultipleResponseHeadersLayer<Response> {
    SetMultipleResponseHeadersLayer::overriding(vec![
        constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        constant(COOP, "same-origin"),
        constant(CORP, "same-origin"),
        constant(PERMISSIONS_POLICY, NO_PERMISSIONS),
        (header::STRICT_TRANSPORT_SECURITY, config.is_https().then_some(HSTS)).into(),
        (header::CONTENT_TYPE, with_charset).into(),
    ])
}

/// Sets the headers that an answer may choose more fitly: a page its policy with a nonce, a link its `no-referrer`, a static file its
/// caching.
pub(super) fn unless_set() -> SetMultipleResponseHeadersLayer<Response> {
    SetMultipleResponseHeadersLayer::if_not_present(vec![
        constant(header::REFERRER_POLICY, "same-origin"),
        constant(header::CACHE_CONTROL, "no-store"),
        constant(header::CONTENT_SECURITY_POLICY, NO_CONTENT),
    ])
}

fn constant(name: HeaderName, value: &'static str) -> HeaderMetadata<Response> {
    (name, HeaderValue::from_static(value)).into()
}

/// All our texts are UTF-8, and say so (BR-15).
fn with_charset(response: &Response) -> Option<HeaderValue> {
    let content_type = response.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let is_text =
        content_type.starts_with("text/") || content_type == "application/json" || content_type == "image/svg+xml";
    let names_none = is_text && !content_type.contains("charset");
    names_none.then(|| HeaderValue::from_str(&format!("{content_type}; charset=utf-8")).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, extract::Request, http::HeaderMap, routing::get};
    use tower::ServiceExt;

    const HTTP: &str = "http://127.0.0.1:3000";
    const HTTPS: &str = "https://roster.example.org";

    async fn headers_after(before: &[(HeaderName, &'static str)], base_url: &str) -> HeaderMap {
        let before: HeaderMap =
            before.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let config = Config { base_url: base_url.parse().unwrap(), ..Config::default() };
        let router = Router::new().route("/", get(async || (before, ()))).layer(unless_set()).layer(always(&config));
        router.oneshot(Request::new(Body::empty())).await.unwrap().headers().clone()
    }

    #[tokio::test]
    async fn br_03_every_answer_carries_the_headers() {
        let headers = headers_after(&[], HTTPS).await;
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

    #[tokio::test]
    async fn br_02_on_https_and_only_there_browsers_are_told_to_stay_on_it_for_a_year_at_least() {
        const YEAR_S: u64 = 365 * 24 * 3600;
        let told = |headers: &HeaderMap| {
            let value = headers.get("strict-transport-security")?.to_str().unwrap().to_owned();
            value.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok())
        };
        assert!(told(&headers_after(&[], HTTPS).await).is_some_and(|seconds| seconds >= YEAR_S));
        assert_eq!(told(&headers_after(&[], HTTP).await), None);
    }

    #[tokio::test]
    async fn an_answer_may_be_stricter_about_referrer_and_set_its_own_caching() {
        let own = [(header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-cache")];
        let headers = headers_after(&own, HTTP).await;
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-cache");
    }

    #[tokio::test]
    async fn br_15_texts_name_their_charset() {
        for (own, sent) in [
            ("text/html", "text/html; charset=utf-8"),
            ("text/html; charset=utf-8", "text/html; charset=utf-8"),
            ("application/json", "application/json; charset=utf-8"),
            ("application/wasm", "application/wasm"),
        ] {
            assert_eq!(headers_after(&[(header::CONTENT_TYPE, own)], HTTP).await["content-type"], sent);
        }
    }
}
