//! The values of settings that are more than text or number, and how they are read and shown.

use ipnet::IpNet;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};
use url::{Host, Url, form_urlencoded};

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

/// The URL of the database. It may hold a password, so it is shown without it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// The databases that Roster runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseKind {
    /// Its name in the scheme of URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl DatabaseUrl {
    /// The database of a data folder, which may be made if it is missing; a URL that somebody typed must say `?mode=rwc` for that.
    pub fn sqlite_in(data_dir: &Path) -> Self {
        Self(format!("{}?mode=rwc", Self::of_file(&data_dir.join("roster.db")).0))
    }

    /// The SQLite database in this file, which is there.
    pub fn of_file(file: &Path) -> Self {
        Self(format!("sqlite:{}", file.display().to_string().replace('%', "%25").replace('?', "%3F")))
    }

    /// The URL itself, with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        if self.0.starts_with("sqlite:") { DatabaseKind::Sqlite } else { DatabaseKind::Postgres }
    }

    /// The environment in which PostgreSQL's own programs find the same database, so that the password stands on no command line; `None` for SQLite.
    pub fn libpq_environment(&self) -> Option<Vec<(&'static str, String)>> {
        const OF_PARAMETERS: [(&str, &str); 17] = [
            ("sslmode", "PGSSLMODE"),
            ("ssl-mode", "PGSSLMODE"),
            ("sslrootcert", "PGSSLROOTCERT"),
            ("ssl-root-cert", "PGSSLROOTCERT"),
            ("ssl-ca", "PGSSLROOTCERT"),
            ("sslcert", "PGSSLCERT"),
            ("ssl-cert", "PGSSLCERT"),
            ("sslkey", "PGSSLKEY"),
            ("ssl-key", "PGSSLKEY"),
            ("host", "PGHOST"),
            ("hostaddr", "PGHOSTADDR"),
            ("port", "PGPORT"),
            ("dbname", "PGDATABASE"),
            ("user", "PGUSER"),
            ("password", "PGPASSWORD"),
            ("application_name", "PGAPPNAME"),
            ("options", "PGOPTIONS"),
        ];
        let url = Url::parse(&self.0).ok().filter(|_| self.kind() == DatabaseKind::Postgres)?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let parts = [
            ("PGHOST", url.host_str().map(|host| decoded(host.trim_matches(['[', ']'])))),
            ("PGPORT", url.port().map(|port| port.to_string())),
            ("PGUSER", Some(decoded(url.username()))),
            ("PGPASSWORD", url.password().map(decoded)),
            ("PGDATABASE", Some(decoded(url.path().trim_start_matches('/')))),
        ];
        let of_parts =
            parts.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
        let of_query = url.query_pairs().filter_map(|(key, value)| {
            let (_, name) = OF_PARAMETERS.iter().find(|(parameter, _)| *parameter == key)?;
            Some((*name, value.into_owned()))
        });
        Some(of_parts.chain(of_query).collect())
    }

    /// The file of a SQLite database; `None` for one in memory, and for PostgreSQL.
    pub fn file(&self) -> Option<PathBuf> {
        let rest = self.0.strip_prefix("sqlite:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" || query.contains("mode=memory") {
            return None;
        }
        // The database driver decodes the path as well.
        Some(PathBuf::from(&*percent_decode_str(path).decode_utf8_lossy()))
    }
}

/// The parameters that a PostgreSQL URL may have. The driver would log any other one with its value.
const POSTGRES_PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw.starts_with("sqlite:") {
            return Ok(Self(raw.to_owned()));
        }
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| raw.strip_prefix(scheme));
        let rest = rest.ok_or("it must begin with sqlite:, postgres:// or postgresql://")?;
        // A `/`, `?` or `#` in a password would end the part that is masked; what follows would be shown.
        let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if after.contains(['@', '#']) {
            return Err("the characters / ? # @ in a user name or password must be written as %2F %3F %23 %40");
        }
        // A URL with a user and no host means the server that `?host=` names, or the socket in the usual folder.
        let url = match authority.strip_suffix('@') {
            Some(login) => {
                let (user, password) = login.split_once(':').map_or((login, None), |(user, rest)| (user, Some(rest)));
                let (path, query) = after.split_once('?').unwrap_or((after, ""));
                let mut query = form_urlencoded::Serializer::for_suffix(query.to_owned(), 0);
                query.append_pair("user", &percent_decode_str(user).decode_utf8_lossy());
                if let Some(password) = password {
                    query.append_pair("password", &percent_decode_str(password).decode_utf8_lossy());
                }
                format!("postgres://{path}?{}", query.finish())
            }
            None => raw.to_owned(),
        };
        let parsed = Url::parse(&url).map_err(|_| "not a URL")?;
        let known = |key: &str| POSTGRES_PARAMETERS.contains(&key) || key.starts_with("options[");
        // The key is not named: it may be what a password with & in it left.
        if !parsed.query_pairs().all(|(key, _)| known(&key)) {
            return Err("a parameter after the ? is not known; an & in a value must be written as %26");
        }
        Ok(Self(url))
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

/// Hosts as a list, each as it stands in URLs: in lower case, IPv6 in brackets; perhaps with a port.
pub(super) fn host_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    parts(from)?.iter().map(|part| host_and_port(part).map_err(de::Error::custom)).collect()
}

fn host_and_port(part: &str) -> Result<String, String> {
    let no_host = || format!("{part:?} is not a host like id.corp.example or id.corp.example:8443");
    if let Ok(host) = Host::parse(part) {
        return Ok(host.to_string());
    }
    let (host, port) = part.rsplit_once(':').ok_or_else(no_host)?;
    let host = Host::parse(host).map_err(|_| no_host())?;
    let port: u16 = port.parse().map_err(|_| no_host())?;
    Ok(format!("{host}:{port}"))
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
    fn cf_07_no_form_of_a_database_url_shows_a_part_of_its_password() {
        for odd in [
            "postgres://roster:12/hunter2@db/roster",
            "postgres://roster:?hunter2@db/roster",
            "postgres://roster:1#hunter2@db/roster",
            "postgres://roster:pass/hunter2@db/roster",
            "postgres://db/roster?user=roster&password=x&hunter2",
            "postgres://db/roster?user=roster&Password=hunter2",
            "postgres://db/roster?password=p@hunter2",
        ] {
            let error = odd.parse::<DatabaseUrl>().map(|url| url.to_string()).unwrap_err();
            assert!(!error.contains("hunter2"), "{odd}: {error}");
        }
        for fine in [
            "postgres://roster:hunter2%2F@db/roster",
            "postgres://roster:hunter2@/roster?host=/tmp",
            "postgres://roster:@/roster?password=hunter2&host=/tmp",
            "postgres:///roster?user=r&password=hunter2&password=hunter2",
        ] {
            let url: DatabaseUrl = fine.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_user_without_a_host_is_a_url_and_what_is_printed_is_one_too() {
        let url: DatabaseUrl = "postgres://ro%2Bs:a+b@/db?host=/tmp".parse().unwrap();
        assert_eq!(url.expose(), "postgres:///db?host=/tmp&user=ro%2Bs&password=a%2Bb");
        let plain: DatabaseUrl = "postgres://roster@/db".parse().unwrap();
        assert_eq!(plain.to_string().parse::<DatabaseUrl>().unwrap(), plain);
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
