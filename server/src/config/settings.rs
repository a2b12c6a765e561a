//! The table of all settings, for people to read. What a setting means stands once, in the doc comment of its field in [`Config`](super::Config)
//! and its sections; the default is that of the field.

use super::{
    Accounts, Client, Config, ForwardAuth, Invitations, Limits, Log, Mail, OAuth, Passwords, Permission, Retention,
    Sessions, Smtp,
};
use std::sync::LazyLock;

/// Declares structs as they stand, and lists their fields with the lines of their doc comments.
macro_rules! settings {
    ($($(#[$attribute:meta])* pub struct $name:ident { $($(#[$($of_field:tt)*])* pub $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$attribute])*
            pub struct $name {
                $($(#[$($of_field)*])* pub $field: $type,)*
            }

            impl $name {
                const FIELDS: $crate::config::settings::Fields =
                    &[$((stringify!($field), &[$(doc_line!($($of_field)*)),*])),*];
            }
        )*
    };
}

/// The text of an attribute that is a line of a doc comment, and nothing of any other.
macro_rules! doc_line {
    (doc = $line:literal) => {
        $line
    };
    ($($other:tt)*) => {
        ""
    };
}

/// The fields of a struct, each with the lines of its doc comment.
pub(super) type Fields = &'static [(&'static str, &'static [&'static str])];

/// What can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As it stands in the TOML file; in the environment it is `ROSTER_` and the key in upper case with `__` for each dot, and on the command
    /// line `--set key=value`.
    pub key: String,
    /// Its default, as one would type it; empty if it has none.
    pub default: String,
    /// What it means, in Markdown.
    pub meaning: String,
}

/// All settings, in the order of their fields.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let mut settings = Vec::new();
    for &(name, doc) in Config::FIELDS {
        match section(name) {
            Some(fields) => {
                settings.extend(fields.iter().map(|(field, doc)| setting(format!("{name}.{field}"), doc)));
            }
            None => settings.push(setting(name.to_owned(), doc)),
        }
    }
    settings
});

/// The fields of a section of the configuration.
fn section(name: &str) -> Option<Fields> {
    match name {
        "log" => Some(Log::FIELDS),
        "mail" => Some(Mail::FIELDS),
        "smtp" => Some(Smtp::FIELDS),
        "oauth" => Some(OAuth::FIELDS),
        "accounts" => Some(Accounts::FIELDS),
        "passwords" => Some(Passwords::FIELDS),
        "sessions" => Some(Sessions::FIELDS),
        "invitations" => Some(Invitations::FIELDS),
        "limits" => Some(Limits::FIELDS),
        "retention" => Some(Retention::FIELDS),
        "permission" => Some(Permission::FIELDS),
        "client" => Some(Client::FIELDS),
        "forward_auth" => Some(ForwardAuth::FIELDS),
        _ => None,
    }
}

/// The meaning is the first paragraph of the doc comment, without its full stop; what follows is for whoever reads the code.
fn setting(key: String, doc: &[&str]) -> Setting {
    let first: Vec<&str> = doc.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    Setting { default: default(&key), meaning: first.join(" ").trim_end_matches('.').to_owned(), key }
}

/// Defaults that follow from other settings, or that are of a section which is not there by default.
const DEFAULTS_IN_WORDS: [(&str, &str); 13] = [
    ("base_url", "http://127.0.0.1:<port of listen>"),
    ("database_url", "sqlite:<data_dir>/roster.db?mode=rwc"),
    ("secret_key_file", "<data_dir>/secret.key"),
    ("smtp.port", "587, 465 or 25, by smtp.tls"),
    ("smtp.tls", "starttls"),
    ("permission.area", "the part before the dot"),
    ("permission.roles", "[]"),
    ("client.post_logout_redirect_uris", "[]"),
    ("client.pairwise_subjects", "false"),
    ("client.algorithm", "ES256"),
    ("forward_auth.public", "[]"),
    ("forward_auth.permissions", "{}"),
    ("forward_auth.roles", "{}"),
];

fn default(key: &str) -> String {
    if let Some((_, words)) = DEFAULTS_IN_WORDS.iter().find(|(known, _)| *known == key) {
        return (*words).to_owned();
    }
    static IN_EFFECT: LazyLock<toml::Value> =
        LazyLock::new(|| toml::Value::try_from(Config::default()).unwrap_or(toml::Value::Boolean(false)));
    let value = key.split('.').try_fold(&*IN_EFFECT, |value, name| value.get(name));
    value.map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The table for people to read, in Markdown.
pub fn table() -> String {
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for Setting { key, default, meaning } in SETTINGS.iter() {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        table.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
    }
    table
}

/// What a key means, as plain text.
pub(super) fn meaning(key: &str) -> Option<String> {
    SETTINGS.iter().find(|setting| setting.key == key).map(|setting| setting.meaning.replace("\\<", "<"))
}
