//! Errors of the layers themselves: for the browser's half in the encoding of the server functions, for a person as a small page.

use super::{language::language_of, rest};
use crate::context::Services;
use app::{
    error::{AppError, BadRequest},
    i18n::{Locale, error_text, leptos_i18n, text},
    paths,
    request::accepts_html,
};
use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The error that an answer stands for; [`layer`] puts it into words.
#[derive(Clone)]
struct ErrorBody(AppError);

/// A request turned away.
pub(super) fn bad_request(why: BadRequest) -> Response {
    error(&why.into())
}

/// An error with its status.
pub(super) fn error(error: &AppError) -> Response {
    let mut response = (error.status(), Json(error)).into_response();
    if let AppError::RateLimited { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response.extensions_mut().insert(ErrorBody(error.clone()));
    response
}

/// The `Retry-After` of a server that is busy, or whose database is away: both pass within seconds.
const UNAVAILABLE_RETRY_S: u64 = 2;

/// Puts errors into words where a person will see them: in the address bar, after a form, in a frame. Every 503, a page too, says when to
/// come back.
pub(super) async fn layer(State(services): State<Services>, request: Request, next: Next) -> Response {
    let sent = services.cookies.sent(request.headers());
    let language = language_of(None, sent.language, request.headers());
    let for_a_person = accepts_html(request.headers());
    let for_a_program = rest::is_api(request.uri());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from(UNAVAILABLE_RETRY_S));
    }
    if for_a_program {
        return match response.extensions_mut().remove() {
            Some(ErrorBody(error)) => rest::problem_of(error),
            None => response,
        };
    }
    if for_a_person && let Some(ErrorBody(error)) = response.extensions_mut().remove() {
        let locale = Locale::from(language);
        let guide = (error == AppError::BadRequest(BadRequest::FormPost))
            .then(|| (paths::login_methods_guide("form_post"), text!(locale, methods.guide)));
        let link = guide.unwrap_or_else(|| ("/".to_owned(), text!(locale, common.product)));
        *response.body_mut() = Body::from(page(language.tag(), &error_text(locale, &error), &[link]));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    response
}

/// A page without style or script, so that it can be sent whatever went wrong, and where nothing else of ours can be loaded.
pub(super) fn page(language: &str, text: &str, links: &[(String, &str)]) -> String {
    let links: String = links
        .iter()
        .map(|(href, label)| format!("<p><a href=\"{}\">{}</a></p>", escaped(href), escaped(label)))
        .collect();
    let text = escaped(text);
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Roster</title></head>\n<body><p>{text}</p>{links}</body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_holds_is_no_markup() {
        assert!(
            page("en", "You no longer have access to <b>&.", &[("/".to_owned(), "Roster")])
                .contains("<p>You no longer have access to &lt;b&gt;&amp;.</p>")
        );
    }
}
