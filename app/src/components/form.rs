//! What every form does the same way with its error.

use crate::{
    domain::fields::{Field, Problem},
    error::AppError,
};
use leptos::{html, prelude::*};
use web_sys::{HtmlElement, wasm_bindgen::JsCast};

/// What is wrong with one field.
pub fn problem_at(error: Signal<Option<AppError>>, field: Field) -> Signal<Option<Problem>> {
    Signal::derive(move || error.with(|error| error.as_ref()?.fields()?.of(field)))
}

/// The form of a [`crate::ask::Post`]: its fields are checked by us and not by the browser, whose bubbles speak another language and
/// look, and after an error the cursor stands in the first wrong field.
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
