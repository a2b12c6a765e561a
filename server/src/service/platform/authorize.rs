//! The authorization endpoint: a platform sends somebody to sign in, and gets a code for one account of theirs.
//!
//! Platforms are the operator's own, so nobody is asked whether a platform may know who they are. What opens an account here opens it there:
//! a session that proved the member's login method, and a second factor where the account requires one.

use super::{Opens, PlatformClient};
use crate::{
    context::Services,
    openid_provider::{AuthorizationRequest, CONTINUE, RequestError},
    secrets::{SealedFor, Token},
    service::{
        actors::{self, Actor},
        own_login::notify::origin,
        sessions::sign_in::rate_limited,
    },
    storage::{
        StorageError, Tx, accounts,
        platform_sign_ins::{self, NewPlatformSignIn},
        rate_buckets::{self, Limit},
        retried,
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
use url::Url;
use uuid::Uuid;

/// How long a code can be exchanged.
const CODE_TTL: Span = Span::seconds(60);
/// How long somebody may take on pages of ours before they come back to a request.
const REQUEST_TTL: Span = Span::minutes(60);

/// How often a user goes on to platforms in a row, and how many times of these come back each second. Platforms ask in the background, too.
const MAX_SIGN_INS: u32 = 120;
const SIGN_INS_PER_S: f64 = 1.0;

/// An account to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountChoice {
    /// Its name.
    pub name: String,
    /// The address that chooses it.
    pub href: String,
    /// The login method that it takes, if the session has not proved it yet.
    pub method: Option<String>,
}

/// Where an authorization request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Back to the client, with a code or an error.
    Back {
        /// The client's name.
        client: String,
        /// The address, with the answer.
        to: String,
    },
    /// To a page of ours first: to sign in, or to prove a second factor.
    Page {
        /// Its path, which leads back.
        path: String,
        /// The request, sealed: whoever joins by the link of an invitation goes on with it too.
        request: String,
    },
    /// To one of several accounts.
    Choose {
        /// The client's name.
        client: String,
        /// The accounts.
        accounts: Vec<AccountChoice>,
    },
    /// Nowhere: a page says why.
    Problem(AuthorizationProblem),
}

/// Why somebody cannot go on to a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationProblem {
    /// There is no such client.
    UnknownClient,
    /// The address to go back to is not among the client's.
    UnknownRedirectUri {
        /// The client's name.
        client: String,
    },
    /// The client belongs to one account, and it is not certain any more to which.
    NotServed {
        /// The client's name.
        client: String,
    },
    /// The way through our pages took too long, or the address is damaged.
    Expired,
    /// The person is in no account that this session opens.
    NoAccount {
        /// The client's name.
        client: String,
        /// The client, with an error.
        back: String,
    },
    /// The person is not in the account that was asked for, or not any more.
    NotInAccount {
        /// The client's name.
        client: String,
        /// The client, with an error.
        back: String,
    },
}

/// Something that stands in the way of a code.
struct Obstacle {
    /// What the client hears where nobody may be asked.
    error: RequestError,
    otherwise: Authorization,
}

impl Services {
    /// Answers a request of a client. Whatever is wrong with client or redirect URI is said to the person, and to nobody else (RFC 9700, 4.11).
    ///
    /// # Errors
    /// The database's.
    pub async fn authorize(
        &self,
        visitor: &Visitor,
        parameters: &[(String, String)],
    ) -> Result<Authorization, AppError> {
        let client = match single(parameters, "client_id") {
            Some(id) => self.client_for_people(id).await?,
            None => None,
        };
        let Some(client) = client else { return Ok(Authorization::Problem(AuthorizationProblem::UnknownClient)) };
        let redirect_uri = single(parameters, "redirect_uri");
        let Some(redirect_uri) = redirect_uri.filter(|uri| client.settings.redirect_uris.iter().any(|own| own == uri))
        else {
            let client = client.settings.name;
            return Ok(Authorization::Problem(AuthorizationProblem::UnknownRedirectUri { client }));
        };
        if let Some(problem) = not_served(&client) {
            return Ok(problem);
        }
        match AuthorizationRequest::parse(&client.settings.id, redirect_uri, parameters, self.now()) {
            Ok(mut request) => {
                request.account =
                    request.account.or_else(|| client.only_account().map(|slug| slug.as_str().to_owned()));
                self.go_on(visitor, &client, &request).await
            }
            Err(error) => {
                let state = single(parameters, "state");
                Ok(Authorization::Back {
                    to: self.answer(redirect_uri, &[("error", error.code())], state),
                    client: client.settings.name,
                })
            }
        }
    }

    /// Goes on with a request that led through pages of ours; with the account that was chosen there.
    ///
    /// # Errors
    /// The database's.
    pub async fn continue_authorization(
        &self,
        visitor: &Visitor,
        sealed: &str,
        account: Option<&str>,
    ) -> Result<Authorization, AppError> {
        let expired = || Ok(Authorization::Problem(AuthorizationProblem::Expired));
        let Some(mut request) = self.open_request(sealed) else { return expired() };
        let client = self.client_for_people(&request.client_id).await?;
        // It may have been changed or removed meanwhile.
        let still = |client: &PlatformClient| client.settings.redirect_uris.contains(&request.redirect_uri);
        let Some(client) = client.filter(still) else { return expired() };
        if let Some(problem) = not_served(&client) {
            return Ok(problem);
        }
        if let Some(account) = account {
            request.account = Some(account.to_owned());
            request.prompt.select_account = false;
        }
        self.go_on(visitor, &client, &request).await
    }

    async fn go_on(
        &self,
        visitor: &Visitor,
        client: &PlatformClient,
        request: &AuthorizationRequest,
    ) -> Result<Authorization, AppError> {
        retried(|| async {
            let obstacle = match &visitor.signed_in {
                Some(signed_in) => match self.try_authorize(visitor, signed_in, client, request).await? {
                    Ok(to) => return Ok(Authorization::Back { client: client.settings.name.clone(), to }),
                    Err(obstacle) => obstacle,
                },
                None => Obstacle {
                    error: RequestError::LoginRequired,
                    otherwise: self.sign_in_page(request.account.as_deref(), request),
                },
            };
            Ok(if request.prompt.none {
                Authorization::Back { client: client.settings.name.clone(), to: self.refusal(request, obstacle.error) }
            } else {
                obstacle.otherwise
            })
        })
        .await
    }

    async fn try_authorize(
        &self,
        visitor: &Visitor,
        signed_in: &SignedIn,
        client: &PlatformClient,
        request: &AuthorizationRequest,
    ) -> Result<Result<String, Obstacle>, AppError> {
        let mut tx = self.database.begin_write().await?;
        let slug = match self.account_for(&mut tx, signed_in, client, request).await? {
            Ok(slug) => slug,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let not_in_account = || Obstacle {
            error: RequestError::AccessDenied,
            otherwise: Authorization::Problem(AuthorizationProblem::NotInAccount {
                client: client.settings.name.clone(),
                back: self.refusal(request, RequestError::AccessDenied),
            }),
        };
        let Ok(caller) = visitor.caller_in(&slug) else { return Ok(Err(not_in_account())) };
        let actor = match actors::load(self, &mut tx, &caller).await {
            Ok(actor) => actor,
            Err(AppError::NotFound | AppError::NoLongerAMember { .. }) => return Ok(Err(not_in_account())),
            Err(AppError::Unauthenticated) => {
                let otherwise = self.sign_in_page(Some(slug.as_str()), request);
                return Ok(Err(Obstacle { error: RequestError::LoginRequired, otherwise }));
            }
            Err(AppError::SecondFactorRequired) => {
                let sealed = self.seal_request(request);
                let path = paths::required_factor(&slug, &path_back_to(&sealed));
                let otherwise = Authorization::Page { path, request: sealed };
                return Ok(Err(Obstacle { error: RequestError::InteractionRequired, otherwise }));
            }
            Err(error) => return Err(error),
        };
        // The address may have become another account's since the client was read.
        if !client.opens(actor.scope().id()) {
            return Ok(Err(not_in_account()));
        }
        if !request.takes_sign_in_of(actor.authenticated_at(), self.now()) {
            let otherwise = self.sign_in_page(Some(slug.as_str()), request);
            return Ok(Err(Obstacle { error: RequestError::LoginRequired, otherwise }));
        }
        let code = self.begin_platform_sign_in(&mut tx, visitor, client, request, &actor).await?;
        tx.commit().await?;
        self.note_activity(&actor).await;
        tracing::info!(user = %actor.user, account = %slug, client = client.settings.id, "goes on to a platform");
        Ok(Ok(self.answer(&request.redirect_uri, &[("code", code.reveal())], request.state.as_deref())))
    }

    /// The slug of the account to go on with.
    async fn account_for(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
        client: &PlatformClient,
        request: &AuthorizationRequest,
    ) -> Result<Result<String, Obstacle>, StorageError> {
        match (client.only_account().map(Slug::as_str), request.account.as_deref()) {
            (Some(only), Some(wanted)) if only != wanted => {
                let back = self.refusal(request, RequestError::AccessDenied);
                let client = client.settings.name.clone();
                let otherwise = Authorization::Problem(AuthorizationProblem::NotInAccount { client, back });
                return Ok(Err(Obstacle { error: RequestError::AccessDenied, otherwise }));
            }
            (Some(slug), _) | (None, Some(slug)) => return Ok(Ok(slug.to_owned())),
            (None, None) => {}
        }
        let open = accounts::of_user(tx, signed_in.user, signed_in.session).await?;
        let others = accounts::by_other_methods(tx, signed_in.user, signed_in.session).await?;
        match (open.as_slice(), others.is_empty()) {
            ([], true) => {
                let back = self.refusal(request, RequestError::AccessDenied);
                let client = client.settings.name.clone();
                let otherwise = Authorization::Problem(AuthorizationProblem::NoAccount { client, back });
                return Ok(Err(Obstacle { error: RequestError::AccessDenied, otherwise }));
            }
            ([only], true) if !request.prompt.select_account => return Ok(Ok(only.slug.as_str().to_owned())),
            _ => {}
        }
        // Where nobody is asked, what was chosen in this session holds.
        if request.prompt.none
            && let Some(slug) =
                platform_sign_ins::last_account(tx, signed_in.user, signed_in.session, &client.settings.id).await?
        {
            return Ok(Ok(slug));
        }
        let sealed = self.seal_request(request);
        let choice = |slug: &str, name: String, method| AccountChoice {
            name,
            href: format!("{}&account={slug}", path_back_to(&sealed)),
            method,
        };
        let open = open.into_iter().map(|account| choice(account.slug.as_str(), account.name, None));
        let others = others
            .into_iter()
            .map(|account| choice(account.slug.as_str(), account.name.clone(), Some(account.method_name)));
        let accounts = open.chain(others).collect();
        let otherwise = Authorization::Choose { client: client.settings.name.clone(), accounts };
        Ok(Err(Obstacle { error: RequestError::AccountSelectionRequired, otherwise }))
    }

    /// Makes the code, and what will come of it.
    async fn begin_platform_sign_in(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        client: &PlatformClient,
        request: &AuthorizationRequest,
        actor: &Actor,
    ) -> Result<Token, AppError> {
        let (code, now) = (Token::new(), self.now());
        let (key, limit) = (format!("authorize:user:{}", actor.user), Limit::per_second(MAX_SIGN_INS, SIGN_INS_PER_S));
        rate_buckets::take(tx, &key, limit, now).await?.map_err(rate_limited)?;
        let client_id = client.settings.id.as_str();
        let been = platform_sign_ins::has_been_there(tx, actor.scope(), actor.user, actor.session, client_id).await?;
        if !been {
            let event = UserEvent::WentToPlatform { name: client.settings.name.clone() };
            user_events::record(tx, actor.user, &event, &origin(visitor), now).await?;
        }
        let subject = platform_sign_ins::subject(tx, actor.user, client.sector(), Token::new().reveal()).await?;
        let sign_in = NewPlatformSignIn {
            id: Uuid::now_v7(),
            client_id,
            member: actor.member,
            user: actor.user,
            session: actor.session,
            subject: &subject,
            redirect_uri: &request.redirect_uri,
            scopes: &request.scope,
            nonce: request.nonce.as_deref(),
            code_challenge: &request.code_challenge,
            code_hash: code.hash(),
            code_expires: now + CODE_TTL,
            authenticated_at: actor.authenticated_at(),
        };
        platform_sign_ins::insert(tx, actor.scope(), &sign_in, now).await?;
        Ok(code)
    }

    /// The page to sign in, which leads back to the request.
    fn sign_in_page(&self, account: Option<&str>, request: &AuthorizationRequest) -> Authorization {
        let page = account.map_or_else(|| paths::LOGIN.to_owned(), paths::login);
        let sealed = self.seal_request(request);
        Authorization::Page { path: paths::with_next(&page, &path_back_to(&sealed)), request: sealed }
    }

    /// A request for its way through pages of ours: nothing in it can be changed, and it leads to no place that is not the client's.
    fn seal_request(&self, request: &AuthorizationRequest) -> String {
        let json = serde_json::to_vec(request).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.keyring.seal(SealedFor::AuthorizationRequest, &json))
    }

    fn open_request(&self, sealed: &str) -> Option<AuthorizationRequest> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let json = self.keyring.open(SealedFor::AuthorizationRequest, &sealed).ok()?;
        let request: AuthorizationRequest = serde_json::from_slice(&json).ok()?;
        (Timestamp(request.asked_at) + REQUEST_TTL > self.now()).then_some(request)
    }

    /// The way back to the platform that somebody came from before they joined this account.
    pub(in crate::service) fn path_back_to_platform(&self, visitor: &Visitor, account: &Slug) -> Option<String> {
        let sealed = visitor.authorization.as_deref()?;
        let Some(request) = self.open_request(sealed) else { return self.path_back_to_host(sealed, account) };
        let fits = request.account.is_none_or(|wanted| wanted == account.as_str());
        fits.then(|| format!("{}&account={account}", path_back_to(sealed)))
    }

    fn refusal(&self, request: &AuthorizationRequest, error: RequestError) -> String {
        self.answer(&request.redirect_uri, &[("error", error.code())], request.state.as_deref())
    }

    /// The client's address with an answer, which names the one who gives it (RFC 9207).
    fn answer(&self, redirect_uri: &str, answer: &[(&str, &str)], state: Option<&str>) -> String {
        let Ok(mut url) = Url::parse(redirect_uri) else { return redirect_uri.to_owned() };
        let issuer = self.config.origin();
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(answer).extend_pairs(state.map(|state| ("state", state)));
        pairs.append_pair("iss", &issuer);
        drop(pairs);
        url.into()
    }
}

/// What a client that opens no account is answered with.
fn not_served(client: &PlatformClient) -> Option<Authorization> {
    let Opens::Nothing(why) = &client.opens else { return None };
    tracing::error!(client = client.settings.id, %why, "a platform serves nobody");
    Some(Authorization::Problem(AuthorizationProblem::NotServed { client: client.settings.name.clone() }))
}

/// The path of our own by which a sealed request goes on.
fn path_back_to(sealed: &str) -> String {
    format!("{CONTINUE}?request={sealed}")
}

/// The value of a parameter that is there once.
fn single<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = parameters.iter().filter(|(known, _)| known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        (None | Some(_), _) => None,
    }
}
