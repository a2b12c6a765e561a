//! Whether single keys do something: whoever speaks to the machine, or hits keys by accident, can switch that off (WCAG 2.1.4).

use crate::i18n::{text, use_locale};
use leptos::prelude::*;
use web_sys::{HtmlDocument, wasm_bindgen::JsCast};

/// Kept in this browser, as it is about its keyboard; a cookie, since signing out deletes all that pages store otherwise. No secret.
const SHORTCUTS_OFF: &str = "roster_shortcuts=off";
const COOKIE_MAX_AGE_S: u32 = 365 * 24 * 60 * 60;

/// Do single keys do something in this browser?
pub fn shortcuts_are_on() -> bool {
    let cookies = html_document().and_then(|document| document.cookie().ok()).unwrap_or_default();
    !cookies.split("; ").any(|cookie| cookie == SHORTCUTS_OFF)
}

fn html_document() -> Option<HtmlDocument> {
    document().dyn_into().ok()
}

/// Switches them off and on.
#[component]
pub fn ShortcutSwitch() -> impl IntoView {
    let (on, is_hydrated) = (RwSignal::new(true), RwSignal::new(false));
    Effect::new(move || {
        on.set(shortcuts_are_on());
        is_hydrated.set(true);
    });
    let switched = move |event: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlInputElement>| {
        let wanted = event.target().checked();
        let life = if wanted { 0 } else { COOKIE_MAX_AGE_S };
        if let Some(document) = html_document() {
            let _ = document.set_cookie(&format!("{SHORTCUTS_OFF}; Path=/; Max-Age={life}; SameSite=Lax"));
        }
        on.set(wanted);
    };
    view! {
        <label class="foot-switch only-with-scripting">
            <input
                type="checkbox"
                disabled=move || !is_hydrated.get()
                prop:checked=move || on.get()
                on:change:target=switched
            />
            <span>{text!(use_locale(), common.shortcut)}</span>
        </label>
    }
}
