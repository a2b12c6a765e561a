//! The platforms of `docs/examples` in front of the binary, each as its developer runs it, behind nginx with TLS.

use crate::{
    proxies::{NGINX, NGINX_EXAMPLE, Proxy, Site, replaced},
    support::binary::{Serving, free_port},
};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

const EXPRESS: &str = include_str!("../../../docs/examples/express-app/app.mjs");
const FASTAPI: &str = include_str!("../../../docs/examples/fastapi-app/app.py");
const BY_KEY: &str = include_str!("../../../docs/examples/check-by-key.mjs");
/// The secret of the platforms that are clients, and of their sessions.
const SECRET: &str = "OneSecretOfAPlatformForItsTestsAlone";
/// How long an app may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Within this, a removal counts everywhere.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Within this, the platform is told of it, however busy the machine.
const TOLD_TIMEOUT: Duration = Duration::from_secs(10);
/// A line of the file of people by whom `check-by-key.mjs` knows Ben: his password is `otter`.
const BEN: &str = "ben@example.org:00010203:b342c36fa885b3b85f8f9f2c32023330";

/// Roster, and the platforms in front of it, all on this host by ports of their own.
struct Place {
    site: Site,
    serving: Serving,
    wiki: u16,
    reports: u16,
    desk: u16,
    /// Where the apps listen.
    inner: HashMap<u16, u16>,
    _proxy: Proxy,
}

/// Ended when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    async fn new() -> Self {
        let site = Site::new();
        let [wiki, reports, desk] = [free_port(), free_port(), free_port()];
        let settings = fs::read_to_string(site.file("roster.toml")).unwrap();
        let more = format!(
            "allow_hosts = [\"localhost\"]\n\
             [[forward_auth]]\nhost = \"localhost:{wiki}\"\nname = \"Wiki\"\n\
             [[client]]\nid = \"reports\"\nname = \"Reports\"\nsecret = \"{SECRET}\"\n\
             redirect_uris = [\"https://localhost:{reports}/callback\"]\n\
             backchannel_logout_uri = \"https://localhost:{reports}/logged-out\"\n"
        );
        fs::write(site.file("roster.toml"), settings + &more).unwrap();
        let serving = site.serve();

        let inner = HashMap::from([(reports, free_port()), (desk, free_port())]);
        let folder = site.dir.path().display().to_string();
        fs::create_dir(site.file("www")).unwrap();
        fs::write(site.file("www").join("index.html"), "The page of the wiki").unwrap();
        let mut proxy = site.in_front_of_roster(NGINX);
        proxy += &replaced(
            NGINX_EXAMPLE,
            &[
                ("/etc/ssl/wiki.example.org", &folder),
                ("wiki.example.org", "localhost"),
                ("listen 443 ssl http2", &format!("listen 127.0.0.1:{wiki} ssl http2")),
                ("127.0.0.1:3000", &format!("127.0.0.1:{}", site.upstream)),
                ("root /srv/wiki", &format!("root {folder}/www")),
            ],
        );
        for (outer, inner) in &inner {
            proxy += &format!(
                "server {{\n    listen 127.0.0.1:{outer} ssl;\n    server_name localhost;\n    ssl_certificate {folder}/fullchain.pem;\n    \
                 ssl_certificate_key {folder}/privkey.pem;\n    location / {{\n        proxy_pass http://127.0.0.1:{inner};\n        \
                 proxy_set_header Host $http_host;\n        proxy_set_header X-Forwarded-Proto https;\n    }}\n}}\n"
            );
        }
        let proxy = site.nginx_of(&proxy).await;
        Self { site, serving, wiki, reports, desk, inner, _proxy: proxy }
    }

    fn roster(&self) -> String {
        format!("https://localhost:{}", self.site.tls)
    }

    /// Starts the app behind this port, in a folder of its own with this file and what its language finds its libraries by.
    async fn runs(&self, port: u16, mut command: Command, file: &str, text: &str, more: &[(&str, &str)]) -> Program {
        assert!(text.lines().count() <= 60, "an example is short");
        let folder = self.site.file(&format!("app-{port}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/node_modules");
        symlink(fs::canonicalize(modules).expect("run .ci/set-up test"), folder.join("node_modules")).unwrap();
        let log = File::options().create(true).append(true).open(self.site.file("apps.log")).unwrap();
        let authority = self.site.file("authority.pem");
        let inner = self.inner[&port];
        command
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .env("ROSTER", self.roster())
            .env("APP", format!("https://localhost:{port}"))
            .env("CLIENT_SECRET", SECRET)
            .env("SESSION_SECRET", SECRET)
            .env("PORT", inner.to_string())
            .env("NODE_EXTRA_CA_CERTS", &authority)
            .env("SSL_CERT_FILE", &authority)
            .envs(more.iter().copied());
        let program = Program(command.spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", inner)).await.is_err() {
            assert!(start.elapsed() < START_TIMEOUT, "the app does not start: {}", self.site.logs());
            sleep(Duration::from_millis(50)).await;
        }
        program
    }

    /// Runs the Express app as the platform of reports.
    async fn runs_express(&self) -> Program {
        let mut command = Command::new("node");
        command.arg("app.mjs");
        self.runs(self.reports, command, "app.mjs", EXPRESS, &[]).await
    }

    /// Runs the FastAPI app as the platform of reports.
    async fn runs_fastapi(&self) -> Program {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/examples/bin/python");
        assert!(python.exists(), "the libraries of the examples in Python are not installed; run .ci/set-up test");
        let mut command = Command::new(python);
        command.args(["-m", "uvicorn", "app:app", "--port"]).arg(self.inner[&self.reports].to_string());
        self.runs(self.reports, command, "app.py", FASTAPI, &[]).await
    }

    /// Runs the platform that asks by a key.
    async fn runs_by_key(&self, key: &str) -> Program {
        let people = self.site.file("people.txt");
        fs::write(&people, BEN).unwrap();
        let mut command = Command::new("node");
        command.arg("app.mjs");
        let more = [("ROSTER_KEY", key), ("PEOPLE", people.to_str().unwrap())];
        self.runs(self.desk, command, "app.mjs", BY_KEY, &more).await
    }

    /// Waits until Roster has told the platform of reports that a sign-in ended, and it took that.
    async fn hears_of_the_end(&self) {
        let start = Instant::now();
        while !self.site.logs().lines().any(|line| line.contains("POST /logged-out") && line.contains(" 200 ")) {
            assert!(start.elapsed() < TOLD_TIMEOUT, "the platform was not told: {}", self.site.logs());
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn visitor(&self) -> Visitor<'_> {
        Visitor { place: self, cookies: BTreeMap::new() }
    }

    /// Sets Roster up, and invites Ben, who joins.
    async fn people(&self) -> People<'_> {
        let (mut ana, mut ben) = (self.visitor(), self.visitor());
        let roster = self.roster();
        let link = self.serving.greeting.trim_end().rsplit("/s/").next().unwrap();
        ana.opens(&format!("{roster}/s/{link}")).await;
        let form = "form[account_name]=Acme&form[slug]=acme&form[name]=Ana&form[email]=ana@example.org&form[password]=seventeen+purple+otters";
        ana.posts("setup/set-up", form).await;
        let wanted = "form[name]=desk&form[lifetime]=1&form[permissions][]=users.read&form[permissions][]=users.invite&form[permissions][]=users.edit&\
                      form[permissions][]=conversations.read&form[permissions][]=analytics.read&form[permissions][]=bots.read&form[permissions][]=conversations.reply";
        let made = ana.posts("api-keys/make", &format!("account=acme&{wanted}")).await;
        let key = quoted(&made, "key");

        let mut program = self.visitor();
        let head = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
        let body = r#"{"email":"ben@example.org","role":"viewer"}"#;
        let invited = program.asks("POST", &format!("{roster}/api/v1/invitations"), &head, body).await;
        let member = quoted(&invited, "member");
        let path = format!("{roster}/api/v1/members/{member}/invitation/link");
        let link = quoted(&program.asks("POST", &path, &head, "").await, "url");
        let opened = ben.clicks(&link).await;
        let invitation = values(&opened, "location").next().unwrap().rsplit('/').next().unwrap().to_owned();
        let form = "form[email]=ben@example.org&form[name]=Ben&form[password]=seventeen+purple+badgers&form[code]=";
        let joined = ben.posts("invitation/sign-up", &format!("form[invitation]={invitation}&{form}")).await;
        assert!(joined.starts_with("HTTP/1.1 200"), "{joined}");
        People { ana, ben, member, key }
    }
}

struct People<'a> {
    ana: Visitor<'a>,
    ben: Visitor<'a>,
    /// Ben's line in the list.
    member: String,
    /// A key of Ana's.
    key: String,
}

impl People<'_> {
    async fn ben_becomes(&mut self, role: &str) {
        let url = format!("{}/api/v1/members/{}", self.ana.place.roster(), self.member);
        let head = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\nIf-Match: *\r\n", self.key);
        let changed = self.ana.asks("PATCH", &url, &head, &format!("{{\"role\":\"{role}\"}}")).await;
        assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    }

    /// Ana removes Ben in Settings → Users.
    async fn ben_is_removed(&mut self) -> Instant {
        let url = format!("{}/api/v1/members/{}", self.ana.place.roster(), self.member);
        let shown = self.ana.asks("GET", &url, &format!("Authorization: Bearer {}\r\n", self.key), "").await;
        let version = values(&shown, "etag").next().unwrap_or_else(|| panic!("{shown}")).trim_matches('"');
        let form = format!("account=acme&form[member]={}&form[version]={version}&form[sponsored]=", self.member);
        let removed = self.ana.posts("users/remove", &form).await;
        assert!(removed.starts_with("HTTP/1.1 200"), "{removed}");
        Instant::now()
    }

    /// Ben signs in at the platform of reports, which asks for a permission at each click.
    async fn ben_reads_the_reports_while_he_may(&mut self) {
        let reports = format!("https://localhost:{}/reports", self.ana.place.reports);
        let read = self.ben.opens(&reports).await;
        assert!(read.contains("The reports, for Ben"), "{read}\n{}", self.ana.place.site.logs());
        self.ben_becomes("agent").await;
        let denied = self.ben.clicks(&reports).await;
        assert!(denied.starts_with("HTTP/1.1 403") && denied.contains("analytics.read"), "{denied}");
        self.ben_becomes("viewer").await;
        assert!(self.ben.clicks(&reports).await.contains("The reports, for Ben"));
    }
}

#[tokio::test]
async fn op_06_fa_06_lt_01_whoever_is_removed_is_refused_at_the_next_click_in_three_platforms() {
    let place = Place::new().await;
    let _reports = place.runs_express().await;
    let mut people = place.people().await;
    let _desk = place.runs_by_key(&people.key).await;
    let [wiki, reports, desk] = [place.wiki, place.reports, place.desk].map(|port| format!("https://localhost:{port}"));
    let (wiki, reports, first, desk) =
        (format!("{wiki}/"), format!("{reports}/reports"), format!("{reports}/"), format!("{desk}/reports"));
    let login = "Authorization: Basic YmVuQGV4YW1wbGUub3JnOm90dGVy\r\n";

    people.ben_reads_the_reports_while_he_may().await;
    let read = people.ben.opens(&wiki).await;
    assert!(read.contains("The page of the wiki") && read.contains("X-Signed-In-As: Ben"), "{read}");
    let read = people.ben.asks("GET", &desk, login, "").await;
    assert!(read.contains("/reports, for ben@example.org"), "{read}\n{}", place.site.logs());
    let stranger = people.ben.asks("GET", &desk, "Authorization: Basic YmVuQGV4YW1wbGUub3JnOmJhZGdlcg==\r\n", "").await;
    assert!(stranger.starts_with("HTTP/1.1 401"), "{stranger}");
    assert!(people.ben.clicks(&first).await.contains("Hello Ben"));

    let since = people.ben_is_removed().await;
    let at_wiki = people.ben.clicks(&wiki).await;
    let at_reports = people.ben.clicks(&reports).await;
    let at_desk = people.ben.asks("GET", &desk, login, "").await;
    assert!(since.elapsed() < AT_ONCE, "it took {:?}", since.elapsed());
    assert!(at_wiki.starts_with("HTTP/1.1 303") && !at_wiki.contains("The page of the wiki"), "{at_wiki}");
    assert!(at_reports.starts_with("HTTP/1.1 303") && !at_reports.contains("The reports"), "{at_reports}");
    assert!(at_desk.starts_with("HTTP/1.1 403") && at_desk.contains("Ask an admin"), "{at_desk}");
    // The back channel ended the session of the app, too, which its first page shows without asking.
    place.hears_of_the_end().await;
    assert!(people.ben.clicks(&first).await.contains("Hello stranger"));
    // Nor does any way lead in again.
    for page in [&wiki, &reports] {
        let end = people.ben.opens(page).await;
        assert!(!end.contains("The page of the wiki") && !end.contains("The reports"), "{end}");
    }
}

#[tokio::test]
async fn op_06_op_07_the_example_in_python_knows_who_may_read_and_hears_of_a_removal() {
    let place = Place::new().await;
    let _reports = place.runs_fastapi().await;
    let mut people = place.people().await;
    let reports = format!("https://localhost:{}/reports", place.reports);
    people.ben_reads_the_reports_while_he_may().await;
    people.ben_is_removed().await;
    assert!(people.ben.clicks(&reports).await.starts_with("HTTP/1.1 303"));
    place.hears_of_the_end().await;
    assert!(!people.ben.opens(&reports).await.contains("The reports"));
}

#[tokio::test]
async fn op_07_the_examples_believe_nobody_else_about_the_end_of_a_sign_in() {
    for python in [false, true] {
        let place = Place::new().await;
        let _reports = if python { place.runs_fastapi().await } else { place.runs_express().await };
        let mut people = place.people().await;
        let reports = format!("https://localhost:{}", place.reports);
        people.ben_reads_the_reports_while_he_may().await;
        let url = format!("{reports}/logged-out");
        let head = "Content-Type: application/x-www-form-urlencoded\r\n";
        for token in ["", "logout_token=", "logout_token=a.b.c", "logout_token=eyJhbGciOiJub25lIn0.eyJzaWQiOiJ4In0."] {
            let refused = people.ana.asks("POST", &url, head, token).await;
            assert!(refused.starts_with("HTTP/1.1 4"), "{token}: {refused}");
        }
        assert!(people.ben.clicks(&format!("{reports}/reports")).await.contains("The reports, for Ben"));
    }
}

/// Somebody's browser, with cookies for each port.
struct Visitor<'a> {
    place: &'a Place,
    cookies: BTreeMap<(String, String), String>,
}

impl Visitor<'_> {
    async fn asks(&mut self, method: &str, url: &str, head: &str, body: &str) -> String {
        let rest = url.strip_prefix("https://").unwrap_or_else(|| panic!("{url}"));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = host.rsplit(':').next().unwrap().parse().unwrap();
        let ours = self.cookies.iter().filter(|((of, _), _)| of == host);
        let cookies: Vec<_> = ours.map(|((_, name), value)| format!("{name}={value}")).collect();
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let mut stream = self.place.site.connect_to(port, &[b"http/1.1"]).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        for cookie in values(&answer, "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
        }
        answer
    }

    /// Opens a page, and follows nothing.
    async fn clicks(&mut self, url: &str) -> String {
        self.asks("GET", url, "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n", "").await
    }

    /// Opens a page, and follows wherever it leads.
    async fn opens(&mut self, url: &str) -> String {
        let (mut url, mut answer) = (url.to_owned(), String::new());
        for _ in 0..12 {
            answer = self.clicks(&url).await;
            let Some(next) = values(&answer, "location").next() else { break };
            let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            url = if next.starts_with('/') { origin + next } else { next.to_owned() };
        }
        answer
    }

    /// Calls a server function, as a page does.
    async fn posts(&mut self, function: &str, body: &str) -> String {
        let roster = self.place.roster();
        let head = format!(
            "Origin: {roster}\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        self.asks("POST", &format!("{roster}/api/{function}"), &head, body).await
    }
}

/// The values of a header.
fn values<'a>(answer: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = answer.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
    lines.filter(move |(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The first text under this name in an answer of JSON.
fn quoted(answer: &str, name: &str) -> String {
    let rest = answer.split(&format!("\"{name}\":\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {answer}"));
    rest.split('"').next().unwrap().to_owned()
}
