//! The browser's half: takes over the page that the server rendered.
#![forbid(unsafe_code)]
#![recursion_limit = "512"]

use leptos::{mount::hydrate_from_async, prelude::document};
use wasm_bindgen_futures::spawn_local;

/// Runs once, when the page has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    // Without it a fault in somebody's browser would be one word, "unreachable".
    console_error_panic_hook::set_once();
    spawn_local(async {
        let Some(body) = document().body() else { return };
        // The chunk of this page is awaited here.
        hydrate_from_async(body, app::App).await.forget();
        app::hydration::hydrated();
    });
}
