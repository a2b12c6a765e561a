//! Requests to providers: guarded, limited in time and size, and never redirected (OA-15, OA-22).

use super::{
    RequestContext, SetUpError,
    breaker::Breakers,
    guard::{Guard, Refused},
};
use crate::{config, tls};
use app::domain::oauth::{Failure, Fault};
use http::{Request, Response};
use std::{error::Error, io, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long one request may take, and before that one connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer about one person or one set-up, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The largest set of keys, in bytes: some providers publish a chain of certificates with each key.
pub(super) const MAX_KEYS_BYTES: usize = 256 * 1024;

/// Sends requests to providers.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    guard: Guard,
    breakers: Breakers,
}

impl Http {
    pub(super) fn new(config: &config::OAuth) -> Result<Self, SetUpError> {
        let guard = Guard::new(&config.allow_hosts);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client(config.ca_file.as_deref())?)
            .dns_resolver(guard.clone())
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(REQUEST_TIMEOUT)
            // GitHub refuses requests without one.
            .user_agent("roster")
            .build()?;
        Ok(Self { client, guard, breakers: Breakers::default() })
    }

    /// May a request go there, as far as that can be told without sending one?
    pub(super) fn admit(&self, url: &str) -> Result<(), Fault> {
        self.guard.admit(url).map(drop)
    }

    /// Reads a document about the provider.
    pub(super) async fn get(&self, url: &str, context: RequestContext) -> Result<Response<Vec<u8>>, Failure> {
        self.get_up_to(MAX_ANSWER_BYTES, url, context).await
    }

    /// Reads a document of at most `max_bytes`.
    pub(super) async fn get_up_to(
        &self,
        max_bytes: usize,
        url: &str,
        context: RequestContext,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let request = Request::get(url).header(http::header::ACCEPT, "application/json").body(Vec::new());
        self.send_up_to(max_bytes, request.map_err(|_| Fault::AddressRefused)?, context).await
    }

    /// Sends a request. The answer may have any status but a redirect or a server error.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn send(
        &self,
        request: Request<Vec<u8>>,
        context: RequestContext,
    ) -> Result<Response<Vec<u8>>, Failure> {
        self.send_up_to(MAX_ANSWER_BYTES, request, context).await
    }

    async fn send_up_to(
        &self,
        max_bytes: usize,
        request: Request<Vec<u8>>,
        context: RequestContext,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let mut asked = request.uri().to_string();
        // A query can hold what nobody is to see.
        asked.truncate(asked.find('?').unwrap_or(asked.len()));
        self.answer(max_bytes, request, context).await.map_err(|failure| failure.at(&asked))
    }

    async fn answer(
        &self,
        max_bytes: usize,
        request: Request<Vec<u8>>,
        context: RequestContext,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let mut endpoint = self.guard.admit(&request.uri().to_string())?;
        endpoint.set_query(None);
        let begun = self.breakers.begin(context.account, endpoint.as_str(), Instant::now())?;
        let request = reqwest::Request::try_from(request).map_err(|_| Fault::AddressRefused)?;
        let end = Instant::now() + REQUEST_TIMEOUT;
        let answer = timeout_at(end.min(context.until), self.exchange(max_bytes, request))
            .await
            .unwrap_or(Err(Fault::TimedOut.into()));
        match answer.as_ref().map_err(|failure| failure.fault) {
            // The remaining time of the sign-in was too short to blame this endpoint.
            Err(Fault::TimedOut) if context.until < end => {}
            Err(Fault::Unreachable | Fault::Tls | Fault::TimedOut | Fault::ProviderError) => {
                begun.failed(Instant::now());
            }
            Ok(_) | Err(_) => begun.succeeded(),
        }
        answer
    }

    /// Posts to an address where an account wants something to be told: one attempt, with no breaker, since whoever calls this has pauses of its own. Every
    /// status is an answer; of its text, the first `max_bytes` are read.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn tell(
        &self,
        request: Request<Vec<u8>>,
        max_bytes: usize,
        within: Duration,
    ) -> Result<Response<Vec<u8>>, Fault> {
        self.guard.admit(&request.uri().to_string())?;
        let request = reqwest::Request::try_from(request).map_err(|_| Fault::AddressRefused)?;
        timeout_at(Instant::now() + within, self.beginning_of_answer(request, max_bytes))
            .await
            .unwrap_or(Err(Fault::TimedOut))
    }

    async fn beginning_of_answer(
        &self,
        request: reqwest::Request,
        max_bytes: usize,
    ) -> Result<Response<Vec<u8>>, Fault> {
        let mut incoming = self.client.execute(request).await.map_err(|error| fault(&error))?;
        let mut body = Vec::new();
        // What breaks off after the status is no less an answer.
        while body.len() < max_bytes
            && let Ok(Some(part)) = incoming.chunk().await
        {
            body.extend(part.iter().take(max_bytes - body.len()));
        }
        let mut answer = Response::new(body);
        *answer.status_mut() = incoming.status();
        Ok(answer)
    }

    async fn exchange(&self, max_bytes: usize, request: reqwest::Request) -> Result<Response<Vec<u8>>, Failure> {
        let mut incoming = self.client.execute(request).await.map_err(|error| fault(&error))?;
        let status = incoming.status();
        if status.is_redirection() {
            let to = incoming.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok());
            return Err(to.map_or(Fault::Redirected.into(), |to| Failure::received(Fault::Redirected, to)));
        }
        if status.is_server_error() {
            return Err(Failure::received(Fault::ProviderError, status.as_str()));
        }
        let headers = std::mem::take(incoming.headers_mut());
        let mut body = Vec::new();
        while let Some(part) = incoming.chunk().await.map_err(|error| fault(&error))? {
            if body.len() + part.len() > max_bytes {
                return Err(Fault::TooLarge.into());
            }
            body.extend_from_slice(&part);
        }
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// The fault that caused an error. The error itself may hold the URL, and is dropped (LG-02).
fn fault(error: &reqwest::Error) -> Fault {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<Refused>() {
            return Fault::AddressRefused;
        }
        if cause.is::<rustls::Error>() {
            return Fault::Tls;
        }
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // `source` of such an error is that of what it wraps, which would be stepped over.
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    match (error.is_timeout(), error.is_builder()) {
        (true, _) => Fault::TimedOut,
        (false, true) => Fault::AddressRefused,
        (false, false) => Fault::Unreachable,
    }
}
