//! Icons, from one sprite.

use leptos::prelude::*;

/// An icon of `public/icons.svg`. Decoration: the text beside it, or the label of its button, says what it means.
#[component]
pub fn Icon(
    /// Its id in the sprite.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use_ href=format!("/icons.svg#{name}") />
        </svg>
    }
}
