//! Proving anew who one is, for what is most dangerous (AZ-16). Whoever signs in by a provider goes there once more; where that proves no fresh
//! sign-in, the user's own password does instead, or a code to the mailbox that the user proved.

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        Tx,
        login_methods::{self, Stage},
        rate_buckets::Limit,
        sessions,
        users::{self, User},
    },
};
use app::{
    api::session::SignInOption,
    domain::{
        member::LoginMethodKind,
        oauth::{ReauthenticationMethod, Recency},
        time::Span,
    },
    error::AppError,
    paths,
    request::Caller,
};

/// How long a code is good.
pub(super) const CODE_TTL: Span = Span::minutes(10);
/// Codes mailed to one user: five, then one in half an hour.
pub(super) const CODES_PER_USER: Limit = Limit { burst: 5, per_day: 48 };
/// Codes that are tried for one user: ten, then one in half an hour.
pub(super) const CODE_TRIES_PER_USER: Limit = Limit { burst: 10, per_day: 48 };

/// How somebody can prove anew who they are.
pub(super) struct Ways {
    pub(super) user: User,
    /// The provider by which the actor signs in; `None` for Email & password.
    pub(super) provider: Option<SignInOption>,
    pub(super) shortfall: Option<Recency>,
    pub(super) other: Option<ReauthenticationMethod>,
}

impl Services {
    /// What proves somebody's presence besides the account's provider.
    pub(in crate::service) fn other_proof(&self, user: &User) -> Option<ReauthenticationMethod> {
        if user.phc.is_some() {
            return Some(ReauthenticationMethod::Password);
        }
        (user.verified.is_some() && self.config.smtp.is_some()).then_some(ReauthenticationMethod::Code)
    }

    /// How the actor can prove anew who they are, and go on to `next`.
    pub(super) async fn ways_to_reauthenticate(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        next: &str,
    ) -> Result<Ways, AppError> {
        let user = users::find(tx, actor.user).await?.ok_or(AppError::Unauthenticated)?;
        let method = login_methods::find(tx, actor.scope(), actor.method).await?.ok_or(AppError::NotFound)?.method;
        if method.kind == LoginMethodKind::Password {
            return Ok(Ways { user, provider: None, shortfall: None, other: Some(ReauthenticationMethod::Password) });
        }
        let live = login_methods::configuration(tx, actor.scope(), actor.method, Stage::Live).await?;
        let plain = live.is_some_and(|live| live.configuration.open_id.is_none());
        let known = sessions::shortfall(tx, actor.session, actor.method).await?;
        let shortfall = known.or(plain.then_some(Recency::Unsupported));
        let start = paths::with_next(&paths::oauth_start(actor.method), next);
        Ok(Ways {
            other: shortfall.as_ref().and_then(|_| self.other_proof(&user)),
            provider: Some(SignInOption { name: method.name.unwrap_or_default(), start }),
            shortfall,
            user,
        })
    }

    /// The caller and their user, if a mailed code proves that it is they; their account stays locked, so that codes are counted one by one.
    pub(super) async fn proves_by_code(&self, tx: &mut Tx, caller: &Caller) -> Result<(Actor, User), AppError> {
        actors::lock_for_member(tx, caller).await?;
        let actor = actors::load(self, tx, caller).await?;
        let user = self.user_with(tx, &actor, ReauthenticationMethod::Code).await?;
        Ok((actor, user))
    }

    /// The actor's user, if this is what proves that it is they.
    pub(super) async fn user_with(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        by: ReauthenticationMethod,
    ) -> Result<User, AppError> {
        let ways = self.ways_to_reauthenticate(tx, actor, "").await?;
        if ways.other == Some(by) { Ok(ways.user) } else { Err(AppError::ReauthenticationRequired) }
    }
}

/// `next`, or the account's front page.
pub(super) fn onward(caller: &Caller, next: &str) -> String {
    paths::local_or(next, &paths::account(caller.account.as_str()))
}

/// The page that asks, with where to go on afterwards.
pub(super) fn page(caller: &Caller, next: &str) -> String {
    paths::reauthenticate(caller.account.as_str(), &paths::local_or(next, ""))
}
