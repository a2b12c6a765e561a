//! A session with a mail server: commands and replies, each with a time limit, over a connection that may switch to TLS.

use super::reply::{Class, MAX_REPLY_BYTES, Parser, Reply, clean};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::ServerName;
use std::{io, net::SocketAddr, time::Duration};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

/// How long QUIT may take; the outcome of the mail is known by then.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest command with an initial response (RFC 4954, 4); a longer one waits to be asked.
const MAX_COMMAND_BYTES: usize = 510;

/// Why there is no reply. Worded for people: it stands in the row of the mail.
#[derive(Debug, Error)]
pub(super) enum SessionError {
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("the mail server closed the connection")]
    Closed,
    #[error("{}", clean(&.0.to_string()))]
    Io(#[from] io::Error),
    #[error("this is no mail server; it said: {}", clean(.0))]
    NotSmtp(String),
    #[error("the mail server sends without end")]
    Endless,
    #[error("the mail server offers no STARTTLS")]
    NoStarttls,
    #[error("the mail server offers neither AUTH PLAIN nor AUTH LOGIN")]
    NoMechanism,
    #[error("it cannot be said in SMTP")]
    Unspeakable,
    /// The server refused; its words.
    #[error("{}", .0.words())]
    Said(Reply),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What the server offers since the last EHLO.
#[derive(Debug, Default)]
struct Extensions {
    starttls: bool,
    plain: bool,
    login: bool,
}

impl Extensions {
    /// Reads the lines of a reply to EHLO. The first is the server's name.
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            // Old servers write AUTH=LOGIN.
            let line = line.to_ascii_uppercase().replace('=', " ");
            let mut words = line.split_whitespace();
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        offers.plain |= mechanism == "PLAIN";
                        offers.login |= mechanism == "LOGIN";
                    }
                }
                Some(_) | None => {}
            }
        }
        offers
    }
}

/// A session with a mail server.
pub(super) struct Session {
    stream: Box<dyn Stream>,
    /// What was received and not read yet.
    received: Vec<u8>,
    /// No further command can be sent.
    over: bool,
    /// How long a step may take.
    step: Duration,
    offers: Extensions,
}

impl Session {
    /// Connects to the first of the addresses that answers; each has an even part of the time.
    pub async fn connect(addresses: &[SocketAddr], step: Duration) -> Result<Self, SessionError> {
        let end = Instant::now() + step;
        let mut last_error = SessionError::Timeout(step);
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let part = end.saturating_duration_since(Instant::now()) / left;
            match timeout(part, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self::over(Box::new(stream), step));
                }
                Ok(Err(error)) => last_error = error.into(),
                Err(_) => {}
            }
        }
        Err(last_error)
    }

    fn over(stream: Box<dyn Stream>, step: Duration) -> Self {
        Self { stream, received: Vec::new(), over: false, step, offers: Extensions::default() }
    }

    /// Reads the greeting.
    pub async fn greeting(&mut self) -> Result<(), SessionError> {
        let reply = whole(self.reply(self.step).await)?;
        expect(reply, Class::Completed).map(|_| ())
    }

    /// Introduces us by EHLO, or by HELO to a server that knows no better (RFC 5321, 3.2).
    pub async fn hello(&mut self, name: &str) -> Result<(), SessionError> {
        let reply = self.command(&format!("EHLO {name}")).await?;
        if reply.class() != Class::Permanent {
            self.offers = Extensions::of(&expect(reply, Class::Completed)?);
            return Ok(());
        }
        self.offers = Extensions::default();
        match self.command(&format!("HELO {name}")).await {
            Ok(older) if older.class() == Class::Completed => Ok(()),
            // A server that knows neither has said why at the first.
            Ok(_) | Err(_) => Err(SessionError::Said(reply)),
        }
    }

    /// Switches to TLS. What arrived in clear before the handshake is dropped: anybody may have sent it (RFC 3207, 6).
    pub async fn starttls(&mut self, tls: &TlsConnector, name: ServerName<'static>) -> Result<(), SessionError> {
        if !self.offers.starttls {
            return Err(SessionError::NoStarttls);
        }
        let reply = self.command("STARTTLS").await?;
        expect(reply, Class::Completed)?;
        self.offers = Extensions::default();
        self.tls(tls, name).await
    }

    /// Shakes hands.
    pub async fn tls(&mut self, tls: &TlsConnector, name: ServerName<'static>) -> Result<(), SessionError> {
        self.received.clear();
        self.over = true;
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let stream =
            timeout(self.step, tls.connect(name, plain)).await.map_err(|_| SessionError::Timeout(self.step))??;
        self.stream = Box::new(stream);
        self.over = false;
        Ok(())
    }

    /// Signs in, by what the server offers. A server may quote what it got; that is not to be shown.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Result<(), SessionError> {
        let plain = STANDARD.encode(format!("\0{name}\0{password}"));
        let parts = [STANDARD.encode(name), STANDARD.encode(password)];
        let hide = |mut error| {
            if let SessionError::Said(reply) = &mut error {
                for line in &mut reply.lines {
                    for secret in [plain.as_str(), &parts[1], password] {
                        *line = line.replace(secret, "***");
                    }
                }
            }
            error
        };
        let done = if self.offers.plain {
            self.by_plain(&plain).await
        } else if self.offers.login {
            self.by_login(&parts).await
        } else {
            Err(SessionError::NoMechanism)
        };
        done.map_err(hide)
    }

    async fn by_plain(&mut self, secret: &str) -> Result<(), SessionError> {
        let command = format!("AUTH PLAIN {secret}");
        let reply = if command.len() <= MAX_COMMAND_BYTES {
            self.command(&command).await?
        } else {
            let asked = self.command("AUTH PLAIN").await?;
            expect(asked, Class::Intermediate)?;
            self.command(secret).await?
        };
        self.signed_in(reply).await
    }

    /// The first challenge is for the name and the second for the password, in whatever words and language (or none at all).
    async fn by_login(&mut self, parts: &[String; 2]) -> Result<(), SessionError> {
        let mut reply = self.command("AUTH LOGIN").await?;
        for part in parts {
            expect(reply, Class::Intermediate)?;
            reply = self.command(part).await?;
        }
        self.signed_in(reply).await
    }

    /// A server that asks on is told that there is no more to say (RFC 4954, 4).
    async fn signed_in(&mut self, reply: Reply) -> Result<(), SessionError> {
        if reply.class() == Class::Intermediate {
            self.command("*").await?;
        }
        expect(reply, Class::Completed).map(|_| ())
    }

    /// Sends one line, and reads the reply.
    pub async fn command(&mut self, line: &str) -> Result<Reply, SessionError> {
        if line.chars().any(char::is_control) {
            return Err(SessionError::Unspeakable);
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        whole(self.reply(self.step).await)
    }

    /// Hands over everything of a mail but its end. Until the end is sent, no server has the mail (RFC 5321, 4.1.1.4).
    pub async fn text(&mut self, mail: &[u8]) -> Result<(), SessionError> {
        self.write(&dot_stuffed(mail)).await
    }

    /// Sends the end of the mail, and waits for what becomes of it. An answer that breaks off after its code is an answer.
    pub async fn end_of_text(&mut self, patience: Duration) -> Result<Reply, SessionError> {
        self.write(b".\r\n").await?;
        self.reply(patience).await.map(|(reply, _)| reply)
    }

    /// Sends QUIT, and does not care for the answer.
    pub async fn quit(mut self) {
        if !self.over {
            // An answer that does not come changes nothing.
            let _ = timeout(QUIT_TIMEOUT, self.command("QUIT")).await;
            let _ = timeout(QUIT_TIMEOUT, self.stream.shutdown()).await;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        if self.over {
            return Err(SessionError::Closed);
        }
        // A session whose step failed midway cannot be used any more.
        self.over = true;
        timeout(self.step, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
        .map_err(|_| SessionError::Timeout(self.step))??;
        self.over = false;
        Ok(())
    }

    /// Reads a reply. One that breaks off after its code is one all the same; what broke it off comes with it, and nothing can be said
    /// after it.
    async fn reply(&mut self, patience: Duration) -> Result<(Reply, Option<SessionError>), SessionError> {
        let end = Instant::now() + patience;
        let (mut parser, mut read) = (Parser::default(), 0);
        let error = loop {
            while let Some(line) = self.line() {
                read += line.len();
                if parser.line(&line) {
                    return parser.into_reply().map(|reply| (reply, None)).map_err(|_| SessionError::Closed);
                }
            }
            if read + self.received.len() > MAX_REPLY_BYTES {
                break SessionError::Endless;
            }
            match timeout_at(end, self.stream.read_buf(&mut self.received)).await {
                Ok(Ok(0)) => break SessionError::Closed,
                Ok(Ok(_)) => {}
                // How servers end TLS without saying so.
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => break SessionError::Closed,
                Ok(Err(error)) => break error.into(),
                Err(_) => break SessionError::Timeout(patience),
            }
        };
        self.over = true;
        let rest = std::mem::take(&mut self.received);
        // Until the reply has ended, a line counts only by its code.
        if matches!(error, SessionError::Closed) || rest.len() >= 3 {
            parser.line(&rest);
        }
        match (parser.into_reply(), error) {
            (Ok(reply), error) => Ok((reply, Some(error))),
            (Err(Some(stray)), SessionError::Closed | SessionError::Timeout(_) | SessionError::Endless) => {
                Err(SessionError::NotSmtp(stray))
            }
            (Err(_), error) => Err(error),
        }
    }

    /// The next line that is there whole, without its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.received.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.received.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

/// The reply, if there can be a next command after it, or it is a no.
fn whole(read: Result<(Reply, Option<SessionError>), SessionError>) -> Result<Reply, SessionError> {
    match read? {
        (reply, None) => Ok(reply),
        (reply, Some(error)) => match reply.class() {
            Class::Transient | Class::Permanent => Ok(reply),
            Class::Completed | Class::Intermediate | Class::Unknown => Err(error),
        },
    }
}

/// The reply, if it is of this class.
pub(super) fn expect(reply: Reply, class: Class) -> Result<Reply, SessionError> {
    if reply.class() == class { Ok(reply) } else { Err(SessionError::Said(reply)) }
}

/// A mail as it travels after DATA: every line ends in CR and LF and nothing else, so that no server sees an end where there is none,
/// and a dot that begins a line is doubled (RFC 5321, 4.5.2).
fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(mail.len() + 64);
    let mut rest = mail;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if line.first() == Some(&b'.') {
            text.push(b'.');
        }
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_04_lines_of_a_mail_end_in_one_way_and_none_of_them_is_its_end() {
        for (mail, text) in [
            (&b"a\r\n.\r\nb"[..], &b"a\r\n..\r\nb\r\n"[..]),
            (b".\r\n..x\r\n", b"..\r\n...x\r\n"),
            (b"a\n.\nb\r.\rc\r\n", b"a\r\n..\r\nb\r\n..\r\nc\r\n"),
            (b"a\r\n\r\n.b", b"a\r\n\r\n..b\r\n"),
            (b"", b""),
        ] {
            assert_eq!(dot_stuffed(mail), text, "{:?}", String::from_utf8_lossy(mail));
        }
    }

    #[test]
    fn what_a_server_offers_is_read_in_both_spellings() {
        let offers = |lines: &[&str]| {
            Extensions::of(&Reply { code: 250, lines: lines.iter().map(|line| (*line).to_owned()).collect() })
        };
        let some = offers(&["STARTTLS", "size 100", "auth=login cram-md5"]);
        assert!(some.login && !some.plain && !some.starttls, "the first line is a name");
        let some = offers(&["mail.example", "starttls", "AUTH PLAIN", "AUTH XOAUTH2 LOGIN"]);
        assert!(some.login && some.plain && some.starttls);
    }
}
