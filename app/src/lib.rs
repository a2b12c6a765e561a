//! What the browser and the server share: the domain and its policy, the server functions, the pages and their texts.

#[allow(missing_docs, reason = "the fields of the structs that `#[server]` makes are its arguments")]
pub mod api;
pub mod components;
pub mod domain;
pub mod error;
pub mod i18n;
pub mod paths;
#[cfg(feature = "ssr")]
pub mod ports;
