//! A choice of one among several.

use super::{FieldProblem, field::shown_problem, field_id};
use crate::{domain::fields::Problem, flash::old_input};
use leptos::prelude::*;

/// One line of a form that chooses one of several. The choice belongs to the browser; one that was made before hydration stays.
#[component]
pub fn SelectField(
    /// The name in the form, such as `form[language]`.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// A sentence below the label.
    #[prop(optional, into)]
    hint: String,
    /// The choices: the value and its words.
    options: Vec<(String, String)>,
    /// The value at first.
    #[prop(into)]
    chosen: String,
    /// What the server says of it.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let id = field_id(name);
    let chosen = old_input(name).unwrap_or(chosen);
    let shown = shown_problem(problem);
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, words)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="field-hint" id=format!("{id}-hint")>{hint}</p> })}
            <select
                id=id.clone()
                name=name
                aria-describedby=format!("{id}-hint {id}-problem")
                aria-invalid=move || shown.get().map(|_| "true")
                on:change=move |_| shown.set(None)
            >
                {options}
            </select>
            <FieldProblem id=format!("{id}-problem") problem=shown />
        </div>
    }
}
