//! A real identity provider: OpenID Connect or plain OAuth 2.0 over TLS, which gives out codes, checks who brings them, and signs with
//! keys of its own. A [`Twist`] makes it do one thing wrong.

use crate::mail_server::Authority;
use app::domain::oauth::{ClaimPath, ClientAuthentication, Configuration, EmailPolicy, OpenId, Preset};
use axum::{
    Form, Router,
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use rsa::{PrivateKey, pkcs8::EncodePublicKey, traits::PublicKeyParts};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Map, Value, json};
use server::{clock::Clock, config};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use url::{Url, form_urlencoded};

/// The client that every provider knows. Id and secret hold what must be encoded in a header (RFC 6749, section 2.3.1).
pub const CLIENT_ID: &str = "roster client";
pub const CLIENT_SECRET: &str = "s3cret:+/%=&";

/// Making a key takes a moment, so all providers of a run share these: the one that signs, and the one it changes to.
static KEYS: LazyLock<[PrivateKey; 2]> = LazyLock::new(|| {
    let key = || PrivateKey::new(&mut rand::rng(), 2048).unwrap();
    [key(), key()]
});

/// The places where a provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Discovery,
    Keys,
    Token,
    UserInfo,
}

impl Endpoint {
    const fn path(self) -> &'static str {
        match self {
            Self::Discovery => "/.well-known/openid-configuration",
            Self::Keys => "/keys",
            Self::Token => "/token",
            Self::UserInfo => "/me",
        }
    }
}

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// RS256 with the key that is published.
    Rs256,
    /// RS256 with a key that is not.
    StrangeKey,
    /// RS256, and one bit is wrong.
    Broken,
    /// `alg: none`, without a signature.
    None,
    /// HS256 with the published key as the secret.
    PublicKeyAsSecret,
    /// HS256 with the client's secret.
    ClientSecret,
}

/// The first of the keys.
pub fn signing_key() -> PrivateKey {
    KEYS[0].clone()
}

/// A token with these claims, signed with the first of the keys (RS256).
pub fn signed(claims: &Map<String, Value>) -> String {
    let part = |part: String| URL_SAFE_NO_PAD.encode(part);
    let header = json!({ "alg": "RS256", "kid": "key-0" });
    let message = format!("{}.{}", part(header.to_string()), part(Value::Object(claims.clone()).to_string()));
    let signature = KEYS[0].pkcs1v15_sign::<rsa::sha2::Sha256>(message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

type Edit = Box<dyn Fn(&mut Map<String, Value>) + Send + Sync>;

/// One thing that a provider does in a way of its own.
pub enum Twist {
    /// Changes what an endpoint answers.
    Json(Endpoint, Edit),
    /// Changes the claims of the ID token, before it is signed.
    IdToken(Edit),
    /// Changes the header of the ID token.
    Header(Edit),
    /// Changes what the browser brings back.
    Callback(Edit),
    /// Signs in another way.
    Signs(Signing),
    /// Answers something else.
    Answers(Endpoint, Box<dyn Fn() -> Response + Send + Sync>),
    /// Waits before it answers.
    Waits(Endpoint, Duration),
}

impl Twist {
    pub fn json(at: Endpoint, edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Self {
        Self::Json(at, Box::new(edit))
    }

    pub fn id_token(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Self {
        Self::IdToken(Box::new(edit))
    }

    /// Sets one claim of the ID token.
    pub fn claim(name: &'static str, value: Value) -> Self {
        Self::id_token(move |claims| drop(claims.insert(name.to_owned(), value.clone())))
    }

    /// Takes one claim out of the ID token.
    pub fn without_claim(name: &'static str) -> Self {
        Self::id_token(move |claims| drop(claims.remove(name)))
    }

    pub fn header(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Self {
        Self::Header(Box::new(edit))
    }

    pub fn callback(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Self {
        Self::Callback(Box::new(edit))
    }

    /// The provider says an error instead of giving a code.
    pub fn says(error: &'static str) -> Self {
        Self::callback(move |answer| {
            answer.remove("code");
            answer.insert("error".to_owned(), json!(error));
            answer.insert("error_description".to_owned(), json!("<b>call 555-0100</b>"));
        })
    }

    /// Never answers.
    pub fn hangs(at: Endpoint) -> Self {
        Self::Waits(at, Duration::MAX)
    }

    pub fn answers<R: IntoResponse>(at: Endpoint, answer: impl Fn() -> R + Send + Sync + 'static) -> Self {
        Self::Answers(at, Box::new(move || answer().into_response()))
    }
}

/// What a code is good for, until it is used.
struct Grant {
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    claims: Map<String, Value>,
}

struct Shared {
    issuer: String,
    open_id: bool,
    clock: Arc<dyn Clock>,
    authenticates: Mutex<ClientAuthentication>,
    visitor: Mutex<Map<String, Value>>,
    twists: Mutex<Vec<Twist>>,
    key: Mutex<usize>,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Map<String, Value>>>,
    asked: Mutex<Vec<String>>,
    gave_out: Mutex<Vec<String>>,
}

/// A provider at `https://localhost:…`, alive as long as this value.
pub struct Provider {
    shared: Arc<Shared>,
    authority: Authority,
    folder: tempfile::TempDir,
    server: AbortHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    /// One with OpenID Connect.
    pub async fn openid(clock: Arc<dyn Clock>) -> Self {
        Self::start(clock, true).await
    }

    /// One with OAuth 2.0 alone, and a user-info endpoint.
    pub async fn plain(clock: Arc<dyn Clock>) -> Self {
        Self::start(clock, false).await
    }

    async fn start(clock: Arc<dyn Clock>, open_id: bool) -> Self {
        let authority = Authority::of("localhost");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            issuer: format!("https://localhost:{}", tcp.local_addr().unwrap().port()),
            open_id,
            clock,
            authenticates: Mutex::new(ClientAuthentication::Basic),
            visitor: Mutex::default(),
            twists: Mutex::default(),
            key: Mutex::default(),
            codes: Mutex::default(),
            tokens: Mutex::default(),
            asked: Mutex::default(),
            gave_out: Mutex::default(),
        });
        let router = Router::new()
            .route(Endpoint::Discovery.path(), get(discovery))
            .route(Endpoint::Keys.path(), get(keys))
            .route(Endpoint::Token.path(), post(token))
            .route(Endpoint::UserInfo.path(), get(user_info))
            .route("/authorize", get(authorize))
            .layer(from_fn_with_state(Arc::clone(&shared), twisted))
            .with_state(Arc::clone(&shared));
        let listener = Listener { tcp, tls: authority.acceptor() };
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        let provider = Self { shared, authority, folder: tempfile::tempdir().unwrap(), server };
        provider.signs_in_as(json!({
            "sub": "248289761001",
            "id": 583_231,
            "email": "ben@example.org",
            "email_verified": true,
            "name": "Ben Bø",
            "given_name": "Ben",
            "family_name": "Bø",
        }));
        provider
    }

    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    pub fn url(&self, at: Endpoint) -> String {
        format!("{}{}", self.shared.issuer, at.path())
    }

    /// The certificate of the authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// The settings by which it can be reached.
    pub fn settings(&self) -> config::OAuth {
        Self::settings_of(&[self])
    }

    /// The settings by which several can be reached, while the first of them lives.
    pub fn settings_of(providers: &[&Self]) -> config::OAuth {
        let file = providers[0].folder.path().join("authorities.pem");
        std::fs::write(&file, providers.iter().map(|provider| provider.ca_pem()).collect::<String>()).unwrap();
        config::OAuth { ca_file: Some(file), allow_hosts: vec!["localhost".to_owned()] }
    }

    /// The configuration of a login method with it, as if it had been set up and discovered.
    pub fn configuration(&self) -> Configuration {
        let open_id = self.shared.open_id;
        let path = |raw: &str| Some(ClaimPath::parse(raw).unwrap());
        Configuration {
            name: String::new(),
            preset: if open_id { Preset::OpenId } else { Preset::OAuth },
            open_id: open_id.then(|| OpenId {
                issuer: self.shared.issuer.clone(),
                discovery_url: None,
                jwks_url: self.url(Endpoint::Keys),
                names_itself: true,
                lacks_s256: false,
            }),
            authorization_url: format!("{}/authorize", self.shared.issuer),
            token_url: self.url(Endpoint::Token),
            user_info_url: Some(self.url(Endpoint::UserInfo)),
            client_id: CLIENT_ID.to_owned(),
            client_authentication: *self.shared.authenticates.lock().unwrap(),
            scopes: if open_id { vec!["openid".to_owned(), "email".to_owned()] } else { vec!["read".to_owned()] },
            parameters: Vec::new(),
            identifier: ClaimPath::parse(if open_id { "sub" } else { "id" }).unwrap(),
            email: path("email"),
            first_name: path("given_name"),
            last_name: path("family_name"),
            email_policy: EmailPolicy::Strict,
            first_sign_in: false,
        }
    }

    /// Whoever visits next is this person.
    pub fn signs_in_as(&self, claims: Value) {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        *self.shared.visitor.lock().unwrap() = claims;
    }

    /// How the client has to prove itself from now on.
    pub fn authenticates(&self, how: ClientAuthentication) {
        *self.shared.authenticates.lock().unwrap() = how;
    }

    /// From now on it does this, besides what it did wrong before.
    pub fn twist(&self, twist: Twist) {
        self.shared.twists.lock().unwrap().push(twist);
    }

    /// It does everything right again.
    pub fn straighten(&self) {
        self.shared.twists.lock().unwrap().clear();
    }

    /// It signs with another key, under another id; the one before is no longer published.
    pub fn rotate_key(&self) {
        *self.shared.key.lock().unwrap() ^= 1;
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Codes and tokens that it gave out, and the nonces and verifiers that it was told.
    pub fn gave_out(&self) -> Vec<String> {
        self.shared.gave_out.lock().unwrap().clone()
    }

    /// Plays the browser of somebody who says yes: where the provider sends it back to, with code and state.
    pub async fn visit(&self, authorization_url: &str) -> String {
        let browser = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting(self.ca_pem()))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let answer = browser.get(authorization_url).send().await.unwrap();
        match answer.headers().get(header::LOCATION) {
            Some(location) => location.to_str().unwrap().to_owned(),
            None => panic!("the provider refuses {authorization_url}: {}", answer.text().await.unwrap()),
        }
    }
}

/// A browser that believes this authority.
fn trusting(ca_pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

struct Listener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Who does not get through the handshake is a client that does not believe us.
            if let Ok((tcp, from)) = self.tcp.accept().await
                && let Ok(stream) = self.tls.accept(tcp).await
            {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl Shared {
    fn endpoint(path: &str) -> Option<Endpoint> {
        [Endpoint::Discovery, Endpoint::Keys, Endpoint::Token, Endpoint::UserInfo]
            .into_iter()
            .find(|at| at.path() == path)
    }

    /// An answer in JSON, with its twists.
    fn answer(&self, at: Endpoint, mut json: Value) -> Response {
        for twist in self.twists.lock().unwrap().iter() {
            if let Twist::Json(place, edit) = twist
                && *place == at
            {
                edit(json.as_object_mut().unwrap());
            }
        }
        axum::Json(json).into_response()
    }

    fn key_id(&self) -> String {
        format!("key-{}", self.key.lock().unwrap())
    }

    fn id_token(&self, mut claims: Map<String, Value>, nonce: Option<String>) -> String {
        let now = self.clock.now().0 / 1000;
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(CLIENT_ID));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now + 300));
        claims.insert("auth_time".to_owned(), json!(now));
        claims.extend(nonce.map(|nonce| ("nonce".to_owned(), json!(nonce))));
        let mut header = json!({ "typ": "JWT", "kid": self.key_id(), "alg": "RS256" }).as_object().unwrap().clone();
        let mut signing = Signing::Rs256;
        for twist in self.twists.lock().unwrap().iter() {
            match twist {
                Twist::IdToken(edit) => edit(&mut claims),
                Twist::Header(edit) => edit(&mut header),
                Twist::Signs(how) => signing = *how,
                Twist::Json(..) | Twist::Callback(_) | Twist::Answers(..) | Twist::Waits(..) => {}
            }
        }
        let number = *self.key.lock().unwrap();
        match signing {
            Signing::Rs256 | Signing::StrangeKey | Signing::Broken => {}
            Signing::None => drop(header.insert("alg".to_owned(), json!("none"))),
            Signing::PublicKeyAsSecret | Signing::ClientSecret => drop(header.insert("alg".to_owned(), json!("HS256"))),
        }
        let part = |part: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part).to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let rs256 = |number: usize| KEYS[number].pkcs1v15_sign::<rsa::sha2::Sha256>(message.as_bytes()).unwrap();
        let hs256 = |secret: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes()).as_ref().to_vec()
        };
        let signature = match signing {
            Signing::Rs256 => rs256(number),
            Signing::StrangeKey => rs256(number ^ 1),
            Signing::Broken => {
                let mut signature = rs256(number);
                signature[7] ^= 1;
                signature
            }
            Signing::None => Vec::new(),
            Signing::PublicKeyAsSecret => {
                hs256(KEYS[number].to_public_key().to_public_key_pem(Default::default()).unwrap().as_bytes())
            }
            Signing::ClientSecret => hs256(CLIENT_SECRET.as_bytes()),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Does the client prove itself in the one way that was agreed?
    fn knows(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> bool {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET))));
        let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
        let field = |name: &str| form.get(name).map(String::as_str);
        let sent = (authorization, field("client_id"), field("client_secret"));
        match *self.authenticates.lock().unwrap() {
            ClientAuthentication::Basic => sent == (Some(&basic), None, None),
            ClientAuthentication::Post => sent == (None, Some(CLIENT_ID), Some(CLIENT_SECRET)),
            ClientAuthentication::None => sent == (None, Some(CLIENT_ID), None),
        }
    }
}

/// Writes down who asked for what, and lets the twists answer that put something else in an answer's place.
async fn twisted(State(provider): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    provider.asked.lock().unwrap().push(path.clone());
    let mut wait = Duration::ZERO;
    if let Some(at) = Shared::endpoint(&path) {
        for twist in provider.twists.lock().unwrap().iter() {
            match twist {
                Twist::Answers(place, answer) if *place == at => return answer(),
                Twist::Waits(place, how_long) if *place == at => wait = *how_long,
                Twist::Answers(..)
                | Twist::Waits(..)
                | Twist::Json(..)
                | Twist::IdToken(_)
                | Twist::Header(_)
                | Twist::Callback(_)
                | Twist::Signs(_) => {}
            }
        }
    }
    tokio::time::sleep(wait).await;
    next.run(request).await
}

async fn discovery(State(provider): State<Arc<Shared>>) -> Response {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let document = json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at(Endpoint::Token.path()),
        "userinfo_endpoint": at(Endpoint::UserInfo.path()),
        "jwks_uri": at(Endpoint::Keys.path()),
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt", "none"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    provider.answer(Endpoint::Discovery, document)
}

async fn keys(State(provider): State<Arc<Shared>>) -> Response {
    let key = &KEYS[*provider.key.lock().unwrap()];
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "RSA",
        "use": "sig",
        "kid": provider.key_id(),
        "n": number(&key.n_bytes()),
        "e": number(&key.e_bytes()),
    });
    provider.answer(Endpoint::Keys, json!({ "keys": [jwk] }))
}

/// The person is signed in here and says yes.
async fn authorize(State(provider): State<Arc<Shared>>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let asked = |name: &str| asked.get(name).map(String::as_str);
    let Some(redirect_uri) = asked("redirect_uri").filter(|uri| Url::parse(uri).is_ok()) else {
        return (StatusCode::BAD_REQUEST, "redirect_uri").into_response();
    };
    let open_id = asked("scope").is_some_and(|scope| scope.split(' ').any(|scope| scope == "openid"));
    let fine = asked("response_type") == Some("code")
        && asked("client_id") == Some(CLIENT_ID)
        && asked("state").is_some_and(|state| state.len() >= 22)
        && asked("code_challenge_method") == Some("S256")
        && open_id == provider.open_id;
    let (Some(challenge), true) = (asked("code_challenge"), fine) else {
        return (StatusCode::BAD_REQUEST, "not a request for a code").into_response();
    };
    let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let grant = Grant {
        redirect_uri: redirect_uri.to_owned(),
        challenge: challenge.to_owned(),
        nonce: asked("nonce").map(str::to_owned),
        claims: provider.visitor.lock().unwrap().clone(),
    };
    provider.gave_out.lock().unwrap().push(code.clone());
    provider.gave_out.lock().unwrap().extend(grant.nonce.clone());
    provider.codes.lock().unwrap().insert(code.clone(), grant);

    let mut answer = json!({ "code": code, "state": asked("state") }).as_object().unwrap().clone();
    if provider.open_id {
        answer.insert("iss".to_owned(), json!(provider.issuer));
    }
    for twist in provider.twists.lock().unwrap().iter() {
        if let Twist::Callback(edit) = twist {
            edit(&mut answer);
        }
    }
    let mut back = Url::parse(redirect_uri).unwrap();
    back.query_pairs_mut().extend_pairs(answer.iter().map(|(name, value)| (name, value.as_str().unwrap())));
    Redirect::to(back.as_str()).into_response()
}

async fn token(
    State(provider): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let refuses = |status: StatusCode, error: &str| (status, axum::Json(json!({ "error": error }))).into_response();
    if !provider.knows(&headers, &form) {
        return refuses(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // Whatever comes of it, a code is used up.
    let grant = provider.codes.lock().unwrap().remove(field("code"));
    let proved = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    let fits = |grant: &Grant| grant.redirect_uri == field("redirect_uri") && grant.challenge == proved;
    let Some(grant) = grant.filter(|grant| field("grant_type") == "authorization_code" && fits(grant)) else {
        return refuses(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let access = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    provider.gave_out.lock().unwrap().extend([access.clone(), field("code_verifier").to_owned()]);
    provider.tokens.lock().unwrap().insert(access.clone(), grant.claims.clone());
    let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300 });
    if provider.open_id {
        // The rest is asked for at the user-info endpoint.
        let mut claims = grant.claims;
        claims.retain(|name, _| matches!(name.as_str(), "sub" | "oid" | "tid"));
        let id_token = provider.id_token(claims, grant.nonce);
        provider.gave_out.lock().unwrap().push(id_token.clone());
        answer["id_token"] = json!(id_token);
    }
    provider.answer(Endpoint::Token, answer)
}

async fn user_info(State(provider): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let claims = bearer.and_then(|token| provider.tokens.lock().unwrap().get(token).cloned());
    match claims {
        Some(claims) if headers.contains_key(header::USER_AGENT) => {
            provider.answer(Endpoint::UserInfo, Value::Object(claims))
        }
        Some(_) | None => (StatusCode::FORBIDDEN, Body::empty()).into_response(),
    }
}
