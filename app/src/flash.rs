//! The flash: what a form that the browser itself sent shows on the page that it leads to, its response and the old input. The server
//! keeps it for a quarter of an hour (`server/src/service/flash.rs`) and puts it into the request of that page; from there the
//! browser's half gets it too, in case the form was sent before hydration.

use crate::hydration::on_hydrated;
#[cfg(feature = "ssr")]
use http::HeaderName;
use leptos::{prelude::*, server::SharedValue};
use serde::{Deserialize, Serialize};

/// The header by which a server function asks for its response to be shown on the page that the browser is sent to. It never leaves
/// the server.
#[cfg(feature = "ssr")]
pub const FLASH_RESPONSE: HeaderName = HeaderName::from_static("roster-flash-response");

/// What came of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormResult {
    /// The path of the server function.
    pub function: String,
    /// Its response, as JSON of a `Result`; empty if it says nothing (any more).
    pub response: String,
    /// The fields that were submitted, without secrets; none if the page does not show the form again.
    pub old_input: Vec<(String, String)>,
}

/// The result that this page came with. It belongs to this page alone: components made later find nothing.
#[derive(Clone, Copy)]
struct Flash(StoredValue<Option<FormResult>>);

/// Makes the functions below work; once, at the root.
pub fn provide_form_result() {
    let result = SharedValue::new_serde_wb(of_request).into_inner();
    let flashed = Flash(StoredValue::new(result));
    provide_context(flashed);
    Effect::new(move || {
        remove_flash_from_url();
        // Whatever is made during hydration may still ask.
        on_hydrated(move || flashed.0.set_value(None));
    });
}

#[cfg(feature = "ssr")]
fn of_request() -> Option<FormResult> {
    use_context::<http::request::Parts>()?.extensions.get().cloned()
}

#[cfg(not(feature = "ssr"))]
const fn of_request() -> Option<FormResult> {
    None
}

fn with_result<T>(read: impl FnOnce(&FormResult) -> Option<T>) -> Option<T> {
    use_context::<Flash>()?.0.try_with_value(|result| read(result.as_ref()?))?
}

/// The response of the server function with this path, if it is what this page came with.
pub(crate) fn response_of(function: &str) -> Option<String> {
    with_result(|result| (result.function == function).then(|| result.response.clone())).filter(|text| !text.is_empty())
}

/// The response that this page came with, of whichever server function.
pub(crate) fn response_of_any() -> Option<String> {
    with_result(|result| Some(result.response.clone())).filter(|text| !text.is_empty())
}

/// The old input of the field of this name.
pub fn old_input(name: &str) -> Option<String> {
    old_inputs(name).and_then(|texts| texts.into_iter().next())
}

/// The checkboxes of this name that were chosen; `None` if no form came back.
pub fn old_inputs(name: &str) -> Option<Vec<String>> {
    with_result(|result| {
        let of_name = result.old_input.iter().filter(|(field, _)| field == name);
        (!result.old_input.is_empty()).then(|| of_name.map(|(_, text)| text.clone()).collect())
    })
}

/// Removes the flash from the URL once it is shown, so that reloading the page does not show it again.
fn remove_flash_from_url() {
    let location = window().location();
    let (Ok(path), Ok(search)) = (location.pathname(), location.search()) else { return };
    if !search.contains("flash=") {
        return;
    }
    let kept: Vec<_> = search.trim_start_matches('?').split('&').filter(|part| !part.starts_with("flash=")).collect();
    let address = if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
    if let Ok(history) = window().history() {
        let state = history.state().unwrap_or_default();
        let _ = history.replace_state_with_url(&state, "", Some(&address));
    }
}
