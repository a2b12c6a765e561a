//! Exchanging a code for tokens (RFC 6749, section 4.1.3). The tokens live as long as one sign-in (OA-18).

use super::{Asking, Kept, http::Http};
use app::domain::oauth::{ClientAuthentication, Configuration, Fault};
use http::{Response, StatusCode};
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, ExtraTokenFields, HttpRequest, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use serde::{Deserialize, Serialize};
use std::{pin::Pin, sync::Arc};
use thiserror::Error;

/// What OpenID Connect adds to the answer.
#[derive(Clone, Deserialize, Serialize)]
struct OpenIdFields {
    id_token: Option<String>,
}

impl ExtraTokenFields for OpenIdFields {}

impl std::fmt::Debug for OpenIdFields {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenIdFields(…)")
    }
}

type Client = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<OpenIdFields, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// Our fault as the error that the library hands through.
#[derive(Debug, Error)]
#[error("{}", .0.key())]
struct Stopped(Fault);

/// What a code is worth.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: Option<String>,
}

/// Exchanges a code.
pub(super) async fn exchange(
    http: &Arc<Http>,
    configuration: &Configuration,
    secret: Option<&str>,
    redirect_uri: &str,
    kept: &Kept,
    code: &str,
    asking: Asking,
) -> Result<Tokens, Fault> {
    let url = TokenUrl::new(configuration.token_url.clone()).map_err(|_| Fault::AddressRefused)?;
    let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| Fault::AddressRefused)?;
    let mut client = Client::new(ClientId::new(configuration.client_id.clone()))
        .set_token_uri(url)
        .set_redirect_uri(redirect)
        .set_auth_type(match configuration.client_authentication {
            ClientAuthentication::Basic => AuthType::BasicAuth,
            ClientAuthentication::Post | ClientAuthentication::None => AuthType::RequestBody,
        });
    if configuration.client_authentication.needs_secret() {
        let secret = secret.ok_or(Fault::ClientAuthentication)?;
        client = client.set_client_secret(ClientSecret::new(secret.to_owned()));
    }
    let send = sender(http.clone(), asking);
    let (code, verifier) = (AuthorizationCode::new(code.to_owned()), PkceCodeVerifier::new(kept.verifier.clone()));
    let exchanging: Sent<_, _> =
        Box::pin(async move { client.exchange_code(code).set_pkce_verifier(verifier).request_async(&send).await });
    let answer = exchanging.await.map_err(fault)?;
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(Fault::TokenAnswer);
    }
    Ok(Tokens { access: answer.access_token().secret().clone(), id: answer.extra_fields().id_token.clone() })
}

/// Sends for the library. It owns what it needs, and so does the future around it: of borrowed ones, the compiler cannot tell that they
/// may be sent (rust-lang/rust#96865).
fn sender(http: Arc<Http>, asking: Asking) -> impl Fn(HttpRequest) -> Sent<Response<Vec<u8>>, Stopped> + Send + Sync {
    move |request| {
        let http = http.clone();
        Box::pin(async move { in_order(http.send(request, asking).await.map_err(Stopped)?) })
    }
}

type Sent<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Puts two habits of providers in order: GitHub reports errors with status 200, and some refuse a client with a 401 of no content.
fn in_order(mut answer: Response<Vec<u8>>) -> Result<Response<Vec<u8>>, Stopped> {
    let is_error = serde_json::from_slice::<BasicErrorResponse>(answer.body()).is_ok();
    if answer.status() == StatusCode::UNAUTHORIZED && !is_error {
        return Err(Stopped(Fault::ClientAuthentication));
    }
    if is_error {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(answer)
}

fn fault(error: RequestTokenError<Stopped, BasicErrorResponse>) -> Fault {
    match error {
        RequestTokenError::Request(Stopped(fault)) => fault,
        RequestTokenError::ServerResponse(said) => match said.error() {
            BasicErrorResponseType::InvalidClient => Fault::ClientAuthentication,
            BasicErrorResponseType::UnauthorizedClient => Fault::ClientRefused,
            BasicErrorResponseType::InvalidGrant => Fault::Grant,
            BasicErrorResponseType::InvalidScope => Fault::Scope,
            BasicErrorResponseType::InvalidRequest | BasicErrorResponseType::UnsupportedGrantType => Fault::TokenAnswer,
            BasicErrorResponseType::Extension(word) => match word.as_str() {
                // GitHub's words for the same.
                "incorrect_client_credentials" => Fault::ClientAuthentication,
                "bad_verification_code" | "redirect_uri_mismatch" => Fault::Grant,
                "server_error" | "temporarily_unavailable" => Fault::ProviderError,
                _ => Fault::TokenAnswer,
            },
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Fault::TokenAnswer,
    }
}
