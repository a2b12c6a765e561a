//! The configuration: what can be set, its defaults, and the checks that a start must pass (F26, CF-02, CF-04).

#[macro_use]
mod settings;

mod check;
mod load;
mod values;

pub(crate) use check::client_settings;
pub use load::{ConfigError, Layers, load};
pub use settings::{SETTINGS, Setting, table};
pub use values::{DatabaseKind, DatabaseUrl, Secret};

use app::domain::{
    language::Language,
    permission::{Catalogue, CatalogueEntry, PermissionKey},
    role::RoleKey,
};
use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};
use url::Url;
use values::{host_list, mailbox, network_list, text, text_option};

settings! {
    /// Everything an operator can set.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Config {
        /// The address of Roster as browsers see it: scheme, host, port. https, except for a loopback host.
        ///
        /// Plain http only for a loopback host (CF-04).
        #[serde(with = "text")]
        pub base_url: Url,
        /// Address and port that the server listens on.
        pub listen: SocketAddr,
        /// Address and port on which Prometheus reads metrics, for example 127.0.0.1:9464; without it there are none.
        ///
        /// Whoever reaches it can read them: they name nobody, but tell how much is done.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metrics_listen: Option<SocketAddr>,
        /// Folder of the SQLite database and the instance key; made if missing.
        pub data_dir: PathBuf,
        /// The database: sqlite:\<file>, postgres://… or postgresql://….
        pub database_url: DatabaseUrl,
        /// PostgreSQL: the same database by a role that may change tables; used by migrations alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub migration_database_url: Option<DatabaseUrl>,
        /// The instance key. With SQLite it is made on first start; with PostgreSQL it must be set, and shared by all instances.
        pub secret_key_file: PathBuf,
        /// The platform behind Roster, linked from an account's front page.
        #[serde(with = "text_option", skip_serializing_if = "Option::is_none")]
        pub platform_url: Option<Url>,
        /// Networks of proxies whose X-Forwarded-For is believed, for example ["10.0.0.0/8"].
        ///
        /// See EN-07.
        #[serde(deserialize_with = "network_list")]
        pub trusted_proxies: Vec<IpNet>,
        /// Lets a public Roster start without a mail server; you then share invitation links yourself.
        pub allow_no_mail: bool,
        /// The log.
        pub log: Log,
        /// Sending mail.
        pub mail: Mail,
        /// The mail server; without one, mails stay in the outbox and links are handed over by hand.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub smtp: Option<Smtp>,
        /// Reaching the providers of login methods.
        pub oauth: OAuth,
        /// Accounts.
        pub accounts: Accounts,
        /// Passwords.
        pub passwords: Passwords,
        /// Sessions.
        pub sessions: Sessions,
        /// Invitations.
        pub invitations: Invitations,
        /// Rate limits.
        pub limits: Limits,
        /// How long what is over is kept.
        pub retention: Retention,
        /// Permissions of the platform behind Roster, added to the built-in ones.
        pub permission: Vec<Permission>,
        /// Platforms that sign people in by Roster.
        pub client: Vec<Client>,
        /// Platforms behind a proxy that asks Roster about every request.
        pub forward_auth: Vec<ForwardAuth>,
    }

    /// The log on standard error.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Log {
        /// text or json.
        pub format: LogFormat,
        /// error, warn, info, debug or trace.
        pub level: LogLevel,
    }

    /// The sending of mail.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Mail {
        /// Emails sent at the same time, 1 to 64.
        pub workers: u32,
        /// Seconds that one step of sending an email can take, 1 to 60.
        pub timeout_s: u32,
        /// Seconds to wait until the mail server has accepted an email's text, 60 to 3600; giving up earlier sends emails twice.
        ///
        /// See RFC 5321, 4.5.3.2.6.
        pub answer_timeout_s: u32,
    }

    /// The mail server.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Smtp {
        /// The mail server, by name or by address. Without it, emails stay in the outbox.
        ///
        /// Its certificate must carry it. After loading it is in ASCII, and IPv6 has no brackets.
        pub host: String,
        /// Its port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub port: Option<u16>,
        /// starttls, tls or none; none sends no password, except to this host.
        #[serde(default)]
        pub tls: SmtpTls,
        /// User name at the mail server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub username: Option<String>,
        /// Password at the mail server.
        ///
        /// After loading, that of `password_file` stands here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password: Option<Secret>,
        /// A file with that password, readable by its owner alone; instead of smtp.password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password_file: Option<PathBuf>,
        /// Sender of all emails, for example Roster \<roster@example.org>; needed with smtp.host.
        ///
        /// After loading, its domain is in ASCII.
        #[serde(with = "mailbox")]
        pub from: Mailbox,
        /// Certificates (PEM) trusted for the mail server, besides the public ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ca_file: Option<PathBuf>,
    }

    /// Reaching the providers of login methods.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct OAuth {
        /// Certificates (PEM) trusted for providers of login methods, besides the public ones.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ca_file: Option<PathBuf>,
        /// Hosts of providers that can be reached in private networks, by every account, for example ["id.corp.example:8443"].
        ///
        /// See OA-15.
        #[serde(deserialize_with = "host_list")]
        pub allow_hosts: Vec<String>,
    }

    /// Accounts.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Accounts {
        /// Who can create another account in the browser: nobody, owners or everyone.
        pub create: AccountCreation,
        /// Language of new accounts and their emails: en or de.
        pub language: Language,
    }

    /// Passwords.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Passwords {
        /// Minimum length of a new password, 8 to 64.
        ///
        /// See PW-01.
        pub shortest: u32,
        /// Passwords that are not accepted, one per line, in addition to the built-in list.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub breached_file: Option<PathBuf>,
        /// Milliseconds that a request waits to have a password hashed before the answer is 503.
        ///
        /// See PW-07.
        pub turn_timeout_ms: u32,
    }

    /// Sessions.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Sessions {
        /// A session expires after this many days without use.
        pub idle_days: u32,
        /// A session expires after this many days in any case.
        pub absolute_days: u32,
        /// Sensitive actions require a sign-in within this many minutes.
        ///
        /// See AZ-16.
        pub step_up_minutes: u32,
        /// Sessions of one user by a password, and as many by the providers of one account; the oldest ends when another begins.
        pub most_per_user: u32,
    }

    /// Invitations.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Invitations {
        /// Seconds between two emails about one invitation.
        pub resend_cool_down_s: u32,
        /// Emails about one invitation in a day.
        pub resends_per_day: u32,
    }

    /// Rate limits. A bucket holds `burst` tries and refills at `per_s`.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Limits {
        /// Failed sign-ins in a row from one IP address.
        ///
        /// An address of IPv6 stands for its /64.
        pub sign_in_burst: u32,
        /// Refill rate per second.
        pub sign_in_per_s: f64,
        /// Failed sign-ins in a row for one user from unknown browsers.
        pub sign_in_user_burst: u32,
        /// Refill rate per second.
        pub sign_in_user_per_s: f64,
        /// Password strengths measured in a row from one IP address.
        pub measure_burst: u32,
        /// Refill rate per second.
        pub measure_per_s: f64,
        /// Password reset links in a row, for one IP address and as many for one mailbox.
        pub recovery_burst: u32,
        /// Refill rate per second, for one IP address.
        pub recovery_per_s: f64,
        /// Refill rate per second, for one mailbox.
        pub recovery_address_per_s: f64,
        /// Invitation emails of one account in a day.
        pub mails_per_account_day: u32,
        /// Invitation emails from one inviter in an hour, across all accounts.
        pub mails_per_inviter_hour: u32,
        /// Invitation emails of all accounts in a day.
        pub mails_per_server_day: u32,
        /// Emails from one account to one recipient in a day.
        ///
        /// Fewer than `mails_per_recipient_day`, so that no account uses those up alone.
        pub mails_per_account_recipient_day: u32,
        /// Emails from all accounts to one recipient in a day.
        pub mails_per_recipient_day: u32,
        /// Accounts that one user can create in a day.
        pub accounts_per_user_day: u32,
        /// Connections at the same time, as far as ulimit -n allows; further ones wait.
        pub connections: u32,
        /// Connections from one address at the same time, unless it is a trusted proxy's; further ones are closed.
        pub connections_per_address: u32,
        /// Discoveries and tests of one account's login methods in an hour.
        ///
        /// Each has Roster ask a server that the account names (OA-15).
        pub provider_tries_per_account_hour: u32,
        /// Requests to the REST API in a row by one key.
        pub api_burst: u32,
        /// Refill rate per second.
        pub api_per_s: f64,
        /// Answers to requests with an Idempotency-Key that are kept for one key at a time, each for a day.
        pub api_answers: u32,
    }

    /// How long what is over is kept, in days; the daily clean-up deletes it then (CF-08, R21, R39).
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Retention {
        /// Days that a settled email's recipient, and what the mail server said, are kept.
        pub mails_days: u32,
        /// Days that attempts to deliver an email are kept.
        pub delivery_events_days: u32,
        /// Days that a decision about an invitation is kept after it was taken.
        pub decisions_days: u32,
        /// Days that an invitation is kept after it expired or was answered.
        pub invitations_days: u32,
        /// Days that a removed member is listed and can be restored.
        pub removed_members_days: u32,
        /// Days that events are kept in users' own activity log.
        pub user_events_days: u32,
        /// Days that a sign-in at a platform is kept after its platform was told of its end.
        pub platform_sign_ins_days: u32,
    }

    /// A permission of the platform behind Roster.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Permission {
        /// `[[permission]]`, a permission of the platform: its key, area.action.
        pub key: String,
        /// The area it is shown under.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub area: Option<String>,
        /// Its label by language: label.en = "…", label.de = "…"; English is needed.
        pub label: BTreeMap<String, String>,
        /// The built-in roles that have it besides owner: admin, editor, agent, analyst, viewer.
        #[serde(default)]
        pub roles: Vec<String>,
    }

    /// A platform that signs people in by Roster, as a client of OpenID Connect.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Client {
        /// `[[client]]`, a platform that signs people in by Roster (OpenID Connect): its client id, in a–z, 0–9, - and _.
        pub id: String,
        /// Its name, as people see it.
        pub name: String,
        /// Its secret, of at least 32 characters; a client without one and without client.public_keys is public, as pages and apps are, and proves itself by PKCE alone.
        ///
        /// After loading, that of `secret_file` stands here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub secret: Option<Secret>,
        /// A file with that secret, readable by its owner alone; instead of client.secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub secret_file: Option<PathBuf>,
        /// Its public keys, as the text of a JWK set: instead of a secret, the client signs its proof (private_key_jwt).
        ///
        /// After loading, that of `public_keys_file` stands here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub public_keys: Option<String>,
        /// A file with that set; instead of client.public_keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub public_keys_file: Option<PathBuf>,
        /// Where people come back to after signing in; compared exactly.
        pub redirect_uris: Vec<String>,
        /// Where people may be sent after signing out; compared exactly.
        #[serde(default)]
        pub post_logout_redirect_uris: Vec<String>,
        /// Where the platform is told that a sign-in ended; https, and a public address unless oauth.allow_hosts names its host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub backchannel_logout_uri: Option<String>,
        /// The slug of the only account whose members sign in there; the client is bound to that account, and stays with it when the slug changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub account: Option<String>,
        /// Gives each person an id that no other client knows.
        #[serde(default)]
        pub pairwise_subjects: bool,
        /// Algorithm of its ID tokens: ES256, or RS256 for software that knows no other.
        #[serde(default)]
        pub algorithm: SigningAlgorithm,
    }

    /// A platform behind a proxy that asks Roster about every request.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ForwardAuth {
        /// `[[forward_auth]]`, a platform behind a proxy that asks Roster about every request: its host as browsers see it, with the port unless it is 443; https alone.
        pub host: String,
        /// Its name, as people see it.
        pub name: String,
        /// The only account whose members get in, by its id or its slug; a slug means the account that had it when it was first used here, whoever has it later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub account: Option<String>,
        /// Paths that everybody gets to, each with all below it.
        #[serde(default)]
        pub public: Vec<String>,
        /// Paths that need a permission: permissions = { "/admin" = "users.edit" }. Of several rules the longest path counts; all other paths are every member's.
        #[serde(default)]
        pub permissions: BTreeMap<String, String>,
        /// Paths that need a role, by its key.
        #[serde(default)]
        pub roles: BTreeMap<String, String>,
    }
}

/// The algorithms that tokens are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum SigningAlgorithm {
    /// ECDSA on the curve P-256.
    #[default]
    #[serde(rename = "ES256")]
    #[value(name = "ES256")]
    Es256,
    /// RSA.
    #[serde(rename = "RS256")]
    #[value(name = "RS256")]
    Rs256,
}

impl SigningAlgorithm {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// Its name (RFC 7518).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines to be read by people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The levels of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Smtp {
    /// The port to connect to.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        })
    }
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Nothing: for a relay on the same host.
    None,
}

/// Who may open another account in the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountCreation {
    /// Nobody: only `roster account create`.
    Nobody,
    /// Owners of an account.
    Owners,
    /// Every signed-in user.
    Everyone,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            mails_days: 30,
            delivery_events_days: 90,
            decisions_days: 90,
            invitations_days: 90,
            removed_members_days: 90,
            user_events_days: 365,
            platform_sign_ins_days: 30,
        }
    }
}

impl Config {
    /// Is Roster reached by https? Decides the names and the `Secure` of cookies, and HSTS.
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The public origin, `https://roster.example.org`: what `Origin` headers are compared with.
    pub fn origin(&self) -> String {
        self.base_url.origin().ascii_serialization()
    }

    /// A full link to a path of ours. Only the configured URL counts, never a header of the request (INV-20).
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The built-in permissions with the operator's.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue::with(self.permission.iter().map(|permission| CatalogueEntry {
            key: PermissionKey::new(&permission.key),
            area: permission.area.clone().unwrap_or_else(|| {
                permission.key.split_once('.').map_or(permission.key.as_str(), |(area, _)| area).to_owned()
            }),
            labels: permission.label.clone(),
            roles: permission.roles.iter().map(RoleKey::new).collect(),
        }))
    }

    /// The effective settings as TOML, secrets as `***`.
    ///
    /// # Errors
    /// None that is known: every value has a TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

impl Default for Config {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
        let data_dir = PathBuf::from("./data");
        Self {
            base_url: values::loopback_url(listen.port()),
            listen,
            metrics_listen: None,
            database_url: DatabaseUrl::sqlite_in(&data_dir),
            migration_database_url: None,
            secret_key_file: data_dir.join("secret.key"),
            data_dir,
            platform_url: None,
            trusted_proxies: Vec::new(),
            allow_no_mail: false,
            log: Log::default(),
            mail: Mail::default(),
            smtp: None,
            oauth: OAuth::default(),
            accounts: Accounts::default(),
            passwords: Passwords::default(),
            sessions: Sessions::default(),
            invitations: Invitations::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            permission: Vec::new(),
            client: Vec::new(),
            forward_auth: Vec::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self { workers: 4, timeout_s: 10, answer_timeout_s: 600 }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self { create: AccountCreation::Owners, language: Language::En }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self { shortest: 15, breached_file: None, turn_timeout_ms: 1000 }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_days: 7, absolute_days: 30, step_up_minutes: 10, most_per_user: 20 }
    }
}

impl Default for Invitations {
    fn default() -> Self {
        Self { resend_cool_down_s: 300, resends_per_day: 5 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in_burst: 20,
            sign_in_per_s: 0.2,
            sign_in_user_burst: 20,
            sign_in_user_per_s: 0.1,
            measure_burst: 60,
            measure_per_s: 1.0,
            recovery_burst: 3,
            recovery_per_s: 0.0008,
            recovery_address_per_s: 0.0002,
            mails_per_account_day: 500,
            mails_per_inviter_hour: 100,
            mails_per_server_day: 10_000,
            accounts_per_user_day: 10,
            connections: 800,
            connections_per_address: 100,
            mails_per_account_recipient_day: 4,
            mails_per_recipient_day: 5,
            provider_tries_per_account_hour: 60,
            api_burst: 600,
            api_per_s: 10.0,
            api_answers: 10_000,
        }
    }
}
