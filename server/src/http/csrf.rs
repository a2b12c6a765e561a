//! Requests that other sites make a browser send (BR-04). Two layers: a strict one of ours, which says what is wrong, and behind it the
//! library's, which is kept up with browsers. The library's alone would take a form with a session from a browser that names no origin, and
//! from a foreign name that resolves to us.

use super::answer;
use crate::{config::Config, context::Services, cookies::Cookies};
use app::error::BadRequest;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, uri::Authority},
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
    refused(BadRequest::CrossOrigin)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets through what comes from our own pages, and tells everybody else why not.
pub(super) async fn strict(State(services): State<Services>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    // The callback of a provider. A form that is posted there comes from another site; the answer only says so.
    let path = request.uri().path();
    if path.starts_with("/oauth/") && path.ends_with("/callback") {
        return answer::bad_request(BadRequest::FormPost);
    }
    let host = request.uri().authority().map(Authority::as_str);
    match comes_from_here(request.headers(), host, &OwnAddresses::of(&services.config), &services.cookies) {
        Ok(()) => next.run(request).await,
        Err(why) => refused(why),
    }
}

/// Our own addresses.
struct OwnAddresses {
    /// As browsers write it into `Origin`.
    origin: String,
    /// As browsers write it into `Host`.
    host: String,
    /// The origin of the address that this instance listens at, by which somebody on the host may use one instance alone. A page there can
    /// only be ours: it is no name that could lead elsewhere.
    listening: String,
}

impl OwnAddresses {
    fn of(config: &Config) -> Self {
        let origin = config.origin();
        let host = origin.split_once("://").map_or_else(String::new, |(_, host)| host.to_owned());
        Self { origin, host, listening: format!("http://{}", config.listen) }
    }
}

/// Did the browser make this request for a page of ours?
///
/// `Sec-Fetch-Site` is decisive where there is one: a page cannot forge it. `Origin: null` may stand beside it, since that is what browsers
/// write for their own page's form if a proxy has set `Referrer-Policy: no-referrer` (Fetch, “append a request `Origin` header”). But "same
/// origin" alone would let in a foreign name that resolves to us, whose pages are somebody else's: so the name has to be ours as well, by
/// `Origin`, or where that says nothing by `Host`.
fn comes_from_here(
    headers: &HeaderMap,
    host: Option<&str>,
    own: &OwnAddresses,
    cookies: &Cookies,
) -> Result<(), BadRequest> {
    let origin = single(headers, &header::ORIGIN)?.filter(|origin| *origin != "null");
    let silent = !headers.contains_key(header::ORIGIN);
    let host = host.or_else(|| headers.get(header::HOST)?.to_str().ok()).unwrap_or_default();
    let foreign_host = || BadRequest::ForeignHost { address: own.origin.clone() };
    match (single(headers, &SEC_FETCH_SITE)?, origin) {
        (Some(site), _) if site != "same-origin" => Err(BadRequest::CrossOrigin),
        (Some(_), None) if host.eq_ignore_ascii_case(&own.host) => Ok(()),
        (Some(_) | None, Some(origin)) if *origin == own.origin || *origin == own.listening => Ok(()),
        (Some(_), None | Some(_)) => Err(foreign_host()),
        (None, Some(origin)) if is_origin_of(origin, host) => Err(foreign_host()),
        (None, Some(_)) => Err(BadRequest::CrossOrigin),
        // A program, or a browser that sends neither header: allowed as long as it uses no session.
        (None, None) if silent && !cookies.has_session(headers) => Ok(()),
        (None, None) => Err(BadRequest::UnknownOrigin),
    }
}

/// The value of a header that must not be there twice.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, BadRequest> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(BadRequest::Malformed),
    }
}

/// Is this the origin of pages that the same host answered?
fn is_origin_of(origin: &HeaderValue, host: &str) -> bool {
    let of = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    of.is_some_and(|(_, of)| !host.is_empty() && of.eq_ignore_ascii_case(host))
}

fn refused(why: BadRequest) -> Response {
    tracing::warn!(?why, "refused: the request does not come from our own pages");
    answer::bad_request(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'static str, &'static str)];

    fn judged(headers: Headers<'_>) -> Result<(), BadRequest> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let config = Config { base_url: "https://roster.example.org".parse().unwrap(), ..Config::default() };
        comes_from_here(&headers, None, &OwnAddresses::of(&config), &Cookies::from(&config))
    }

    fn admitted(headers: Headers<'_>) -> bool {
        judged(headers).is_ok()
    }

    const SESSION: (&str, &str) = ("cookie", "__Host-roster_session=abc");
    const OURS: (&str, &str) = ("host", "roster.example.org");
    const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

    #[test]
    fn br_04_only_our_own_pages_may_post() {
        assert!(admitted(&[SAME, OURS, SESSION]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!admitted(&[("sec-fetch-site", site), OURS]), "{site}");
            assert!(!admitted(&[("sec-fetch-site", site), OURS, ("origin", "https://roster.example.org")]), "{site}");
        }
        assert!(admitted(&[("origin", "https://roster.example.org"), SESSION]));
        for origin in ["null", "https://evil.example", "http://roster.example.org", "https://roster.example.org:444"] {
            assert!(!admitted(&[("origin", origin), OURS]), "{origin}");
        }
        assert!(!admitted(&[("origin", "https://evil.example"), ("host", "evil.example")]));
    }

    #[test]
    fn br_04_a_form_of_ours_without_a_referrer_has_no_origin_and_is_taken() {
        assert!(admitted(&[("origin", "null"), SAME, OURS, SESSION]));
        assert_eq!(judged(&[("origin", "null"), OURS, SESSION]), Err(BadRequest::UnknownOrigin));
    }

    #[test]
    fn br_04_a_foreign_name_is_not_ours_whatever_the_browser_says() {
        let foreign = Err(BadRequest::ForeignHost { address: "https://roster.example.org".to_owned() });
        let (www, at_www) = (("host", "www.roster.example.org"), ("origin", "https://www.roster.example.org"));
        assert_eq!(judged(&[SAME, www, at_www, SESSION]), foreign);
        assert_eq!(judged(&[SAME, www, ("origin", "null")]), foreign);
        assert_eq!(judged(&[SAME, www]), foreign);
        assert_eq!(judged(&[www, at_www]), foreign);
        // A proxy that changes Host: the browser's own word counts.
        assert!(admitted(&[SAME, ("host", "127.0.0.1:3000"), ("origin", "https://roster.example.org"), SESSION]));
    }

    #[test]
    fn br_04_an_instance_can_be_used_at_the_address_that_it_listens_at() {
        let (there, at_it) = (("host", "127.0.0.1:3000"), ("origin", "http://127.0.0.1:3000"));
        assert!(admitted(&[SAME, there, at_it, SESSION]));
        assert!(admitted(&[there, at_it, SESSION]));
        // A proxy that changes Host tells nothing of the name that the browser knows.
        assert!(!admitted(&[SAME, there, ("origin", "null"), SESSION]));
        assert!(!admitted(&[SAME, ("host", "127.0.0.1:3001"), ("origin", "http://127.0.0.1:3001"), SESSION]));
        assert!(!admitted(&[SAME, ("host", "localhost:3000"), ("origin", "http://localhost:3000"), SESSION]));
    }

    #[test]
    fn br_04_what_must_be_there_once_is_not_taken_twice() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"), OURS] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let config = Config { base_url: "https://roster.example.org".parse().unwrap(), ..Config::default() };
        let judged = comes_from_here(&headers, None, &OwnAddresses::of(&config), &Cookies::from(&config));
        assert_eq!(judged, Err(BadRequest::Malformed));
    }

    #[test]
    fn br_04_a_silent_request_may_not_use_a_session() {
        assert_eq!(judged(&[SESSION]), Err(BadRequest::UnknownOrigin));
        assert!(admitted(&[]));
    }
}
