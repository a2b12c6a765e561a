//! How answers and errors are written and read: as JSON, and in the browser by its own parser.

#[cfg(not(feature = "ssr"))]
use super::reader;
use crate::error::{AppError, BadRequest};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::de::DeserializeOwned;

/// Reads JSON as this half reads answers; `None` if it makes no sense. Everything is read the same way, as each further way would be a
/// second copy of all that reads.
#[cfg(feature = "ssr")]
pub fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Reads JSON as this half reads answers; `None` if it makes no sense.
#[cfg(not(feature = "ssr"))]
pub fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    reader::read(text)
}

impl FromServerFnError for AppError {
    #[cfg(feature = "ssr")]
    type Encoder = leptos::server_fn::codec::JsonEncoding;
    #[cfg(not(feature = "ssr"))]
    type Encoder = reader::ErrorEncoding;

    /// What the framework itself reports is a request that it cannot read; its texts stay out of pages.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::BadRequest(BadRequest::Malformed)
    }
}
