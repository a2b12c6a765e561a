//! Makes the typed texts of `app::i18n` from `locales/{language}/{namespace}.json`.
use leptos_i18n_build::{Config, ParseOptions, TranslationsInfos};
use std::{error::Error, path::PathBuf};

/// One file in each language; a text is named `namespace.key`.
const NAMESPACES: [&str; 9] =
    ["common", "session", "joining", "errors", "users", "outbox", "catalogue", "mail", "methods"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales");
    let config = Config::new("en")?
        .add_locale("de")?
        .add_namespaces(NAMESPACES)?
        .parse_options(ParseOptions::new().interpolate_display(true));
    let texts = TranslationsInfos::parse(config)?;
    texts.rerun_if_locales_changed();
    texts.emit_diagnostics();
    texts.generate_i18n_module(PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("i18n"))?;
    Ok(())
}
