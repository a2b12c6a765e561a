//! The way to the server function and back.

use super::{Answer, ServerCall};
#[cfg(feature = "ssr")]
use crate::error::{AppError, BadRequest};

/// Calls the function in this very process, with arguments as a form would send them.
#[cfg(feature = "ssr")]
pub(super) async fn send<S: ServerCall>(form: String, _in_background: bool) -> Answer<S> {
    let arguments: S = serde_qs::from_str(&form).map_err(|_| AppError::BadRequest(BadRequest::Malformed))?;
    arguments.run_body().await
}

/// Posts the arguments to the function, as a form would.
#[cfg(not(feature = "ssr"))]
pub(super) async fn send<S: ServerCall>(form: String, in_background: bool) -> Answer<S> {
    let answer = browser::post(S::PATH, form, in_background).await?;
    browser::decode(answer)
}

#[cfg(not(feature = "ssr"))]
mod browser {
    use crate::{
        error::{AppError, BadRequest},
        rpc::BACKGROUND_HEADER,
    };
    use leptos::prelude::window;
    use send_wrapper::SendWrapper;
    use serde::de::DeserializeOwned;
    use std::pin::Pin;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Headers, RequestInit, Response, wasm_bindgen::JsCast, wasm_bindgen::JsValue};

    /// Posts a form; the answer's JSON as an object of the browser.
    pub(super) fn post(
        path: &'static str,
        form: String,
        in_background: bool,
    ) -> Pin<Box<dyn Future<Output = Result<SendWrapper<JsValue>, AppError>> + Send>> {
        Box::pin(SendWrapper::new(async move {
            let (response, json) = fetch(path, &form, in_background).await.map_err(|_| AppError::Transport)?;
            match json {
                None => Err(BadRequest::Intercepted { status: response.status() }.into()),
                Some(json) if response.ok() => Ok(SendWrapper::new(json)),
                Some(json) => Err(decode(SendWrapper::new(json))?),
            }
        }))
    }

    /// The response, and its body if it is the JSON that Roster answers in, whatever it says.
    async fn fetch(path: &str, form: &str, in_background: bool) -> Result<(Response, Option<JsValue>), JsValue> {
        let headers = Headers::new()?;
        headers.set("Accept", "application/json")?;
        headers.set("Content-Type", "application/x-www-form-urlencoded")?;
        if in_background {
            headers.set(BACKGROUND_HEADER, "1")?;
        }
        let request = RequestInit::new();
        request.set_method("POST");
        request.set_headers(&headers);
        request.set_body(&form.into());
        let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &request)).await?.dyn_into()?;
        let kind = response.headers().get("Content-Type")?.unwrap_or_default();
        let json = match kind.starts_with("application/json") {
            true => Some(JsFuture::from(response.json()?).await?),
            false => None,
        };
        Ok((response, json))
    }

    /// Reads an answer or an error.
    pub(super) fn decode<T: DeserializeOwned>(json: SendWrapper<JsValue>) -> Result<T, AppError> {
        serde_wasm_bindgen::from_value(json.take()).map_err(|_| AppError::Transport)
    }
}
