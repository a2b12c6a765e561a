//! Sends somebody to a provider: to sign in, to accept an invitation, or to test a configuration (OA-02, OA-03).

use crate::{
    context::Services,
    oauth::PendingAuthorization,
    secrets::{OpenError, SealedFor, Token},
    service::{
        actors,
        sessions::sign_in::{ip_key, rate_limited},
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

/// How many authorizations one address may begin without finishing them, at one account's providers and at all providers, as multiples of
/// the limit of sign-ins by password.
const ACCOUNT_TRIES_FACTOR: u32 = 3;
const ADDRESS_TRIES_FACTOR: u32 = 9;

/// What to ask of a provider, and what for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct AuthorizationRequest<'a> {
    pub(in crate::service) purpose: AttemptPurpose,
    pub(in crate::service) invitation: Option<InvitationId>,
    pub(in crate::service) session: Option<SessionId>,
    pub(in crate::service) next: &'a str,
    pub(in crate::service) max_age: Option<u32>,
}

/// The part of a [`PendingAuthorization`] that is stored until the callback.
#[derive(Serialize, Deserialize)]
struct SealedPending {
    verifier: String,
    nonce: Option<String>,
}

impl Services {
    /// Begins a sign-in or, with `invitation`, joining. Answers where the browser goes: to the provider, or to a page of ours that says why not.
    /// Somebody who has not `pressed` a link on a page of ours has not chosen to go there, and is shown the page with that link.
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
        let account = login_methods::account_of(&mut tx, method).await?.ok_or(AppError::NotFound)?;
        let back = match invitation {
            Some(id) => paths::invitation(id),
            None => paths::login(account.slug.as_str()),
        };
        let leads_somewhere = match invitation {
            Some(id) => self
                .require_invitation(&mut tx, visitor, id)
                .await
                .is_ok_and(|presented| presented.member.method.id == method),
            None => true,
        };
        if !pressed || !leads_somewhere {
            let answer = if invitation.is_some() { back } else { paths::with_next(&back, next) };
            return Ok(WithCookies { answer, cookies: Vec::new() });
        }
        for (key, limit) in self.try_limits(visitor, account.scope) {
            rate_buckets::take(&mut tx, &key, limit, self.now()).await?.map_err(rate_limited)?;
        }
        let live = login_methods::configuration(&mut tx, account.scope, method, Stage::Live).await?;
        let Some(live) = live.filter(|_| account.enabled) else {
            return Ok(WithCookies { answer: paths::with_problem(&back, "off"), cookies: Vec::new() });
        };
        let purpose = if invitation.is_some() { AttemptPurpose::Join } else { AttemptPurpose::SignIn };
        // Somebody who is signed in with this method already comes to reauthenticate: a session at the provider that is hours old does not
        // do (AZ-16, ASVS 6.8.4). Half of the window is asked for, so that some of it is left afterwards.
        let max_age = has_proved(&mut tx, visitor, method).await?.then(|| self.max_age());
        let next = paths::local_or(next, "");
        let request = AuthorizationRequest { purpose, invitation, session: None, next: &next, max_age };
        self.redirect_to_provider(tx, visitor, &account, method, &live, request, &back).await
    }

    /// Begins a test of the draft, or, without one, of the live configuration, to see whether it works (OA-23).
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
        actor.require_recent_authentication(self)?;
        self.count_provider_try(&mut tx, actor.scope()).await?;
        let account = login_methods::account_of(&mut tx, method).await?;
        let account = account.filter(|account| account.scope == actor.scope()).ok_or(AppError::NotFound)?;
        let tested = match login_methods::configuration(&mut tx, account.scope, method, Stage::Draft).await? {
            Some(draft) => Some(draft),
            None => login_methods::configuration(&mut tx, account.scope, method, Stage::Live).await?,
        };
        let tested = tested.ok_or(AppError::NotFound)?;
        let request = AuthorizationRequest {
            purpose: AttemptPurpose::Test,
            invitation: None,
            session: Some(actor.session),
            next: "",
            // So that the test can say what this provider is able to prove.
            max_age: Some(self.max_age()),
        };
        let back = paths::login_method(account.slug.as_str(), method);
        self.redirect_to_provider(tx, visitor, &account, method, &tested, request, &back).await
    }

    /// Counts a request that Roster sends, for an account, to a server that the account itself names.
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
        taken.map_err(rate_limited)
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one step of one operation")]
    async fn redirect_to_provider(
        &self,
        mut tx: Tx,
        visitor: &Visitor,
        account: &MethodAccount,
        method: LoginMethodId,
        by: &SavedConfiguration,
        request: AuthorizationRequest<'_>,
        back: &str,
    ) -> Result<WithCookies<String>, AppError> {
        let redirect = match self.oauth.begin(&by.configuration, &self.redirect_uri(method), request.max_age) {
            Ok(redirect) => redirect,
            Err(fault) => {
                return Ok(WithCookies { answer: paths::with_problem(back, fault.key()), cookies: Vec::new() });
            }
        };
        let now = self.now();
        // One token for all attempts of this browser, so that two tabs do not get into each other's way.
        let browser = visitor.oauth.as_deref().and_then(Token::parse).unwrap_or_default();
        let id = AttemptId(Uuid::now_v7());
        let attempt = NewAttempt {
            id,
            state_hash: &state_hash(&redirect.pending.state),
            browser_hash: &browser.hash(),
            method,
            configuration: by.id,
            purpose: request.purpose,
            invitation: request.invitation,
            session: request.session,
            next: request.next,
            sealed: &self.seal_pending(id, &redirect.pending),
            expires: now + ATTEMPT_TTL,
            max_age: request.max_age,
        };
        oauth_attempts::insert(&mut tx, account.scope, &attempt, now).await?;
        tx.commit().await?;
        Ok(WithCookies { answer: redirect.url, cookies: vec![self.cookies.oauth(browser.reveal())] })
    }

    /// The rate buckets in which attempts are counted: those of one address in one account, so that a provider that fails there keeps nobody
    /// from signing in elsewhere (OA-22), and all of the address. They are large enough for an office whose people sign in at the same time.
    fn try_limits(&self, visitor: &Visitor, scope: AccountScope) -> [(String, Limit); 2] {
        let limits = &self.config.limits;
        let times = |factor: u32| {
            Limit::per_second(limits.sign_in_burst.saturating_mul(factor), limits.sign_in_per_s * f64::from(factor))
        };
        [
            (ip_key(&format!("oauth:{}", scope.id()), visitor.ip), times(ACCOUNT_TRIES_FACTOR)),
            (ip_key("oauth", visitor.ip), times(ADDRESS_TRIES_FACTOR)),
        ]
    }

    /// Refunds the try of an attempt that succeeded: only the others count.
    pub(in crate::service) async fn refund_try(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        scope: AccountScope,
    ) -> Result<(), StorageError> {
        for (key, _) in self.try_limits(visitor, scope) {
            rate_buckets::refund(tx, &key).await?;
        }
        Ok(())
    }

    /// The `max_age` of a reauthentication, in seconds: how long ago the person may have signed in at the provider.
    fn max_age(&self) -> u32 {
        30 * self.config.sessions.step_up_minutes
    }

    /// Where the provider sends people back to: one address for each method, by the configured base URL alone (OA-05, OA-13, INV-20).
    pub(in crate::service) fn redirect_uri(&self, method: LoginMethodId) -> String {
        self.config.link(&paths::oauth_callback(method))
    }

    fn seal_pending(&self, id: AttemptId, pending: &PendingAuthorization) -> Vec<u8> {
        let sealed = SealedPending { verifier: pending.verifier.clone(), nonce: pending.nonce.clone() };
        self.keyring.seal(SealedFor::OAuthAttempt(id), &serde_json::to_vec(&sealed).unwrap_or_default())
    }

    /// What [`Self::begin_oauth`] sealed; the state came back with the browser.
    pub(in crate::service) fn open_pending(
        &self,
        id: AttemptId,
        state: &str,
        sealed: Option<&[u8]>,
    ) -> Result<PendingAuthorization, OpenError> {
        let plain = self.keyring.open(SealedFor::OAuthAttempt(id), sealed.unwrap_or_default())?;
        let SealedPending { verifier, nonce } = serde_json::from_slice(&plain).map_err(|_| OpenError)?;
        Ok(PendingAuthorization { state: state.to_owned(), verifier, nonce })
    }

    /// The client secret of a method's configuration; `None` for a public client.
    pub(in crate::service) fn client_secret(
        &self,
        scope: AccountScope,
        method: LoginMethodId,
        saved: &SavedConfiguration,
    ) -> Result<Option<String>, OpenError> {
        let Some(sealed) = &saved.secret else { return Ok(None) };
        let plain = self.keyring.open(client_secret_of(scope, method), sealed)?;
        String::from_utf8(plain).map(Some).map_err(|_| OpenError)
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

/// The hash by which the database knows a `state`.
pub(in crate::service) fn state_hash(state: &str) -> Vec<u8> {
    Sha256::digest(state.as_bytes()).to_vec()
}
