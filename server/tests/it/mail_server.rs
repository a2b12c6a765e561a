//! A mail server that takes mail over a real socket and says what a test tells it to.

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

/// What the server does when a line comes in. The greeting is asked for with `CONNECT`, the end of the text with `.`.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Says this line.
    Say(String),
    /// Says nothing more, and keeps the connection.
    Stall,
    /// Says these bytes, as they are.
    Bytes(Vec<u8>),
    /// Says these bytes, and closes the connection.
    Last(Vec<u8>),
    /// Says this line, one byte in each of these spans.
    Drip(String, Duration),
    /// Says this after a while.
    Late(Duration, String),
    /// Closes the connection.
    HangUp,
}

impl Reply {
    pub fn say(line: &str) -> Option<Self> {
        Some(Self::Say(line.to_owned()))
    }

    /// Is it a reply of this class?
    fn is(&self, digit: u8) -> bool {
        match self {
            Self::Say(line) | Self::Drip(line, _) | Self::Late(_, line) => line.as_bytes().first() == Some(&digit),
            Self::Bytes(bytes) | Self::Last(bytes) => bytes.iter().find(|byte| byte.is_ascii_digit()) == Some(&digit),
            Self::Stall | Self::HangUp => false,
        }
    }
}

type Script = dyn Fn(&str) -> Option<Reply> + Send + Sync;

/// A mail that the server took.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

impl Received {
    /// A header, unfolded and decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
        Some(decoded_words(line.split_once(':')?.1.trim()))
    }

    /// The part with this content type, decoded.
    pub fn part(&self, content_type: &str) -> String {
        let start = self.data.find(&format!("Content-Type: {content_type}")).expect("the part is there");
        let (head, rest) = self.data[start..].split_once("\r\n\r\n").expect("the part has a body");
        let body = &rest[..rest.find("\r\n--").unwrap_or(rest.len())];
        let bytes = if head.contains("quoted-printable") {
            quoted_printable(&body.replace("=\r\n", ""))
        } else if head.contains("base64") {
            STANDARD.decode(body.replace("\r\n", "")).unwrap()
        } else {
            body.as_bytes().to_vec()
        };
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }

    /// The invitation's token in the text part.
    pub fn token(&self) -> String {
        self.token_after("/i/")
    }

    /// The token in the text part whose link begins in this way.
    pub fn token_after(&self, prefix: &str) -> String {
        let text = self.part("text/plain");
        let start = text.find(prefix).expect("the mail has a link") + prefix.len();
        text[start..].split_whitespace().next().unwrap().to_owned()
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'=' {
            plain.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    plain
}

fn decoded_words(text: &str) -> String {
    text.replace("?= =?utf-8?b?", "")
        .split(' ')
        .map(|word| match word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?=")) {
            Some(code) => String::from_utf8(STANDARD.decode(code).unwrap()).unwrap(),
            None => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A certificate authority and a server's certificate under it.
pub struct Authority {
    acceptor: TlsAcceptor,
    pem: String,
}

impl Authority {
    /// An authority that vouches for a server of this name.
    pub fn of(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
                .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: ca.pem() }
    }

    /// Speaks TLS with the certificate that the authority vouches for.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate in a file.
    pub fn write(&self, dir: &std::path::Path) -> PathBuf {
        let path = dir.join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }
}

/// How the server protects a conversation.
enum Tls {
    None,
    Starttls(TlsAcceptor),
    FromTheStart(TlsAcceptor),
}

struct State {
    script: Box<Script>,
    tls: Tls,
    mails: Mutex<Vec<Received>>,
    lost: Mutex<Vec<Received>>,
    lines: Mutex<Vec<String>>,
    talking: AtomicUsize,
    most_talking: AtomicUsize,
}

/// The server; it stops when it is dropped.
pub struct MailServer {
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    /// One that takes everything.
    pub async fn polite() -> Self {
        Self::scripted(|_| None).await
    }

    /// One that answers some lines as the script says, and is polite about the others.
    pub async fn scripted(script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0".parse().unwrap(), Box::new(script), Tls::None).await
    }

    /// A polite one that offers STARTTLS.
    pub async fn with_starttls(authority: &Authority) -> Self {
        Self::scripted_with_starttls(authority, "127.0.0.1:0", |_| None).await
    }

    /// One that offers STARTTLS at this address, and answers some lines as the script says.
    pub async fn scripted_with_starttls(
        authority: &Authority,
        address: &str,
        script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::start(address.parse().unwrap(), Box::new(script), Tls::Starttls(authority.acceptor.clone())).await
    }

    /// A polite one that speaks TLS from the first byte.
    pub async fn with_tls(authority: &Authority) -> Self {
        Self::start("127.0.0.1:0".parse().unwrap(), Box::new(|_| None), Tls::FromTheStart(authority.acceptor.clone()))
            .await
    }

    /// A polite one at a known address.
    pub async fn at(address: SocketAddr) -> Self {
        Self::start(address, Box::new(|_| None), Tls::None).await
    }

    async fn start(address: SocketAddr, script: Box<Script>, tls: Tls) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script,
            tls,
            mails: Mutex::default(),
            lost: Mutex::default(),
            lines: Mutex::default(),
            talking: AtomicUsize::new(0),
            most_talking: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut conversations = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                conversations.spawn(async move {
                    let now = state.talking.fetch_add(1, Ordering::SeqCst) + 1;
                    state.most_talking.fetch_max(now, Ordering::SeqCst);
                    let _ = converse(&state, stream).await;
                    state.talking.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state, task }
    }

    /// The mails that were taken, in their order.
    pub fn mails(&self) -> Vec<Received> {
        self.state.mails.lock().unwrap().clone()
    }

    /// The mails whose text came and that were not taken.
    pub fn lost(&self) -> Vec<Received> {
        self.state.lost.lock().unwrap().clone()
    }

    /// Every line that came in.
    pub fn lines(&self) -> Vec<String> {
        self.state.lines.lock().unwrap().clone()
    }

    /// The most conversations at one time.
    pub fn most_at_once(&self) -> usize {
        self.state.most_talking.load(Ordering::SeqCst)
    }

    /// Waits until so many mails were taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..600 {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} mails came", self.mails().len());
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn converse(state: &State, stream: tokio::net::TcpStream) -> std::io::Result<()> {
    let stream: Box<dyn Stream> = match &state.tls {
        Tls::None | Tls::Starttls(_) => Box::new(stream),
        Tls::FromTheStart(acceptor) => Box::new(acceptor.accept(stream).await?),
    };
    let mut stream = BufReader::new(stream);
    let mut upgrade = match &state.tls {
        Tls::Starttls(acceptor) => Some(acceptor.clone()),
        Tls::None | Tls::FromTheStart(_) => None,
    };
    let (mut from, mut to) = (String::new(), Vec::new());
    if !say(&mut stream, reply_to(state, "CONNECT", "220 mail.example ESMTP")).await? {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        state.lines.lock().unwrap().push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let polite = match verb.as_str() {
            "EHLO" if upgrade.is_some() => "250-mail.example\r\n250 STARTTLS",
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => "220 go ahead",
            "AUTH" => "235 welcome",
            "DATA" => "354 go ahead",
            "QUIT" => "221 bye",
            _ => "250 OK",
        };
        let reply = reply_to(state, &line, polite);
        let (done, goes_on) = (reply.is(b'2'), reply.is(b'3'));
        if !say(&mut stream, reply).await? {
            return Ok(());
        }
        match verb.as_str() {
            "STARTTLS" if done => {
                let acceptor = upgrade.take().expect("STARTTLS was offered");
                stream = BufReader::new(Box::new(acceptor.accept(stream.into_inner()).await?));
            }
            "MAIL" => (from, to) = (address(&line), Vec::new()),
            "RCPT" => to.push(address(&line)),
            "DATA" if goes_on => {
                let mut data = String::new();
                while !data.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut data).await? == 0 {
                        return Ok(());
                    }
                }
                let data = data.trim_end_matches("\r\n.\r\n").replace("\r\n..", "\r\n.");
                let reply = reply_to(state, ".", "250 2.0.0 taken");
                let pile = if reply.is(b'2') { &state.mails } else { &state.lost };
                pile.lock().unwrap().push(Received { from: from.clone(), to: to.clone(), data });
                if !say(&mut stream, reply).await? {
                    return Ok(());
                }
            }
            "QUIT" => return Ok(()),
            _ => {}
        }
    }
}

fn reply_to(state: &State, line: &str, polite: &str) -> Reply {
    (state.script)(line).unwrap_or_else(|| Reply::Say(polite.to_owned()))
}

/// Answers; `false` if the conversation is over.
async fn say(stream: &mut BufReader<Box<dyn Stream>>, reply: Reply) -> std::io::Result<bool> {
    match reply {
        Reply::Say(text) => stream.write_all(format!("{text}\r\n").as_bytes()).await?,
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
        Reply::Last(bytes) => {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            return Ok(false);
        }
        Reply::Late(pause, text) => {
            tokio::time::sleep(pause).await;
            stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        }
        Reply::Drip(text, pause) => {
            for byte in format!("{text}\r\n").bytes() {
                tokio::time::sleep(pause).await;
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
            }
        }
        Reply::Stall => {
            let mut rest = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(stream, &mut rest).await?;
            return Ok(false);
        }
        Reply::HangUp => return Ok(false),
    }
    stream.flush().await?;
    Ok(true)
}

fn address(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}
