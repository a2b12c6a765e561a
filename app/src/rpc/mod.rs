//! How pages call server functions: [`Query`] loads, [`FormAction`] and its [`ActionForm`] send, [`call`] does it once.
//!
//! They behave as leptos' `Resource`, `ServerAction` and `ActionForm` do, with scripting and without. What they add: a form that came
//! back without scripting begins with its response, and fields are checked and focused in one way. What they save: sending and
//! receiving are the same code for all functions, and only decoding knows the type of the answer. Leptos' own make a copy of all of it
//! for each function; ARCHITECTURE.md says what that was measured to cost.

mod codec;
mod form_action;
mod query;
mod transport;

pub use codec::from_json;
pub use form_action::{ActionForm, FormAction, fields_of};
pub use query::Query;

use crate::{error::AppError, flash};
use leptos::server_fn::ServerFn;
use serde::{Serialize, de::DeserializeOwned};

/// A server function, called with its arguments as fields.
pub trait ServerCall:
    ServerFn<Error = AppError, Output: Clone + Serialize + DeserializeOwned + Send + Sync>
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<S> ServerCall for S where
    S: ServerFn<Error = AppError, Output: Clone + Serialize + DeserializeOwned + Send + Sync>
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// The header by which a page says that it asks by itself, and nobody does anything: that is no use of a session.
pub const BACKGROUND_HEADER: &str = "roster-in-background";

/// What a server function answers.
type Answer<S> = Result<<S as ServerFn>::Output, AppError>;

/// Calls once.
///
/// # Errors
/// Whatever the server answers, or [`AppError::Transport`] if no answer comes, or none that can be read.
pub async fn call<S: ServerCall>(arguments: S) -> Answer<S> {
    transport::send::<S>(codec::to_form(&arguments), false).await
}

/// Calls once, by the page itself and because of nothing that somebody did.
///
/// # Errors
/// As [`call`].
pub async fn call_in_background<S: ServerCall>(arguments: S) -> Answer<S> {
    transport::send::<S>(codec::to_form(&arguments), true).await
}

/// The error in the flash, of whichever form.
pub fn flashed_error() -> Option<AppError> {
    codec::error_in(&flash::response_of_any()?)
}

/// The success in the flash, of whichever form with an answer of this type.
pub fn flashed_success<T: DeserializeOwned>() -> Option<T> {
    from_json::<Result<T, AppError>>(&flash::response_of_any()?)?.ok()
}

/// What a form of this server function achieved, if that is in the flash.
pub fn flashed_output<S: ServerCall>() -> Option<S::Output> {
    flashed_answer::<S>()?.ok()
}

/// The response to a form of this server function, if that is in the flash.
fn flashed_answer<S: ServerCall>() -> Option<Answer<S>> {
    from_json(&flash::response_of(S::PATH)?)
}
