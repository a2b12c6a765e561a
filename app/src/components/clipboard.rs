//! The clipboard.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;

/// Copies a text, where the page is served safely enough for the browser to offer it at all.
pub fn copy_to_clipboard(text: &str, then: impl FnOnce() + 'static) {
    let window = window();
    if window.is_secure_context() {
        let writing = window.navigator().clipboard().write_text(text);
        spawn_local(async move {
            if JsFuture::from(writing).await.is_ok() {
                then();
            }
        });
    }
}
