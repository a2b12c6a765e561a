//! The callback of a provider: its state is consumed once, the response is checked, and the attempt's purpose decides what follows.

use super::begin_oauth;
use crate::{
    context::Services,
    oauth::{AuthorizationResponse, Claims},
    secrets::{OpenError, SealedFor, Token},
    storage::{
        login_methods::{self, MethodAccount, SavedConfiguration},
        oauth_attempts::{self, Attempt, AttemptPurpose},
    },
};
use app::{
    domain::{
        ids::LoginMethodId,
        oauth::{Configuration, Failure, Fault, Person, ReauthenticationMethod, Recency},
        time::{Span, Timestamp},
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use serde::{Deserialize, Serialize};

/// How long the result of a test, or of an attempt that is to end in joining, is stored (OA-23).
pub(in crate::service) const RESULT_TTL: Span = Span::minutes(15);

/// What is stored of a callback for the step after it: no more than that step needs (OA-18).
#[derive(Serialize, Deserialize)]
pub(in crate::service) enum AttemptResult {
    /// Whom the provider named, for joining, and when they signed in there.
    Person { person: Person, claims: Claims },
    /// What it told, for somebody who tests.
    Claims(Claims),
    /// Why it led to nothing, for somebody who tests.
    Failed(Failure),
}

/// When and how somebody authenticated at a provider.
pub(in crate::service) struct Authentication {
    pub(in crate::service) at: Timestamp,
    /// The values of `amr` and `acr`.
    pub(in crate::service) values: Vec<String>,
    /// Why that does not count as recent, though the provider was asked to reauthenticate the person.
    pub(in crate::service) shortfall: Option<Recency>,
}

/// A callback whose response was checked.
pub(in crate::service) struct Callback {
    pub(in crate::service) account: MethodAccount,
    pub(in crate::service) attempt: Attempt,
    pub(in crate::service) configuration: SavedConfiguration,
    pub(in crate::service) claims: Claims,
}

impl Services {
    /// Handles the callback of a provider. Answers where the browser goes on, always to a page of ours.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is no login method; the database's.
    pub async fn finish_oauth(
        &self,
        visitor: &Visitor,
        method: LoginMethodId,
        state: &str,
        answer: &AuthorizationResponse,
    ) -> Result<WithCookies<String>, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let account = login_methods::account_of(&mut tx, method).await?.ok_or(AppError::NotFound)?;
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let attempt = match browser {
            Some(browser) => {
                let hash = begin_oauth::state_hash(state);
                oauth_attempts::consume_state(&mut tx, &hash, &browser.hash(), method, now).await?
            }
            None => None,
        };
        let Some(attempt) = attempt else {
            tracing::info!(ip = %visitor.ip, fault = Fault::Attempt.key(), "authorization response refused");
            let login = paths::login(account.slug.as_str());
            return Ok(without_cookies(paths::with_problem(&login, Fault::Attempt.key())));
        };
        let configuration = login_methods::configuration_by_id(&mut tx, account.scope, attempt.configuration).await?;
        let configuration = configuration.ok_or(AppError::NotFound)?;
        // The state counts as consumed even if what follows goes wrong (OA-03).
        tx.commit().await?;

        let claims = match self.exchange(&attempt, &configuration, state, answer).await? {
            Ok(claims) => claims,
            Err(failure) => {
                tracing::info!(%method, fault = failure.fault.key(), "sign-in at a provider failed");
                return self.failed(&account, &attempt, failure).await;
            }
        };
        let callback = Callback { account, attempt, configuration, claims };
        match callback.attempt.purpose {
            AttemptPurpose::SignIn => self.sign_in_by_method(visitor, callback).await,
            AttemptPurpose::Join => self.handle_join_callback(visitor, callback).await,
            AttemptPurpose::Test => self.handle_test_callback(visitor, callback).await,
        }
    }

    async fn exchange(
        &self,
        attempt: &Attempt,
        by: &SavedConfiguration,
        state: &str,
        answer: &AuthorizationResponse,
    ) -> Result<Result<Claims, Failure>, OpenError> {
        let pending = self.open_pending(attempt.id, state, attempt.sealed.as_deref())?;
        let secret = self.client_secret(attempt.scope, attempt.method, by)?;
        let redirect_uri = self.redirect_uri(attempt.method);
        let (account, secret, now) = (attempt.scope.id(), secret.as_deref(), self.now());
        let everything = attempt.purpose == AttemptPurpose::Test;
        let by = &by.configuration;
        Ok(self.oauth.finish(account, by, secret, &redirect_uri, &pending, answer, everything, now).await)
    }

    /// The page that says what went wrong: to the person in few words, to somebody who tests in all of them.
    pub(in crate::service) async fn failed(
        &self,
        account: &MethodAccount,
        attempt: &Attempt,
        failure: impl Into<Failure>,
    ) -> Result<WithCookies<String>, AppError> {
        let failure = failure.into();
        let fault = failure.fault;
        // Only somebody who tests is shown more than the fault.
        let result = (attempt.purpose == AttemptPurpose::Test).then_some(AttemptResult::Failed(failure));
        self.store_result(attempt, result.as_ref(), Some(fault)).await?;
        let slug = account.slug.as_str();
        Ok(without_cookies(match (attempt.purpose, attempt.invitation) {
            (AttemptPurpose::Test, _) => paths::tested(slug, attempt.method, attempt.id),
            (AttemptPurpose::Join, Some(id)) => paths::with_problem(&paths::invitation(id), fault.key()),
            (AttemptPurpose::Join | AttemptPurpose::SignIn, _) => paths::with_problem(&paths::login(slug), fault.key()),
        }))
    }

    /// Stores the result of an attempt for the step after it, which only this browser can take.
    pub(in crate::service) async fn store_result(
        &self,
        attempt: &Attempt,
        result: Option<&AttemptResult>,
        fault: Option<Fault>,
    ) -> Result<(), AppError> {
        let seal = |result: &AttemptResult| {
            let plain = serde_json::to_vec(result).unwrap_or_default();
            self.keyring.seal(SealedFor::OAuthAttempt(attempt.id), &plain)
        };
        let sealed = result.map(seal);
        let mut tx = self.database.begin_write().await?;
        let until = self.now() + RESULT_TTL;
        oauth_attempts::store_result(&mut tx, attempt, sealed.as_deref(), fault, until).await?;
        tx.commit().await?;
        Ok(())
    }

    /// When and how the person authenticated at the provider, for what needs a recent authentication (AZ-16): as the provider says, else long
    /// enough ago that a reauthentication is asked for. `other` is another way in which the person can reauthenticate; if there is none, a
    /// provider that was asked to reauthenticate the person, and does not contradict it, is believed.
    pub(in crate::service) fn authentication(
        &self,
        claims: &Claims,
        by: &Configuration,
        asked_anew: bool,
        other: Option<ReauthenticationMethod>,
    ) -> Authentication {
        let now = self.now();
        let window = self.recent_auth_window();
        let recency = claims.recency(by, window, now);
        let is_short = asked_anew.then(|| recency.clone());
        let (at, shortfall) = match recency {
            Recency::Recent(at) => (at, None),
            Recency::Stale(at) => (at, is_short),
            Recency::Unknown | Recency::Missing if asked_anew && other.is_none() => (now, None),
            Recency::Unsupported if other.is_none() => (now, None),
            Recency::Unknown | Recency::Missing | Recency::Implausible(_) => (now - window, is_short),
            Recency::Unsupported => (now - window, Some(recency)),
        };
        Authentication { at, shortfall, values: claims.sign_in_values() }
    }

    /// How long an authentication counts as recent (AZ-16).
    pub(in crate::service) fn recent_auth_window(&self) -> Span {
        Span::minutes(i64::from(self.config.sessions.step_up_minutes))
    }

    /// What [`Self::store_result`] kept.
    pub(in crate::service) fn stored_result(&self, attempt: &Attempt) -> Result<AttemptResult, OpenError> {
        let sealed = attempt.sealed.as_deref().unwrap_or_default();
        let plain = self.keyring.open(SealedFor::OAuthAttempt(attempt.id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| OpenError)
    }
}

pub(in crate::service) fn without_cookies(answer: String) -> WithCookies<String> {
    WithCookies { answer, cookies: Vec::new() }
}
