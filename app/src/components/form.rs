//! What every form does the same way with its error.

use crate::{
    domain::fields::{Field, Problem},
    error::AppError,
};
use leptos::prelude::*;

/// What is wrong with one field.
pub fn problem_at(error: Signal<Option<AppError>>, field: Field) -> Signal<Option<Problem>> {
    Signal::derive(move || error.with(|error| error.as_ref()?.fields()?.of(field)))
}
