//! Checks for `roster doctor` that `base_url` leads to this server and that the proxy in front of it is set up right: it asks the server
//! itself how a request arrives.

use super::finding::Finding;
use crate::{
    config::Config,
    context::Services,
    http::doctor::{ReceivedRequest, question_path},
    tls,
};
use reqwest::{Client, Response, StatusCode, header};
use std::{error::Error, time::Duration};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// What browsers write into `Sec-Fetch-Site` for a form on our own page.
const SAME_ORIGIN: &str = "same-origin";

pub(super) async fn examine(services: &Services) -> Vec<Finding> {
    let config = &services.config;
    let client = match client(config) {
        Ok(client) => client,
        Err(error) => return vec![Finding::Wrong(format!("base_url: {error}"))],
    };
    if !config.is_https() {
        return vec![on_this_machine(services, &client).await];
    }
    let mut findings = match ask(services, &client).await {
        Ok(arrived) => judge(config, &arrived),
        Err(why) => vec![Finding::Wrong(format!("base_url: {}: {why}", config.base_url))],
    };
    findings.extend(without_tls(config, &client).await);
    findings
}

/// Without TLS, the address is for this machine alone, and there is no proxy to check.
async fn on_this_machine(services: &Services, client: &Client) -> Finding {
    let address = &services.config.base_url;
    let serves = match ask(services, client).await {
        Ok(_) => "Roster answers there".to_owned(),
        Err(why) => why,
    };
    Finding::Note(format!("base_url: {address} is for this machine alone; {serves}"))
}

fn client(config: &Config) -> Result<Client, String> {
    let tls = tls::client(config.oauth.ca_file.as_deref()).map_err(|error| error.to_string())?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWER_TIMEOUT)
        .build()
        .map_err(|error| cause(&error))
}

/// Sends a request as a browser does from our own pages, and answers how it arrived.
async fn ask(services: &Services, client: &Client) -> Result<ReceivedRequest, String> {
    let config = &services.config;
    let request = client
        .get(config.link(&question_path(&services.keyring, services.clock.now())))
        .header(header::ORIGIN, config.origin())
        .header("sec-fetch-site", SAME_ORIGIN);
    let answer = request.send().await.map_err(|error| unreachable(&error))?;
    let status = answer.status();
    match status {
        StatusCode::OK => {
            let body = answer.bytes().await.map_err(|error| unreachable(&error))?;
            serde_json::from_slice(&body).map_err(|_| "something else than Roster answers there".to_owned())
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Err(format!(
            "the proxy answers with {}: Roster is not running, or the proxy looks for it at another address than {}",
            status.as_u16(),
            config.listen
        )),
        _ if status.is_redirection() => {
            Err(format!("it leads on to {}; the proxy must pass requests on", location(&answer)))
        }
        StatusCode::NOT_FOUND => {
            Err("what answers there is not this Roster: something else, an older one, or one with another instance key"
                .to_owned())
        }
        _ => Err(format!(
            "it answers with {}; a proxy that asks for a sign-in or filters requests must let them through",
            status.as_u16()
        )),
    }
}

fn judge(config: &Config, arrived: &ReceivedRequest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |what: String| findings.push(Finding::Wrong(format!("proxy: {what}")));
    let origin = config.origin();
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    if !arrived.host.eq_ignore_ascii_case(host) {
        wrong(format!("Host arrives as \"{}\", not as \"{host}\"; pass it on as it came", arrived.host));
    }
    for (name, sent, came) in
        [("Origin", origin.as_str(), &arrived.origin), ("Sec-Fetch-Site", SAME_ORIGIN, &arrived.fetch_site)]
    {
        if came.is_empty() {
            wrong(format!("{name} is taken away; pass it on as it came, or forms are refused"));
        } else if came != sent {
            wrong(format!(
                "{name} arrives as \"{came}\", not as \"{sent}\"; pass it on as it came, or forms are refused"
            ));
        }
    }
    if !arrived.is_forwarded {
        wrong("it sets no X-Forwarded-For, so everybody seems to share one address and its limits".to_owned());
    } else if !arrived.is_peer_trusted {
        wrong(format!(
            "trusted_proxies does not name {}, from where requests come, so everybody seems to share its limits",
            arrived.peer
        ));
    } else if arrived.client == arrived.peer && !arrived.peer.is_loopback() {
        wrong(format!("X-Forwarded-For names nobody but proxies; this machine counts as {}", arrived.client));
    }
    if findings.is_empty() {
        findings.push(Finding::Fine(format!(
            "base_url: {} leads here, and the proxy passes on what it must",
            config.base_url
        )));
    }
    findings
}

/// Port 80 may redirect to https, or be closed.
async fn without_tls(config: &Config, client: &Client) -> Option<Finding> {
    let mut address = config.base_url.clone();
    if address.port().is_some() || address.set_scheme("http").is_err() {
        return None;
    }
    let answer = client.get(address.clone()).send().await.ok()?;
    let leads_to_https = answer.status().is_redirection() && location(&answer).starts_with("https://");
    (!leads_to_https).then(|| Finding::Wrong(format!("proxy: {address} answers without TLS; it must lead to https")))
}

fn location(answer: &Response) -> &str {
    answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere")
}

fn unreachable(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs());
    }
    format!("nothing answers: {}", cause(error))
}

/// The innermost cause, which is the one that an operator can act on.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
