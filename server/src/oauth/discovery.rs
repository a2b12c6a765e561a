//! What an issuer says of itself (OpenID Connect Discovery 1.0).

use super::{ProviderMetadata, RequestContext, http::Http};
use app::domain::oauth::{ClientAuthentication, Failure, Fault};
use http::StatusCode;
use serde::Deserialize;

/// The part of the document that counts here.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// Reads the document of an issuer, from `elsewhere` if it does not lie under it.
pub(super) async fn discover(
    http: &Http,
    issuer: &str,
    elsewhere: Option<&str>,
    context: RequestContext,
) -> Result<ProviderMetadata, Failure> {
    let under = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    let answer = http.get(elsewhere.unwrap_or(&under), context).await?;
    if answer.status() != StatusCode::OK {
        return Err(Failure::received(Fault::Discovery, answer.status().as_str()));
    }
    let document: Document = serde_json::from_slice(answer.body()).map_err(|_| Fault::Discovery)?;
    if document.issuer != issuer {
        return Err(Failure::differs(Fault::DiscoveryIssuer, issuer, Some(&document.issuer)));
    }
    for (name, url) in [
        ("authorization_endpoint", Some(&document.authorization_endpoint)),
        ("token_endpoint", Some(&document.token_endpoint)),
        ("jwks_uri", Some(&document.jwks_uri)),
        ("userinfo_endpoint", document.userinfo_endpoint.as_ref()),
    ] {
        let Some(url) = url else { continue };
        let received = format!("{name}: {url}");
        if !url.starts_with("https://") {
            return Err(Failure::received(Fault::DiscoveryEndpoint, &received));
        }
        http.admit(url).map_err(|fault| Failure::received(fault, &received))?;
    }
    Ok(ProviderMetadata {
        issuer: document.issuer,
        authorization_url: document.authorization_endpoint,
        token_url: document.token_endpoint,
        user_info_url: document.userinfo_endpoint,
        jwks_url: document.jwks_uri,
        names_itself: document.authorization_response_iss_parameter_supported,
        // Many know it and do not say so.
        lacks_s256: document
            .code_challenge_methods_supported
            .is_some_and(|methods| !methods.iter().any(|method| method == "S256")),
        client_authentications: match document.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().filter_map(|method| authentication(method)).collect(),
            None => vec![ClientAuthentication::Basic],
        },
    })
}

/// The words of the registry of OAuth parameters.
fn authentication(method: &str) -> Option<ClientAuthentication> {
    match method {
        "client_secret_basic" => Some(ClientAuthentication::Basic),
        "client_secret_post" => Some(ClientAuthentication::Post),
        "none" => Some(ClientAuthentication::None),
        _ => None,
    }
}
