//! What stands where nothing is yet.

use super::Icon;
use leptos::prelude::*;

/// An empty list or page; the children say what to do next.
#[component]
pub fn EmptyState(
    /// The icon's id.
    icon: &'static str,
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do next.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty-icon">
                <Icon name=icon />
            </span>
            <h2>{title}</h2>
            {children()}
        </div>
    }
}
