//! The OAuth 2.0 and OpenID Connect client: from the address that the browser is sent to, to the claims about the person who comes
//! back (OA-01 to OA-23).

mod claims;

pub use claims::{Claims, ShownClaim};

use crate::config;
use app::domain::{
    oauth::{ClientAuthentication, Configuration, Fault},
    time::Timestamp,
};
use std::{fmt, sync::Arc};
use thiserror::Error;

/// The settings under `oauth` are of no use.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// The file of certificates cannot be read.
    #[error("oauth.ca_file: {0}")]
    CaFile(std::io::Error),
    /// The file holds no certificates.
    #[error("oauth.ca_file: no certificates (PEM) in it")]
    NoCertificates,
    /// Anything else about TLS.
    #[error("oauth: {0}")]
    Tls(String),
}

/// Talks to providers. One for each process, since it knows which of them are down, and keeps their keys.
#[derive(Clone)]
pub struct Client(Arc<()>);

/// What an issuer says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// The issuer, as it was asked for and as it names itself (OA-20).
    pub issuer: String,
    /// Where people are sent.
    pub authorization_url: String,
    /// Where codes are exchanged.
    pub token_url: String,
    /// Where a person's claims are.
    pub user_info_url: Option<String>,
    /// Where the keys of its signatures are.
    pub jwks_url: String,
    /// Does it name itself in its answers (RFC 9207)?
    pub names_itself: bool,
    /// The ways in which a client may prove itself, of those that Roster knows.
    pub client_authentications: Vec<ClientAuthentication>,
}

impl Discovered {
    /// Fills a configuration in.
    pub fn put_into(self, _configuration: &mut Configuration) {}
}

/// An attempt to sign in that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What must be kept until it comes back.
    pub kept: Kept,
}

/// What the answer to an attempt is checked with.
#[derive(Clone)]
pub struct Kept {
    /// Names the attempt; 256 bits (OA-03).
    pub state: String,
    /// Proves to the token endpoint that the attempt is ours (RFC 7636, OA-02).
    pub verifier: String,
    /// Ties the ID token to the attempt (OA-04); OpenID Connect alone has it.
    pub nonce: Option<String>,
}

impl fmt::Debug for Kept {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

/// What the browser brings back from the provider. The `state` has found the attempt already.
#[derive(Clone, Default)]
pub struct CallbackAnswer {
    /// The code, of one who said yes.
    pub code: Option<String>,
    /// The provider's word for what went wrong.
    pub error: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
}

impl fmt::Debug for CallbackAnswer {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackAnswer(…)")
    }
}

impl Client {
    /// Reads what the settings name; nothing is connected yet.
    ///
    /// # Errors
    /// [`SetUpError`], naming the setting.
    pub fn new(_config: &config::OAuth) -> Result<Self, SetUpError> {
        Ok(Self(Arc::new(())))
    }

    /// The endpoints of an issuer, from its discovery document.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn discover(&self, _issuer: &str) -> Result<Discovered, Fault> {
        Err(Fault::Discovery)
    }

    /// A new attempt (OA-01 to OA-04).
    ///
    /// # Errors
    /// [`Fault::AddressRefused`] for an authorization URL that is none.
    pub fn begin(&self, _configuration: &Configuration, _redirect_uri: &str) -> Result<Begun, Fault> {
        Err(Fault::AddressRefused)
    }

    /// Exchanges the code, checks everything, and answers the claims about the person. Takes ten seconds at most (OA-22).
    ///
    /// # Errors
    /// What went wrong, in the words of the domain; nothing of what the provider said (OA-16).
    #[allow(clippy::too_many_arguments, reason = "each is another party's word, and none belongs to another")]
    pub async fn finish(
        &self,
        _configuration: &Configuration,
        _secret: Option<&str>,
        _redirect_uri: &str,
        _kept: &Kept,
        _answer: &CallbackAnswer,
        _now: Timestamp,
    ) -> Result<Claims, Fault> {
        Err(Fault::ProviderError)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
