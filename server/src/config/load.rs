//! From files, environment and flags to one checked [`Config`].

use super::{Config, DatabaseKind, DatabaseUrl, check, settings, values};
use config::{ConfigError as RawError, Environment, File, FileFormat, Value};
use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The sources of settings, from the lowest precedence to the highest: defaults, file, environment, flags.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// `--config` or `ROSTER_CONFIG`; else `./roster.toml`, if there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: HashMap<String, String>,
    /// Flags, as (key, value).
    pub flags: Vec<(String, String)>,
}

/// A setting that is missing or wrong: one line that names its key (F26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, or the file.
    pub key: String,
    /// What is wrong with it, and never its value where that could be a secret.
    pub problem: String,
}

impl ConfigError {
    pub(super) fn new(key: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { key: key.into(), problem: problem.to_string() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)?;
        match settings::meaning(&self.key) {
            Some(meaning) => write!(f, " (meaning: {meaning})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Variables that begin with `ROSTER_` and are no settings: the file's name, the test suite's, and what Kubernetes gives every
/// container about a service named `roster`.
const IGNORED_VARIABLES: &[&str] = &["ROSTER_CONFIG", "ROSTER_TEST_", "ROSTER_SERVICE_", "ROSTER_PORT"];

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "roster.toml";

/// Reads and checks the configuration.
///
/// # Errors
/// The first setting that is wrong.
pub fn load(layers: &Layers) -> Result<Config, ConfigError> {
    let set = merged(layers)?;
    let mut config: Config = set.try_deserialize().map_err(in_words)?;
    check::check(&mut config)?;
    Ok(config)
}

/// Merges all layers, with the defaults that follow from other settings.
fn merged(layers: &Layers) -> Result<config::Config, ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(text) = file(layers.file.as_deref())? {
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    builder = builder.add_source(
        Environment::with_prefix("ROSTER")
            .prefix_separator("_")
            .separator("__")
            .ignore_empty(true)
            .source(Some(settings_of(&layers.environment))),
    );
    for (key, value) in &layers.flags {
        builder =
            builder.set_override(key, value.as_str()).map_err(|error| ConfigError::new(key, first_line(&error)))?;
    }
    let set = builder.clone().build().map_err(in_words)?;
    let default = Config::default();

    let listen = optional(&set, "listen").and_then(|raw| raw.parse::<SocketAddr>().ok()).unwrap_or(default.listen);
    let data_dir = optional(&set, "data_dir").map_or(default.data_dir, PathBuf::from);
    let database = optional(&set, "database_url").and_then(|raw| raw.parse::<DatabaseUrl>().ok());
    if optional(&set, "secret_key_file").is_none() && database.is_some_and(|url| url.kind() == DatabaseKind::Postgres) {
        return Err(ConfigError::new("secret_key_file", "needed with PostgreSQL"));
    }
    let derived: [(&str, Value); 3] = [
        ("base_url", values::loopback_url(listen.port()).as_str().into()),
        ("database_url", DatabaseUrl::sqlite_in(&data_dir).expose().into()),
        ("secret_key_file", data_dir.join("secret.key").display().to_string().into()),
    ];
    for (key, value) in derived {
        builder = builder.set_default(key, value).map_err(in_words)?;
    }
    builder.build().map_err(in_words)
}

/// The value of a key, if it is set to a text.
fn optional(set: &config::Config, key: &str) -> Option<String> {
    set.get_string(key).ok()
}

/// The text of the settings file. A file that is named must exist.
fn file(named: Option<&Path>) -> Result<Option<String>, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::new(path.display().to_string(), error)),
    }
}

/// The variables that are settings.
fn settings_of(environment: &HashMap<String, String>) -> HashMap<String, String> {
    environment
        .iter()
        .filter(|(name, _)| !IGNORED_VARIABLES.iter().any(|other| name.starts_with(other)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The library's error as key and problem, on one line. What the file says around a mistake may be a secret, so it is not quoted.
fn in_words(error: RawError) -> ConfigError {
    match &error {
        RawError::Type { key, unexpected: _, expected, .. } => {
            ConfigError::new(key.clone().unwrap_or_default(), format_args!("expected {expected}"))
        }
        RawError::At { error, key, .. } => {
            let key = key.clone().unwrap_or_default();
            match (unknown_key(error), error.as_ref()) {
                (Some(unknown), _) => ConfigError::new(format!("{key}.{unknown}"), "there is no such setting"),
                (None, RawError::Message(message)) if message.starts_with("enum ") => {
                    ConfigError::new(key, "not one of its values")
                }
                (None, inner) => ConfigError::new(key, first_line(inner)),
            }
        }
        RawError::NotFound(key) => ConfigError::new(key, "needed, and not set"),
        RawError::FileParse { cause, .. } => {
            let text = cause.to_string();
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            ConfigError::new("configuration file", format_args!("{}: {last}", first_line(&text)))
        }
        // `Message` comes from serde, the others from the library; later versions may have more.
        RawError::Message(_) | RawError::Foreign(_) | RawError::Frozen | RawError::PathParse { .. } | _ => {
            match unknown_key(&error) {
                Some(unknown) => ConfigError::new(unknown, "there is no such setting"),
                None => ConfigError::new("configuration", first_line(&error)),
            }
        }
    }
}

/// The key in serde's “unknown field `key`, expected …”.
fn unknown_key(error: &RawError) -> Option<String> {
    let text = error.to_string();
    let (key, _) = text.strip_prefix("unknown field `")?.split_once('`')?;
    Some(key.to_owned())
}

/// The first line of a message.
fn first_line(error: &impl fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Permission, Smtp, SmtpTls};
    use std::collections::{BTreeMap, BTreeSet};

    fn with(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let flags = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        load(&Layers { flags, ..Layers::default() })
    }

    fn from_toml(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.toml");
        std::fs::write(&path, text).unwrap();
        load(&Layers { file: Some(path), ..Layers::default() })
    }

    #[test]
    fn f26_a_wrong_setting_is_refused_by_its_key() {
        const SMTP: [(&str, &str); 2] = [("smtp.host", "mail.example.org"), ("smtp.from", "roster@example.org")];
        let wrong: &[(&[(&str, &str)], &str)] = &[
            (&[("base_url", "not a url")], "base_url"),
            (&[("base_url", "ftp://example.org")], "base_url"),
            (&[("base_url", "http://roster.example.org")], "base_url"),
            (&[("base_url", "https://roster.example.org/path")], "base_url"),
            (&[("base_url", "https://ana@roster.example.org")], "base_url"),
            (&[("base_url", "https://roster.example.org")], "smtp.host"),
            (&[("listen", "3000")], "listen"),
            (&[("listen", "127.0.0.1:99999")], "listen"),
            (&[("database_url", "mysql://localhost/roster")], "database_url"),
            (&[("database_url", "postgres://localhost/roster")], "secret_key_file"),
            (&[("migration_database_url", "postgres://localhost/roster")], "migration_database_url"),
            (&[("platform_url", "javascript:alert(1)")], "platform_url"),
            (&[("log.format", "xml")], "log.format"),
            (&[("log.level", "loud")], "log.level"),
            (&[("mail.workers", "0")], "mail.workers"),
            (&[("mail.workers", "many")], "mail.workers"),
            (&[("mail.timeout_s", "3600")], "mail.timeout_s"),
            (&[SMTP[0]], "from"),
            (&[("smtp.host", "mail example org"), SMTP[1]], "smtp.host"),
            (&[SMTP[0], ("smtp.from", "nobody")], "smtp.from"),
            (&[SMTP[0], ("smtp.from", "Roster <büro@example.org>")], "smtp.from"),
            (&[SMTP[0], ("smtp.from", "Müller, Söhne <info@example.org>")], "smtp.from"),
            (&[SMTP[0], ("smtp.from", "Roster <a@example.org>, Other <b@example.org>")], "smtp.from"),
            (&[("smtp.host", "[::1]:25"), SMTP[1]], "smtp.host"),
            (&[("smtp.host", "mail.example.org:25"), SMTP[1]], "smtp.host"),
            (&[("smtp.host", ""), SMTP[1]], "smtp.host"),
            (&[("smtp.host", "[mail.example.org]"), SMTP[1]], "smtp.host"),
            (&[("mail.answer_timeout_s", "30")], "mail.answer_timeout_s"),
            (&[SMTP[0], SMTP[1], ("smtp.tls", "maybe")], "smtp.tls"),
            (&[SMTP[0], SMTP[1], ("smtp.username", "roster")], "smtp.password"),
            (&[SMTP[0], SMTP[1], ("smtp.username", "roster"), ("smtp.password", "changeme")], "smtp.password"),
            (&[SMTP[0], SMTP[1], ("smtp.username", "r"), ("smtp.password", "pw"), ("smtp.tls", "none")], "smtp.tls"),
            (&[SMTP[0], SMTP[1], ("smtp.ca_file", "/no/such/file")], "smtp.ca_file"),
            (&[("oauth.ca_file", "/no/such/file")], "oauth.ca_file"),
            (&[("oauth.allow_hosts", "https://id.corp.example")], "oauth.allow_hosts"),
            (&[("accounts.create", "anybody")], "accounts.create"),
            (&[("accounts.language", "fr")], "accounts.language"),
            (&[("passwords.shortest", "4")], "passwords.shortest"),
            (&[("passwords.breached_file", "/no/such/file")], "passwords.breached_file"),
            (&[("sessions.idle_days", "31")], "sessions.idle_days"),
            (&[("sessions.most_per_user", "0")], "sessions.most_per_user"),
            (&[("limits.sign_in_per_s", "-1")], "limits.sign_in_per_s"),
            (&[("limits.no_such_limit", "1")], "limits.no_such_limit"),
            (&[("no_such_key", "1")], "no_such_key"),
        ];
        for (settings, key) in wrong {
            let error = with(settings).map(|_| ()).unwrap_err();
            assert!(error.key.contains(key), "{settings:?}: {error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn cf_04_the_public_address_has_https_and_http_is_for_this_host_alone() {
        let of = |address: &str| with(&[("base_url", address), ("allow_no_mail", "true")]);
        assert!(of("https://roster.example.org").unwrap().is_https());
        for local in ["http://localhost:3000", "http://roster.localhost", "http://127.0.0.1:3000", "http://[::1]:3000"]
        {
            assert!(!of(local).unwrap().is_https(), "{local}");
        }
        for elsewhere in
            ["http://roster.example.org", "http://192.168.0.7", "http://localhost.example.org", "http://[fd00::1]"]
        {
            assert_eq!(of(elsewhere).unwrap_err().key, "base_url", "{elsewhere}");
        }
        // Without one, Roster is reached by nobody but this host.
        let without = with(&[]).unwrap();
        assert_eq!(without.base_url.host_str(), Some("127.0.0.1"));
        assert!(without.listen.ip().is_loopback());
    }

    #[test]
    fn f26_a_broken_file_is_refused_and_a_secret_in_it_is_not_quoted() {
        let error = from_toml("[smtp]\nhost = \"mail.example.org\"\npassword = hunter-two\n").unwrap_err();
        assert!(!error.to_string().contains("hunter"), "{error}");
        let error = from_toml("[[permission]]\nkey = \"Bots Fly\"\nlabel.en = \"Fly\"\n").unwrap_err();
        assert_eq!(error.key, "permission.key");
    }

    #[test]
    fn cf_05_the_mail_servers_host_is_a_name_or_an_address_in_any_spelling() {
        let host_of = |host: &str| {
            with(&[("smtp.host", host), ("smtp.from", "roster@example.org")]).map(|config| config.smtp.unwrap().host)
        };
        for (typed, host) in [
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("FD00:0::5", "fd00::5"),
            ("[fd00::5]", "fd00::5"),
            ("192.0.2.1", "192.0.2.1"),
            ("Mail.Müller.example.", "mail.xn--mller-kva.example"),
        ] {
            assert_eq!(host_of(typed).as_deref(), Ok(host), "{typed}");
        }
        let in_clear = |host: &str| {
            with(&[
                ("smtp.host", host),
                ("smtp.from", "roster@example.org"),
                ("smtp.tls", "none"),
                ("smtp.username", "roster"),
                ("smtp.password", "geheim"),
            ])
        };
        for local in ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(in_clear(local).is_ok(), "{local}");
        }
        for elsewhere in ["localhost.example", "128.0.0.1", "::2", "[fd00::5]"] {
            assert_eq!(in_clear(elsewhere).unwrap_err().key, "smtp.tls", "{elsewhere}");
        }
    }

    #[test]
    fn in_05_the_sender_is_one_that_every_mail_server_takes() {
        let from = |from: &str| {
            with(&[("smtp.host", "mail.example.org"), ("smtp.from", from)]).map(|config| config.smtp.unwrap().from)
        };
        for (typed, address, name) in [
            ("Roster <info@müller.example>", "info@xn--mller-kva.example", Some("Roster")),
            ("info@xn--mller-kva.example", "info@xn--mller-kva.example", None),
            ("\"Müller, Söhne\" <info@mueller.example>", "info@mueller.example", Some("Müller, Söhne")),
            ("Roster Inc. <root@localhost>", "root@localhost", Some("Roster Inc.")),
        ] {
            let sender = from(typed).unwrap();
            assert_eq!((sender.email.to_string().as_str(), sender.name.as_deref()), (address, name), "{typed}");
        }
        assert!(from("Roster <büro@example.org>").unwrap_err().problem.contains("before the @"));
        assert!(from("Müller, Söhne <info@example.org>").unwrap_err().problem.contains("quotes"));
    }

    #[test]
    fn flags_come_before_the_environment_and_that_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1001\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n").unwrap();
        let environment = [("ROSTER_LISTEN", "127.0.0.1:1002"), ("ROSTER_LOG__LEVEL", "debug")];
        let config = load(&Layers {
            file: Some(path),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            flags: vec![("listen".to_owned(), "127.0.0.1:1003".to_owned())],
        })
        .unwrap();
        assert_eq!(config.listen.port(), 1003);
        assert_eq!(config.base_url.port(), Some(1003), "the address follows the port");
        assert_eq!(
            (config.log.level, config.log.format),
            (crate::config::LogLevel::Debug, crate::config::LogFormat::Json)
        );
    }

    /// The dotted keys of a TOML value; entries of a list count once.
    fn keys(prefix: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
        let named_by_operators = ["permission.label", "forward_auth.permissions", "forward_auth.roles"];
        if let Some(table) = value.as_table().filter(|_| !named_by_operators.contains(&prefix)) {
            for (key, inner) in table {
                let dotted = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                keys(&dotted, inner, found);
            }
        } else if let Some(list) = value.as_array().filter(|list| list.iter().any(toml::Value::is_table)) {
            list.iter().for_each(|inner| keys(prefix, inner, found));
        } else {
            found.insert(prefix.to_owned());
        }
    }

    #[test]
    fn the_table_of_settings_names_every_key_and_no_other() {
        let full = Config {
            migration_database_url: Some("postgres://localhost/roster".parse().unwrap()),
            metrics_listen: Some("127.0.0.1:9464".parse().unwrap()),
            platform_url: Some("https://platform.example.org".parse().unwrap()),
            smtp: Some(Smtp {
                host: "mail.example.org".to_owned(),
                port: Some(25),
                tls: SmtpTls::Tls,
                username: Some("roster".to_owned()),
                password: Some(crate::config::Secret::new("secret")),
                password_file: Some("x".into()),
                from: "roster@example.org".parse().unwrap(),
                ca_file: Some("x".into()),
            }),
            oauth: crate::config::OAuth { ca_file: Some("x".into()), allow_hosts: Vec::new() },
            passwords: crate::config::Passwords { breached_file: Some("x".into()), ..Default::default() },
            permission: vec![Permission {
                key: "bots.fly".to_owned(),
                area: Some("bots".to_owned()),
                label: BTreeMap::from([("en".to_owned(), "Fly".to_owned())]),
                roles: vec!["admin".to_owned()],
            }],
            client: vec![crate::config::Client {
                id: "bots".to_owned(),
                name: "Bots".to_owned(),
                secret: Some(crate::config::Secret::new("secret")),
                secret_file: Some("x".into()),
                public_keys: Some("{}".to_owned()),
                public_keys_file: Some("x".into()),
                redirect_uris: Vec::new(),
                post_logout_redirect_uris: Vec::new(),
                backchannel_logout_uri: Some("https://bots.example.org/ended".to_owned()),
                account: Some("acme".to_owned()),
                pairwise_subjects: true,
                algorithm: crate::config::SigningAlgorithm::Es256,
            }],
            forward_auth: vec![crate::config::ForwardAuth {
                host: "wiki.example.org".to_owned(),
                name: "Wiki".to_owned(),
                account: Some("acme".to_owned()),
                public: vec!["/assets".to_owned()],
                permissions: BTreeMap::from([("/admin".to_owned(), "users.edit".to_owned())]),
                roles: BTreeMap::from([("/reports".to_owned(), "analyst".to_owned())]),
            }],
            ..Config::default()
        };
        let mut found = BTreeSet::new();
        keys("", &toml::Value::try_from(&full).unwrap(), &mut found);
        let named: BTreeSet<String> = settings::SETTINGS.iter().map(|setting| setting.key.clone()).collect();
        assert_eq!(found, named);
    }
}
