//! What every form does the same way: its error, its focus, what follows a success.

use crate::{
    domain::fields::{Field, Problem},
    error::AppError,
};
use leptos::{html, prelude::*, server_fn::ServerFn, wasm_bindgen::JsCast, web_sys::HtmlElement};

/// What went wrong with an action last, be it sent by the page or, without scripting, by the browser.
pub fn error_of<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || value.with(|value| value.as_ref().and_then(|answer| answer.as_ref().err().cloned())))
}

/// What is wrong with one field.
pub fn problem_at(error: Signal<Option<AppError>>, field: Field) -> Signal<Option<Problem>> {
    Signal::derive(move || error.with(|error| error.as_ref()?.fields()?.of(field)))
}

/// Runs once for each success of an action, in the browser.
pub fn on_success<S>(action: ServerAction<S>, then: impl Fn(S::Output) + 'static)
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Effect::new(move || {
        if let Some(Ok(answer)) = value.get() {
            then(answer);
        }
    });
}

/// The form of an action: its fields are checked by us and not by the browser, whose bubbles speak another language and look, and
/// after an error the cursor stands in the first wrong field.
pub fn form_with(error: Signal<Option<AppError>>) -> NodeRef<html::Form> {
    let form = NodeRef::<html::Form>::new();
    form.on_load(|form| form.set_no_validate(true));
    Effect::new(move || {
        if error.get().is_some_and(|error| error.fields().is_some()) {
            // The fields show their problems first.
            request_animation_frame(move || {
                if let Some(field) = form
                    .get_untracked()
                    .and_then(|form| form.query_selector("[aria-invalid=true]").ok().flatten())
                    .and_then(|field| field.dyn_into::<HtmlElement>().ok())
                {
                    let _ = field.focus();
                }
            });
        }
    });
    form
}
