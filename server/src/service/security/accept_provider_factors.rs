//! Takes a provider's word for a second factor, by values of `amr` or `acr` (RFC 8176; OpenID Connect Core 1.0, section 2).

use crate::{
    context::Services,
    service::actors,
    storage::{
        api_keys,
        audit::{self, Event},
        identities,
        login_methods::{self, Stage},
        platform_sign_ins, retried, sessions,
    },
};
use app::{
    api::{
        login_methods::{NextPage, Notice},
        security::ProviderFactorsForm,
    },
    backend::AcceptProviderFactors,
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::LoginMethodId,
        permission::Gate,
        second_factor::{MAX_FACTOR_VALUE_CHARS, MAX_FACTOR_VALUES},
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl AcceptProviderFactors for Services {
    /// Saves which values count. What counted by the earlier ones is forgotten, in every session: whoever needs a second factor brings one
    /// by the new ones.
    ///
    /// # Errors
    /// What is wrong with the values, at their field; [`AppError::NotFound`] for a method without ID tokens;
    /// [`AppError::ReauthenticationRequired`].
    async fn accept_provider_factors(&self, caller: &Caller, form: ProviderFactorsForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let method: LoginMethodId = form.method.parse().map_err(|_| AppError::NotFound)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            let scope = actor.scope();
            let live = login_methods::configuration(&mut tx, scope, method, Stage::Live).await?;
            if live.is_none_or(|live| live.configuration.open_id.is_none()) {
                return Err(AppError::NotFound);
            }
            let values =
                parse_values(&form.values).map_err(|problem| FieldErrors::one(Field::FactorValues, problem))?;
            let page = paths::security(caller.account.as_str());
            if login_methods::factor_values(&mut tx, scope, method).await?.accepted != values {
                login_methods::set_factor_values(&mut tx, scope, method, &values).await?;
                identities::forget_second_factors(&mut tx, scope, method).await?;
                sessions::forget_second_factors_by(&mut tx, method).await?;
                platform_sign_ins::end_closed(&mut tx, scope, now).await?;
                api_keys::forget_factors_by(&mut tx, scope, method).await?;
                let event = Event::ProviderFactorsChanged { method, values };
                audit::record(&mut tx, scope, &actor.audit_actor(), None, &event, now).await?;
                tx.commit().await?;
            }
            Ok(NextPage::saying(page, Notice::ProviderFactorsSaved))
        })
        .await
    }
}

/// The values, apart by blanks or commas, each once.
fn parse_values(typed: &str) -> Result<Vec<String>, Problem> {
    let mut values: Vec<String> = Vec::new();
    for value in typed.split([' ', ',', '\n', '\r', '\t']).filter(|value| !value.is_empty()) {
        if value.chars().count() > MAX_FACTOR_VALUE_CHARS as usize || values.len() == MAX_FACTOR_VALUES as usize {
            return Err(Problem::TooLong { most: MAX_FACTOR_VALUE_CHARS });
        }
        if value.chars().any(char::is_control) {
            return Err(Problem::NotAnIdentifier);
        }
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    Ok(values)
}
