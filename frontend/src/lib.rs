//! The browser's half: takes over the page that the server rendered.
#![recursion_limit = "512"]

/// Runs once, when the page has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
