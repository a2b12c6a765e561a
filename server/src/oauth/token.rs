//! Exchanging a code for tokens (RFC 6749, section 4.1.3). The tokens live as long as one sign-in (OA-18).

use super::{PendingAuthorization, RequestContext, http::Http};
use app::domain::oauth::{ClientAuthentication, Configuration, Failure, Fault};
use http::{Response, StatusCode, header};
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

/// Our failure, as the error type that the library passes through.
#[derive(Debug, Error)]
#[error("{}", .0.fault.key())]
struct ExchangeError(Failure);

/// The tokens for a code.
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
    pending: &PendingAuthorization,
    code: &str,
    context: RequestContext,
) -> Result<Tokens, Failure> {
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
    let send = http_client(http.clone(), context);
    let (code, verifier) = (AuthorizationCode::new(code.to_owned()), PkceCodeVerifier::new(pending.verifier.clone()));
    let exchanging: BoxedFuture<_, _> =
        Box::pin(async move { client.exchange_code(code).set_pkce_verifier(verifier).request_async(&send).await });
    let answer = exchanging.await.map_err(failure)?;
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(Fault::TokenAnswer.into());
    }
    Ok(Tokens { access: answer.access_token().secret().clone(), id: answer.extra_fields().id_token.clone() })
}

/// The HTTP client that the library calls. It owns what it needs, and so does the future around it: of borrowed ones, the compiler cannot tell that they
/// may be sent (rust-lang/rust#96865).
fn http_client(
    http: Arc<Http>,
    context: RequestContext,
) -> impl Fn(HttpRequest) -> BoxedFuture<Response<Vec<u8>>, ExchangeError> + Send + Sync {
    move |request| {
        let http = http.clone();
        Box::pin(async move { normalised(&http.send(request, context).await.map_err(ExchangeError)?) })
    }
}

type BoxedFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// The members of an answer that count here. What nobody needs, such as `expires_in`, is not looked at: providers send it as text, as a
/// fraction or negative, and it proves nothing.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    token_type: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
}

/// Normalises an answer for the library, which builds requests well, but refuses JSON of another content type, forms, and members that it
/// does not need. A token type that is named is checked strictly, since it says how the token is used; a missing one is the only kind that
/// providers give without saying so.
fn normalised(answer: &Response<Vec<u8>>) -> Result<Response<Vec<u8>>, ExchangeError> {
    let said = read(answer.body());
    let status = answer.status();
    let refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
    let error = said.as_ref().and_then(|said| said.error.as_deref()).filter(|error| !error.is_empty());
    match error {
        // Providers have several words for a wrong secret; with these statuses they mean the same.
        Some("invalid_client" | "unauthorized_client" | "access_denied") if refused => {
            return Err(ExchangeError(Failure {
                received: error.map(str::to_owned),
                ..Fault::ClientAuthentication.into()
            }));
        }
        Some(error) => return json_response(StatusCode::BAD_REQUEST, &serde_json::json!({ "error": error })),
        // Some refuse a client with a 401 of no content.
        None if status == StatusCode::UNAUTHORIZED => {
            return Err(ExchangeError(Failure::received(Fault::ClientAuthentication, status.as_str())));
        }
        None => {}
    }
    let Some(TokenAnswer { access_token: Some(access), token_type, id_token, .. }) = said else {
        return Err(ExchangeError(Failure::received(Fault::TokenAnswer, status.as_str())));
    };
    if !status.is_success() {
        return Err(ExchangeError(Failure::received(Fault::TokenAnswer, status.as_str())));
    }
    if let Some(kind) = token_type.filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(ExchangeError(Failure::differs(Fault::TokenType, "Bearer", Some(&kind))));
    }
    json_response(
        StatusCode::OK,
        &serde_json::json!({ "access_token": access, "token_type": "bearer", "id_token": id_token }),
    )
}

/// An object of JSON or a form, whatever the header says.
fn read(body: &[u8]) -> Option<TokenAnswer> {
    if let Ok(answer) = serde_json::from_slice(body) {
        return Some(answer);
    }
    let text = std::str::from_utf8(body).ok().filter(|text| !text.trim_start().starts_with(['{', '[', '<']))?;
    let field = |name: &str| url::form_urlencoded::parse(text.trim().as_bytes()).find(|(key, _)| key == name);
    let value = |name: &str| field(name).map(|(_, value)| value.into_owned());
    Some(TokenAnswer {
        access_token: value("access_token"),
        token_type: value("token_type"),
        id_token: value("id_token"),
        error: value("error"),
    })
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Result<Response<Vec<u8>>, ExchangeError> {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.body(body.to_string().into_bytes()).map_err(|_| exchange_error(Fault::TokenAnswer))
}

fn exchange_error(fault: Fault) -> ExchangeError {
    ExchangeError(fault.into())
}

fn failure(error: RequestTokenError<ExchangeError, BasicErrorResponse>) -> Failure {
    let said = match error {
        RequestTokenError::Request(ExchangeError(failure)) => return failure,
        RequestTokenError::ServerResponse(said) => said,
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => return Fault::TokenAnswer.into(),
    };
    let fault = match said.error() {
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
    };
    Failure::received(fault, said.error().as_ref())
}
