//! Shows what an account requires of second factors, and who is ready for it.

use crate::{
    context::Services,
    service::actors,
    storage::{
        login_methods::{self, Stage},
        second_factor_requirements,
    },
};
use app::{
    api::security::{ProviderFactors, RoleReadiness, SecurityView},
    backend::ShowSecurity,
    domain::permission::Gate,
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ShowSecurity for Services {
    /// What is required, the readiness by role, and the providers that say in an ID token how they signed somebody in.
    async fn show_security(&self, caller: &Caller) -> Result<SecurityView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
        let scope = actor.scope();
        let requirement = second_factor_requirements::find(&mut tx, scope).await?;
        let readiness = second_factor_requirements::readiness(&mut tx, scope).await?;
        let mut providers = Vec::new();
        for line in login_methods::all(&mut tx, scope).await? {
            let live = login_methods::configuration(&mut tx, scope, line.method.id, Stage::Live).await?;
            if live.is_some_and(|live| live.configuration.open_id.is_some()) {
                let values = login_methods::factor_values(&mut tx, scope, line.method.id).await?;
                providers.push(ProviderFactors {
                    method: line.method.id,
                    name: line.method.name.unwrap_or_default(),
                    accepted: values.accepted,
                    tested: values.tested,
                });
            }
        }
        let now = self.now();
        Ok(SecurityView {
            days_left: requirement.as_ref().map_or(0, |requirement| requirement.days_left(now)),
            in_force: requirement.as_ref().is_some_and(|requirement| requirement.starts <= now),
            requirement,
            readiness: readiness
                .into_iter()
                .map(|line| RoleReadiness { role: line.role, members: line.members, ready: line.ready })
                .collect(),
            providers,
            recently_authenticated: actor.is_recently_authenticated(self),
            slug: actor.slug,
            name: actor.account_name,
            roles: actor.roles,
        })
    }
}
