//! One connection to the server.

use crate::Result;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

pub struct Client {
    requests: SendRequest<Full<Bytes>>,
    origin: String,
}

/// A request that is made by a browser.
#[derive(Clone, Debug)]
pub enum Call {
    /// A page, compressed.
    Page { path: String, cookie: String },
    /// A server function.
    Function { name: &'static str, fields: Vec<(&'static str, String)>, cookie: String },
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    /// Names and values of the cookies that were set, as they are sent back.
    pub cookies: String,
}

impl Answer {
    pub fn expect_ok(self, what: &str) -> Result<Self> {
        if self.status == StatusCode::OK {
            return Ok(self);
        }
        Err(format!("{what}: {} {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

impl Client {
    pub async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { requests, origin: format!("http://127.0.0.1:{port}") })
    }

    pub async fn get(&mut self, path: &str, cookie: &str) -> Result<Answer> {
        self.call(&Call::Page { path: path.to_owned(), cookie: cookie.to_owned() }).await
    }

    pub async fn call(&mut self, call: &Call) -> Result<Answer> {
        let host = self.origin.trim_start_matches("http://");
        let builder = Request::builder().header(header::HOST, host);
        let request = match call {
            Call::Page { path, cookie } => builder
                .uri(path)
                .header(header::COOKIE, cookie)
                .header(header::ACCEPT, "text/html")
                .header(header::ACCEPT_ENCODING, "gzip")
                .body(Full::default())?,
            Call::Function { name, fields, cookie } => {
                let mut body = Serializer::new(String::new());
                body.extend_pairs(fields);
                builder
                    .method("POST")
                    .uri(format!("/api/{name}"))
                    .header(header::COOKIE, cookie)
                    .header(header::ACCEPT, "application/json")
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .header(header::ORIGIN, &self.origin)
                    .body(Full::from(body.finish()))?
            }
        };
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await?;
        let set = response.headers().get_all(header::SET_COOKIE).into_iter();
        let cookies: Vec<&str> =
            set.filter_map(|set| set.to_str().ok()?.split(';').next()).filter(|set| !set.ends_with('=')).collect();
        let (status, cookies) = (response.status(), cookies.join("; "));
        Ok(Answer { status, cookies, body: response.into_body().collect().await?.to_bytes() })
    }
}
