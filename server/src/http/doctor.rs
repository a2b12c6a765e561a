//! Answers how a request arrived through the proxy, for `roster doctor` alone: its question seals the time under the instance key, and
//! anything else gets no answer.

use super::visitor::peer;
use crate::{
    context::Services,
    secrets::{Keyring, SealedFor},
};
use app::{
    domain::time::{Span, Timestamp},
    request::Visitor,
};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How old a question may be.
const QUESTION_TTL: Span = Span::minutes(1);

/// A request as it arrived.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceivedRequest {
    /// `Host`.
    pub host: String,
    /// `Origin`.
    pub origin: String,
    /// `Sec-Fetch-Site`.
    pub fetch_site: String,
    /// The other end of the connection: the proxy.
    pub peer: IpAddr,
    /// Whether `trusted_proxies` names it.
    pub is_peer_trusted: bool,
    /// Whether there is an `X-Forwarded-For`.
    pub is_forwarded: bool,
    /// The client address that the request counts for.
    pub client: IpAddr,
}

/// The path at which a question asked now is answered.
#[must_use]
pub fn question_path(keyring: &Keyring, now: Timestamp) -> String {
    let sealed = keyring.seal(SealedFor::DoctorQuestion, &now.0.to_be_bytes());
    format!("/doctor/{}", URL_SAFE_NO_PAD.encode(sealed))
}

/// `/doctor/{question}`.
pub(super) async fn answer(
    State(services): State<Services>,
    Path(question): Path<String>,
    request: Request,
) -> Response {
    let asked = URL_SAFE_NO_PAD.decode(question).ok();
    let asked = asked.and_then(|sealed| services.keyring.open(SealedFor::DoctorQuestion, &sealed).ok());
    let asked = asked.and_then(|plain| Some(Timestamp(i64::from_be_bytes(plain.try_into().ok()?))));
    let now = services.clock.now();
    if asked.is_none_or(|asked| now > asked + QUESTION_TTL || asked > now + QUESTION_TTL) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let peer = peer(&request);
    let headers = request.headers();
    let client = request.extensions().get::<Visitor>().map_or(peer, |visitor| visitor.ip);
    Json(ReceivedRequest {
        host: text(headers, &header::HOST),
        origin: text(headers, &header::ORIGIN),
        fetch_site: text(headers, &HeaderName::from_static("sec-fetch-site")),
        peer,
        is_peer_trusted: services.config.trusted_proxies.iter().any(|network| network.contains(&peer.to_canonical())),
        is_forwarded: headers.contains_key("x-forwarded-for"),
        client,
    })
    .into_response()
}

/// The value of a header as text; empty if there is none.
fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
