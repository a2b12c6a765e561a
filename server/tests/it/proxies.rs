//! The proxies of `docs/proxies`, as they stand there but for names, ports and folders, in front of the binary; and what `roster doctor`
//! says of proxies that do something wrong.

use crate::support::binary::{Serving, free_port, installed, run, text};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

pub const NGINX: &str = include_str!("../../../docs/proxies/nginx.conf");
const CADDY: &str = include_str!("../../../docs/proxies/Caddyfile");
const NGINX_FORWARD: &str = include_str!("../../../docs/proxies/nginx-forward-auth.conf");
const CADDY_FORWARD: &str = include_str!("../../../docs/proxies/Caddyfile-forward-auth");
pub const NGINX_EXAMPLE: &str = include_str!("../../../docs/examples/nginx-forward-auth/wiki.conf");
/// What stands in for a token or a code, and must be in no log.
const SECRET: &str = "TellNobodyTellNobodyTellNobodyTellNobodyTel";
/// How long a program may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A folder with everything that a proxy and a server need, and the ports that they use.
pub struct Site {
    pub dir: TempDir,
    /// Where browsers go.
    pub tls: u16,
    /// Where browsers go that were not told of TLS.
    plain: u16,
    /// Where Roster listens.
    pub upstream: u16,
}

impl Site {
    pub fn new() -> Self {
        let site =
            Self { dir: tempfile::tempdir().unwrap(), tls: free_port(), plain: free_port(), upstream: free_port() };
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By a name of its own: what has its issuer's name counts as signed by itself where OpenSSL looks.
        params.distinguished_name.push(DnType::CommonName, "Authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        fs::write(site.file("authority.pem"), authority.pem()).unwrap();
        fs::write(site.file("fullchain.pem"), leaf.pem()).unwrap();
        fs::write(site.file("privkey.pem"), key.serialize_pem()).unwrap();
        let settings = format!(
            "base_url = \"https://localhost:{}\"\nlisten = \"127.0.0.1:{}\"\ntrusted_proxies = [\"127.0.0.1\"]\n[oauth]\nca_file = \"{}\"\n",
            site.tls,
            site.upstream,
            site.file("authority.pem").display()
        );
        fs::write(site.file("roster.toml"), settings).unwrap();
        site
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn serve(&self) -> Serving {
        Serving::start_with(self.dir.path(), self.upstream, &["--config", "roster.toml"])
    }

    /// What `roster doctor` says, and whether it found nothing wrong.
    fn doctor(&self) -> (bool, String) {
        let said = run(self.dir.path(), &["doctor", "--config", "roster.toml"]);
        (said.status.success(), text(&said.stdout) + &text(&said.stderr))
    }

    async fn nginx(&self, settings: &str) -> Proxy {
        self.nginx_of(&self.in_front_of_roster(settings)).await
    }

    /// A file of nginx for Roster, with our names, ports and folders.
    pub fn in_front_of_roster(&self, settings: &str) -> String {
        let folder = self.dir.path().display();
        replaced(
            settings,
            &[
                ("/etc/ssl/roster.example.org", &folder.to_string()),
                ("/var/log/nginx", &folder.to_string()),
                ("roster.example.org", "localhost"),
                ("listen 443 ssl http2", &format!("listen 127.0.0.1:{} ssl http2", self.tls)),
                ("listen 80", &format!("listen 127.0.0.1:{}", self.plain)),
                ("127.0.0.1:3000", &format!("127.0.0.1:{}", self.upstream)),
            ],
        )
    }

    /// nginx with a file whose names, ports and folders are ours already.
    pub async fn nginx_of(&self, settings: &str) -> Proxy {
        let folder = self.dir.path().display();
        fs::write(self.file("roster.conf"), settings).unwrap();
        // The folders that an installed nginx would have: one that is only unpacked has none.
        let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
            .map(|of| format!("    {of}_temp_path {folder}/temp/{of};\n"))
            .concat();
        fs::create_dir_all(self.file("temp")).unwrap();
        let main = format!(
            "user root;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log info;\nevents {{}}\n\
             http {{\n    access_log {folder}/access.log;\n{temporary}    include {folder}/roster.conf;\n}}\n"
        );
        fs::write(self.file("main.conf"), main).unwrap();
        let mut command = Command::new(installed("nginx"));
        command.arg("-p").arg(self.dir.path()).arg("-c").arg(self.file("main.conf"));
        self.started(command).await
    }

    async fn caddy(&self) -> Proxy {
        let folder = self.dir.path().display();
        let settings = replaced(
            CADDY,
            &[
                (
                    "{\n\tlog {",
                    &format!("{{\n\tadmin off\n\thttp_port {}\n\thttps_port {}\n\tlog {{", self.plain, self.tls),
                ),
                (
                    "roster.example.org {",
                    &format!("localhost {{\n\tbind 127.0.0.1\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"),
                ),
                ("127.0.0.1:3000", &format!("127.0.0.1:{}", self.upstream)),
            ],
        );
        self.caddy_of(&settings).await
    }

    /// Caddy with a file whose names, ports and folders are ours already.
    async fn caddy_of(&self, settings: &str) -> Proxy {
        fs::write(self.file("Caddyfile"), settings).unwrap();
        let mut command = Command::new(installed("caddy"));
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(self.file("Caddyfile"));
        command
            .env("HOME", self.dir.path())
            .env("XDG_DATA_HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path());
        self.started(command).await
    }

    async fn started(&self, mut command: Command) -> Proxy {
        let log = File::options().create(true).append(true).open(self.file("stderr.log")).unwrap();
        let child = command
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let proxy = Proxy(child);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.tls)).await.is_err() {
            assert!(start.elapsed() < START_TIMEOUT, "the proxy does not start: {}", self.logs());
            sleep(Duration::from_millis(20)).await;
        }
        proxy
    }

    async fn connect(&self, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        self.connect_to(self.tls, protocols).await
    }

    /// Connects to another port with our certificate.
    pub async fn connect_to(&self, port: u16, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut config = server::tls::client(Some(&self.file("authority.pem"))).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
    }

    /// The head of the answer, and what came of its body.
    async fn get(&self, path: &str) -> String {
        self.send(&request(path, self.tls)).await
    }

    /// What comes back for a request that asks for the end of its connection.
    async fn send(&self, request: &str) -> String {
        let mut stream = self.connect(&[b"http/1.1"]).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Proxies that close without a farewell of TLS are fine here.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get_without_tls(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.plain)).await.unwrap();
        stream.write_all(request(path, self.plain).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Everything that the proxy wrote into logs.
    pub fn logs(&self) -> String {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

/// Ended when dropped, with its workers.
pub struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// A text in which each of these stood and is replaced.
pub fn replaced(text: &str, all: &[(&str, &str)]) -> String {
    all.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the file");
        text.replace(from, to)
    })
}

fn request(path: &str, port: u16) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
}

/// The cookies that an answer sets, as the browser sends them.
fn cookies_of(answer: &str) -> String {
    let lines = answer.lines().filter_map(|line| line.split_once(": "));
    let set = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    set.filter_map(|(_, cookie)| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
}

/// An open page is told at once of what is changed: the proxy holds nothing back (R35).
async fn passes_events_on(site: &Site, greeting: &str) -> TlsStream<TcpStream> {
    let origin = format!("https://localhost:{}", site.tls);
    let get = |path: &str, cookies: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {cookies}\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n",
            site.tls
        )
    };
    let post = |path: &str, cookies: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            site.tls,
            body.len()
        )
    };
    let token = greeting.trim_end().rsplit("/s/").next().unwrap();
    let set_up = cookies_of(&site.get(&format!("/s/{token}")).await);
    let form = "form[account_name]=Acme&form[slug]=acme&form[name]=Ana&form[email]=ana@example.org&form[password]=seventeen purple otters";
    let session = cookies_of(&site.send(&post("/api/setup/set-up", &set_up, &form.replace(' ', "+"))).await);

    let mut stream = site.connect(&[b"http/1.1"]).await;
    stream.write_all(get("/a/acme/events", &session).as_bytes()).await.unwrap();
    let mut told = read_until(&mut stream, "retry:").await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    let invite = "account=acme&form[email]=ben@example.org&form[role]=viewer";
    let page = site.send(&post("/api/users/list", &session, "account=acme")).await;
    let method =
        page.split("\"methods\":[{\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a login method");
    let invited = site.send(&post("/api/users/invite", &session, &format!("{invite}&form[method]={method}"))).await;
    assert!(invited.contains("ben@example.org"), "{invited}");
    told = read_until(&mut stream, "event: changed").await;
    assert!(told.contains("data: -"), "{told}");
    stream
}

/// Reads until this has come, for a quarter of a minute at most.
async fn read_until(stream: &mut TlsStream<TcpStream>, text: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while !read.contains(text) {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "the stream has ended");
            read.push_str(&String::from_utf8_lossy(&part[..count]));
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(15), reading).await.is_ok();
    assert!(in_time, "{text} does not come: {read}");
    read
}

/// Paths and queries that carry tokens and codes.
fn secret_paths() -> [String; 3] {
    [format!("/i/{SECRET}"), format!("/s/{SECRET}"), format!("/oauth/019a/callback?code={SECRET}&state={SECRET}")]
}

async fn is_as_the_readme_says(site: &Site, proxy: Proxy) {
    let serving = site.serve();
    let (fine, said) = site.doctor();
    assert!(fine && said.contains("the proxy passes on what it must"), "{said}");

    let negotiated = site.connect(&[b"h2", b"http/1.1"]).await;
    assert_eq!(negotiated.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2");
    let page = site.get("/login").await.to_lowercase();
    assert!(page.starts_with("http/1.1 200") && page.contains("content-encoding: gzip"), "{page}");
    let onward = site.get_without_tls(&format!("/i/{SECRET}")).await.to_lowercase();
    assert!(onward.starts_with("http/1.1 30") && onward.contains("location: https://localhost"), "{onward}");

    let _open_page = passes_events_on(site, &serving.greeting).await;
    for path in secret_paths() {
        let answer = site.get(&path).await;
        assert!(!answer.starts_with("HTTP/1.1 50"), "{path}: {answer}");
    }
    let stopping = Instant::now();
    serving.stop();
    assert!(stopping.elapsed() < Duration::from_secs(10), "an open page is not waited for (F22)");
    for path in secret_paths() {
        assert!(site.get(&path).await.starts_with("HTTP/1.1 502"), "{path}");
    }
    site.get("/login").await;
    let (fine, said) = site.doctor();
    assert!(!fine && said.contains("the proxy answers with 502: Roster is not running"), "{said}");
    drop(proxy);
    let logs = site.logs();
    assert!(logs.contains("/login"), "something was logged: {logs}");
    assert!(!logs.contains(SECRET), "a log tells: {logs}");
}

#[tokio::test]
async fn inv_07_nginx_as_documented_passes_on_compresses_and_logs_no_token() {
    let site = Site::new();
    let proxy = site.nginx(NGINX).await;
    is_as_the_readme_says(&site, proxy).await;
}

#[tokio::test]
async fn inv_07_caddy_as_documented_passes_on_compresses_and_logs_no_token() {
    let site = Site::new();
    let proxy = site.caddy().await;
    is_as_the_readme_says(&site, proxy).await;
}

#[tokio::test]
async fn roster_doctor_says_what_a_proxy_does_wrong() {
    let site = Site::new();
    let (fine, said) = site.doctor();
    assert!(!fine && said.contains("nothing answers"), "{said}");
    let serving = site.serve();
    for (right, wrong, finding) in [
        ("proxy_set_header Host $http_host;", "", "Host arrives as"),
        (
            "proxy_set_header Host $http_host;",
            "proxy_set_header Host $http_host; proxy_set_header Origin \"\";",
            "Origin is taken away",
        ),
        (
            "proxy_set_header Host $http_host;",
            "proxy_set_header Host $http_host; proxy_set_header Sec-Fetch-Site cross-site;",
            "Sec-Fetch-Site arrives as \"cross-site\"",
        ),
        ("proxy_set_header X-Forwarded-For $remote_addr;", "", "sets no X-Forwarded-For"),
        (
            "proxy_pass http://127.0.0.1:3000;",
            "return 301 https://elsewhere.example.org/;",
            "leads on to https://elsewhere.example.org/",
        ),
        ("proxy_pass http://127.0.0.1:3000;", "return 200 hello;", "something else than Roster"),
        ("proxy_pass http://127.0.0.1:3000;", "return 401;", "answers with 401"),
    ] {
        // The address of Roster must still be there to be replaced.
        let settings = format!("# 127.0.0.1:3000\n{}", replaced(NGINX, &[(right, wrong)]));
        let _proxy = site.nginx(&settings).await;
        let (fine, said) = site.doctor();
        assert!(!fine && said.contains(finding), "{wrong}: {said}");
    }
    drop(serving);
    let settings = fs::read_to_string(site.file("roster.toml")).unwrap();
    fs::write(site.file("roster.toml"), replaced(&settings, &[("trusted_proxies = [\"127.0.0.1\"]\n", "")])).unwrap();
    let _serving = site.serve();
    let _proxy = site.nginx(NGINX).await;
    let (fine, said) = site.doctor();
    assert!(!fine && said.contains("trusted_proxies does not name 127.0.0.1"), "{said}");
}

/// Somebody's browser in front of a host whose proxy asks Roster, and of Roster itself, which is reached without a proxy.
struct Wiki<'a> {
    site: &'a Site,
    serving: Serving,
    /// Where the platform listens, which answers with the head of what it was sent.
    platform: u16,
}

impl<'a> Wiki<'a> {
    async fn of(site: &'a Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = String::new();
                let mut part = [0; 16 * 1024];
                while !head.contains("\r\n\r\n") {
                    let Ok(count @ 1..) = stream.read(&mut part).await else { break };
                    head.push_str(&String::from_utf8_lossy(&part[..count]));
                }
                let head = format!("the platform was sent\n{}", head.to_lowercase());
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let settings = format!(
            "base_url = \"http://127.0.0.1:{0}\"\nlisten = \"127.0.0.1:{0}\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [[forward_auth]]\nhost = \"localhost:{1}\"\nname = \"Wiki\"\npublic = [\"/assets\"]\nroles = {{ \"/desk\" = \"agent\" }}\n",
            site.upstream, site.tls
        );
        fs::write(site.file("roster.toml"), settings).unwrap();
        Self { site, serving: site.serve(), platform }
    }

    fn settings(&self, settings: &str, more: &[(&str, &str)]) -> String {
        let roster = format!("127.0.0.1:{}", self.site.upstream);
        replaced(&replaced(settings, more), &[("127.0.0.1:3000", &roster)])
    }

    async fn nginx(&self, settings: &str, more: &[(&str, &str)]) -> Proxy {
        let folder = self.site.dir.path().display().to_string();
        let listen = format!("listen 127.0.0.1:{} ssl http2", self.site.tls);
        let names = [
            ("/etc/ssl/wiki.example.org", folder.as_str()),
            ("wiki.example.org", "localhost"),
            ("listen 443 ssl http2", &listen),
        ];
        self.site.nginx_of(&self.settings(settings, &[&names[..], more].concat())).await
    }

    /// Asks the host for something, as a browser that opens a page does.
    async fn opens(&self, path: &str, cookies: &str, more: &str) -> String {
        self.asks("GET", path, cookies, &format!("Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n{more}")).await
    }

    async fn asks(&self, method: &str, path: &str, cookies: &str, more: &str) -> String {
        let host = format!("localhost:{}", self.site.tls);
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n{more}");
        self.site.send(&format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n")).await
    }

    /// Asks Roster itself.
    async fn at_roster(&self, method: &str, path: &str, cookies: &str, body: &str) -> String {
        let origin = format!("127.0.0.1:{}", self.site.upstream);
        let mut stream = TcpStream::connect(&origin).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {origin}\r\nOrigin: http://{origin}\r\nCookie: {cookies}\r\nAccept: text/html\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sets Roster up; answers the session of its owner.
    async fn sets_up(&self) -> String {
        let token = self.serving.greeting.trim_end().rsplit("/s/").next().unwrap();
        let set_up = cookies_of(&self.at_roster("GET", &format!("/s/{token}"), "", "").await);
        let form = "form[account_name]=Acme&form[slug]=acme&form[name]=Ana+P%C3%A9rez&form[email]=ana@example.org&form[password]=seventeen+purple+otters";
        cookies_of(&self.at_roster("POST", "/api/setup/set-up", &set_up, form).await)
    }

    /// The whole way in; answers the cookies of the host.
    async fn comes_in(&self, session: &str, path: &str) -> String {
        let https = format!("https://localhost:{}", self.site.tls);
        let first = self.opens(path, "", "").await;
        assert!(first.starts_with("HTTP/1.1 303"), "{first}");
        let way = location_of(&first);
        let begun = self.opens(way.strip_prefix(&https).unwrap_or_else(|| panic!("{way}")), "", "").await;
        let nonce = cookies_of(&begun);
        let at_roster = location_of(&begun);
        let own = at_roster.strip_prefix(&format!("http://127.0.0.1:{}", self.site.upstream)).unwrap();
        let back = location_of(&self.at_roster("GET", own, session, "").await);
        let done = self.opens(back.strip_prefix(&https).unwrap_or_else(|| panic!("{back}")), &nonce, "").await;
        assert_eq!(location_of(&done).trim_start_matches(&https), path, "{done}");
        format!("{nonce}; {}", cookies_of(&done))
    }
}

fn location_of(answer: &str) -> String {
    let lines = answer.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(name, _)| name.eq_ignore_ascii_case("location"));
    found.next().unwrap_or_else(|| panic!("{answer}")).1.to_owned()
}

/// What a client may write into its request to be taken for somebody, or for something else.
const FORGED: &str = "Remote-User: root\r\nRemote-Name: root\r\nRoster-Role: owner\r\nRoster-Assertion: e30\r\nX-Forwarded-Uri: /assets\r\n\
                      X-Forwarded-Host: evil.example\r\nX-Original-URL: /assets\r\nX-Forwarded-Method: GET\r\n";

async fn asks_roster_first(wiki: &Wiki<'_>) {
    let session = wiki.sets_up().await;
    let cookies = wiki.comes_in(&session, "/pages?x=1&y=%20").await;
    let opened = wiki.opens("/pages?x=1", &cookies, FORGED).await;
    assert!(opened.contains("the platform was sent\nget /pages?x=1 "), "{opened}");
    for (name, value) in
        [("remote-email", "ana@example.org"), ("remote-name", "ana p%c3%a9rez"), ("roster-role", "owner")]
    {
        assert_eq!(opened.matches(&format!("{name}: ")).count(), 1, "{name}: {opened}");
        assert!(opened.contains(&format!("{name}: {value}")), "{name}: {opened}");
    }
    assert_eq!(opened.matches("remote-user: ").count(), 1, "{opened}");
    assert!(opened.contains("roster-permissions: ") && opened.contains("roster-assertion: ey"), "{opened}");
    assert!(!opened.contains("remote-user: root") && !opened.contains("roster-assertion: e30"), "{opened}");
    // Open to everybody: nobody is named, whatever they write.
    let public = wiki.opens("/assets/site.css", "", FORGED).await;
    assert!(public.contains("the platform was sent"), "{public}");
    for line in public.lines().filter(|line| line.starts_with("remote-") || line.starts_with("roster-")) {
        assert!(line.trim_end().ends_with(':'), "somebody is named: {public}");
    }
    // A path that needs another role, however it is written.
    let denied = wiki.opens("/desk", &cookies, FORGED).await;
    assert!(
        denied.starts_with("HTTP/1.1 403") && denied.contains("You don’t have access to this part of Wiki"),
        "{denied}"
    );
    for path in [
        "/desk/1",
        "/assets/../desk",
        "/assets/%2e%2e/desk",
        "//desk",
        "/assets%2f..%2fdesk",
        "/DESK",
        "/desk;x",
        "/%64esk",
        "/%2564esk",
        "/./desk",
    ] {
        for cookies in [cookies.as_str(), ""] {
            let answer = wiki.opens(path, cookies, FORGED).await;
            assert!(!answer.contains("the platform was sent"), "{path}: {answer}");
            assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 3"), "{path}: {answer}");
        }
    }
    // Programs hear that nobody is signed in.
    for (method, more) in [("POST", "Sec-Fetch-Mode: navigate\r\n"), ("GET", "Sec-Fetch-Mode: cors\r\n")] {
        let answer = wiki.asks(method, "/pages", "", more).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{method}: {answer}");
    }
    // What ends at Roster has ended at the next click.
    wiki.at_roster("POST", "/api/session/sign-out", &session, "").await;
    assert!(wiki.opens("/pages", &cookies, "").await.starts_with("HTTP/1.1 303"));
    let logs = wiki.site.logs();
    assert!(!logs.contains("code="), "a log tells: {logs}");
}

#[tokio::test]
async fn fa_06_nginx_as_documented_lets_those_in_whom_roster_lets_in() {
    let site = Site::new();
    let wiki = Wiki::of(&site).await;
    let platform = format!("127.0.0.1:{}", wiki.platform);
    let _proxy = wiki.nginx(NGINX_FORWARD, &[("127.0.0.1:8000", &platform)]).await;
    asks_roster_first(&wiki).await;
    let asked = wiki.opens("/.roster/check", "", "").await;
    assert!(asked.starts_with("HTTP/1.1 404"), "{asked}");
}

#[tokio::test]
async fn fa_06_caddy_as_documented_lets_those_in_whom_roster_lets_in() {
    let site = Site::new();
    let wiki = Wiki::of(&site).await;
    let folder = site.dir.path().display();
    let ports = format!(
        "{{\n\tadmin off\n\thttp_port {}\n\thttps_port {}\n}}\nlocalhost {{\n\tbind 127.0.0.1\n\ttls {folder}/fullchain.pem {folder}/privkey.pem",
        site.plain, site.tls
    );
    let platform = format!("127.0.0.1:{}", wiki.platform);
    let settings = wiki.settings(CADDY_FORWARD, &[("wiki.example.org {", &ports), ("127.0.0.1:8000", &platform)]);
    let _proxy = site.caddy_of(&settings).await;
    asks_roster_first(&wiki).await;
}

#[tokio::test]
async fn fa_06_the_example_of_a_page_behind_nginx_is_for_members_alone() {
    assert!(NGINX_EXAMPLE.lines().count() <= 60, "an example is short");
    let site = Site::new();
    let wiki = Wiki::of(&site).await;
    fs::create_dir(site.file("www")).unwrap();
    fs::write(site.file("www").join("index.html"), "the page of the wiki").unwrap();
    let root = format!("root {}", site.file("www").display());
    let _proxy = wiki.nginx(NGINX_EXAMPLE, &[("root /srv/wiki", &root)]).await;
    let session = wiki.sets_up().await;
    assert!(!wiki.opens("/", "", "").await.contains("the page of the wiki"));
    let cookies = wiki.comes_in(&session, "/").await;
    let page = wiki.opens("/", &cookies, "").await;
    assert!(page.contains("the page of the wiki") && page.contains("X-Signed-In-As: Ana P%C3%A9rez"), "{page}");
    let denied = wiki.opens("/desk", &cookies, "").await;
    assert!(denied.starts_with("HTTP/1.1 403") && denied.contains("Ask an admin"), "{denied}");
    wiki.at_roster("POST", "/api/session/sign-out", &session, "").await;
    assert!(!wiki.opens("/", &cookies, "").await.contains("the page of the wiki"));
}
