//! A deployment of real processes: their settings, and people who speak HTTP to them.

use crate::support::{
    Kind, PASSWORD,
    binary::{Serving, free_port, roster},
    empty_postgres,
};
use app::api::members::UsersPage;
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest that anybody waits for an answer: what takes longer hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// Where processes are started: a folder, a database, a mail server's port.
pub struct Site {
    pub dir: TempDir,
    pub database_url: String,
    /// What people know it by, whichever process answers.
    pub port: u16,
    settings: Vec<String>,
}

impl Site {
    /// One on a fresh database, which hands mails over to this port. No limit is in the way of load.
    pub async fn new(kind: Kind, mail_port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database_url = match kind {
            Kind::Sqlite => format!("sqlite:{}", dir.path().join("roster.db").display()),
            // Nothing is lost if it stays: the server of tests goes as a whole.
            Kind::Postgres => empty_postgres().await.url().to_owned(),
        };
        Self::on(dir, database_url, mail_port)
    }

    pub fn on(dir: TempDir, database_url: String, mail_port: u16) -> Self {
        let key = dir.path().join("secret.key");
        std::fs::write(&key, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut settings = vec![
            "smtp.host=127.0.0.1".to_owned(),
            format!("smtp.port={mail_port}"),
            "smtp.tls=none".to_owned(),
            "smtp.from=roster@example.org".to_owned(),
            format!("secret_key_file={}", key.display()),
            "log.level=warn".to_owned(),
        ];
        for limit in [
            "mails_per_account_day",
            "mails_per_inviter_hour",
            "mails_per_server_day",
            "connections_per_address",
            "sign_in_burst",
            "sign_in_user_burst",
        ] {
            settings.push(format!("limits.{limit}=1000000"));
        }
        Self { dir, database_url, port: free_port(), settings }
    }

    /// Another setting, for processes that are started from now on.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// A command of a process of this deployment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = roster(self.dir.path(), arguments);
        command.args(["--database-url", &self.database_url]);
        command.args(["--base-url", &format!("http://127.0.0.1:{}", self.port)]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command
    }

    pub fn serve_command(&self, port: u16) -> Command {
        self.command(&["serve", "--listen", &format!("127.0.0.1:{port}")])
    }

    /// Starts a process that listens on this port, and waits until it greets.
    pub async fn serve_on(&self, port: u16) -> Serving {
        let command = self.serve_command(port);
        tokio::task::spawn_blocking(move || Serving::started(command, port)).await.unwrap()
    }

    pub async fn serve(&self) -> Serving {
        self.serve_on(self.port).await
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The owner of the account `acme`, which is set up by the link that the process greeted with.
    pub async fn owner(&self, serving: &Serving) -> Person {
        let token = serving.greeting.trim_end().rsplit("/s/").next().unwrap().to_owned();
        let ana = Person::new(self.port);
        ana.at(serving.port).get(&format!("/s/{token}")).await.unwrap();
        let fields = [
            ("form[account_name]", "Acme"),
            ("form[slug]", "acme"),
            ("form[name]", "Ana Owner"),
            ("form[email]", "ana@example.org"),
            ("form[password]", PASSWORD),
        ];
        let reply = ana.at(serving.port).posts("setup/set-up", &fields).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        ana
    }
}

/// Somebody with cookies, who speaks HTTP to whichever process listens on a port.
#[derive(Clone)]
pub struct Person {
    host: String,
    pub port: u16,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Unavailable, and for how long is said.
    pub fn says_come_back(&self) -> bool {
        self.status == 503 && self.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok())
    }
}

impl Person {
    pub fn new(port: u16) -> Self {
        Self { host: format!("127.0.0.1:{port}"), port, cookies: Arc::default() }
    }

    /// The same person, who asks another process.
    pub fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> io::Result<Reply> {
        self.sends("GET", path, "").await
    }

    pub async fn posts(&self, function: &str, fields: &[(&str, &str)]) -> io::Result<Reply> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.sends("POST", &format!("/api/{function}"), &body).await
    }

    /// The request as it goes over the wire.
    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        let cookies = self.cookies.lock().unwrap();
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\nAccept: application/json\r\nConnection: close\r\n\
             Cookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            cookies.join("; "),
            body.len()
        )
    }

    async fn sends(&self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let request = self.request(method, path, body);
        let exchange = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer = timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or_else(|_| panic!("{method} {path} hangs"))?;
        self.reply(&String::from_utf8_lossy(&answer))
    }

    fn reply(&self, answer: &str) -> io::Result<Reply> {
        let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "an answer that broke off");
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        for line in head.lines() {
            let Some(cookie) = line.strip_prefix("set-cookie: ") else { continue };
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
    }

    /// The Users list of `acme`.
    pub async fn list(&self, more: &[(&str, &str)]) -> UsersPage {
        let fields = [&[("account", "acme"), ("query[sort]", "name_up")][..], more].concat();
        let reply = self.posts("users/list", &fields).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    /// The login method that the account has from the beginning.
    pub async fn method(&self) -> String {
        self.list(&[]).await.facts.methods[0].id.to_string()
    }

    pub async fn invites(&self, method: &str, email: &str) -> io::Result<Reply> {
        let fields = [("account", "acme"), ("form[method]", method), ("form[email]", email), ("form[role]", "viewer")];
        self.posts("users/invite", &fields).await
    }

    /// Signs in with a session of its own.
    pub async fn signs_in(port: u16, host_port: u16, email: &str) -> io::Result<Reply> {
        let person = Self::new(host_port).at(port);
        person.posts("session/sign-in", &[("form[email]", email), ("form[password]", PASSWORD)]).await
    }
}

/// Who talks to the database of a deployment directly.
pub async fn number(url: &str, sql: &str) -> i64 {
    use sqlx::Connection;
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
        return sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    }
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

pub async fn texts(url: &str, sql: &str) -> Vec<String> {
    use sqlx::Connection;
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
        return sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    }
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
}

pub async fn change(url: &str, sql: &str) -> u64 {
    use sqlx::Connection;
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
        return sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected();
    }
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected()
}
