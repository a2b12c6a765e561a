//! Finds out who is asking, once for each request.

use super::{
    answer,
    client_ip::client_ip,
    language::{language_of, text},
    trace::RequestId,
};
use crate::context::Services;
use app::{error::AppError, request::Visitor, rpc::BACKGROUND_HEADER};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const MAX_USER_AGENT_CHARS: usize = 200;

/// Adds the [`Visitor`] to the request. Probes need none.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return next.run(request).await;
    }
    let headers = request.headers();
    let in_background = headers.contains_key(BACKGROUND_HEADER) || is_stream(request.uri().path());
    let sent = services.cookies.sent(headers);
    let signed_in = match &sent.session {
        None => None,
        Some(session) => match services.authenticate(session, in_background).await {
            Ok(signed_in) => signed_in,
            Err(error) => {
                tracing::warn!(%error, "cannot authenticate");
                return answer::error(&AppError::Unavailable);
            }
        },
    };
    // Whoever is signed in chose it in their own login, perhaps in another browser.
    let theme = signed_in.as_ref().map_or(sent.theme, |signed_in| signed_in.theme);
    let language = language_of(signed_in.as_ref(), sent.language, headers);
    let visitor = Visitor {
        signed_in,
        invitation: sent.invitation,
        setup: sent.setup,
        password_reset: sent.password_reset,
        address_change: sent.address_change,
        known_browser: sent.known_browser,
        oauth: sent.oauth,
        pending_sign_in: sent.pending_sign_in,
        remembered_browser: sent.remembered_browser,
        authorization: sent.authorization,
        ip: client_ip(peer(&request), headers, &services.config.trusted_proxies),
        user_agent: text(headers, header::USER_AGENT).chars().take(MAX_USER_AGENT_CHARS).collect(),
        language,
        theme,
        in_background,
        request_id: request.extensions().get::<RequestId>().map(RequestId::to_string).unwrap_or_default(),
    };
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// Is it the stream by which an open page is told of changes? Pages open it by themselves, again and again.
fn is_stream(path: &str) -> bool {
    path.strip_prefix("/a/").and_then(|rest| rest.split_once('/')).is_some_and(|(_, rest)| rest == "events")
}

/// The address of the other end of the connection. A request without one, which only tests make, counts as coming from this host.
pub(super) fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip())
}
