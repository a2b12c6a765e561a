//! The proxies of `docs/proxies`, as they stand there but for names, ports and folders, in front of the binary; and what `roster doctor`
//! says of proxies that do something wrong.

use crate::support::binary::{Serving, free_port, run, text};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const NGINX: &str = include_str!("../../../docs/proxies/nginx.conf");
const CADDY: &str = include_str!("../../../docs/proxies/Caddyfile");
/// What stands in for a token or a code, and must be in no log.
const SECRET: &str = "TellNobodyTellNobodyTellNobodyTellNobodyTel";
/// How long a program may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A folder with everything that a proxy and a server need, and the ports that they use.
struct Site {
    dir: TempDir,
    /// Where browsers go.
    tls: u16,
    /// Where browsers go that were not told of TLS.
    plain: u16,
    /// Where Roster listens.
    upstream: u16,
}

impl Site {
    fn new() -> Self {
        let site =
            Self { dir: tempfile::tempdir().unwrap(), tls: free_port(), plain: free_port(), upstream: free_port() };
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
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

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn serve(&self) -> Serving {
        Serving::start_with(self.dir.path(), self.upstream, &["--config", "roster.toml"])
    }

    /// What `roster doctor` says, and whether it found nothing wrong.
    fn doctor(&self) -> (bool, String) {
        let said = run(self.dir.path(), &["doctor", "--config", "roster.toml"]);
        (said.status.success(), text(&said.stdout) + &text(&said.stderr))
    }

    async fn nginx(&self, settings: &str) -> Proxy {
        let folder = self.dir.path().display();
        let settings = replaced(
            settings,
            &[
                ("/etc/ssl/roster.example.org", &folder.to_string()),
                ("/var/log/nginx", &folder.to_string()),
                ("roster.example.org", "localhost"),
                ("listen 443 ssl http2", &format!("listen 127.0.0.1:{} ssl http2", self.tls)),
                ("listen 80", &format!("listen 127.0.0.1:{}", self.plain)),
                ("127.0.0.1:3000", &format!("127.0.0.1:{}", self.upstream)),
            ],
        );
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
        let mut command = Command::new(program("nginx"));
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
        fs::write(self.file("Caddyfile"), settings).unwrap();
        let mut command = Command::new(program("caddy"));
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
        let mut config = server::tls::client(Some(&self.file("authority.pem"))).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(("127.0.0.1", self.tls)).await.unwrap();
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
    fn logs(&self) -> String {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

/// Ended when dropped, with its workers.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The program on the path, or where `.ci/set-up test` has put it.
fn program(name: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/proxies");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), unpacked.join("usr/sbin"), unpacked.join("usr/bin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed; run .ci/set-up test"))
}

/// A text in which each of these stood and is replaced.
fn replaced(text: &str, all: &[(&str, &str)]) -> String {
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
