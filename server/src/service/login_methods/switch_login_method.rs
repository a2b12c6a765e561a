//! Switches a login method on and off (R27, R33, OA-19).

use crate::{
    context::Services,
    service::actors,
    storage::{
        audit::{self, Event},
        login_methods, members, platform_sign_ins, retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::SwitchLoginMethod,
    domain::{ids::LoginMethodId, permission::Gate, policy::keeps_an_owner},
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl SwitchLoginMethod for Services {
    /// Switches a method on or off. Switching off ends its sign-ins and sessions at once, and those at platforms; it is refused if no owner could sign in any more.
    async fn switch_login_method(
        &self,
        caller: &Caller,
        method: LoginMethodId,
        on: bool,
    ) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let page = paths::login_methods(caller.account.as_str());
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            let line = login_methods::find(&mut tx, actor.scope(), method).await?.ok_or(AppError::NotFound)?;
            if line.enabled == on {
                return Ok(NextPage::silent(page));
            }
            if !on && !keeps_an_owner(members::owners_without(&mut tx, actor.scope(), method).await?).is_yes() {
                return Ok(NextPage::saying(page, Notice::LastOwner));
            }
            login_methods::switch(&mut tx, actor.scope(), method, on).await?;
            if !on {
                platform_sign_ins::end_closed(&mut tx, actor.scope(), now).await?;
            }
            let event = Event::LoginMethodSwitched { method, on };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            let notice = if on { Notice::SwitchedOn } else { Notice::SwitchedOff };
            tx.commit().await?;
            Ok(NextPage::saying(page, notice))
        })
        .await
    }
}
