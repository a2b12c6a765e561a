//! Makes the caller sign in with the login method that a test has just proved.

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        Tx,
        audit::{self, Event},
        identities, login_methods, members, platform_sign_ins, retried, sessions,
    },
};
use app::{
    api::login_methods::{MakeLiveForm, NextPage, Notice},
    backend::UseForMe,
    domain::{ids::LoginMethodId, oauth::Person},
    error::AppError,
    paths,
    request::{Caller, Visitor},
};
use async_trait::async_trait;

#[async_trait]
impl UseForMe for Services {
    /// Assigns the caller the live method with which the caller has just signed in as a test.
    async fn use_for_me(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let method: LoginMethodId = form.method.parse().map_err(|_| AppError::NotFound)?;
            let page = paths::login_method(caller.account.as_str(), method);
            let mut tx = self.database.begin_write().await?;
            let passed = self.passed_test(&mut tx, caller, visitor, method, &form).await?;
            // Only a method that is on: else the caller would be locked out at once (R33).
            let in_force = match &passed {
                Some(passed) => login_methods::is_in_force(&mut tx, passed.actor.scope(), passed.by.id).await?,
                None => false,
            };
            let Some(passed) = passed.filter(|_| in_force) else {
                return Ok(NextPage::saying(page, Notice::TestGone));
            };
            let (actor, now) = (&passed.actor, self.now());
            let (scope, identifier) = (actor.scope(), &passed.person.identifier);
            if members::is_identifier_taken(&mut tx, scope, method, identifier, Some(actor.member)).await? {
                return Ok(NextPage::saying(page, Notice::IdentifierTaken));
            }
            identities::delete_of_user_at_method(&mut tx, scope, actor.method, actor.user).await?;
            members::set_method(&mut tx, scope, actor.member, method, Some(identifier)).await?;
            self.link(&mut tx, actor, method, &passed.person).await?;
            sessions::add_method_proof(&mut tx, actor.session, method, passed.at.max(actor.authenticated_at())).await?;
            platform_sign_ins::end_closed_of_member(&mut tx, scope, actor.member, now).await?;
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &Event::SignsInBy { method }, now)
                .await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::UsedForMe))
        })
        .await
    }
}

impl Services {
    /// Links the caller to the identity that the provider named, in place of an earlier one.
    async fn link(&self, tx: &mut Tx, actor: &Actor, method: LoginMethodId, person: &Person) -> Result<(), AppError> {
        let (scope, user) = (actor.scope(), actor.user);
        identities::delete_of_user_at_method(tx, scope, method, user).await?;
        let email = person.email.as_deref();
        let linked = identities::insert(tx, scope, method, user, &person.identifier, email, self.now()).await;
        linked.map_err(|error| error.or_taken(|| AppError::NotFound))
    }
}
