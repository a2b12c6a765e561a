//! What the README says of the settings is what the server has.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests say what they expect and stop at the first surprise"
)]

use server::config::{Config, SETTINGS, Setting, Smtp, SmtpTls, table};
use std::collections::BTreeMap;

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_settings_is_the_servers() {
    assert!(README.contains(&table()), "put the output of `roster config table` into the README:\n{}", table());
}

/// The values of a TOML table by dotted key, as one types them.
fn values(prefix: &str, table: &toml::Table, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => values(&format!("{key}."), inner, found),
            toml::Value::String(text) => drop(found.insert(key, text.trim_end_matches('/').to_owned())),
            other => drop(found.insert(key, other.to_string())),
        }
    }
}

#[test]
fn the_defaults_of_the_table_are_those_in_effect() {
    let smtp = Smtp {
        host: String::new(),
        port: None,
        tls: SmtpTls::default(),
        username: None,
        password: None,
        password_file: None,
        from: "roster@example.org".parse().unwrap(),
        ca_file: None,
    };
    let config = Config { smtp: Some(smtp), ..Config::default() };
    let mut in_effect = BTreeMap::new();
    values("", &toml::Table::try_from(&config).unwrap(), &mut in_effect);

    // Needed with a host, so it has no default; follows from another setting; stands for an entry of a list.
    let without = |key: &str| {
        let entries = ["permission.", "client.", "forward_auth."];
        matches!(key, "smtp.from" | "smtp.port") || entries.iter().any(|entry| key.starts_with(entry))
    };
    for Setting { key, default, .. } in SETTINGS.iter().filter(|setting| !without(&setting.key)) {
        let default = default.replace("<port of listen>", "3000").replace("<data_dir>", "./data");
        assert_eq!(in_effect.get(key).map_or("", String::as_str), default, "{key}");
    }
}

#[test]
fn the_examples_are_settings() {
    let examples: Vec<&str> = README
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("the end of the example").0)
        .collect();
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        toml::from_str::<Config>(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}
