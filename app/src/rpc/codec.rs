//! What travels: arguments as a form would send them, answers and errors as JSON.

use crate::error::{AppError, BadRequest};
#[cfg(not(feature = "ssr"))]
use leptos::server::codee::{Decoder, string::JsonSerdeWasmCodec};
use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

/// The arguments as a form would send them.
pub(super) fn to_form(arguments: &impl Serialize) -> String {
    serde_qs::to_string(arguments).unwrap_or_default()
}

/// Reads JSON; `None` if it is none, or none of this type.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    #[cfg(feature = "ssr")]
    return serde_json::from_str(text).ok();
    // The browser's own parser is there already.
    #[cfg(not(feature = "ssr"))]
    JsonSerdeWasmCodec::decode(text).ok()
}

/// The error in the JSON of a `Result`.
pub(super) fn error_in(answer: &str) -> Option<AppError> {
    from_json::<Result<IgnoredAny, AppError>>(answer)?.err()
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    /// What the framework itself reports is a request that it cannot read; its texts stay out of pages.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::BadRequest(BadRequest::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::{Field, FieldErrors, Problem};

    #[test]
    fn the_error_of_an_answer_is_read_whatever_the_answer_would_have_been() {
        let error = AppError::from(FieldErrors::one(Field::Email, Problem::Required));
        let answer: Result<String, AppError> = Err(error.clone());
        assert_eq!(error_in(&serde_json::to_string(&answer).unwrap_or_default()), Some(error));
        for no_error in [r#"{"Ok":"/a/acme"}"#, r#"{"Ok":{"minutes":10}}"#, "", "<html>", r#"{"Err":<html>}"#] {
            assert_eq!(error_in(no_error), None, "{no_error}");
        }
    }
}
