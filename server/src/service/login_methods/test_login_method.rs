//! The test sign-in: it runs the real flow; its result is shown to the browser that ran it, and what passed becomes live (OA-23, R45).

use super::finish_oauth::{AttemptResult, Callback, without_cookies};
use crate::{
    context::Services,
    secrets::Token,
    service::actors::{self, Actor},
    storage::{
        Tx,
        audit::{self, Event},
        decisions, identities,
        login_methods::{self, SavedConfiguration, Stage},
        members,
        oauth_attempts::{self, Attempt, AttemptPurpose},
        ownership_offers, sessions,
    },
};
use app::{
    api::login_methods::{MakeLiveForm, ShownClaim, TestResult},
    domain::{
        ids::{ConfigurationId, LoginMethodId},
        oauth::{ClaimPath, Configuration, Fault, Person, ReauthenticationMethod},
        permission::Gate,
        policy::keeps_an_owner,
        time::Timestamp,
    },
    error::AppError,
    paths,
    request::{Caller, Credential, Visitor, WithCookies},
};
use uuid::Uuid;

/// The outcome of making a configuration live.
pub(super) enum Promotion {
    /// It is live.
    Done,
    /// People would lose their links, which has to be confirmed (R45).
    NeedsConfirmation,
    /// No owner could sign in any more (R33).
    LastOwnerLocked,
    /// A newer draft has taken its place meanwhile.
    Replaced,
}

/// A test that passed, for the person who ran it.
pub(super) struct PassedTest {
    pub(super) actor: Actor,
    pub(super) attempt: Attempt,
    pub(super) by: SavedConfiguration,
    pub(super) person: Person,
    /// When the person authenticated at the provider.
    pub(super) at: Timestamp,
}

impl Services {
    /// Stores the result of a test, and makes a configuration that passed live, unless people would lose their links by it.
    pub(in crate::service) async fn handle_test_callback(
        &self,
        visitor: &Visitor,
        callback: Callback,
    ) -> Result<WithCookies<String>, AppError> {
        let configuration = &callback.configuration.configuration;
        let person = callback.claims.person_of_test(configuration);
        let result = AttemptResult::Claims(callback.claims.clone());
        self.store_result(&callback.attempt, Some(&result), person.as_ref().err().copied()).await?;
        let values = callback.claims.sign_in_values();
        let page = paths::tested(callback.account.slug.as_str(), callback.attempt.method, callback.attempt.id);
        // A test is only as good as the session that asked for it: rights are looked at again.
        let signed_in =
            visitor.signed_in.clone().filter(|signed_in| Some(signed_in.session) == callback.attempt.session);
        if let (Ok(person), Some(signed_in)) = (person, signed_in) {
            let caller = Caller {
                credential: Credential::Session(signed_in),
                account: callback.account.slug.clone(),
                ip: visitor.ip,
                language: visitor.language,
                in_background: false,
            };
            let at =
                self.authentication(&callback.claims, configuration, true, Some(ReauthenticationMethod::Password)).at;
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, &caller, Gate::LoginMethodsManage).await?;
            login_methods::set_tested_factor_values(&mut tx, actor.scope(), callback.attempt.method, &values).await?;
            if let Promotion::Done = self
                .promote(&mut tx, &actor, callback.attempt.method, &callback.configuration, (&person, at), false)
                .await?
            {
                tx.commit().await?;
            }
        }
        Ok(without_cookies(page))
    }

    /// The test that this form names: run by this browser and session, and still stored.
    pub(super) async fn passed_test(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
        form: &MakeLiveForm,
    ) -> Result<Option<PassedTest>, AppError> {
        let actor = actors::load_to_change(self, tx, caller, Gate::LoginMethodsManage).await?;
        actor.require_recent_authentication(self)?;
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let Some((id, browser)) = form.attempt.parse().ok().zip(browser) else { return Ok(None) };
        let attempt = oauth_attempts::find(tx, id, &browser.hash(), self.now()).await?.filter(|attempt| {
            attempt.purpose == AttemptPurpose::Test
                && attempt.scope == actor.scope()
                && attempt.method == method
                && attempt.session == Some(actor.session)
                && attempt.sealed.is_some()
        });
        let Some(attempt) = attempt else { return Ok(None) };
        let draft = login_methods::configuration(tx, actor.scope(), method, Stage::Draft).await?;
        let live = login_methods::configuration(tx, actor.scope(), method, Stage::Live).await?;
        // One that was replaced meanwhile has lost its secret, and proves nothing of the one in its place.
        let by = [draft, live].into_iter().flatten().find(|saved| saved.id == attempt.configuration);
        let Some(mut by) = by else { return Ok(None) };
        if let Ok(claim) = ClaimPath::parse(&form.claim)
            && claim != by.configuration.identifier
        {
            by.configuration.identifier = claim;
            by.id = ConfigurationId(Uuid::now_v7());
            let secret = by.secret.as_deref();
            login_methods::save_draft(
                tx,
                actor.scope(),
                method,
                by.id,
                &by.configuration,
                secret,
                actor.member,
                self.now(),
            )
            .await?;
        }
        let AttemptResult::Claims(claims) = self.stored_result(&attempt)? else { return Ok(None) };
        let Ok(person) = claims.person_of_test(&by.configuration) else { return Ok(None) };
        let at = self.authentication(&claims, &by.configuration, true, Some(ReauthenticationMethod::Password)).at;
        Ok(Some(PassedTest { actor, attempt, by, person, at }))
    }

    /// Makes a configuration live whose test named `person`. Nothing is written unless the answer is yes.
    pub(super) async fn promote(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        method: LoginMethodId,
        tested: &SavedConfiguration,
        (person, at): (&Person, Timestamp),
        confirmed: bool,
    ) -> Result<Promotion, AppError> {
        let (scope, now) = (actor.scope(), self.now());
        let live = login_methods::configuration(tx, scope, method, Stage::Live).await?;
        let others = live.is_some_and(|live| live.configuration.names_people_differently(&tested.configuration));
        let line = login_methods::find(tx, scope, method).await?.ok_or(AppError::NotFound)?;
        if others && !confirmed && line.members + line.invited > 0 {
            return Ok(Promotion::NeedsConfirmation);
        }
        let (mut unlinked, mut invitations) = (0, None);
        if others {
            let invited = members::invited_with_identifier(tx, scope, method).await?.len() as u64;
            invitations = Some(invited).filter(|invited| *invited > 0);
            unlinked = identities::delete_of_method(tx, scope, method).await?;
            decisions::supersede_of_method(tx, scope, method, now).await?;
            members::forget_identifiers(tx, scope, method).await?;
            ownership_offers::end_of_method(tx, scope, method, now).await?;
            // Another provider means something else by them.
            login_methods::set_factor_values(tx, scope, method, &[]).await?;
        }
        if !login_methods::promote(tx, scope, method, tested, &person.identifier, now).await? {
            return Ok(Promotion::Replaced);
        }
        if !tested.configuration.name.is_empty() {
            login_methods::rename(tx, scope, method, &tested.configuration.name).await?;
        }
        if others && actor.method == method {
            // Whoever runs the test has just proved to be this person at the new place, too (OA-11).
            members::set_identifier(tx, scope, actor.member, &person.identifier).await?;
            let (user, email) = (actor.user, person.email.as_deref());
            identities::insert(tx, scope, method, user, &person.identifier, email, now).await?;
            sessions::add_method_proof(tx, actor.session, method, at.max(actor.authenticated_at())).await?;
        }
        if others && !keeps_an_owner(members::owners_without(tx, scope, LoginMethodId(Uuid::nil())).await?).is_yes() {
            return Ok(Promotion::LastOwnerLocked);
        }
        let event = Event::LoginMethodLive { method, unlinked, invitations };
        audit::record(tx, scope, &actor.audit_actor(), None, &event, now).await?;
        Ok(Promotion::Done)
    }
}

/// The result of an attempt, for the page of the person who ran it.
pub(in crate::service) fn result_of(
    services: &Services,
    attempt: &Attempt,
    configuration: &Configuration,
    live: bool,
) -> Result<TestResult, AppError> {
    if attempt.sealed.is_none() {
        return Ok(TestResult::Failed(attempt.fault.unwrap_or(Fault::Attempt).into()));
    }
    let claims = match services.stored_result(attempt)? {
        AttemptResult::Claims(claims) => claims,
        AttemptResult::Failed(failure) => return Ok(TestResult::Failed(failure)),
        AttemptResult::Person { .. } => return Ok(TestResult::Failed(Fault::Attempt.into())),
    };
    let person = claims.person_of_test(configuration);
    let warnings = person.as_ref().map(|person| claims.warnings(configuration, person)).unwrap_or_default();
    let shown = claims.shown().into_iter();
    let shown = shown
        .map(|crate::oauth::ShownClaim { path, value, mutable, names_somebody }| ShownClaim {
            path,
            value,
            mutable,
            names_somebody,
        })
        .collect();
    let returned = attempt.returned.unwrap_or_else(|| services.now());
    let recency = claims.recency(configuration, services.recent_auth_window(), returned);
    Ok(TestResult::Returned { claims: shown, person, warnings, recency, live })
}
