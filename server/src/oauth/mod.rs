//! The OAuth 2.0 and OpenID Connect client: from the address that the browser is sent to, to the claims about the person who comes
//! back (OA-01 to OA-23).

mod breaker;
mod claims;
mod claims_json;
mod discovery;
mod guard;
mod http;
mod id_token;
mod keys;
mod token;

pub use claims::{Claims, ShownClaim};

use crate::{config, secrets::Token, tls};
use ::http::{StatusCode, header};
use app::domain::{
    ids::AccountId,
    oauth::{ClientAuthentication, Configuration, Failure, Fault, OpenId},
    time::Timestamp,
};
use claims_json::WantedClaims;
use http::Http;
use id_token::{Check, UnverifiedToken, check_audience};
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, basic::BasicClient,
};
use serde_json::{Map, Value};
use std::{fmt, sync::Arc, time::Duration};
use thiserror::Error;
use tokio::time::Instant;
use url::Url;

/// How long the person waits for all requests of one sign-in together (OA-22).
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a webhook's receiver may take.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of its answer is read.
const WEBHOOK_ANSWER_BYTES: usize = 1024;

/// What a webhook is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookRequest<'a> {
    /// Where.
    pub url: &'a str,
    /// The id of the message.
    pub id: &'a str,
    /// The time of this attempt, in seconds.
    pub timestamp: i64,
    /// The signatures.
    pub signature: &'a str,
    /// The message.
    pub body: &'a str,
}

/// What the receiver of a webhook answers.
#[derive(Clone, Debug)]
pub(crate) struct WebhookAnswer {
    /// The status.
    pub status: StatusCode,
    /// The beginning of the text.
    pub text: String,
}

/// The settings under `oauth` are of no use.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// TLS.
    #[error("oauth.{0}")]
    Tls(#[from] tls::TlsError),
    /// Anything else about requests.
    #[error("oauth: {0}")]
    Client(#[from] reqwest::Error),
}

/// The account for which a provider is asked, and until when: the requests of one sign-in share both.
#[derive(Clone, Copy, Debug)]
struct RequestContext {
    /// What one account's provider does is held against that account alone, whatever address of another's it names (OA-22).
    account: AccountId,
    until: Instant,
}

impl RequestContext {
    fn begin(account: AccountId) -> Self {
        Self { account, until: Instant::now() + SIGN_IN_TIMEOUT }
    }
}

/// Talks to providers. One for each process, since it knows which of them are down, and keeps their keys.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: Arc<Http>,
    keys: keys::Cache,
}

/// The metadata of an issuer, from its discovery document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
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
    /// Does it say that it does not know the way of PKCE that is used here (RFC 8414)?
    pub lacks_s256: bool,
    /// The ways in which a client may prove itself, of those that Roster knows.
    pub client_authentications: Vec<ClientAuthentication>,
}

impl ProviderMetadata {
    /// Fills a configuration in.
    pub fn fill_in(self, configuration: &mut Configuration) {
        let elsewhere = configuration.open_id.take().and_then(|open_id| open_id.discovery_url);
        configuration.open_id = Some(OpenId {
            issuer: self.issuer,
            discovery_url: elsewhere,
            jwks_url: self.jwks_url,
            names_itself: self.names_itself,
            lacks_s256: self.lacks_s256,
        });
        configuration.authorization_url = self.authorization_url;
        configuration.token_url = self.token_url;
        configuration.user_info_url = self.user_info_url;
    }
}

/// The redirect that begins an authorization.
#[derive(Clone, Debug)]
pub struct AuthorizationRedirect {
    /// Where the browser goes.
    pub url: String,
    /// What must be kept until it comes back.
    pub pending: PendingAuthorization,
}

/// An authorization that waits for its response: what the response is checked with.
#[derive(Clone)]
pub struct PendingAuthorization {
    /// Names the attempt; 256 bits (OA-03).
    pub state: String,
    /// Proves to the token endpoint that the attempt is ours (RFC 7636, OA-02).
    pub verifier: String,
    /// Ties the ID token to the attempt (OA-04); OpenID Connect alone has it.
    pub nonce: Option<String>,
}

impl fmt::Debug for PendingAuthorization {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingAuthorization(…)")
    }
}

/// The authorization response, which the browser brings back from the provider. Its `state` has found the attempt already.
#[derive(Clone, Default)]
pub struct AuthorizationResponse {
    /// The code, of one who said yes.
    pub code: Option<String>,
    /// The provider's word for what went wrong.
    pub error: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
}

impl fmt::Debug for AuthorizationResponse {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationResponse(…)")
    }
}

impl Client {
    /// Reads what the settings name; nothing is connected yet.
    ///
    /// # Errors
    /// [`SetUpError`], naming the setting.
    pub fn new(config: &config::OAuth) -> Result<Self, SetUpError> {
        Ok(Self { shared: Arc::new(Shared { http: Arc::new(Http::new(config)?), keys: keys::Cache::default() }) })
    }

    /// The endpoints of an issuer, from its discovery document; from `elsewhere` if that does not lie under the issuer.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn discover(
        &self,
        account: AccountId,
        issuer: &str,
        elsewhere: Option<&str>,
    ) -> Result<ProviderMetadata, Failure> {
        let discovered =
            discovery::discover(&self.shared.http, issuer, elsewhere, RequestContext::begin(account)).await;
        discovered.inspect_err(|failure| log(failure.fault, issuer))
    }

    /// Sends a logout token to a platform, by the same guard as everything that Roster sends to others (OA-15). A fault is named by its key.
    ///
    /// # Errors
    /// The platform was not reached, or did not take it.
    pub(crate) async fn post_logout_token(
        &self,
        account: AccountId,
        address: &str,
        body: String,
    ) -> Result<(), &'static str> {
        let request = ::http::Request::post(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into_bytes())
            .map_err(|_| Fault::AddressRefused.key())?;
        let answer = self.shared.http.send(request, RequestContext::begin(account)).await;
        let status = answer.map_err(|failure| failure.fault.key())?.status();
        if status.is_success() { Ok(()) } else { Err("refused") }
    }

    /// May a request go to this address, as far as that can be told without sending one (OA-15)?
    pub(crate) fn admits(&self, url: &str) -> bool {
        self.shared.http.admit(url).is_ok()
    }

    /// Posts what a webhook is told, by the same guard. Every status is an answer.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn post_webhook(&self, webhook: WebhookRequest<'_>) -> Result<WebhookAnswer, Fault> {
        let WebhookRequest { url, id, timestamp, signature, body } = webhook;
        let request = ::http::Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body.as_bytes().to_vec())
            .map_err(|_| Fault::AddressRefused)?;
        let answer = self.shared.http.tell(request, WEBHOOK_ANSWER_BYTES, WEBHOOK_TIMEOUT).await?;
        Ok(WebhookAnswer { status: answer.status(), text: String::from_utf8_lossy(answer.body()).into_owned() })
    }

    /// A new attempt (OA-01 to OA-04). With `max_age`, in seconds, the provider is to ask whoever signed in there longer ago once more; plain
    /// OAuth 2.0 knows no such thing.
    ///
    /// # Errors
    /// [`Fault::AddressRefused`] for an authorization URL that is none.
    pub fn begin(
        &self,
        configuration: &Configuration,
        redirect_uri: &str,
        max_age: Option<u32>,
    ) -> Result<AuthorizationRedirect, Fault> {
        self.shared.http.admit(&configuration.authorization_url)?;
        let pending = PendingAuthorization {
            state: Token::new().reveal().to_owned(),
            verifier: Token::new().reveal().to_owned(),
            nonce: configuration.open_id.is_some().then(|| Token::new().reveal().to_owned()),
        };
        let client = BasicClient::new(ClientId::new(configuration.client_id.clone()))
            .set_auth_uri(AuthUrl::new(configuration.authorization_url.clone()).map_err(|_| Fault::AddressRefused)?)
            .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| Fault::AddressRefused)?);
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        let mut request = client
            .authorize_url(|| CsrfToken::new(pending.state.clone()))
            .add_scopes(configuration.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for (name, value) in &configuration.parameters {
            request = request.add_extra_param(name, value);
        }
        if let Some(nonce) = &pending.nonce {
            request = request.add_extra_param("nonce", nonce);
        }
        if let Some(seconds) = max_age.filter(|_| configuration.open_id.is_some()) {
            request = request.add_extra_param("max_age", seconds.to_string());
        }
        let (url, _) = request.url();
        Ok(AuthorizationRedirect { url: url.into(), pending })
    }

    /// Exchanges the code, checks everything, and answers the claims about the person: those that the configuration looks at, or with
    /// `everything` also what else can be shown. Takes ten seconds at most (OA-22).
    ///
    /// # Errors
    /// What went wrong, in the words of the domain, with the value that did; none of the provider's own words for people (OA-16).
    #[allow(clippy::too_many_arguments, reason = "what one exchange is checked with")]
    pub async fn finish(
        &self,
        account: AccountId,
        configuration: &Configuration,
        secret: Option<&str>,
        redirect_uri: &str,
        pending: &PendingAuthorization,
        answer: &AuthorizationResponse,
        everything: bool,
        now: Timestamp,
    ) -> Result<Claims, Failure> {
        let context = RequestContext::begin(account);
        let wanted = &WantedClaims::of(configuration, everything);
        let claims = async {
            let code = answer.code(configuration)?;
            let Shared { http, keys } = &*self.shared;
            let tokens = token::exchange(http, configuration, secret, redirect_uri, pending, code, context).await?;
            let Some(open_id) = &configuration.open_id else {
                return Ok(Claims::of(
                    None,
                    user_info(http, keys, configuration, &tokens.access, wanted, context).await?,
                ));
            };
            let token = tokens.id.as_deref().ok_or(Fault::NoIdToken)?;
            let signed =
                Check { token, configuration, open_id, pending, wanted, now }.claims(http, keys, context).await?;
            let mut unsigned = Map::new();
            if configuration.user_info_url.is_some() {
                unsigned = user_info(http, keys, configuration, &tokens.access, wanted, context).await?;
                if unsigned.get("sub") != signed.get("sub") {
                    return Err(Fault::UserInfoSubject.into());
                }
            }
            Ok(Claims::of(Some(signed), unsigned))
        };
        claims.await.inspect_err(|failure: &Failure| log(failure.fault, &configuration.token_url))
    }
}

impl AuthorizationResponse {
    /// The code, if the answer is the right provider's and not an error.
    fn code(&self, configuration: &Configuration) -> Result<&str, Failure> {
        // The issuer is checked first: an error, too, counts only from the provider that was asked (OA-05). An error without an issuer is
        // accepted even if the provider announced that it names itself: it leads to nothing that anybody could gain by.
        match (&configuration.open_id, &self.iss) {
            (Some(open_id), Some(named)) if *named != open_id.issuer => {
                return Err(Failure::differs(Fault::ResponseIssuer, &open_id.issuer, Some(named)));
            }
            (Some(open_id), None) if open_id.names_itself && self.error.is_none() => {
                return Err(Failure::differs(Fault::ResponseIssuer, &open_id.issuer, None));
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        let Some(error) = self.error.as_deref() else {
            return self.code.as_deref().filter(|code| !code.is_empty()).ok_or(Fault::ProviderError.into());
        };
        let fault = match error {
            // LinkedIn, Apple and others have words of their own for the same.
            "access_denied"
            | "user_cancelled_login"
            | "user_cancelled_authorize"
            | "user_cancelled"
            | "user_canceled"
            | "user_denied"
            | "consent_denied"
            | "cancelled"
            | "canceled" => Fault::Denied,
            "login_required" | "consent_required" | "interaction_required" | "account_selection_required" => {
                Fault::InteractionRequired
            }
            "invalid_scope" => Fault::Scope,
            "unauthorized_client" | "unsupported_response_type" | "invalid_request" => Fault::ClientRefused,
            _ => Fault::ProviderError,
        };
        Err(Failure::received(fault, error))
    }
}

/// What the user-info endpoint tells of the person.
async fn user_info(
    http: &Http,
    keys: &keys::Cache,
    configuration: &Configuration,
    access: &str,
    wanted: &WantedClaims,
    context: RequestContext,
) -> Result<Map<String, Value>, Failure> {
    let url = configuration.user_info_url.as_deref().ok_or(Fault::UserInfo)?;
    let request = ::http::Request::get(url)
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {access}"))
        .body(Vec::new());
    let answer = http.send(request.map_err(|_| Fault::UserInfo)?, context).await?;
    if answer.status() != StatusCode::OK {
        return Err(Failure::received(Fault::UserInfo, answer.status().as_str()));
    }
    if let Ok(claims) = claims_json::read(answer.body(), wanted) {
        return Ok(claims);
    }
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = std::str::from_utf8(answer.body()).unwrap_or_default().trim();
    if kind.starts_with("application/jwt") || looks_like_a_token(text) {
        return signed_user_info(http, keys, configuration, text, wanted, context).await;
    }
    Err(Failure::received(Fault::UserInfo, kind))
}

fn looks_like_a_token(text: &str) -> bool {
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    text.starts_with("ey") && [3, 5].contains(&text.split('.').count()) && text.split('.').all(plain)
}

/// What a signed answer of the user-info endpoint tells (OpenID Connect Core 1.0, section 5.3.2).
async fn signed_user_info(
    http: &Http,
    keys: &keys::Cache,
    configuration: &Configuration,
    token: &str,
    wanted: &WantedClaims,
    context: RequestContext,
) -> Result<Map<String, Value>, Failure> {
    // Without OpenID Connect there are no keys to check it with.
    let Some(open_id) = &configuration.open_id else {
        return Err(Failure::received(Fault::UserInfoSigned, "application/jwt"));
    };
    let unverified = UnverifiedToken::read(token, wanted).map_err(|failure| {
        if failure.fault == Fault::Encrypted { failure } else { Failure { fault: Fault::UserInfoSigned, ..failure } }
    })?;
    let claims = unverified.verify(http, keys, &open_id.jwks_url, context).await.map_err(|failure| {
        if failure.fault == Fault::Signature { Failure { fault: Fault::UserInfoSigned, ..failure } } else { failure }
    })?;
    let issuer = claims.get("iss").map(|issuer| issuer.as_str().unwrap_or_default());
    if issuer.is_some_and(|issuer| issuer != open_id.issuer) {
        return Err(Failure::differs(Fault::UserInfoSigned, &open_id.issuer, issuer));
    }
    if claims.contains_key("aud") {
        check_audience(&configuration.client_id, &claims)
            .map_err(|failure| Failure { fault: Fault::UserInfoSigned, ..failure })?;
    }
    Ok(claims)
}

/// The code of the fault and the host, and nothing that the provider said (OA-16, LG-02).
fn log(fault: Fault, url: &str) {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    tracing::warn!(fault = fault.key(), host, "a request to a provider failed");
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
