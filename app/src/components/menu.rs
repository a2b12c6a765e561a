//! A menu that opens beneath its button; `<details>`, so that it works without scripting.

use super::{Icon, focus::focused};
use leptos::{ev, html, prelude::*, wasm_bindgen::JsCast, web_sys::Node};
use web_sys::HtmlElement;

/// A menu beneath its button. Once the page is hydrated it closes when something in it is chosen, on Escape, and on a click elsewhere.
#[component]
pub fn Menu(
    /// What it is, for those who do not see it; read after what its button shows (WCAG 2.5.3).
    label: &'static str,
    /// What its button shows.
    #[prop(into)]
    button: ViewFn,
    /// Its links and forms.
    children: Children,
) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    let close = move || {
        if let Some(details) = details.get_untracked().filter(|details| details.open()) {
            let had_focus = focused().is_some_and(|element| details.contains(Some(&element)));
            details.set_open(false);
            if had_focus && let Some(button) = details.first_element_child() {
                let _ = button.unchecked_into::<HtmlElement>().focus();
            }
        }
    };
    Effect::new(move || {
        let elsewhere = window_event_listener(ev::click, move |event| {
            let hit = event.target().and_then(|target| target.dyn_into::<Node>().ok());
            if details.get_untracked().is_some_and(|details| !details.contains(hit.as_ref())) {
                close();
            }
        });
        on_cleanup(move || elsewhere.remove());
    });
    let pressed = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    view! {
        <details class="menu" node_ref=details on:keydown=pressed>
            <summary>
                {button.run()} " " <span class="visually-hidden">{label}</span> <Icon name="chevron-down" />
            </summary>
            <div class="menu-box" on:click=move |_| close()>
                {children()}
            </div>
        </details>
    }
}
