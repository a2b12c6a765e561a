//! The note on the next page that something was done.

use super::Icon;
use leptos::prelude::*;

/// Says what was done. The focus goes there, as nothing else reads out what stands on a page from its beginning.
pub fn done(words: impl Into<String>) -> AnyView {
    view! {
        <div class="note note-good" tabindex="-1" data-autofocus="">
            <Icon name="check" />
            <p>{words.into()}</p>
        </div>
    }
    .into_any()
}
