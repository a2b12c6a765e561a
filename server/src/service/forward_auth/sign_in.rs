//! How somebody comes from a host to sign in, and goes back with a code that becomes the host's cookie.

use crate::{
    config::ForwardAuth,
    context::Services,
    forward_auth::{CALLBACK, CONTINUE, SIGN_IN},
    secrets::{SealedFor, Token},
    service::{
        actors::{self, Actor},
        own_login::notify::origin,
        platform::{AccountChoice, Authorization, AuthorizationProblem},
    },
    storage::{
        StorageError, Tx, accounts,
        forward_auth::{self, NewHostSignIn},
        platform_sign_ins, retried,
        user_events::{self, UserEvent},
    },
};
use app::{
    domain::{
        name::Slug,
        time::{Span, Timestamp},
    },
    error::AppError,
    paths,
    request::{SignedIn, Visitor},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

/// How long a code is good.
const CODE_TTL: Span = Span::seconds(60);
/// How long somebody may take on pages of ours before they go on.
const REQUEST_TTL: Span = Span::minutes(30);
/// The longest address that somebody comes back to, in bytes; whoever wanted a longer one comes to the host's first page.
const MAX_NEXT_BYTES: usize = 2_000;

/// Where somebody wanted to go, on their way through pages of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ForwardRequest {
    host: String,
    next: String,
    /// The hash of the nonce that the browser has at the host: nobody else can use what comes of this.
    nonce: Vec<u8>,
    asked_at: i64,
}

/// The path of a host that somebody comes back to: never an address elsewhere.
pub(super) fn path_at_host(next: &str) -> String {
    let fits = next.len() <= MAX_NEXT_BYTES && !next.starts_with(crate::forward_auth::OWN_FOLDER);
    if fits { paths::local_or(next, "/") } else { "/".to_owned() }
}

impl Services {
    /// The address at a host that begins signing in and leads back to this path of the host.
    pub fn way_to_sign_in(&self, app: &ForwardAuth, next: &str) -> String {
        let next: String = byte_serialize(path_at_host(next).as_bytes()).collect();
        format!("https://{}{SIGN_IN}?next={next}", app.host)
    }

    /// The request of a browser at a host, sealed; the nonce is what the browser keeps there.
    pub fn seal_forward_request(&self, app: &ForwardAuth, next: &str, nonce: &Token) -> String {
        let request = ForwardRequest {
            host: app.host.clone(),
            next: path_at_host(next),
            nonce: nonce.hash(),
            asked_at: self.now().0,
        };
        let json = serde_json::to_vec(&request).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.keyring.seal(SealedFor::ForwardRequest, &json))
    }

    fn open_forward_request(&self, sealed: &str) -> Option<(ForwardRequest, &ForwardAuth)> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let json = self.keyring.open(SealedFor::ForwardRequest, &sealed).ok()?;
        let request: ForwardRequest = serde_json::from_slice(&json).ok()?;
        let app = self.config.forward_auth.iter().find(|app| app.host == request.host)?;
        (Timestamp(request.asked_at) + REQUEST_TTL > self.now()).then_some((request, app))
    }

    /// The way back to the host that somebody came from before they joined this account.
    pub(in crate::service) fn path_back_to_host(&self, sealed: &str, account: &Slug) -> Option<String> {
        let (_, app) = self.open_forward_request(sealed)?;
        let by_id = |wanted: &str| wanted.parse::<Uuid>().is_ok();
        let fits = app.account.as_deref().is_none_or(|wanted| wanted == account.as_str() || by_id(wanted));
        fits.then(|| format!("{}&account={account}", path_back(sealed)))
    }

    /// Goes on with a request from a host, with the account that was chosen, if one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_in_at_host(
        &self,
        visitor: &Visitor,
        sealed: &str,
        account: Option<&str>,
    ) -> Result<Authorization, AppError> {
        let Some((request, app)) = self.open_forward_request(sealed) else {
            return Ok(Authorization::Problem(AuthorizationProblem::Expired));
        };
        let on_the_way = OnTheWay { app, request: &request, sealed, account };
        retried(|| async {
            let Some(signed_in) = &visitor.signed_in else {
                let mut tx = self.database.begin_read().await?;
                let only = self.slug_of_account_of(&mut tx, app).await?;
                let chosen = account.filter(|account| Slug::parse(account).is_ok());
                return Ok(on_the_way.sign_in_page(only.as_deref().or(chosen)));
            };
            self.try_host(visitor, signed_in, &on_the_way).await
        })
        .await
    }

    async fn try_host(
        &self,
        visitor: &Visitor,
        signed_in: &SignedIn,
        on_the_way: &OnTheWay<'_>,
    ) -> Result<Authorization, AppError> {
        let not_in_account = || {
            Ok(Authorization::Problem(AuthorizationProblem::NotInAccount {
                client: on_the_way.app.name.clone(),
                back: self.way_to_sign_in(on_the_way.app, &on_the_way.request.next),
            }))
        };
        let mut tx = self.database.begin_write().await?;
        let slug = match (&on_the_way.app.account, on_the_way.account) {
            (Some(setting), _) => {
                self.pin_account_of(&mut tx, on_the_way.app).await?;
                let Some(slug) = self.slug_of_account_of(&mut tx, on_the_way.app).await? else {
                    tracing::warn!(
                        host = on_the_way.app.host,
                        setting,
                        "forward_auth.account: there is no such account"
                    );
                    return not_in_account();
                };
                slug
            }
            (None, Some(chosen)) => chosen.to_owned(),
            (None, None) => match self.only_account(&mut tx, signed_in, on_the_way).await? {
                Ok(slug) => slug,
                Err(page) => return Ok(page),
            },
        };
        let Ok(caller) = visitor.caller_in(&slug) else { return not_in_account() };
        let actor = match actors::load(self, &mut tx, &caller).await {
            Ok(actor) => actor,
            Err(AppError::NotFound | AppError::NoLongerAMember { .. }) => return not_in_account(),
            Err(AppError::Unauthenticated) => return Ok(on_the_way.sign_in_page(Some(&slug))),
            Err(AppError::SecondFactorRequired) => {
                let path = paths::required_factor(&slug, &path_back_with(on_the_way.sealed, Some(&slug)));
                return Ok(Authorization::Page { path, request: on_the_way.sealed.to_owned() });
            }
            Err(error) => return Err(error),
        };
        let code = self.begin_host_sign_in(&mut tx, visitor, on_the_way, &actor).await?;
        tx.commit().await?;
        self.note_activity(&actor).await;
        tracing::info!(user = %actor.user, account = %slug, host = on_the_way.app.host, "goes on to a host");
        Ok(Authorization::Back {
            client: on_the_way.app.name.clone(),
            to: format!("https://{}{CALLBACK}?code={}", on_the_way.app.host, code.reveal()),
        })
    }

    /// The slug of the only account there is to open, or a page that says what else.
    async fn only_account(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
        on_the_way: &OnTheWay<'_>,
    ) -> Result<Result<String, Authorization>, StorageError> {
        let open = accounts::of_user(tx, signed_in.user, signed_in.session).await?;
        let others = accounts::by_other_methods(tx, signed_in.user, signed_in.session).await?;
        let client = on_the_way.app.name.clone();
        match (open.as_slice(), others.is_empty()) {
            ([], true) => {
                let back = self.way_to_sign_in(on_the_way.app, &on_the_way.request.next);
                return Ok(Err(Authorization::Problem(AuthorizationProblem::NoAccount { client, back })));
            }
            ([only], true) => return Ok(Ok(only.slug.as_str().to_owned())),
            _ => {}
        }
        let choice = |slug: &Slug, name: String, method| AccountChoice {
            name,
            href: path_back_with(on_the_way.sealed, Some(slug.as_str())),
            method,
        };
        let open = open.into_iter().map(|account| choice(&account.slug, account.name, None));
        let others = others.into_iter().map(|account| choice(&account.slug, account.name, Some(account.method_name)));
        Ok(Err(Authorization::Choose { client, accounts: open.chain(others).collect() }))
    }

    async fn begin_host_sign_in(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        on_the_way: &OnTheWay<'_>,
        actor: &Actor,
    ) -> Result<Token, StorageError> {
        let (code, now, app) = (Token::new(), self.now(), on_the_way.app);
        if !forward_auth::has_been_there(tx, actor.scope(), actor.session, &app.host).await? {
            let event = UserEvent::WentToPlatform { name: app.name.clone() };
            user_events::record(tx, actor.user, &event, &origin(visitor), now).await?;
        }
        // Made when it is first needed; each check reads it.
        platform_sign_ins::subject(tx, actor.user, "", Token::new().reveal()).await?;
        let sign_in = NewHostSignIn {
            host: &app.host,
            setting: app.account.as_deref().unwrap_or_default(),
            session: actor.session,
            next: &on_the_way.request.next,
            nonce_hash: &on_the_way.request.nonce,
            code_hash: &code.hash(),
            code_expires: now + CODE_TTL,
        };
        forward_auth::insert(tx, actor.scope(), &sign_in, now).await?;
        Ok(code)
    }

    /// Exchanges a code for the cookie of a host, in the browser that has the nonce; answers the cookie and where to go. `None` for a code that
    /// is good for nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_at_host(
        &self,
        app: &ForwardAuth,
        code: &str,
        nonce: &str,
        earlier: Option<&str>,
    ) -> Result<Option<(Token, String)>, AppError> {
        let (Some(code), Some(nonce)) = (Token::parse(code), Token::parse(nonce)) else { return Ok(None) };
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let (now, host) = (self.now(), app.host.as_str());
            let found = forward_auth::find_by_code(&mut tx, host, &code.hash(), &nonce.hash(), now).await?;
            drop(tx);
            let Some(sign_in) = found else { return Ok(None) };
            let cookie = Token::new();
            let mut tx = self.database.begin_write().await?;
            if !forward_auth::use_code(&mut tx, &sign_in, &cookie.hash()).await? {
                return Ok(None);
            }
            if let Some(earlier) = earlier.and_then(Token::parse) {
                forward_auth::end(&mut tx, host, &earlier.hash()).await?;
            }
            tx.commit().await?;
            Ok(Some((cookie, sign_in.next)))
        })
        .await
    }

    /// Ends being signed in at a host; the session here goes on.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_out_at_host(&self, app: &ForwardAuth, cookie: &str) -> Result<(), AppError> {
        let Some(cookie) = Token::parse(cookie) else { return Ok(()) };
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            forward_auth::end(&mut tx, &app.host, &cookie.hash()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

/// Somebody on the way from a host.
struct OnTheWay<'a> {
    app: &'a ForwardAuth,
    request: &'a ForwardRequest,
    sealed: &'a str,
    account: Option<&'a str>,
}

impl OnTheWay<'_> {
    /// The page to sign in, which leads back to the request.
    fn sign_in_page(&self, account: Option<&str>) -> Authorization {
        let page = account.map_or_else(|| paths::LOGIN.to_owned(), paths::login);
        let next = path_back_with(self.sealed, account);
        Authorization::Page { path: paths::with_next(&page, &next), request: self.sealed.to_owned() }
    }
}

/// The path of our own by which a sealed request goes on.
fn path_back(sealed: &str) -> String {
    format!("{CONTINUE}?request={sealed}")
}

fn path_back_with(sealed: &str, account: Option<&str>) -> String {
    account.map_or_else(|| path_back(sealed), |account| format!("{}&account={account}", path_back(sealed)))
}
