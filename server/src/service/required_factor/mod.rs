//! The second factor that an account requires of its member: what is asked for, proving one, and setting an app up that counts in the account
//! alone, for whoever only the account's provider vouches for (LT-09, OA-12). These operations are the only ones of an account that a session
//! without the required second factor reaches.

mod begin_account_app;
mod confirm_account_app;
mod prove_required_factor;
mod remove_account_app;
mod view_required_factor;

use crate::{
    context::Services,
    service::actors::{Actor, is_recent},
    storage::{
        StorageError, Tx,
        outbox::{AccountAppChange, MailKind, NewMail},
        second_factors::{self, FactorsOf},
        sessions,
        users::User,
    },
};
use app::{domain::time::Timestamp, error::AppError, paths, request::Caller};

/// The second factors that the actor's account takes, where the actor has any: those for the account, or else those of the login. As long as
/// there is one for the account, it is asked for: whoever has both the password and the provider in hand could add another to the login.
pub(super) async fn factors_of(tx: &mut Tx, actor: &Actor) -> Result<Option<FactorsOf>, StorageError> {
    for of in [FactorsOf::member(actor.user, actor.scope()), FactorsOf::user(actor.user)] {
        if second_factors::has_any(tx, of).await? {
            return Ok(Some(of));
        }
    }
    Ok(None)
}

/// Refuses to set an app up for an account that requires none, and unless the actor has no other way to a second factor: a session that
/// proved the person's own password sets one up for the login, and whoever has one proves that (OA-12).
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::ReauthenticationRequired`].
async fn require_account_app(services: &Services, tx: &mut Tx, actor: &Actor) -> Result<FactorsOf, AppError> {
    let by_password = sessions::password_proved(tx, actor.session).await?.is_some();
    if actor.second_factor_from.is_none() || by_password || factors_of(tx, actor).await?.is_some() {
        return Err(AppError::NotFound);
    }
    if !may_set_up(services, tx, actor).await? {
        return Err(AppError::ReauthenticationRequired);
    }
    Ok(FactorsOf::member(actor.user, actor.scope()))
}

/// May the actor set a first app up in this session? It authenticated recently (AZ-16), or it has only just begun: many providers do not say
/// when they asked somebody, and whoever has just come from there would be sent back at once.
async fn may_set_up(services: &Services, tx: &mut Tx, actor: &Actor) -> Result<bool, StorageError> {
    if actor.is_recently_authenticated(services) {
        return Ok(true);
    }
    let began = sessions::began(tx, actor.session).await?;
    Ok(began.is_some_and(|began| is_recent(began, services.config.sessions.step_up_minutes, services.now())))
}

impl Services {
    /// Queues the mail that tells the member what was done to their app for the account, in the transaction of the change (SE-07).
    async fn tell_of_account_app(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        change: AccountAppChange,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mail = NewMail::about(
            MailKind::AccountApp(change),
            actor.member,
            user.language.unwrap_or(actor.language),
            user.email.key(),
        );
        self.queue(tx, actor.scope(), mail, now).await?;
        Ok(())
    }
}

/// Where to go on: `next`, or the account's front page; not back to this very page.
fn next_page(caller: &Caller, next: &str) -> String {
    let home = paths::account(caller.account.as_str());
    let here = paths::required_factor(caller.account.as_str(), "");
    let next = paths::local_or(next, &home);
    if next.starts_with(&here) { home } else { next }
}
