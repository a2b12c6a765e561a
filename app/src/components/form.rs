//! What every form does the same way with its error.

use crate::{
    domain::fields::{Field, Problem},
    error::AppError,
};
use leptos::prelude::*;

/// What is wrong with one field.
pub fn problem_at(error: Signal<Option<AppError>>, field: Field) -> Signal<Option<Problem>> {
    Signal::derive(move || problem_of(error, field))
}

fn problem_of(error: Signal<Option<AppError>>, field: Field) -> Option<Problem> {
    error.with(|error| error.as_ref()?.fields()?.of(field))
}

/// Whether the `<details>` around these fields is open: at first as `open` says, and from the first problem at one of them on. Once open it
/// stays, because the problem goes as soon as somebody types on.
pub fn stays_open(open: bool, error: Signal<Option<AppError>>, fields: &'static [Field]) -> Memo<bool> {
    let has_problem = move || fields.iter().any(|field| problem_of(error, *field).is_some());
    Memo::new(move |was: Option<&bool>| was.copied().unwrap_or(open) || has_problem())
}
