//! What was typed into a form before it came back with an error, for those without scripting: their forms are new pages.

/// What was typed into the field of this name.
pub fn typed(name: &str) -> Option<String> {
    all_typed(name).and_then(|texts| texts.into_iter().next())
}

/// What was chosen of the boxes of this name; `None` if no form came back.
#[cfg(feature = "ssr")]
pub fn all_typed(name: &str) -> Option<Vec<String>> {
    use crate::ports::Typed;
    let parts = leptos::prelude::use_context::<axum::http::request::Parts>()?;
    let Typed(fields) = parts.extensions.get::<Typed>().filter(|typed| **typed != Typed::default())?;
    let texts = fields.iter().filter(|(field, _)| field == name).map(|(_, text)| text.clone());
    Some(texts.collect())
}

/// With scripting, forms stay where they are.
#[cfg(not(feature = "ssr"))]
pub fn all_typed(_: &str) -> Option<Vec<String>> {
    None
}
