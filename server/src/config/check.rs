//! Checks the configuration before the server starts, so that it never starts half-safe (F26).

use super::{
    Client, Config, ConfigError, DatabaseKind, ForwardAuth, Permission, Secret, SigningAlgorithm, Smtp, SmtpTls,
};
use crate::{
    forward_auth::is_rule,
    secrets::{OPEN_TO_OTHERS, is_private},
};
use app::domain::{
    language::Language,
    name::Slug,
    permission::{Catalogue, PermissionKey},
    role::{BuiltInRole, RoleKey},
};
use lettre::{Address, message::Mailbox};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
    path::Path,
};
use url::{Host, Url};
use uuid::Uuid;

type Checked = Result<(), ConfigError>;

/// Checks all of it, and reads the secrets that stand in files of their own.
pub(super) fn check(config: &mut Config) -> Checked {
    base_url(&config.base_url)?;
    if let Some(url) = &config.platform_url {
        require(matches!(url.scheme(), "http" | "https"), "platform_url", "it must begin with https:// or http://")?;
    }
    if let Some(metrics) = config.metrics_listen {
        let shared = metrics.port() == config.listen.port()
            && (metrics.ip() == config.listen.ip()
                || metrics.ip().is_unspecified()
                || config.listen.ip().is_unspecified());
        require(
            !shared || metrics.port() == 0,
            "metrics_listen",
            "metrics need an address and port of their own, not those of listen",
        )?;
    }
    database(config)?;
    if let Some(wide) = config.trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
        return Err(ConfigError::new(
            "trusted_proxies",
            format_args!("{wide} would let every client choose its own address"),
        ));
    }
    match &mut config.smtp {
        Some(smtp) => mail_server(smtp)?,
        None => require(
            config.allow_no_mail || is_loopback(&config.base_url),
            "smtp.host",
            "a public Roster needs a mail server; set allow_no_mail = true to go without",
        )?,
    }
    readable("oauth.ca_file", config.oauth.ca_file.as_deref())?;
    numbers(config)?;
    readable("passwords.breached_file", config.passwords.breached_file.as_deref())?;
    permissions(&config.permission)?;
    clients(&mut config.client)?;
    forward_auth(config)
}

/// Checks that the base URL has only scheme, host and port; http is allowed only for this host (CF-04).
fn base_url(url: &Url) -> Checked {
    const KEY: &str = "base_url";
    match url.scheme() {
        "https" => {}
        "http" => require(is_loopback(url), KEY, "http is for a loopback host alone; a public address needs https")?,
        _ => return Err(ConfigError::new(KEY, "it must begin with https:// or http://")),
    }
    require(url.username().is_empty() && url.password().is_none(), KEY, "it must not hold a user name")?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    require(bare, KEY, "it must not have a path, query or fragment")
}

/// Is the host this machine?
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn database(config: &Config) -> Checked {
    if config.data_dir.exists() {
        require(config.data_dir.is_dir(), "data_dir", "not a folder")?;
    }
    match config.database_url.kind() {
        DatabaseKind::Sqlite => {
            require(config.migration_database_url.is_none(), "migration_database_url", "only for PostgreSQL")?;
            if config.secret_key_file.exists() {
                private("secret_key_file", &config.secret_key_file)?;
            }
            Ok(())
        }
        DatabaseKind::Postgres => {
            let fits = config.migration_database_url.as_ref().is_none_or(|url| url.kind() == DatabaseKind::Postgres);
            require(fits, "migration_database_url", "only for PostgreSQL")?;
            private("secret_key_file", &config.secret_key_file)
        }
    }
}

fn mail_server(smtp: &mut Smtp) -> Checked {
    smtp.host = host_name(&smtp.host)
        .ok_or_else(|| ConfigError::new("smtp.host", "not a host name or an address; a port goes into smtp.port"))?;
    smtp.from = sender(&smtp.from)?;
    require(smtp.port != Some(0), "smtp.port", "not a port")?;
    if let Some(path) = &smtp.password_file {
        require(smtp.password.is_none(), "smtp.password_file", "set this or smtp.password, not both")?;
        private("smtp.password_file", path)?;
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::new("smtp.password_file", error))?;
        smtp.password = Some(Secret::new(text.trim_end_matches(['\r', '\n'])));
    }
    if let Some(password) = &smtp.password {
        const PLACEHOLDERS: &[&str] = &["", "changeme", "change-me", "***", "<password>"];
        require(!PLACEHOLDERS.contains(&password.expose()), "smtp.password", "a placeholder")?;
        require(smtp.username.is_some(), "smtp.username", "needed with a password")?;
        require(
            smtp.tls != SmtpTls::None || is_this_host(&smtp.host),
            "smtp.tls",
            "a password must not travel in clear",
        )?;
    } else {
        require(smtp.username.is_none(), "smtp.password", "needed with a user name")?;
    }
    readable("smtp.ca_file", smtp.ca_file.as_deref())
}

/// A host as it is looked up and as certificates name it: in ASCII and lower case, IPv6 with or without the brackets that URLs want.
fn host_name(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let bare = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(ip) = bare.unwrap_or(typed).parse::<Ipv6Addr>() {
        return Some(ip.to_string());
    }
    match Host::parse(typed.strip_suffix('.').unwrap_or(typed)) {
        Ok(Host::Domain(name)) => Some(name).filter(|name| !name.is_empty()),
        Ok(Host::Ipv4(ip)) => Some(ip.to_string()),
        Ok(Host::Ipv6(_)) | Err(_) => None,
    }
}

fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The sender as every mail server takes it, without SMTPUTF8: the domain in ASCII (RFC 5890).
fn sender(from: &Mailbox) -> Result<Mailbox, ConfigError> {
    const KEY: &str = "smtp.from";
    let (local, domain) = (from.email.user(), from.email.domain());
    let plain = |text: &str| !text.chars().any(char::is_control);
    require(from.name.as_deref().is_none_or(plain) && plain(local), KEY, "it must stand on one line")?;
    require(
        local.is_ascii(),
        KEY,
        "what stands before the @ must be ASCII: not every mail server takes letters such as ü there",
    )?;
    let domain = idna::domain_to_ascii_strict(domain)
        .map_err(|_| ConfigError::new(KEY, "what stands behind the @ is not a domain"))?;
    let email = Address::new(local, domain).map_err(|error| ConfigError::new(KEY, error))?;
    Ok(Mailbox::new(from.name.clone(), email))
}

fn numbers(config: &Config) -> Checked {
    let Config { mail, passwords, sessions, invitations, limits, retention, .. } = config;
    within("mail.workers", mail.workers, 1..=64)?;
    within("mail.timeout_s", mail.timeout_s, 1..=60)?;
    within("mail.answer_timeout_s", mail.answer_timeout_s, 60..=3600)?;
    within("passwords.shortest", passwords.shortest, 8..=64)?;
    within("passwords.turn_timeout_ms", passwords.turn_timeout_ms, 10..=60_000)?;
    within("sessions.absolute_days", sessions.absolute_days, 1..=400)?;
    within("sessions.idle_days", sessions.idle_days, 1..=sessions.absolute_days)?;
    within("sessions.step_up_minutes", sessions.step_up_minutes, 1..=24 * 60)?;
    within("sessions.most_per_user", sessions.most_per_user, 1..=1_000)?;
    within("invitations.resend_cool_down_s", invitations.resend_cool_down_s, 0..=86_400)?;
    within("invitations.resends_per_day", invitations.resends_per_day, 1..=1_000)?;
    const MAX_LIMIT: u32 = 1_000_000;
    within("limits.sign_in_burst", limits.sign_in_burst, 1..=MAX_LIMIT)?;
    within("limits.sign_in_user_burst", limits.sign_in_user_burst, 1..=MAX_LIMIT)?;
    within("limits.measure_burst", limits.measure_burst, 1..=MAX_LIMIT)?;
    within("limits.recovery_burst", limits.recovery_burst, 1..=MAX_LIMIT)?;
    within("limits.mails_per_account_day", limits.mails_per_account_day, 1..=MAX_LIMIT)?;
    within("limits.mails_per_inviter_hour", limits.mails_per_inviter_hour, 1..=MAX_LIMIT)?;
    within("limits.mails_per_server_day", limits.mails_per_server_day, 1..=MAX_LIMIT)?;
    within("limits.accounts_per_user_day", limits.accounts_per_user_day, 1..=MAX_LIMIT)?;
    within("limits.mails_per_account_recipient_day", limits.mails_per_account_recipient_day, 1..=MAX_LIMIT)?;
    within("limits.mails_per_recipient_day", limits.mails_per_recipient_day, 1..=MAX_LIMIT)?;
    within("limits.provider_tries_per_account_hour", limits.provider_tries_per_account_hour, 1..=MAX_LIMIT)?;
    within("limits.api_burst", limits.api_burst, 1..=MAX_LIMIT)?;
    within("limits.api_answers", limits.api_answers, 1..=MAX_LIMIT)?;
    within("limits.connections", limits.connections, 8..=MAX_LIMIT)?;
    within("limits.connections_per_address", limits.connections_per_address, 1..=MAX_LIMIT)?;
    for (key, days) in [
        ("retention.mails_days", retention.mails_days),
        ("retention.delivery_events_days", retention.delivery_events_days),
        ("retention.decisions_days", retention.decisions_days),
        ("retention.invitations_days", retention.invitations_days),
        ("retention.removed_members_days", retention.removed_members_days),
        ("retention.platform_sign_ins_days", retention.platform_sign_ins_days),
        ("retention.user_events_days", retention.user_events_days),
    ] {
        within(key, days, 1..=36_500)?;
    }
    for (key, per_s) in [
        ("limits.sign_in_per_s", limits.sign_in_per_s),
        ("limits.sign_in_user_per_s", limits.sign_in_user_per_s),
        ("limits.measure_per_s", limits.measure_per_s),
        ("limits.recovery_per_s", limits.recovery_per_s),
        ("limits.recovery_address_per_s", limits.recovery_address_per_s),
        ("limits.api_per_s", limits.api_per_s),
    ] {
        require((0.000_01..=f64::from(MAX_LIMIT)).contains(&per_s), key, "not between 0.00001 and 1000000")?;
    }
    Ok(())
}

fn permissions(permissions: &[Permission]) -> Checked {
    let mut known: BTreeSet<PermissionKey> = Catalogue::with([]).all();
    for permission in permissions {
        let key = &permission.key;
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let shaped = key.len() <= 64 && key.split_once('.').is_some_and(|(area, action)| word(area) && word(action));
        require(shaped, "permission.key", format_args!("{key:?} is not area.action in a–z, 0–9 and _"))?;
        require(known.insert(PermissionKey::new(key)), "permission.key", format_args!("{key} is there already"))?;
        let english = permission.label.get(Language::En.tag()).is_some_and(|label| !label.trim().is_empty());
        require(english, "permission.label", format_args!("{key} has no English label"))?;
        if let Some(tag) =
            permission.label.keys().find(|tag| Language::ALL.iter().all(|language| language.tag() != *tag))
        {
            return Err(ConfigError::new(
                "permission.label",
                format_args!("{key}: {tag:?} is not a language of Roster"),
            ));
        }
        let unknown = permission.roles.iter().find(|role| BuiltInRole::from_key(&RoleKey::new(*role)).is_none());
        if let Some(role) = unknown {
            return Err(ConfigError::new("permission.roles", format_args!("{key}: {role:?} is not a built-in role")));
        }
    }
    Ok(())
}

/// The shortest secret of a client, in characters.
const MIN_CLIENT_SECRET_CHARS: usize = 32;

fn clients(clients: &mut [Client]) -> Checked {
    let mut known = BTreeSet::new();
    for client in clients {
        if let Some(path) = &client.secret_file {
            require(client.secret.is_none(), "client.secret_file", "set this or client.secret, not both")?;
            private("client.secret_file", path)?;
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::new("client.secret_file", error))?;
            client.secret = Some(Secret::new(text.trim_end_matches(['\r', '\n'])));
        }
        if let Some(path) = &client.public_keys_file {
            require(
                client.public_keys.is_none(),
                "client.public_keys_file",
                "set this or client.public_keys, not both",
            )?;
            readable("client.public_keys_file", Some(path))?;
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::new("client.public_keys_file", error))?;
            client.public_keys = Some(text);
        }
        let long = |secret: &Secret| secret.expose().chars().count() >= MIN_CLIENT_SECRET_CHARS;
        require(client.secret.as_ref().is_none_or(long), "client.secret", "shorter than 32 characters")?;
        require(known.insert(client.id.clone()), "client.id", format_args!("{:?} is there already", client.id))?;
        client_settings(client)?;
    }
    Ok(())
}

/// Checks what a client registers, in the settings file and on the command line alike.
///
/// # Errors
/// The setting at fault.
pub fn client_settings(client: &Client) -> Checked {
    let id = &client.id;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let shaped = (1..=64).contains(&id.len()) && id.bytes().all(plain);
    require(shaped, "client.id", format_args!("{id:?} is not made of a–z, 0–9, - and _"))?;
    let named = !client.name.trim().is_empty() && client.name.chars().count() <= 100;
    require(named && !client.name.contains(char::is_control), "client.name", format_args!("{id}: give it a name"))?;
    require(!client.redirect_uris.is_empty(), "client.redirect_uris", format_args!("{id}: none is there"))?;
    for uri in &client.redirect_uris {
        require(is_place_of_a_client(uri), "client.redirect_uris", format_args!("{id}: {uri:?}: {PLACES}"))?;
    }
    for uri in &client.post_logout_redirect_uris {
        require(
            is_place_of_a_client(uri),
            "client.post_logout_redirect_uris",
            format_args!("{id}: {uri:?}: {PLACES}"),
        )?;
    }
    if let Some(uri) = &client.backchannel_logout_uri {
        let fits = uri.starts_with("https://") && is_place_of_a_client(uri);
        require(fits, "client.backchannel_logout_uri", format_args!("{id}: {uri:?} is not an https address"))?;
    }
    if let Some(keys) = &client.public_keys {
        require(
            client.secret.is_none(),
            "client.public_keys",
            format_args!("{id}: set this or client.secret, not both"),
        )?;
        public_keys(keys).or_else(|problem| require(false, "client.public_keys", format_args!("{id}: {problem}")))?;
    }
    if let Some(account) = &client.account {
        require(Slug::parse(account).is_ok(), "client.account", format_args!("{id}: {account:?} is no slug"))?;
    }
    Ok(())
}

/// Hosts are the ends of redirects, and paths decide who gets in: both are checked to the letter.
fn forward_auth(config: &Config) -> Checked {
    let catalogue = config.catalogue();
    let own = config.base_url.host_str().unwrap_or_default();
    let mut known = BTreeSet::new();
    for app in &config.forward_auth {
        let host = &app.host;
        let address = format!("https://{host}/");
        let same = Url::parse(&address).is_ok_and(|url| url.as_str() == address);
        let plain = same && !host.contains(['/', '@', '?', '#']);
        require(
            plain,
            "forward_auth.host",
            format_args!("{host:?} is not a host in lower case, with a port unless it is 443"),
        )?;
        require(known.insert(host), "forward_auth.host", format_args!("{host:?} is there already"))?;
        let roster = config.base_url.port().map_or_else(|| own.to_owned(), |port| format!("{own}:{port}"));
        require(*host != roster, "forward_auth.host", format_args!("{host:?} is Roster's own"))?;
        require(
            !config.trusted_proxies.is_empty(),
            "forward_auth.host",
            "name the proxy in trusted_proxies: nobody else is believed what is asked for",
        )?;
        let named = !app.name.trim().is_empty() && app.name.chars().count() <= 100;
        require(
            named && !app.name.contains(char::is_control),
            "forward_auth.name",
            format_args!("{host}: give it a name"),
        )?;
        if let Some(account) = &app.account {
            let fits = account.parse::<Uuid>().is_ok() || Slug::parse(account).is_ok();
            require(fits, "forward_auth.account", format_args!("{host}: {account:?} is neither id nor slug"))?;
        }
        for permission in app.permissions.values() {
            require(
                catalogue.knows(&PermissionKey::new(permission)),
                "forward_auth.permissions",
                format_args!("{host}: there is no permission {permission:?}"),
            )?;
        }
        paths_of(app)?;
    }
    Ok(())
}

/// Each path stands there once, and as it is compared.
fn paths_of(app: &ForwardAuth) -> Checked {
    let public = app.public.iter().map(|path| ("forward_auth.public", path));
    let permissions = app.permissions.keys().map(|path| ("forward_auth.permissions", path));
    let roles = app.roles.keys().map(|path| ("forward_auth.roles", path));
    let mut known = BTreeSet::new();
    for (key, path) in public.chain(permissions).chain(roles) {
        let host = &app.host;
        require(
            is_rule(path),
            key,
            format_args!(
                "{host}: {path:?} must begin with /, end without one, and hold A–Z, a–z, 0–9, -, ., _ and ~ alone"
            ),
        )?;
        let folded = path.to_ascii_lowercase();
        require(known.insert(folded), key, format_args!("{host}: {path:?} is there already"))?;
    }
    Ok(())
}

/// A set with keys of algorithms that Roster checks, and with nothing that is the client's alone.
fn public_keys(set: &str) -> Result<(), &'static str> {
    let keys: Vec<serde_json::Value> = serde_json::from_str::<serde_json::Value>(set)
        .ok()
        .and_then(|mut set| serde_json::from_value(set.get_mut("keys")?.take()).ok())
        .ok_or("not a JWK set")?;
    let text = |key: &serde_json::Value, name: &str| key.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let known =
        |key: &serde_json::Value| text(key, "alg").is_some_and(|alg| SigningAlgorithm::from_name(&alg).is_some());
    if keys.is_empty() || !keys.iter().all(known) {
        return Err("each key needs its alg, ES256 or RS256");
    }
    if keys.iter().any(|key| key.get("d").is_some()) {
        return Err("it holds a private key");
    }
    Ok(())
}

const PLACES: &str =
    "it must be https, http on this host, or a scheme of an app's own with a dot in it, without a fragment";

/// Can a browser be sent there with an answer (RFC 9700, 2.1; RFC 8252, 7)?
fn is_place_of_a_client(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let fits = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        scheme => scheme.contains('.'),
    };
    let printable = uri.bytes().all(|b| b.is_ascii_graphic());
    fits && printable
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && !uri.contains('#')
}

fn require(fine: bool, key: &str, problem: impl std::fmt::Display) -> Checked {
    if fine { Ok(()) } else { Err(ConfigError::new(key, problem)) }
}

fn within(key: &str, value: u32, range: RangeInclusive<u32>) -> Checked {
    require(range.contains(&value), key, format_args!("{value} is not between {} and {}", range.start(), range.end()))
}

/// Checks that a file can be read, if one is named.
fn readable(key: &str, path: Option<&Path>) -> Checked {
    let Some(path) = path else { return Ok(()) };
    std::fs::File::open(path).map_err(|error| ConfigError::new(key, format_args!("{}: {error}", path.display())))?;
    require(path.is_file(), key, format_args!("{} is not a file", path.display()))
}

/// Checks that a file with a secret can be read, and only by those whom it concerns (CF-02).
fn private(key: &str, path: &Path) -> Checked {
    readable(key, Some(path))?;
    let meta = std::fs::metadata(path).map_err(|error| ConfigError::new(key, error))?;
    require(is_private(&meta), key, format_args!("{}: {OPEN_TO_OTHERS}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn refused(change: impl FnOnce(&mut ForwardAuth)) -> Option<String> {
        let mut app = ForwardAuth {
            host: "wiki.example.org".to_owned(),
            name: "Wiki".to_owned(),
            account: None,
            public: Vec::new(),
            permissions: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        change(&mut app);
        let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let config = Config { trusted_proxies, forward_auth: vec![app], ..Config::default() };
        forward_auth(&config).err().map(|error| error.key)
    }

    #[test]
    fn f26_fa_03_a_host_that_proxies_ask_about_is_a_host_and_nothing_else() {
        for host in ["wiki.example.org", "wiki.example.org:8443", "localhost:3001", "[::1]:3001"] {
            assert_eq!(refused(|app| app.host = host.to_owned()), None, "{host}");
        }
        for host in [
            "",
            "Wiki.example.org",
            "wiki.example.org:443",
            "https://wiki.example.org",
            "wiki.example.org/x",
            "ana@wiki.example.org",
            ":x@wiki.example.org",
            "wiki.example.org?x",
            "wiki example.org",
            "127.0.0.1:3000",
        ] {
            assert_eq!(refused(|app| app.host = host.to_owned()).as_deref(), Some("forward_auth.host"), "{host}");
        }
        let nobody = Config { forward_auth: Vec::new(), ..Config::default() };
        assert_eq!(forward_auth(&nobody), Ok(()), "without a host, nobody has to be trusted");
    }

    #[test]
    fn f26_fa_04_rules_of_paths_are_plain_and_each_is_there_once() {
        let rule = |path: &str, key: &str| BTreeMap::from([(path.to_owned(), key.to_owned())]);
        assert_eq!(refused(|app| app.permissions = rule("/admin", "users.edit")), None);
        assert_eq!(refused(|app| app.permissions = rule("/", "users.edit")), None);
        let key = |change: &dyn Fn(&mut ForwardAuth)| refused(change).unwrap_or_default();
        assert_eq!(key(&|app| app.permissions = rule("/admin", "users.fly")), "forward_auth.permissions");
        assert_eq!(key(&|app| app.permissions = rule("/admin/", "users.edit")), "forward_auth.permissions");
        assert_eq!(key(&|app| app.roles = rule("admin", "agent")), "forward_auth.roles");
        assert_eq!(key(&|app| app.public = vec!["/a".to_owned(), "/A".to_owned()]), "forward_auth.public");
        assert_eq!(key(&|app| app.name = " ".to_owned()), "forward_auth.name");
        assert_eq!(key(&|app| app.account = Some("No Slug".to_owned())), "forward_auth.account");
    }
}
