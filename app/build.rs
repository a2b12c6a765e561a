//! Makes the typed texts of `app::i18n` from `locales/{language}/{namespace}.json`. It calls the two crates below itself, as
//! `leptos_i18n_build` would, because that one also brings a compiler of ICU's data, which no text of ours needs.
use leptos_i18n_codegen::gen_code;
use leptos_i18n_parser::parse_locales::{
    options::{Config, ParseOptions},
    parse_locales,
};
use std::{error::Error, fs, path::PathBuf};

/// One file in each language; a text is named `namespace.key`.
const NAMESPACES: [&str; 20] = [
    "api_keys",
    "common",
    "session",
    "joining",
    "errors",
    "users",
    "outbox",
    "person",
    "catalogue",
    "mail",
    "methods",
    "recovery",
    "own_login",
    "factors",
    "audit",
    "security",
    "roles",
    "settings",
    "platform",
    "webhooks",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales");
    let config = Config::new("en")?
        .add_locale("de")?
        .add_namespaces(NAMESPACES)?
        .parse_options(ParseOptions::new().interpolate_display(true));
    let texts = parse_locales(None, config)?;
    for warning in texts.diag.warnings().iter() {
        println!("cargo::warning={warning}");
    }
    for error in texts.diag.errors().iter() {
        println!("cargo::error={error}");
    }
    let module = gen_code(&texts, None, false, None, true)?;
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("i18n");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("mod.rs"), module.to_string())?;
    Ok(())
}
