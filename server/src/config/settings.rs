//! One table of all settings: read by people, checked against the types by a test.

/// Key, default, meaning. A key stands in the TOML file as written here, in the environment as `ROSTER_` and the key in upper
/// case with `__` for each dot, and on the command line as `--set key=value`.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "base_url",
        "http://127.0.0.1:<port of listen>",
        "The address of Roster as browsers see it: scheme, host, port. https, except for a loopback host",
    ),
    ("listen", "127.0.0.1:3000", "Address and port that the server listens on"),
    ("data_dir", "./data", "Folder of the SQLite database and the instance key; made if missing"),
    (
        "database_url",
        "sqlite:<data_dir>/roster.db?mode=rwc",
        "The database: sqlite:<file>, postgres://… or postgresql://…",
    ),
    (
        "migration_database_url",
        "",
        "PostgreSQL: the same database by a role that may change tables; used by migrations alone",
    ),
    (
        "secret_key_file",
        "<data_dir>/secret.key",
        "The instance key. With SQLite it is made on first start; with PostgreSQL it must be set, and shared by all instances",
    ),
    ("platform_url", "", "The platform behind Roster, linked from an account's front page"),
    ("trusted_proxies", "[]", "Networks of proxies whose X-Forwarded-For is believed, for example [\"10.0.0.0/8\"]"),
    (
        "allow_no_mail",
        "false",
        "Lets a public Roster start without a mail server; invitation links are then handed over by hand",
    ),
    ("log.format", "text", "text or json"),
    ("log.level", "info", "error, warn, info, debug or trace"),
    ("mail.workers", "4", "Mails sent at the same time, 1 to 64"),
    ("mail.timeout_s", "10", "Seconds that one step of one mail may take, 1 to 60"),
    (
        "mail.answer_timeout_s",
        "600",
        "Seconds to wait until the mail server has taken a mail's text, 60 to 3600; giving up earlier sends mails twice",
    ),
    ("smtp.host", "", "The mail server, by name or by address. Without it, mails stay in the outbox"),
    ("smtp.port", "587, 465 or 25, by smtp.tls", "Its port"),
    ("smtp.tls", "starttls", "starttls, tls or none; none sends no password, except to this host"),
    ("smtp.username", "", "User name at the mail server"),
    ("smtp.password", "", "Password at the mail server"),
    ("smtp.password_file", "", "A file with that password, readable by its owner alone; instead of smtp.password"),
    ("smtp.from", "", "Sender of all mails, for example Roster <roster@example.org>; needed with smtp.host"),
    ("smtp.ca_file", "", "Certificates (PEM) trusted for the mail server, besides the public ones"),
    ("oauth.ca_file", "", "Certificates (PEM) trusted for providers of login methods, besides the public ones"),
    (
        "oauth.allow_hosts",
        "[]",
        "Hosts of providers that may be reached in private networks, by every account, for example [\"id.corp.example:8443\"]",
    ),
    ("accounts.create", "owners", "Who may open another account in the browser: nobody, owners or everyone"),
    ("accounts.language", "en", "Language of new accounts and their mails: en or de"),
    ("passwords.shortest", "15", "Fewest characters of a new password, 8 to 64"),
    ("passwords.breached_file", "", "Passwords that are refused, one a line, besides the built-in list"),
    (
        "passwords.turn_timeout_ms",
        "1000",
        "Milliseconds that a request waits to have a password hashed before the answer is 503",
    ),
    ("sessions.idle_days", "7", "A session ends when it was not used for so many days"),
    ("sessions.absolute_days", "30", "A session ends after so many days in any case"),
    ("sessions.step_up_minutes", "10", "What is most dangerous asks for a sign-in no older than so many minutes"),
    (
        "sessions.most_per_user",
        "20",
        "Sessions of one user by a password, and as many by the providers of one account; the oldest ends when another begins",
    ),
    ("invitations.resend_cool_down_s", "300", "Seconds between two mails about one invitation"),
    ("invitations.resends_per_day", "5", "Mails about one invitation in a day"),
    ("limits.sign_in_burst", "20", "Failed sign-ins in a row from one address"),
    ("limits.sign_in_per_s", "0.2", "How many of these come back each second"),
    ("limits.sign_in_user_burst", "20", "Failed sign-ins in a row for one user from unknown browsers"),
    ("limits.sign_in_user_per_s", "0.1", "How many of these come back each second"),
    ("limits.measure_burst", "60", "Passwords measured in a row for one address"),
    ("limits.measure_per_s", "1.0", "How many of these come back each second"),
    ("limits.mails_per_account_day", "500", "Invitation mails of one account in a day"),
    ("limits.mails_per_inviter_hour", "100", "Invitation mails by one inviter in an hour, in all accounts"),
    ("limits.mails_per_server_day", "10000", "Invitation mails of all accounts in a day"),
    ("limits.mails_per_account_recipient_day", "4", "Mails of one account to one recipient in a day"),
    ("limits.mails_per_recipient_day", "5", "Mails of all accounts to one recipient in a day"),
    ("limits.accounts_per_user_day", "10", "Accounts that one user opens in a day"),
    ("limits.connections", "800", "Connections at the same time, as far as ulimit -n allows; further ones wait"),
    (
        "limits.connections_per_address",
        "100",
        "Connections from one address at the same time, unless it is a trusted proxy's; further ones are closed",
    ),
    ("limits.provider_tries_per_account_hour", "60", "Discoveries and tests of one account's login methods in an hour"),
    ("retention.mails_days", "30", "Days that a settled mail's recipient, and what the mail server said, are kept"),
    ("retention.delivery_events_days", "90", "Days that attempts to deliver a mail are kept"),
    ("retention.decisions_days", "90", "Days that a decision about an invitation is kept after it was taken"),
    ("retention.invitations_days", "90", "Days that an invitation is kept after it expired or was answered"),
    ("retention.removed_members_days", "90", "Days that a removed member is listed and can be restored"),
    ("permission.key", "", "[[permission]], a permission of the platform: its key, area.action"),
    ("permission.area", "the part before the dot", "The area it is shown under"),
    ("permission.label", "", "Its label by language: label.en = \"…\", label.de = \"…\"; English is needed"),
    ("permission.roles", "[]", "The built-in roles that hold it besides owner: admin, editor, agent, analyst, viewer"),
];

/// The table for people to read, in Markdown. In code spans, angle brackets mean themselves; outside, they would be HTML.
pub fn table() -> String {
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for (key, default, meaning) in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let meaning = meaning.replace('<', "&lt;").replace('>', "&gt;");
        table.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
    }
    table
}

/// What a key means.
pub(super) fn meaning(key: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|(known, _, _)| *known == key).map(|(_, _, meaning)| *meaning)
}
