//! The browser's half: takes over the page that the server rendered.
#![forbid(unsafe_code)]
#![recursion_limit = "512"]

/// Runs once, when the page has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    // Without it a fault in somebody's browser would be one word, "unreachable".
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_lazy(app::App);
}
