//! A system that receives webhooks, as its developer would write it: a real server with TLS, which keeps what it is sent and checks signatures by the
//! specification, not by our code.

use super::{Browser, World};
use crate::mail_server::Authority;
use app::{
    api::{
        login_methods::{NextPage, Notice},
        webhooks::{DeliveryLine, WebhookSecret, WebhookView},
    },
    error::AppError,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::Value;
use server::config;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

/// What the receiver was sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// How many of its signatures are by this secret.
    pub fn signed_by(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body);
        let signatures = self.header("webhook-signature").split(' ').map(|one| one.strip_prefix("v1,").unwrap());
        signatures.filter(|one| hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(one).unwrap()).is_ok()).count()
    }
}

/// No answer at all, while the connection stays open.
pub const SILENCE: &str = "";

/// The receiver: what it answers is a status line with whatever follows in the head, by the message and how many there were before.
pub struct Receiver {
    origin: String,
    messages: Arc<Mutex<Vec<Message>>>,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Receiver {
    pub async fn answering(script: impl Fn(&Message, usize) -> &'static str + Send + Sync + 'static) -> Self {
        let authority = Authority::of("localhost");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let messages: Arc<Mutex<Vec<Message>>> = Arc::default();
        let (kept, tls, script) = (messages.clone(), authority.acceptor(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let (kept, tls, script) = (kept.clone(), tls.clone(), script.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = tls.accept(stream).await else { return };
                    let Some(message) = read(&mut stream).await else { return };
                    let answer = {
                        let mut kept = kept.lock().unwrap();
                        let answer = script(&message, kept.len());
                        kept.push(message);
                        answer
                    };
                    if answer == SILENCE {
                        std::future::pending::<()>().await;
                    }
                    let said = "heard";
                    let head = format!(
                        "HTTP/1.1 {answer}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
                        said.len()
                    );
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { origin, messages, authority, folder: tempfile::tempdir().unwrap() }
    }

    /// One that takes everything.
    pub async fn polite() -> Self {
        Self::answering(|_, _| "204 No Content").await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    pub fn events(&self) -> Vec<String> {
        self.messages().iter().map(Message::event).collect()
    }

    /// The messages at a path, once there are so many.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Message> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let mut at: Vec<_> = self.messages();
            at.retain(|message| message.path == path);
            if at.len() >= count {
                return at;
            }
            assert!(Instant::now() < end, "{} messages of {count} at {path}", at.len());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The deployment that may reach it.
    pub fn reached_by(&self, world: &World) -> World {
        self.configured(world, vec!["localhost".to_owned()])
    }

    /// The deployment with these hosts allowed.
    pub fn configured(&self, world: &World, allow_hosts: Vec<String>) -> World {
        let ca_file = Some(self.authority.write(self.folder.path()));
        world.configured(|config| config.oauth = config::OAuth { ca_file, allow_hosts })
    }
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Message> {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match timeout(Duration::from_secs(30), stream.read(&mut part)).await {
            Ok(Ok(bytes @ 1..)) => read.extend_from_slice(&part[..bytes]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or_default();
        if body.len() >= length {
            return Some(Message { path, headers, body: body.to_owned() });
        }
    }
}

impl Browser {
    /// Adds a webhook that is told of these events; of all without any.
    pub async fn adds_webhook(&self, url: &str, events: &[&str]) -> Result<WebhookSecret, AppError> {
        let told = if events.is_empty() { "all" } else { "some" };
        let mut fields = vec![("form[url]", url), ("form[told]", told)];
        fields.extend(events.iter().map(|event| ("form[events][]", *event)));
        self.call_in("webhooks/add", &fields).await
    }

    pub async fn webhook(&self, webhook: &WebhookSecret) -> WebhookView {
        let id = webhook.webhook.to_string();
        self.call_in("webhooks/show", &[("webhook", &id)]).await.unwrap()
    }

    pub async fn deliveries(&self, webhook: &WebhookSecret) -> Vec<DeliveryLine> {
        self.webhook(webhook).await.deliveries
    }

    /// Does something with a webhook; what the page says of it.
    pub async fn does_to_webhook(
        &self,
        function: &str,
        webhook: &WebhookSecret,
        more: &[(&str, &str)],
    ) -> Result<Option<Notice>, AppError> {
        let id = webhook.webhook.to_string();
        let mut fields = vec![("webhook", id.as_str())];
        fields.extend_from_slice(more);
        self.call_in::<NextPage>(&format!("webhooks/{function}"), &fields).await.map(|next| next.notice)
    }
}
