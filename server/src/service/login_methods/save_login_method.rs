//! Setting a login method up: a method is added empty, edits make a draft, and a passing test makes it live (R45, R47).

use crate::{
    context::Services,
    service::actors,
    storage::{
        AccountScope, StorageError, Tx,
        audit::{self, Event},
        login_methods::{self, SavedConfiguration, Stage},
        retried,
    },
};
use app::{
    api::login_methods::{NextPage, Notice},
    backend::SaveLoginMethod,
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::{ConfigurationId, LoginMethodId, SessionId},
        language::Language,
        oauth::{ConfigurationForm, Failure, Read},
        permission::Gate,
    },
    error::AppError,
    i18n::{Locale, fault_text},
    paths,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl SaveLoginMethod for Services {
    /// Saves a draft in place of the one before. What members sign in by stays as it is.
    async fn save_login_method(&self, caller: &Caller, form: ConfigurationForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let method: LoginMethodId = form.method.parse().map_err(|_| AppError::NotFound)?;
            let page = paths::login_method(caller.account.as_str(), method);
            // Rights before anything is asked of a provider (OA-15).
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_with(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            let scope = actor.scope();
            login_methods::find(&mut tx, scope, method).await?.ok_or(AppError::NotFound)?;
            let (draft, live) = saved(&mut tx, scope, method).await?;
            let form = self.with_typed_secret(&form, actor.session, caller, [&draft, &live]);
            let parsed = form.parse([&draft, &live].into_iter().flatten().any(|saved| saved.secret.is_some()));
            if parsed.as_ref().is_ok_and(|read| read.configuration.open_id.is_some()) {
                self.count_provider_try(&mut tx, scope).await?;
                tx.commit().await?;
            } else {
                drop(tx);
            }

            let read = self.discovered(scope, parsed?, caller.language).await?;
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            let (scope, now) = (actor.scope(), self.now());
            login_methods::find(&mut tx, scope, method).await?.ok_or(AppError::NotFound)?;
            let (draft, live) = saved(&mut tx, scope, method).await?;
            let others = login_methods::all(&mut tx, scope).await?.into_iter().filter(|line| line.method.id != method);
            let others: Vec<String> = others.filter_map(|line| line.method.name).collect();
            let secret = match &read.secret {
                Some(secret) => Some(self.seal_client_secret(scope, method, secret)),
                None => [&draft, &live].into_iter().flatten().find_map(|saved| kept_secret(saved, &read)),
            };
            // People choose by the name.
            if others.iter().any(|other| other.to_lowercase() == read.configuration.name.to_lowercase()) {
                return Err(FieldErrors::one(Field::MethodName, Problem::Taken).into());
            }
            let needs_secret = read.configuration.client_authentication.needs_secret();
            if needs_secret && secret.is_none() {
                return Err(FieldErrors::one(Field::ClientSecret, Problem::Required).into());
            }
            let (id, by) = (ConfigurationId(Uuid::now_v7()), actor.member);
            let secret = secret.as_deref().filter(|_| needs_secret);
            login_methods::save_draft(&mut tx, scope, method, id, &read.configuration, secret, by, now).await?;
            if live.is_none() {
                login_methods::rename(&mut tx, scope, method, &read.configuration.name).await?;
            }
            let event = Event::LoginMethodEdited { method };
            audit::record(&mut tx, scope, &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            let notice = if read.secret_was_trimmed { Notice::SavedTrimmed } else { Notice::Saved };
            Ok(NextPage::saying(page, notice))
        })
        .await
    }
}

impl Services {
    /// Fills the endpoints in that the issuer names.
    async fn discovered(&self, scope: AccountScope, mut read: Read, language: Language) -> Result<Read, AppError> {
        if let Some(open_id) = read.configuration.open_id.clone() {
            let found = self.oauth.discover(scope.id(), &open_id.issuer, open_id.discovery_url.as_deref()).await;
            let failed = |failure: Failure| {
                let words = fault_text(Locale::from(language), failure.fault);
                AppError::ProviderFailed { failure, words }
            };
            found.map_err(failed)?.fill_in(&mut read.configuration);
        }
        Ok(read)
    }
}

impl Services {
    /// The form with the secret that was typed before an error, if its field is empty now and nothing was saved since.
    fn with_typed_secret(
        &self,
        form: &ConfigurationForm,
        session: SessionId,
        caller: &Caller,
        saved: [&Option<SavedConfiguration>; 2],
    ) -> ConfigurationForm {
        let mut form = form.clone();
        if form.client_secret.is_empty()
            && let Some((secret, at)) = self.typed_secret(session, caller.account.as_str(), &form.method, &form.kept)
            && saved.into_iter().flatten().all(|saved| saved.at <= at)
        {
            form.client_secret = secret;
        }
        form
    }
}

/// The draft of a method, and what is live.
async fn saved(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
) -> Result<(Option<SavedConfiguration>, Option<SavedConfiguration>), StorageError> {
    let draft = login_methods::configuration(tx, scope, method, Stage::Draft).await?;
    Ok((draft, login_methods::configuration(tx, scope, method, Stage::Live).await?))
}

/// A secret is kept for the endpoint that it was entered for; elsewhere it would be told to somebody else (OA-17).
fn kept_secret(saved: &SavedConfiguration, read: &Read) -> Option<Vec<u8>> {
    let same = saved.configuration.token_url == read.configuration.token_url
        && saved.configuration.client_id == read.configuration.client_id;
    saved.secret.clone().filter(|_| same)
}
