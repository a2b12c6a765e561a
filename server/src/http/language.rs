//! In which language a request is answered.

use app::{domain::language::Language, request::SignedIn};
use axum::http::{HeaderMap, header};

/// The language of a visitor: the one chosen in this browser, else the user's, else the browser's, else English. The choice in the browser
/// comes first because it is the latest; the user's language is the one in which they joined.
pub(super) fn language_of(signed_in: Option<&SignedIn>, chosen: Option<Language>, headers: &HeaderMap) -> Language {
    chosen
        .or_else(|| signed_in.and_then(|signed_in| signed_in.language))
        .or_else(|| Language::from_accept_language(text(headers, header::ACCEPT_LANGUAGE)))
        .unwrap_or_default()
}

/// The text of a header; empty where there is none.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
