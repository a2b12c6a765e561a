//! Back from a provider: the return is taken once, the answer checked, and then it is what the browser was sent for that counts.

use super::begin_oauth;
use crate::{
    context::Services,
    oauth::{CallbackAnswer, Claims},
    secrets::{NotOurs, SealedFor, Token},
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

/// What came of a test, and of a way that is to end in joining, is kept so long (OA-23).
pub(in crate::service) const RESULT_TTL: Span = Span::minutes(15);

/// What is kept of a return for the step after it: no more than that needs (OA-18).
#[derive(Serialize, Deserialize)]
pub(in crate::service) enum Outcome {
    /// Whom the provider named, for joining, and when they signed in there.
    Person { person: Person, claims: Claims },
    /// What it told, for somebody who tests.
    Claims(Claims),
    /// Why it led to nothing, for somebody who tests.
    Failed(Failure),
}

/// When somebody proved to a provider who they are.
pub(in crate::service) struct ProvedAt {
    pub(in crate::service) at: Timestamp,
    /// Why that is no proof of a fresh sign-in, though the provider was told to ask for one.
    pub(in crate::service) shortfall: Option<Recency>,
}

/// What an attempt came to, beside the attempt itself.
pub(in crate::service) struct Returned {
    pub(in crate::service) place: MethodAccount,
    pub(in crate::service) attempt: Attempt,
    pub(in crate::service) configuration: SavedConfiguration,
    pub(in crate::service) claims: Claims,
}

impl Services {
    /// Takes a browser's return from a provider. Answers where it goes on, always to a page of ours.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is no login method; the database's.
    pub async fn finish_oauth(
        &self,
        visitor: &Visitor,
        method: LoginMethodId,
        state: &str,
        answer: &CallbackAnswer,
    ) -> Result<WithCookies<String>, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let place = login_methods::account_of(&mut tx, method).await?.ok_or(AppError::NotFound)?;
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let attempt = match browser {
            Some(browser) => {
                let hash = begin_oauth::state_hash(state);
                oauth_attempts::take_return(&mut tx, &hash, &browser.hash(), method, now).await?
            }
            None => None,
        };
        let Some(attempt) = attempt else {
            tracing::info!(ip = %visitor.ip, fault = Fault::Attempt.key(), "return from a provider refused");
            let login = paths::login(place.slug.as_str());
            return Ok(without_cookies(paths::with_problem(&login, Fault::Attempt.key())));
        };
        let configuration = login_methods::configuration_by_id(&mut tx, place.scope, attempt.configuration).await?;
        let configuration = configuration.ok_or(AppError::NotFound)?;
        // The return counts as taken even if what follows goes wrong (OA-03).
        tx.commit().await?;

        let claims = match self.exchange(&attempt, &configuration, state, answer).await? {
            Ok(claims) => claims,
            Err(failure) => {
                tracing::info!(%method, fault = failure.fault.key(), "sign-in at a provider failed");
                return self.failed(&place, &attempt, failure).await;
            }
        };
        let returned = Returned { place, attempt, configuration, claims };
        match returned.attempt.purpose {
            AttemptPurpose::SignIn => self.sign_in_by_method(visitor, returned).await,
            AttemptPurpose::Join => self.return_to_join(visitor, returned).await,
            AttemptPurpose::Test => self.finish_test(visitor, returned).await,
        }
    }

    async fn exchange(
        &self,
        attempt: &Attempt,
        by: &SavedConfiguration,
        state: &str,
        answer: &CallbackAnswer,
    ) -> Result<Result<Claims, Failure>, NotOurs> {
        let kept = self.open_kept(attempt.id, state, attempt.sealed.as_deref())?;
        let secret = self.client_secret(attempt.scope, attempt.method, by)?;
        let redirect_uri = self.redirect_uri(attempt.method);
        let (account, secret, now) = (attempt.scope.id(), secret.as_deref(), self.now());
        let everything = attempt.purpose == AttemptPurpose::Test;
        let by = &by.configuration;
        Ok(self.oauth.finish(account, by, secret, &redirect_uri, &kept, answer, everything, now).await)
    }

    /// The page that says what went wrong: to the person in few words, to somebody who tests in all of them.
    pub(in crate::service) async fn failed(
        &self,
        place: &MethodAccount,
        attempt: &Attempt,
        failure: impl Into<Failure>,
    ) -> Result<WithCookies<String>, AppError> {
        let failure = failure.into();
        let fault = failure.fault;
        // Only somebody who tests is shown more than the fault.
        let outcome = (attempt.purpose == AttemptPurpose::Test).then_some(Outcome::Failed(failure));
        self.keep(attempt, outcome.as_ref(), Some(fault)).await?;
        let slug = place.slug.as_str();
        Ok(without_cookies(match (attempt.purpose, attempt.invitation) {
            (AttemptPurpose::Test, _) => paths::tested(slug, attempt.method, attempt.id),
            (AttemptPurpose::Join, Some(id)) => paths::with_problem(&paths::invitation(id), fault.key()),
            (AttemptPurpose::Join | AttemptPurpose::SignIn, _) => paths::with_problem(&paths::login(slug), fault.key()),
        }))
    }

    /// Keeps what an attempt came to, for the step after it, in this browser alone.
    pub(in crate::service) async fn keep(
        &self,
        attempt: &Attempt,
        outcome: Option<&Outcome>,
        fault: Option<Fault>,
    ) -> Result<(), AppError> {
        let seal = |outcome: &Outcome| {
            let plain = serde_json::to_vec(outcome).unwrap_or_default();
            self.keyring.seal(SealedFor::OAuthAttempt(attempt.id), &plain)
        };
        let sealed = outcome.map(seal);
        let mut tx = self.database.begin_write().await?;
        let until = self.now() + RESULT_TTL;
        oauth_attempts::keep(&mut tx, attempt, sealed.as_deref(), fault, until).await?;
        tx.commit().await?;
        Ok(())
    }

    /// When what the provider said was proved there, for what needs a fresh proof (AZ-16): as it says, else long enough ago that a proof is
    /// asked for. `other` is the proof that the person has besides; without any, a provider that was told to have people sign in anew, and
    /// does not contradict it, is believed.
    pub(in crate::service) fn proved_at(
        &self,
        claims: &Claims,
        by: &Configuration,
        asked_anew: bool,
        other: Option<ReauthenticationMethod>,
    ) -> ProvedAt {
        let now = self.now();
        let window = self.fresh_for();
        let recency = claims.recency(by, window, now);
        let lacks = |at| ProvedAt { at, shortfall: asked_anew.then(|| recency.clone()) };
        match recency {
            Recency::Recent(at) => ProvedAt { at, shortfall: None },
            Recency::Stale(at) => lacks(at),
            Recency::Unknown | Recency::Missing if asked_anew && other.is_none() => {
                ProvedAt { at: now, shortfall: None }
            }
            Recency::Unsupported if other.is_none() => ProvedAt { at: now, shortfall: None },
            Recency::Unknown | Recency::Missing | Recency::Implausible(_) => lacks(now - window),
            Recency::Unsupported => ProvedAt { at: now - window, shortfall: Some(recency) },
        }
    }

    /// How long a proof is fresh (AZ-16).
    pub(in crate::service) fn fresh_for(&self) -> Span {
        Span::minutes(i64::from(self.config.sessions.step_up_minutes))
    }

    /// What [`Self::keep`] kept.
    pub(in crate::service) fn outcome(&self, attempt: &Attempt) -> Result<Outcome, NotOurs> {
        let sealed = attempt.sealed.as_deref().unwrap_or_default();
        let plain = self.keyring.open(SealedFor::OAuthAttempt(attempt.id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| NotOurs)
    }
}

pub(in crate::service) fn without_cookies(answer: String) -> WithCookies<String> {
    WithCookies { answer, cookies: Vec::new() }
}
