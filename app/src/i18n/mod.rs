//! All texts that people read, typed: a text that one language lacks, or a placeholder that is not filled, does not compile.
//!
//! The texts stand in `locales/{language}/{namespace}.json`. A page asks for its language once and names texts by
//! `namespace.key`; what stands in `{{ braces }}` is given by name:
//! ```ignore
//! let locale = use_locale();
//! view! { <h1>{text!(locale, users.title)}</h1> <p>{text!(locale, users.invited, email = email)}</p> }
//! ```
//! A text without braces is a `&'static str`, one with braces a `String`. The language of a page never changes while it is open
//! (choosing another one reloads the page), so no text is reactive, and none costs more than its characters. The same macro
//! serves mails: it needs nothing but a [`Locale`].

mod audit;
#[cfg(feature = "ssr")]
mod by_name;
mod providers;
mod words;

#[allow(missing_docs, reason = "generated; the texts document themselves")]
#[allow(clippy::all, clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "generated")]
#[allow(unused, unreachable_pub, rust_2018_idioms, reason = "generated, and wider than our use of it")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/i18n/mod.rs"));
}

pub use audit::*;
#[cfg(feature = "ssr")]
pub use by_name::*;
pub use generated::i18n::Locale;
/// What [`text!`] expands to names this crate; outside of `app`, import it beside the macro.
pub use leptos_i18n;
/// The text of a key in a language: `text!(locale, namespace.key, name = value)`.
pub use leptos_i18n::td_string as text;
pub use providers::*;
pub use words::*;

use crate::domain::language::Language;
use leptos::prelude::*;

impl From<Language> for Locale {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::en,
            Language::De => Self::de,
        }
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        match locale {
            Locale::en => Self::En,
            Locale::de => Self::De,
        }
    }
}

/// The language of this page, as [`provide_locale`] found it.
pub fn use_locale() -> Locale {
    use_context().unwrap_or_default()
}

/// Finds the language of this page and gives it to everything below.
pub fn provide_locale() {
    provide_context(Locale::from(page_language()));
}

/// The language that the HTTP layer chose for this request.
#[cfg(feature = "ssr")]
pub(crate) fn page_language() -> Language {
    use_context::<axum::http::request::Parts>()
        .and_then(|parts| parts.extensions.get::<crate::request::Visitor>().map(|visitor| visitor.language))
        .unwrap_or_default()
}

/// The language that the server chose: what it wrote into `<html lang>`.
#[cfg(not(feature = "ssr"))]
fn page_language() -> Language {
    document()
        .document_element()
        .and_then(|html| html.get_attribute("lang"))
        .and_then(|tag| Language::from_tag(&tag))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    /// The keys of every text file of one language, as `file: key`.
    fn keys(language: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language);
        let mut keys = BTreeSet::new();
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let texts: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            keys.extend(texts.keys().map(|key| format!("{name}: {key}")));
        }
        keys
    }

    /// The generator falls back to English for a missing text; a page in two languages is not what we want.
    #[test]
    fn every_text_is_there_in_every_language() {
        assert_eq!(keys("en"), keys("de"));
    }
}
