//! The client of the mail server: one connection for each mail, protected and verified (IN-06), with a limit on every step, so that a slow
//! server costs one worker half a minute at most (F3).
//!
//! lettre makes our mails, but its SMTP client is not used: it takes a reply without a blank after the code, or in bytes that are not
//! UTF-8, for a failure, knows AUTH LOGIN only by a list of English prompts, and does not distinguish a failure before the end of the text
//! from one after it. Each of these made several copies of a mail that the server had accepted. A mail must never be sent again blindly, so
//! the last step of the conversation has to be under our control.

mod reply;
mod session;

use crate::{
    config::{Config, Smtp, SmtpTls},
    tls::{self, TlsError},
};
use lettre::{Message, address::Envelope};
use reply::{Class, Reply};
use rustls::pki_types::ServerName;
use session::{Session, SessionError, expect};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

/// How long everything before the text may take, unless three steps may take longer (F3).
const OFFER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer is still awaited while Roster stops; service managers kill after 30 s (F22).
const ANSWER_TIMEOUT_WHILE_STOPPING: Duration = Duration::from_secs(15);

/// The settings of the mail server cannot be used.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// TLS.
    #[error("smtp.{0}")]
    Tls(#[from] TlsError),
    /// The host is no name that a certificate could carry.
    #[error("smtp.host: not a host name")]
    Host,
}

/// The outcome of handing a mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it; its words.
    Accepted(String),
    /// Not now: try again. The mail server's words, or what kept us from reaching it.
    Deferred(String),
    /// Never; the mail server's words.
    Refused(String),
    /// The mail server has the whole text and did not say what becomes of it: it may have arrived.
    Unanswered(String),
    /// Roster is stopping, and the mail server has not begun to read the mail.
    Stopped,
}

/// Hands mails over to the configured mail server.
pub struct Sender {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<(String, String)>,
    hello: String,
    step: Duration,
    answer: Duration,
}

enum Protection {
    Starttls(TlsConnector, ServerName<'static>),
    Tls(TlsConnector, ServerName<'static>),
    None,
}

/// A mail server that waits for the text of a mail.
pub struct Offer {
    session: Session,
    text: Vec<u8>,
    answer: Duration,
}

/// Why a step failed.
struct Failure {
    answer: String,
    /// Is it the server's 5xx for this very mail, and not a problem that may pass?
    lasting: bool,
}

impl Sender {
    /// Reads what the settings name; nothing is connected yet.
    ///
    /// # Errors
    /// [`SetUpError`], naming the setting.
    pub fn new(config: &Config, smtp: &Smtp) -> Result<Self, SetUpError> {
        let connector = || -> Result<_, SetUpError> {
            let name = ServerName::try_from(smtp.host.clone()).map_err(|_| SetUpError::Host)?;
            Ok((TlsConnector::from(Arc::new(tls::client(smtp.ca_file.as_deref())?)), name))
        };
        Ok(Self {
            host: smtp.host.clone(),
            port: smtp.effective_port(),
            protection: match smtp.tls {
                SmtpTls::Starttls => connector().map(|(tls, name)| Protection::Starttls(tls, name))?,
                SmtpTls::Tls => connector().map(|(tls, name)| Protection::Tls(tls, name))?,
                SmtpTls::None => Protection::None,
            },
            credentials: match (&smtp.username, &smtp.password) {
                (Some(name), Some(password)) => Some((name.clone(), password.expose().to_owned())),
                (Some(_), None) | (None, Some(_)) | (None, None) => None,
            },
            hello: hello(&config.base_url),
            step: Duration::from_secs(config.mail.timeout_s.into()),
            answer: Duration::from_secs(config.mail.answer_timeout_s.into()),
        })
    }

    /// The most that [`Sender::offer`] takes.
    pub fn offer_timeout(&self) -> Duration {
        OFFER_TIMEOUT.max(self.step * 3)
    }

    /// How long one step may take.
    pub fn step_timeout(&self) -> Duration {
        self.step
    }

    /// The most that [`Offer::hand_over`] takes.
    pub fn hand_over_timeout(&self) -> Duration {
        // The text, its end, and the answer.
        self.step * 2 + self.answer
    }

    /// Reaches the mail server, protects the connection and signs in, without sending anything (`roster doctor`).
    ///
    /// # Errors
    /// The server's words, or what kept us from reaching it.
    pub async fn check_connection(&self) -> Result<(), String> {
        let connected = timeout(self.offer_timeout(), self.connect()).await;
        let session = connected.map_err(|_| no_answer(self.offer_timeout()))?.map_err(|failure| failure.answer)?;
        session.quit().await;
        Ok(())
    }

    /// Offers one mail, up to the point where the mail server waits for the text. `stop` ends the attempt.
    ///
    /// # Errors
    /// The outcome of the mail instead.
    pub async fn offer(&self, message: &Message, stop: &CancellationToken) -> Result<Offer, Outcome> {
        let opened = tokio::select! {
            opened = timeout(self.offer_timeout(), self.open(message.envelope())) => opened,
            () = stop.cancelled() => return Err(Outcome::Stopped),
        };
        match opened {
            Ok(Ok(session)) => Ok(Offer { session, text: message.formatted(), answer: self.answer }),
            Ok(Err(failure)) => Err(failure.outcome()),
            Err(_) => Err(Outcome::Deferred(no_answer(self.offer_timeout()))),
        }
    }

    async fn open(&self, envelope: &Envelope) -> Result<Session, Failure> {
        let mut session = self.connect().await?;
        match send_envelope(&mut session, envelope).await {
            Ok(()) => Ok(session),
            Err(error) => Err(quit_after(session, Failure::of_this_mail(&error)).await),
        }
    }

    /// Connects, protects the connection and signs in. A failure here has nothing to do with the mail at hand, so it is never lasting.
    async fn connect(&self) -> Result<Session, Failure> {
        let addresses = timeout(self.step, self.addresses()).await;
        let addresses =
            addresses.map_err(|_| SessionError::Timeout(self.step)).and_then(|found| found.map_err(SessionError::Io));
        let mut session = match addresses {
            Ok(addresses) => {
                Session::connect(&addresses, self.step).await.map_err(|error| Failure::transient(&error))?
            }
            Err(error) => return Err(Failure::transient(&error)),
        };
        match self.handshake(&mut session).await {
            Ok(()) => Ok(session),
            Err(error) => Err(quit_after(session, Failure::transient(&error)).await),
        }
    }

    async fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, self.port)]),
            Err(_) => Ok(tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect()),
        }
    }

    async fn handshake(&self, session: &mut Session) -> Result<(), SessionError> {
        if let Protection::Tls(tls, name) = &self.protection {
            session.tls(tls, name.clone()).await?;
        }
        session.greeting().await?;
        session.hello(&self.hello).await?;
        if let Protection::Starttls(tls, name) = &self.protection {
            session.starttls(tls, name.clone()).await?;
            session.hello(&self.hello).await?;
        }
        match &self.credentials {
            Some((name, password)) => session.sign_in(name, password).await,
            None => Ok(()),
        }
    }
}

/// Names the sender and the recipients.
async fn send_envelope(session: &mut Session, envelope: &Envelope) -> Result<(), SessionError> {
    let from = envelope.from().map(ToString::to_string).unwrap_or_default();
    expect(session.command(&format!("MAIL FROM:<{from}>")).await?, Class::Completed)?;
    for to in envelope.to() {
        expect(session.command(&format!("RCPT TO:<{to}>")).await?, Class::Completed)?;
    }
    expect(session.command("DATA").await?, Class::Intermediate).map(|_| ())
}

/// Ends the conversation properly, whatever went wrong in it.
async fn quit_after(session: Session, failure: Failure) -> Failure {
    session.quit().await;
    failure
}

impl Offer {
    /// Hands the text over, and waits for the answer as long as RFC 5321 (4.5.3.2.6) has it: a server may look into a mail for minutes,
    /// and cutting that short sends it twice. Once its end was sent, only an answer tells that a mail was not taken.
    pub async fn hand_over(mut self, stop: &CancellationToken) -> Outcome {
        if let Err(error) = self.session.text(&self.text).await {
            return Failure::transient(&error).outcome();
        }
        let stopped = async {
            stop.cancelled().await;
            sleep(ANSWER_TIMEOUT_WHILE_STOPPING).await;
        };
        let answered = tokio::select! {
            answered = self.session.end_of_text(self.answer) => answered,
            () = stopped => return Outcome::Unanswered("Roster was stopped before the mail server answered".to_owned()),
        };
        let outcome = match answered {
            Ok(reply) => outcome_of_text(&reply),
            Err(error) => Outcome::Unanswered(error.to_string()),
        };
        // The outcome is not to wait for a goodbye.
        tokio::spawn(self.session.quit());
        outcome
    }
}

/// The outcome by the answer to the text. An answer that is neither yes nor no leaves it open.
fn outcome_of_text(reply: &Reply) -> Outcome {
    match reply.class() {
        Class::Completed => Outcome::Accepted(reply.words()),
        Class::Transient => Outcome::Deferred(reply.words()),
        Class::Permanent => Outcome::Refused(reply.words()),
        Class::Intermediate | Class::Unknown => Outcome::Unanswered(reply.words()),
    }
}

impl Failure {
    fn transient(error: &SessionError) -> Self {
        Self { answer: error.to_string(), lasting: false }
    }

    /// A 5xx answer is final (F4), except the one that says that we have to sign in first, which the operator can mend.
    fn of_this_mail(error: &SessionError) -> Self {
        const AUTHENTICATION_REQUIRED: u16 = 530;
        let lasting = match error {
            SessionError::Said(reply) => reply.class() == Class::Permanent && reply.code != AUTHENTICATION_REQUIRED,
            SessionError::Unspeakable => true,
            SessionError::Timeout(_)
            | SessionError::Closed
            | SessionError::Io(_)
            | SessionError::NotSmtp(_)
            | SessionError::Endless
            | SessionError::NoStarttls
            | SessionError::NoMechanism => false,
        };
        Self { answer: error.to_string(), lasting }
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

impl fmt::Debug for Offer {
    /// Without the mail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}

/// How Roster names itself: by its public host, not by the name of the machine.
fn hello(base_url: &Url) -> String {
    match base_url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => format!("[{ip}]"),
        Some(Host::Ipv6(ip)) => format!("[IPv6:{ip}]"),
        None => "localhost".to_owned(),
    }
}

/// The host of this Roster as the right-hand side of a Message-ID (RFC 5322, 3.6.4).
pub fn message_id_domain(base_url: &Url) -> String {
    hello(base_url)
}

fn no_answer(after: Duration) -> String {
    SessionError::Timeout(after).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_05_the_message_id_ends_in_the_public_host() {
        for (url, right) in [
            ("https://roster.example.org", "roster.example.org"),
            ("https://r\u{f6}ster.example", "xn--rster-jua.example"),
            ("http://127.0.0.1:3000", "[127.0.0.1]"),
            ("http://[::1]:3000", "[IPv6:::1]"),
        ] {
            assert_eq!(message_id_domain(&Url::parse(url).unwrap()), right);
        }
    }
}
