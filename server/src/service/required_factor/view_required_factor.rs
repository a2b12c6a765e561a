//! Shows what an account asks of this session.

use super::{factors_of, may_set_up, next_page};
use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        Tx,
        second_factors::{self, FactorsOf},
        sessions,
    },
};
use app::{
    api::required_factor::{AccountApp, BegunApp, RequiredFactorStep, RequiredFactorView},
    backend::ViewRequiredFactor,
    domain::{ids::SecondFactorId, second_factor::SecondFactorKind},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ViewRequiredFactor for Services {
    /// What comes next for the caller. While the requirement has not begun, nothing has to be proved, but one can be set up.
    async fn view_required_factor(
        &self,
        caller: &Caller,
        begun: Option<SecondFactorId>,
        next: &str,
    ) -> Result<RequiredFactorView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_before_second_factor(self, &mut tx, caller).await?;
        let in_force = actor.second_factor_from.is_some_and(|from| from <= self.now());
        let step = self.step(&mut tx, &actor, caller, in_force, begun).await?;
        Ok(RequiredFactorView {
            starts: actor.second_factor_from,
            in_force,
            next: next_page(caller, next),
            step,
            account: actor.account_name,
            roles: actor.roles.only(&actor.grant.role),
            grant: actor.grant,
        })
    }
}

impl Services {
    async fn step(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        caller: &Caller,
        in_force: bool,
        begun: Option<SecondFactorId>,
    ) -> Result<RequiredFactorStep, AppError> {
        let recently_authenticated = actor.is_recently_authenticated(self);
        let factors = factors_of(tx, actor).await?;
        let has_enough = actor.has_proved_second_factor || !in_force && factors.is_some();
        if has_enough || actor.second_factor_from.is_none() {
            let of = FactorsOf::member(actor.user, actor.scope());
            let app = second_factors::list(tx, of).await?.into_iter().next();
            let app = app.map(|app| AccountApp { id: app.id, added: app.added, recently_authenticated });
            return Ok(RequiredFactorStep::GoOn { app });
        }
        if let Some(of) = factors {
            let list = second_factors::list(tx, of).await?;
            let has = |kind| list.iter().any(|factor| factor.kind == kind);
            return Ok(RequiredFactorStep::Prove {
                app: has(SecondFactorKind::Totp),
                passkey: has(SecondFactorKind::Passkey) && self.has_passkeys(),
                recovery: of.account.is_none(),
            });
        }
        if sessions::password_proved(tx, actor.session).await?.is_some() {
            return Ok(RequiredFactorStep::SetUpLogin);
        }
        let may_set_up = may_set_up(self, tx, actor).await?;
        let begun = match begun {
            Some(id) if may_set_up => self.begun_app(tx, actor, caller, id).await?,
            Some(_) | None => None,
        };
        Ok(RequiredFactorStep::SetUpAccount { begun, may_set_up })
    }

    /// The app that is being set up, unless that took too long.
    async fn begun_app(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        caller: &Caller,
        id: SecondFactorId,
    ) -> Result<Option<BegunApp>, AppError> {
        let of = FactorsOf::member(actor.user, actor.scope());
        let seed = match self.draft_of_app(tx, of, id).await {
            Ok((_, seed)) => seed,
            Err(AppError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let host = self.config.base_url.host_str().unwrap_or_default();
        let issuer = format!("{host} {}", actor.account_name);
        let signed_in = caller.session().ok_or(AppError::Unauthenticated)?;
        Ok(Some(BegunApp { id, totp: self.totp_view(&seed, &issuer, &signed_in.email)? }))
    }
}
