//! Reauthentication before the most dangerous operations (AZ-16). Somebody who signs in with a provider goes there once more; if the provider
//! cannot prove a recent sign-in, the user's own password does instead, or a code mailed to the mailbox that the user proved.

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
    api::login_methods::SignInOption,
    domain::{
        member::LoginMethodKind,
        oauth::{ReauthenticationMethod, Recency},
        time::Span,
    },
    error::AppError,
    paths,
    request::Caller,
};

/// How long a code is valid.
pub(super) const CODE_TTL: Span = Span::minutes(10);
/// Codes mailed to one user: five, then one in half an hour.
pub(super) const CODES_PER_USER: Limit = Limit { burst: 5, per_day: 48 };
/// Codes that are tried for one user: ten, then one in half an hour.
pub(super) const CODE_TRIES_PER_USER: Limit = Limit { burst: 10, per_day: 48 };

/// The ways in which a user can reauthenticate.
pub(super) struct ReauthenticationOptions {
    pub(super) user: User,
    /// The provider by which the actor signs in; `None` for Email & password.
    pub(super) provider: Option<SignInOption>,
    pub(super) shortfall: Option<Recency>,
    pub(super) other: Option<ReauthenticationMethod>,
}

impl Services {
    /// How the user can reauthenticate without the account's provider.
    pub(in crate::service) fn other_proof(&self, user: &User) -> Option<ReauthenticationMethod> {
        if user.phc.is_some() {
            return Some(ReauthenticationMethod::Password);
        }
        (user.verified.is_some() && self.config.smtp.is_some()).then_some(ReauthenticationMethod::Code)
    }

    /// How the actor can reauthenticate and go on to `next`.
    pub(super) async fn reauthentication_options(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        next: &str,
    ) -> Result<ReauthenticationOptions, AppError> {
        let user = users::find(tx, actor.user).await?.ok_or(AppError::Unauthenticated)?;
        let method = login_methods::find(tx, actor.scope(), actor.method).await?.ok_or(AppError::NotFound)?.method;
        if method.kind == LoginMethodKind::Password {
            return Ok(ReauthenticationOptions {
                user,
                provider: None,
                shortfall: None,
                other: Some(ReauthenticationMethod::Password),
            });
        }
        let live = login_methods::configuration(tx, actor.scope(), actor.method, Stage::Live).await?;
        let plain = live.is_some_and(|live| live.configuration.open_id.is_none());
        let known = sessions::shortfall(tx, actor.session, actor.method).await?;
        let shortfall = known.or(plain.then_some(Recency::Unsupported));
        let start = paths::with_next(&paths::oauth_start(actor.method), next);
        Ok(ReauthenticationOptions {
            other: shortfall.as_ref().and_then(|_| self.other_proof(&user)),
            provider: Some(SignInOption { name: method.name.unwrap_or_default(), start }),
            shortfall,
            user,
        })
    }

    /// The caller and their user, if they may reauthenticate by a mailed code. The account stays locked, so that codes are counted one by one.
    pub(super) async fn require_code_option(&self, tx: &mut Tx, caller: &Caller) -> Result<(Actor, User), AppError> {
        actors::lock_for_member(self, tx, caller).await?;
        let actor = actors::load_before_second_factor(self, tx, caller).await?;
        let user = self.require_option(tx, &actor, ReauthenticationMethod::Code).await?;
        Ok((actor, user))
    }

    /// The actor's user, if they may reauthenticate in this way.
    pub(super) async fn require_option(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        by: ReauthenticationMethod,
    ) -> Result<User, AppError> {
        let options = self.reauthentication_options(tx, actor, "").await?;
        if options.other == Some(by) { Ok(options.user) } else { Err(AppError::ReauthenticationRequired) }
    }
}

/// Where to go on: `next`, or the account's front page.
pub(super) fn next_page(caller: &Caller, next: &str) -> String {
    paths::local_or(next, &paths::account(caller.account.as_str()))
}

/// The page that asks for reauthentication and goes on to `next`.
pub(super) fn page(caller: &Caller, next: &str) -> String {
    paths::reauthenticate(caller.account.as_str(), &paths::local_or(next, ""))
}
