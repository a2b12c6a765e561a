//! Refuses NUL in requests: PostgreSQL takes it in no text, C cuts texts at it, and nobody types it.
//!
//! It is looked for here, in all of a request that becomes text: path, query and form, before and after percent-decoding. So no parser,
//! statement or pattern has to think of it, and both databases answer alike. Other control characters harm none of these; where one is out
//! of place, as in names and addresses, the parser of the field says so.

use super::answer;
use app::error::BadRequest;
use axum::{extract::Request, middleware::Next, response::Response};

/// Refuses addresses with a NUL; forms are looked at where they are read. A link with a token goes on: whatever stands there is parsed as
/// one before it reaches anything, and what is none leads to the same page as any unknown link (INV-17).
pub(super) async fn layer(request: Request, next: Next) -> Response {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let is_link = path.starts_with("/i/") || path.starts_with("/s/");
    if has_nul(query.as_bytes()) || (!is_link && has_nul(path.as_bytes())) {
        return answer::bad_request(BadRequest::Malformed);
    }
    next.run(request).await
}

/// Is there a NUL, as itself or percent-encoded?
pub(super) fn has_nul(encoded: &[u8]) -> bool {
    encoded.contains(&0) || encoded.windows(3).any(|part| part == b"%00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_08_a_nul_is_found_in_either_form() {
        assert!(has_nul(b"q=a%00b") && has_nul(b"q=a\0b") && has_nul(b"/a/%00"));
        // An encoded percent sign followed by noughts is no NUL.
        assert!(!has_nul(b"q=a%2500b") && !has_nul(b"q=%0") && !has_nul(b""));
    }
}
