//! Sending somebody to a provider: to sign in, to take an invitation up, or to test a configuration (OA-02, OA-03).

use crate::{
    context::Services,
    oauth::Kept,
    secrets::{NotOurs, SealedFor, Token},
    service::{
        actors,
        sessions::sign_in::{ip_key, too_many},
    },
    storage::{
        AccountScope, StorageError, Tx,
        login_methods::{self, MethodAccount, SavedConfiguration, Stage},
        oauth_attempts::{self, AttemptPurpose, NewAttempt},
        rate_buckets::{self, Limit},
        sessions,
    },
};
use app::{
    domain::{
        ids::{AttemptId, InvitationId, LoginMethodId, SessionId},
        permission::Gate,
        time::Span,
    },
    error::AppError,
    paths,
    request::{Caller, Visitor, WithCookies},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How long somebody may take at the provider (OA-03).
const ATTEMPT_TTL: Span = Span::minutes(10);

/// Ways to one account's provider, and to all providers, that one address may have under way or fail at, as multiples of sign-ins by password.
const ACCOUNT_TRIES_FACTOR: u32 = 3;
const ADDRESS_TRIES_FACTOR: u32 = 9;

/// What somebody goes to a provider for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Errand<'a> {
    pub(in crate::service) purpose: AttemptPurpose,
    pub(in crate::service) invitation: Option<InvitationId>,
    pub(in crate::service) session: Option<SessionId>,
    pub(in crate::service) next: &'a str,
    pub(in crate::service) max_age: Option<u32>,
}

/// What an attempt keeps until the browser comes back.
#[derive(Serialize, Deserialize)]
struct Sealed {
    verifier: String,
    nonce: Option<String>,
}

impl Services {
    /// The way to the provider, for somebody who wants to sign in or, with `invitation`, to join. Answers where the browser goes: to the
    /// provider, or to a page of ours that says why not. Whoever has not `pressed` a link on a page of ours has not chosen to go, and is shown
    /// the page where one does.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is no login method, [`AppError::RateLimited`], the database's.
    pub async fn begin_oauth(
        &self,
        visitor: &Visitor,
        method: LoginMethodId,
        invitation: Option<InvitationId>,
        next: &str,
        pressed: bool,
    ) -> Result<WithCookies<String>, AppError> {
        let mut tx = self.database.begin_write().await?;
        let place = login_methods::account_of(&mut tx, method).await?.ok_or(AppError::NotFound)?;
        let back = match invitation {
            Some(id) => paths::invitation(id),
            None => paths::login(place.slug.as_str()),
        };
        let leads_somewhere = match invitation {
            Some(id) => self.held_as(&mut tx, visitor, id).await.is_ok_and(|held| held.member.method.id == method),
            None => true,
        };
        if !pressed || !leads_somewhere {
            let answer = if invitation.is_some() { back } else { paths::with_next(&back, next) };
            return Ok(WithCookies { answer, cookies: Vec::new() });
        }
        for (key, limit) in self.tries_of(visitor, place.scope) {
            rate_buckets::take(&mut tx, &key, limit, self.now()).await?.map_err(too_many)?;
        }
        let live = login_methods::configuration(&mut tx, place.scope, method, Stage::Live).await?;
        let Some(live) = live.filter(|_| place.enabled) else {
            return Ok(WithCookies { answer: paths::with_problem(&back, "off"), cookies: Vec::new() });
        };
        let purpose = if invitation.is_some() { AttemptPurpose::Join } else { AttemptPurpose::SignIn };
        // Who is signed in by it already comes to prove it anew: not by a session at the provider that nobody has looked after for hours
        // (AZ-16, ASVS 6.8.4). Half of what counts as fresh is asked for, so that something of it is left.
        let max_age = has_proved(&mut tx, visitor, method).await?.then(|| self.max_age());
        let next = paths::local_or(next, "");
        let errand = Errand { purpose, invitation, session: None, next: &next, max_age };
        self.begin(tx, visitor, &place, method, &live, errand, &back).await
    }

    /// The way to the provider by the draft, or, without one, by the live configuration, to see whether it works (OA-23).
    ///
    /// # Errors
    /// As for every change of a login method.
    pub async fn begin_test(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
    ) -> Result<WithCookies<String>, AppError> {
        let mut tx = self.database.begin_write().await?;
        let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
        actor.needs_fresh_proof(self)?;
        self.count_provider_try(&mut tx, actor.scope()).await?;
        let place = login_methods::account_of(&mut tx, method).await?;
        let place = place.filter(|place| place.scope == actor.scope()).ok_or(AppError::NotFound)?;
        let tested = match login_methods::configuration(&mut tx, place.scope, method, Stage::Draft).await? {
            Some(draft) => Some(draft),
            None => login_methods::configuration(&mut tx, place.scope, method, Stage::Live).await?,
        };
        let tested = tested.ok_or(AppError::NotFound)?;
        let errand = Errand {
            purpose: AttemptPurpose::Test,
            invitation: None,
            session: Some(caller.signed_in.session),
            next: "",
            // So that the test can say what this provider is able to prove.
            max_age: Some(self.max_age()),
        };
        let back = paths::login_method(place.slug.as_str(), method);
        self.begin(tx, visitor, &place, method, &tested, errand, &back).await
    }

    /// Counts that Roster asks, for an account, a server that the account itself names.
    ///
    /// # Errors
    /// [`AppError::RateLimited`] if the account did so too often.
    pub(in crate::service) async fn count_provider_try(
        &self,
        tx: &mut Tx,
        scope: AccountScope,
    ) -> Result<(), AppError> {
        let limit = Limit::per_hour(self.config.limits.provider_tries_per_account_hour);
        let taken = rate_buckets::take(tx, &format!("provider:{}", scope.id()), limit, self.now()).await?;
        taken.map_err(too_many)
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one step of one operation")]
    async fn begin(
        &self,
        mut tx: Tx,
        visitor: &Visitor,
        place: &MethodAccount,
        method: LoginMethodId,
        by: &SavedConfiguration,
        errand: Errand<'_>,
        back: &str,
    ) -> Result<WithCookies<String>, AppError> {
        let begun = match self.oauth.begin(&by.configuration, &self.redirect_uri(method), errand.max_age) {
            Ok(begun) => begun,
            Err(fault) => {
                return Ok(WithCookies { answer: paths::with_problem(back, fault.key()), cookies: Vec::new() });
            }
        };
        let now = self.now();
        // One mark for all ways that this browser has begun, so that two tabs do not get into each other's way.
        let browser = visitor.oauth.as_deref().and_then(Token::parse).unwrap_or_default();
        let id = AttemptId(Uuid::now_v7());
        let attempt = NewAttempt {
            id,
            state_hash: &state_hash(&begun.kept.state),
            browser_hash: &browser.hash(),
            method,
            configuration: by.id,
            purpose: errand.purpose,
            invitation: errand.invitation,
            session: errand.session,
            next: errand.next,
            sealed: &self.seal_kept(id, &begun.kept),
            expires: now + ATTEMPT_TTL,
            max_age: errand.max_age,
        };
        oauth_attempts::insert(&mut tx, place.scope, &attempt, now).await?;
        tx.commit().await?;
        Ok(WithCookies { answer: begun.url, cookies: vec![self.cookies.oauth(browser.reveal())] })
    }

    /// The buckets in which ways to a provider are counted: an account's of one address, so that what one account's provider fails at holds
    /// nobody up elsewhere (OA-22), and all of the address. They are wide enough for an office whose people set out at the same time.
    fn tries_of(&self, visitor: &Visitor, scope: AccountScope) -> [(String, Limit); 2] {
        let limits = &self.config.limits;
        let times = |factor: u32| {
            Limit::per_second(limits.sign_in_burst.saturating_mul(factor), limits.sign_in_per_s * f64::from(factor))
        };
        [
            (ip_key(&format!("oauth:{}", scope.id()), visitor.ip), times(ACCOUNT_TRIES_FACTOR)),
            (ip_key("oauth", visitor.ip), times(ADDRESS_TRIES_FACTOR)),
        ]
    }

    /// Takes a way to a provider back that ended well: only the others count.
    pub(in crate::service) async fn forget_try(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        scope: AccountScope,
    ) -> Result<(), StorageError> {
        for (key, _) in self.tries_of(visitor, scope) {
            rate_buckets::put_back(tx, &key).await?;
        }
        Ok(())
    }

    /// How many seconds ago at most somebody who is to sign in anew may have signed in at the provider.
    fn max_age(&self) -> u32 {
        30 * self.config.sessions.step_up_minutes
    }

    /// Where the provider sends people back to: one address for each method, by the configured base URL alone (OA-05, OA-13, INV-20).
    pub(in crate::service) fn redirect_uri(&self, method: LoginMethodId) -> String {
        self.config.link(&paths::oauth_callback(method))
    }

    fn seal_kept(&self, id: AttemptId, kept: &Kept) -> Vec<u8> {
        let sealed = Sealed { verifier: kept.verifier.clone(), nonce: kept.nonce.clone() };
        self.keyring.seal(SealedFor::OAuthAttempt(id), &serde_json::to_vec(&sealed).unwrap_or_default())
    }

    /// What [`Self::begin_oauth`] kept; the state came back with the browser.
    pub(in crate::service) fn open_kept(
        &self,
        id: AttemptId,
        state: &str,
        sealed: Option<&[u8]>,
    ) -> Result<Kept, NotOurs> {
        let plain = self.keyring.open(SealedFor::OAuthAttempt(id), sealed.unwrap_or_default())?;
        let Sealed { verifier, nonce } = serde_json::from_slice(&plain).map_err(|_| NotOurs)?;
        Ok(Kept { state: state.to_owned(), verifier, nonce })
    }

    /// The client secret of a method's configuration; `None` for a public client.
    pub(in crate::service) fn client_secret(
        &self,
        scope: AccountScope,
        method: LoginMethodId,
        saved: &SavedConfiguration,
    ) -> Result<Option<String>, NotOurs> {
        let Some(sealed) = &saved.secret else { return Ok(None) };
        let plain = self.keyring.open(client_secret_of(scope, method), sealed)?;
        String::from_utf8(plain).map(Some).map_err(|_| NotOurs)
    }

    /// Seals a client secret for its method (OA-17, CF-03).
    pub(in crate::service) fn seal_client_secret(
        &self,
        scope: AccountScope,
        method: LoginMethodId,
        secret: &str,
    ) -> Vec<u8> {
        self.keyring.seal(client_secret_of(scope, method), secret.as_bytes())
    }
}

fn client_secret_of(scope: AccountScope, method: LoginMethodId) -> SealedFor {
    SealedFor::ClientSecret { account: scope.id(), method }
}

/// Has the present session proved this method before?
pub(in crate::service) async fn has_proved(
    tx: &mut Tx,
    visitor: &Visitor,
    method: LoginMethodId,
) -> Result<bool, StorageError> {
    match &visitor.signed_in {
        Some(signed_in) => sessions::has_proved(tx, signed_in.session, method).await,
        None => Ok(false),
    }
}

/// What the database holds of a state.
pub(in crate::service) fn state_hash(state: &str) -> Vec<u8> {
    Sha256::digest(state.as_bytes()).to_vec()
}
