//! One login method, with its form and the test that this browser ran.

use super::{list_login_methods::line_of, test_login_method::result_of};
use crate::{
    context::Services,
    secrets::Token,
    service::actors::{self, Actor},
    storage::{
        Tx,
        login_methods::{self, MethodSummary, Stage},
        members,
        oauth_attempts::{self, AttemptPurpose},
    },
};
use app::{
    api::login_methods::{LostLinks, MethodView, TestView},
    backend::ShowLoginMethod,
    domain::{
        ids::{AttemptId, LoginMethodId},
        member::LoginMethodKind,
        oauth::{ConfigurationForm, Preset},
        permission::Gate,
    },
    error::AppError,
    request::{Caller, Visitor},
};
use async_trait::async_trait;

/// How many of the invitations that lose their identifier are named.
const MAX_NAMED_INVITATIONS: usize = 10;

#[async_trait]
impl ShowLoginMethod for Services {
    /// One login method, with the draft or what is live in its form, and the test that this browser ran.
    async fn show_login_method(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
        attempt: Option<AttemptId>,
    ) -> Result<MethodView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
        let scope = actor.scope();
        let line = login_methods::find(&mut tx, scope, method).await?.ok_or(AppError::NotFound)?;
        if line.method.kind != LoginMethodKind::OAuth {
            return Err(AppError::NotFound);
        }
        let live = login_methods::configuration(&mut tx, scope, method, Stage::Live).await?;
        let draft = login_methods::configuration(&mut tx, scope, method, Stage::Draft).await?;
        let name = line.method.name.clone().unwrap_or_default();
        let saved = draft.as_ref().or(live.as_ref());
        let form = match saved {
            Some(saved) => ConfigurationForm::from((name.as_str(), &saved.configuration)),
            None => ConfigurationForm { name: name.clone(), ..line.preset.unwrap_or(Preset::OpenId).form() },
        };
        let differs = live
            .as_ref()
            .zip(draft.as_ref())
            .is_some_and(|(live, draft)| live.configuration.names_people_differently(&draft.configuration));
        let session = actor.session;
        let unreturned = oauth_attempts::unreturned_test(&mut tx, scope, method, session, self.now()).await?;
        let no_return = attempt.is_none() && unreturned.is_some() && unreturned == saved.map(|saved| saved.id);
        let loses = match differs {
            true => self.lost_links(&mut tx, &actor, &line).await?,
            false => None,
        };
        Ok(MethodView {
            slug: caller.account.clone(),
            no_return,
            form: ConfigurationForm { method: method.to_string(), ..form },
            has_secret: saved.is_some_and(|saved| saved.secret.is_some()),
            redirect_uri: self.redirect_uri(method),
            loses,
            recently_authenticated: actor.is_recently_authenticated(self),
            mine: actor.method == method,
            test: self.test_shown(&mut tx, visitor, &actor, method, attempt).await?,
            line: line_of(line),
        })
    }
}

impl Services {
    /// What is lost if the method names people differently from now on; `None` for nothing.
    async fn lost_links(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        line: &MethodSummary,
    ) -> Result<Option<LostLinks>, AppError> {
        let invited = members::invited_with_identifier(tx, actor.scope(), line.method.id).await?;
        let lost = LostLinks {
            people: line.linked,
            invitations: invited.len() as u64,
            invited: match actor.effective.opens(Gate::UsersRead) {
                true => invited.into_iter().take(MAX_NAMED_INVITATIONS).collect(),
                false => Vec::new(),
            },
        };
        Ok(Some(lost).filter(|lost| lost.people > 0 || lost.invitations > 0))
    }

    /// The test with this id, if this browser and this session ran it (OA-23).
    async fn test_shown(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        actor: &Actor,
        method: LoginMethodId,
        attempt: Option<AttemptId>,
    ) -> Result<Option<TestView>, AppError> {
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let Some((id, browser)) = attempt.zip(browser) else { return Ok(None) };
        let found = oauth_attempts::find(tx, id, &browser.hash(), self.now()).await?;
        let session = visitor.signed_in.as_ref().map(|signed_in| signed_in.session);
        let mine = found.filter(|attempt| {
            attempt.purpose == AttemptPurpose::Test
                && attempt.scope == actor.scope()
                && attempt.method == method
                && attempt.session == session
        });
        let Some(attempt) = mine else { return Ok(None) };
        let live = login_methods::configuration(tx, actor.scope(), method, Stage::Live).await?;
        let is_live = live.is_some_and(|live| live.id == attempt.configuration);
        let by = login_methods::configuration_by_id(tx, actor.scope(), attempt.configuration).await?;
        let Some(by) = by else { return Ok(None) };
        let result = result_of(self, &attempt, &by.configuration, is_live)?;
        Ok(Some(TestView { attempt: attempt.id, result }))
    }
}
