//! The way to the mail server: one connection for each mail, protected and verified (IN-06), with a limit on every step, so that a
//! slow server costs one worker half a minute at most (F3).

use crate::config::{Config, Smtp, SmtpTls};
use lettre::{
    Address, Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail, Quit, Rcpt},
        extension::ClientId,
        response::Response,
    },
};
use std::{fmt, future::Future, net::IpAddr, time::Duration};
use thiserror::Error as ThisError;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

/// The most that one mail costs (F3).
const LONGEST: Duration = Duration::from_secs(30);
/// How long a goodbye may take; the mail is settled by then.
const GOODBYE: Duration = Duration::from_secs(1);
/// The most characters of a mail server's words that are kept.
const LONGEST_ANSWER: usize = 300;

/// The mail server's settings are of no use.
#[derive(Debug, ThisError)]
pub enum SetUpError {
    /// The file of certificates cannot be read.
    #[error("smtp.ca_file: {0}")]
    CaFile(std::io::Error),
    /// The file holds no certificates.
    #[error("smtp.ca_file: no certificates (PEM) in it")]
    NoCertificates,
    /// Anything else about TLS.
    #[error("smtp: {0}")]
    Tls(#[from] Error),
}

/// What came of handing a mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it; its words.
    Accepted(String),
    /// Not now: try again. The mail server's words, or what kept us from reaching it.
    Deferred(String),
    /// Never; the mail server's words.
    Refused(String),
    /// Roster is stopping, and the mail server has not begun to read the mail.
    Stopped,
}

/// Hands mails over to the configured mail server.
pub struct Sender {
    host: String,
    port: u16,
    tls: Protection,
    credentials: Option<Credentials>,
    hello: ClientId,
    step: Duration,
}

enum Protection {
    Starttls(TlsParameters),
    Tls(TlsParameters),
    None,
}

/// Why a step failed.
struct Failure {
    answer: String,
    /// The server's 5xx to this very mail, as opposed to a trouble that may pass.
    lasting: bool,
}

impl Sender {
    /// Reads what the settings name; nothing is connected yet.
    ///
    /// # Errors
    /// [`SetUpError`], naming the setting.
    pub fn new(config: &Config, smtp: &Smtp) -> Result<Self, SetUpError> {
        let parameters = || tls_parameters(smtp);
        Ok(Self {
            host: smtp.host.clone(),
            port: smtp.effective_port(),
            tls: match smtp.tls {
                SmtpTls::Starttls => Protection::Starttls(parameters()?),
                SmtpTls::Tls => Protection::Tls(parameters()?),
                SmtpTls::None => Protection::None,
            },
            credentials: match (&smtp.username, &smtp.password) {
                (Some(name), Some(password)) => Some(Credentials::new(name.clone(), password.expose().to_owned())),
                (Some(_), None) | (None, Some(_)) | (None, None) => None,
            },
            hello: hello(&config.base_url),
            step: Duration::from_secs(config.mail.timeout_s.into()),
        })
    }

    /// Reaches the mail server, protects the connection and signs in, without sending anything (`roster doctor`).
    ///
    /// # Errors
    /// The server's words, or what kept us from reaching it.
    pub async fn try_out(&self) -> Result<(), String> {
        let mut connection = timeout(LONGEST, self.connect())
            .await
            .map_err(|_| no_answer(LONGEST))?
            .map_err(|failure| failure.answer)?;
        goodbye(&mut connection).await;
        Ok(())
    }

    /// Hands one mail over. Until the mail server begins to read it, `stop` ends the attempt; from then on the answer is awaited, since
    /// a mail taken and not known to be taken is sent twice.
    pub async fn send(&self, message: &Message, stop: &CancellationToken) -> Outcome {
        let end = Instant::now() + LONGEST;
        let opened = tokio::select! {
            opened = timeout_at(end, self.open(message)) => opened,
            () = stop.cancelled() => return Outcome::Stopped,
        };
        let mut connection = match opened {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) => return failure.outcome(),
            Err(_) => return Outcome::Deferred(no_answer(LONGEST)),
        };
        // A server may look into a mail for longer than a step before it answers. Cutting that short would send it again.
        let answered = timeout_at(end, connection.message(&message.formatted())).await;
        let outcome = match answered {
            Ok(Ok(response)) => Outcome::Accepted(words(&response)),
            Ok(Err(error)) => Failure::of_mail(&error).outcome(),
            Err(_) => return Outcome::Deferred(no_answer(LONGEST)),
        };
        goodbye(&mut connection).await;
        outcome
    }

    /// Up to the point where the mail server waits for the text.
    async fn open(&self, message: &Message) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.connect().await?;
        let envelope = message.envelope();
        self.about_mail(connection.command(Mail::new(envelope.from().cloned(), vec![]))).await?;
        for to in envelope.to() {
            self.about_mail(connection.command(Rcpt::new(Address::clone(to), vec![]))).await?;
        }
        self.about_mail(connection.command(Data)).await?;
        Ok(connection)
    }

    /// Connected, protected, signed in. What fails here is nothing about the mail at hand, so it is never lasting.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let wrapper = match &self.tls {
            Protection::Tls(parameters) => Some(parameters.clone()),
            Protection::Starttls(_) | Protection::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(self.step), &self.hello, wrapper, None);
        let mut connection = self.about_us(connected).await?;
        if let Protection::Starttls(parameters) = &self.tls {
            self.about_us(connection.starttls(parameters.clone(), &self.hello)).await?;
        }
        if let Some(credentials) = &self.credentials {
            self.about_us(connection.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(connection)
    }

    async fn about_us<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match timeout(self.step, step).await {
            Ok(done) => done.map_err(|error| Failure { answer: words_of(&error), lasting: false }),
            Err(_) => Err(Failure { answer: no_answer(self.step), lasting: false }),
        }
    }

    async fn about_mail<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match timeout(self.step, step).await {
            Ok(done) => done.map_err(|error| Failure::of_mail(&error)),
            Err(_) => Err(Failure { answer: no_answer(self.step), lasting: false }),
        }
    }
}

impl Failure {
    /// A 5xx answer is final (F4), except the one that says that we have to sign in first, which the operator can mend.
    fn of_mail(error: &Error) -> Self {
        const AUTHENTICATION_REQUIRED: u16 = 530;
        let lasting = error.is_permanent() && error.status().map(u16::from) != Some(AUTHENTICATION_REQUIRED);
        Self { answer: words_of(error), lasting }
    }

    fn outcome(self) -> Outcome {
        if self.lasting { Outcome::Refused(self.answer) } else { Outcome::Deferred(self.answer) }
    }
}

impl fmt::Debug for Sender {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The public authorities and the operator's own; certificate and host name are always verified (IN-06).
fn tls_parameters(smtp: &Smtp) -> Result<TlsParameters, SetUpError> {
    let mut parameters = TlsParameters::builder(smtp.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(path) = &smtp.ca_file {
        let pem = std::fs::read(path).map_err(SetUpError::CaFile)?;
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(SetUpError::NoCertificates);
        }
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    Ok(parameters.build()?)
}

/// How Roster names itself: by its public host, not by the name of the machine.
fn hello(base_url: &Url) -> ClientId {
    match base_url.host() {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(ip)) => ClientId::Ipv4(ip),
        Some(Host::Ipv6(ip)) => ClientId::Ipv6(ip),
        None => ClientId::default(),
    }
}

/// The host of this Roster as the right-hand side of a Message-ID (RFC 5322, 3.6.4).
pub fn id_right(base_url: &Url) -> String {
    match base_url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => format!("[{}]", IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => format!("[IPv6:{ip}]"),
        None => "localhost".to_owned(),
    }
}

/// Says goodbye, without caring for the answer.
async fn goodbye(connection: &mut AsyncSmtpConnection) {
    // An answer that does not come changes nothing.
    let _ = timeout(GOODBYE, connection.command(Quit)).await;
}

fn no_answer(after: Duration) -> String {
    format!("no answer within {} s", after.as_secs())
}

/// The server's words with their code.
fn words(response: &Response) -> String {
    clean(&format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" ")))
}

/// The server's words with their code, or what kept us from reaching it.
fn words_of(error: &Error) -> String {
    let said = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), said) {
        (Some(code), said) => clean(&format!("{code} {}", said.unwrap_or_default())),
        (None, _) => clean(&error.to_string()),
    }
}

/// Words from outside, made fit to be stored and shown: one line, no control or direction characters, not too long.
fn clean(words: &str) -> String {
    let words: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'))
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_ANSWER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r62_words_of_a_mail_server_are_kept_on_one_line_and_short() {
        assert_eq!(clean("550 5.1.1\r\n no\u{202E} such\u{1b}[31m user\0"), "550 5.1.1 no such [31m user");
        assert_eq!(clean(&"é".repeat(1000)).chars().count(), LONGEST_ANSWER);
    }

    #[test]
    fn in_05_the_message_id_ends_in_the_public_host() {
        for (url, right) in [
            ("https://roster.example.org", "roster.example.org"),
            ("http://127.0.0.1:3000", "[127.0.0.1]"),
            ("http://[::1]:3000", "[IPv6:::1]"),
        ] {
            assert_eq!(id_right(&Url::parse(url).unwrap()), right);
        }
    }
}
