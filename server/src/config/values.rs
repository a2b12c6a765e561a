//! The values of settings that are more than text or number, and how they are read and shown.

use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};
use url::{Host, Url};

/// A secret: shown as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("***")
    }
}

/// Where the database is. It may hold a password, so it is shown without.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// The databases that Roster runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseUrl {
    /// The database of a data folder, which may be made if it is missing; a URL that somebody typed must say `?mode=rwc` for that.
    pub fn sqlite_in(data_dir: &Path) -> Self {
        let path = data_dir.join("roster.db").display().to_string().replace('%', "%25").replace('?', "%3F");
        Self(format!("sqlite:{path}?mode=rwc"))
    }

    /// The URL itself, with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        if self.0.starts_with("sqlite:") { DatabaseKind::Sqlite } else { DatabaseKind::Postgres }
    }

    /// The file of a SQLite database; `None` for one in memory, and for PostgreSQL.
    pub fn file(&self) -> Option<PathBuf> {
        let rest = self.0.strip_prefix("sqlite:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" || query.contains("mode=memory") {
            return None;
        }
        Some(PathBuf::from(percent_decoded(path)))
    }
}

/// `%25` and the like undone, as the database driver does it.
fn percent_decoded(path: &str) -> String {
    let query = path.replace('&', "%26").replace('+', "%2B").replace('=', "%3D");
    url::form_urlencoded::parse(query.as_bytes()).next().map_or_else(|| path.to_owned(), |(path, _)| path.into_owned())
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| raw.starts_with(scheme));
        if !known {
            return Err("it must begin with sqlite:, postgres:// or postgresql://");
        }
        if !raw.starts_with("sqlite:") && Url::parse(raw).is_err() {
            return Err("not a URL");
        }
        Ok(Self(raw.to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind() == DatabaseKind::Sqlite {
            return f.write_str(&self.0);
        }
        let Ok(mut url) = Url::parse(&self.0) else { return f.write_str("***") };
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str("***");
        }
        let masked: Vec<(String, String)> = url
            .query_pairs()
            .map(|(key, value)| if key == "password" { (key.into(), "***".into()) } else { (key.into(), value.into()) })
            .collect();
        if !masked.is_empty() {
            url.query_pairs_mut().clear().extend_pairs(masked);
        }
        url.fmt(f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text::deserialize(from)
    }
}

/// `http://127.0.0.1:<port>`.
pub(super) fn loopback_url(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).unwrap_or_else(|_| unreachable!("a loopback URL is a URL"))
}

/// Values written as the text that they are parsed from.
pub(super) mod text {
    use super::*;

    pub fn serialize<T: fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// A sender in words, such as `Roster <roster@example.org>`.
pub(super) mod mailbox {
    use super::*;
    pub use text::serialize;

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mailbox, D::Error> {
        String::deserialize(from)?.parse().map_err(|_| {
            de::Error::custom(
                "not a sender like Roster <roster@example.org>; a name with a comma, colon or dot stands in quotes: \
                 \"Roster, Inc.\" <roster@example.org>",
            )
        })
    }
}

/// The same as [`text`], for values that may be absent.
pub(super) mod text_option {
    use super::*;

    pub fn serialize<T: fmt::Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        Option::<String>::deserialize(from)?.map(|raw| raw.parse().map_err(de::Error::custom)).transpose()
    }
}

/// Networks as a list. A lone address is a network of one.
pub(super) fn network_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    parts(from)?
        .iter()
        .map(|part| {
            part.parse::<IpNet>()
                .or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| de::Error::custom(format!("{part:?} is not a network like 10.0.0.0/8")))
        })
        .collect()
}

/// Hosts as a list, each as it stands in URLs: in lower case, IPv6 in brackets.
pub(super) fn host_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    parts(from)?
        .iter()
        .map(|part| match Host::parse(part) {
            Ok(host) => Ok(host.to_string()),
            Err(_) => Err(de::Error::custom(format!("{part:?} is not a host like id.corp.example"))),
        })
        .collect()
}

/// A list, or, as environment and flags have it, its parts separated by commas.
fn parts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        List(Vec<String>),
        Commas(String),
    }
    let parts = match Raw::deserialize(from)? {
        Raw::List(parts) => parts,
        Raw::Commas(all) => all.split(',').map(str::to_owned).collect(),
    };
    Ok(parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_shown_without_its_password() {
        let url: DatabaseUrl = "postgres://roster:hunter2@db.example.org/roster?sslmode=verify-full".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://roster:***@db.example.org/roster?sslmode=verify-full");
        let url: DatabaseUrl = "postgres://db.example.org/roster?user=roster&password=hunter2".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn the_file_of_a_sqlite_url_is_found() {
        let file = |url: &str| url.parse::<DatabaseUrl>().unwrap().file();
        assert_eq!(file("sqlite:./data/roster.db?mode=rwc"), Some("./data/roster.db".into()));
        assert_eq!(file("sqlite:///var/lib/a%20b.db"), Some("/var/lib/a b.db".into()));
        assert_eq!(file("sqlite::memory:"), None);
        assert_eq!(DatabaseUrl::sqlite_in(Path::new("/d?a%b")).file(), Some("/d?a%b/roster.db".into()));
    }
}
