//! Proving anew who one is, for what is most dangerous (AZ-16). Whoever signs in by a provider goes there once more; where that proves no fresh
//! sign-in, the user's own password does instead, or a code to the mailbox that the user proved.

use super::{
    Services,
    actors::{self, Actor},
    flash::Flash,
    sign_in::too_many,
};
use crate::{
    mail::seal_code,
    secrets,
    storage::{
        Tx, login_methods,
        login_methods::Stage,
        outbox::{MailKind, NewMail},
        rate_buckets::{self, Limit},
        retried,
        sessions::{self, Proof},
        tokens::{self, Purpose},
        users::{self, User},
    },
};
use app::{
    api::{
        login_methods::{Notice, ReauthenticationForm, ReauthenticationView},
        session::WayIn,
    },
    backend::{MailReauthenticationCode, ReauthenticateByCode, ReauthenticateByPassword, ViewReauthentication},
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::FlashId,
        member::LoginMethodKind,
        oauth::{OtherProof, Recency},
        time::Span,
    },
    error::AppError,
    paths,
    request::{Caller, Visitor, WithCookies},
};
use async_trait::async_trait;

/// How long a code is good.
const CODE_TTL: Span = Span::minutes(10);
/// Codes mailed to one user: five, then one in half an hour.
const CODES: Limit = Limit { burst: 5, per_day: 48 };
/// Codes that are tried for one user: ten, then one in half an hour.
const CODE_TRIES: Limit = Limit { burst: 10, per_day: 48 };

/// How somebody can prove anew who they are.
struct Ways {
    user: User,
    /// The provider by which the actor signs in; `None` for Email & password.
    provider: Option<WayIn>,
    shortfall: Option<Recency>,
    other: Option<OtherProof>,
}

#[async_trait]
impl ViewReauthentication for Services {
    /// How the caller can prove anew who they are.
    async fn view_reauthentication(
        &self,
        caller: &Caller,
        next: &str,
        flash: Option<FlashId>,
    ) -> Result<ReauthenticationView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load(self, &mut tx, caller).await?;
        let flash = self.flashed(&mut tx, actor.session, flash).await?;
        let next = onward(caller, next);
        let Ways { user, provider, shortfall, other } = self.ways_to_reauthenticate(&mut tx, &actor, &next).await?;
        Ok(ReauthenticationView {
            fresh: actor.is_fresh(self),
            minutes: self.config.sessions.step_up_minutes,
            next,
            email: user.email.typed().to_owned(),
            provider,
            shortfall,
            other,
            errors: flash.errors,
            notice: flash.notice,
        })
    }
}

#[async_trait]
impl ReauthenticateByPassword for Services {
    /// Takes the caller's own password as the proof; answers where to go on.
    ///
    /// # Errors
    /// [`AppError::ProveAgain`] if a password is no proof here; those of signing in.
    async fn reauthenticate_by_password(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: ReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let user = self.user_with(&mut tx, &actor, OtherProof::Password).await?;
            drop(tx);
            let proved = self.prove_password(visitor, Some(&user.email), &form.password).await?;

            let mut tx = self.database.begin_write().await?;
            let actor = actors::load(self, &mut tx, caller).await?;
            let ways = self.ways_to_reauthenticate(&mut tx, &actor, "").await?;
            let unchanged = users::confirm_password(&mut tx, actor.user, &proved.verified, &proved.kept).await?;
            if !unchanged || proved.user.id != actor.user || ways.other != Some(OtherProof::Password) {
                return Err(AppError::WrongCredentials);
            }
            proved.attempt.forget(&mut tx).await?;
            let (session, cookie) = self.begin_session(&mut tx, visitor, actor.user, Proof::Password).await?;
            if ways.provider.is_some() {
                sessions::reauthenticate(&mut tx, session, actor.method, self.now()).await?;
            }
            tx.commit().await?;
            tracing::info!(member = %actor.member, %session, by = "password", "proved anew");
            Ok(WithCookies { answer: onward(caller, &form.next), cookies: vec![cookie] })
        })
        .await
    }
}

#[async_trait]
impl MailReauthenticationCode for Services {
    /// Mails the caller a code, good in this session alone; earlier ones are dead.
    ///
    /// # Errors
    /// [`AppError::ProveAgain`] if a code is no proof here; [`AppError::RateLimited`].
    async fn mail_reauthentication_code(
        &self,
        caller: &Caller,
        form: ReauthenticationForm,
    ) -> Result<String, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (actor, user) = self.proves_by_code(&mut tx, caller).await?;
            let key = format!("reauthentication-code:to:{}", user.id);
            rate_buckets::take(&mut tx, &key, CODES, now).await?.map_err(too_many)?;
            let (session, code, expires) = (actor.session.0, secrets::code(), now + CODE_TTL);
            let hash = secrets::code_hash(session, &code);
            tokens::insert(&mut tx, Purpose::ReauthenticationCode, Some(session), &hash, now, expires).await?;
            let mail = NewMail {
                kind: MailKind::ReauthenticationCode,
                member: actor.member,
                invitation: None,
                language: user.language.unwrap_or(caller.language),
                to: user.email.key(),
                sealed: Some(seal_code(&self.keyring, actor.member.0, &code, expires)),
            };
            self.queue(&mut tx, actor.scope(), mail, now).await?;
            let page = page(caller, &form.next);
            let path = self.flash(&mut tx, actor.session, &page, &Flash::notice(Notice::CodeMailed)).await?;
            tx.commit().await?;
            Ok(path)
        })
        .await
    }
}

#[async_trait]
impl ReauthenticateByCode for Services {
    /// Takes a mailed code as the proof; answers where to go on, or the page that says that it is wrong.
    ///
    /// # Errors
    /// [`AppError::ProveAgain`] if a code is no proof here; [`AppError::RateLimited`].
    async fn reauthenticate_by_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<String, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let (actor, user) = self.proves_by_code(&mut tx, caller).await?;
            let key = format!("reauthentication-code:try:{}", user.id);
            rate_buckets::take(&mut tx, &key, CODE_TRIES, now).await?.map_err(too_many)?;
            let typed: String = form.code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
            let hash = secrets::code_hash(actor.session.0, &typed);
            let right = tokens::use_up(&mut tx, Purpose::ReauthenticationCode, &hash, now).await?;
            let path = if right {
                sessions::reauthenticate(&mut tx, actor.session, actor.method, now).await?;
                rate_buckets::put_back(&mut tx, &key).await?;
                tracing::info!(member = %actor.member, session = %actor.session, by = "code", "proved anew");
                onward(caller, &form.next)
            } else {
                tracing::info!(member = %actor.member, session = %actor.session, "a wrong code");
                let page = page(caller, &form.next);
                let errors = FieldErrors::one(Field::Code, Problem::WrongCode);
                self.flash(&mut tx, actor.session, &page, &Flash { errors, ..Flash::default() }).await?
            };
            tx.commit().await?;
            Ok(path)
        })
        .await
    }
}

impl Services {
    /// What proves somebody's presence besides the account's provider.
    pub(super) fn other_proof(&self, user: &User) -> Option<OtherProof> {
        if user.phc.is_some() {
            return Some(OtherProof::Password);
        }
        (user.verified.is_some() && self.config.smtp.is_some()).then_some(OtherProof::Code)
    }

    async fn ways_to_reauthenticate(&self, tx: &mut Tx, actor: &Actor, next: &str) -> Result<Ways, AppError> {
        let user = users::find(tx, actor.user).await?.ok_or(AppError::Unauthenticated)?;
        let method = login_methods::find(tx, actor.scope(), actor.method).await?.ok_or(AppError::NotFound)?.method;
        if method.kind == LoginMethodKind::Password {
            return Ok(Ways { user, provider: None, shortfall: None, other: Some(OtherProof::Password) });
        }
        let live = login_methods::configuration(tx, actor.scope(), actor.method, Stage::Live).await?;
        let plain = live.is_some_and(|live| live.configuration.open_id.is_none());
        let known = sessions::shortfall(tx, actor.session, actor.method).await?;
        let shortfall = known.or(plain.then_some(Recency::Unsupported));
        let start = paths::with_next(&paths::oauth_start(actor.method), next);
        Ok(Ways {
            other: shortfall.as_ref().and_then(|_| self.other_proof(&user)),
            provider: Some(WayIn { name: method.name.unwrap_or_default(), start }),
            shortfall,
            user,
        })
    }

    /// The caller and their user, if a mailed code proves that it is they; their account stays locked, so that codes are counted one by one.
    async fn proves_by_code(&self, tx: &mut Tx, caller: &Caller) -> Result<(Actor, User), AppError> {
        actors::lock_for_member(tx, caller).await?;
        let actor = actors::load(self, tx, caller).await?;
        let user = self.user_with(tx, &actor, OtherProof::Code).await?;
        Ok((actor, user))
    }

    /// The actor's user, if this is what proves that it is they.
    async fn user_with(&self, tx: &mut Tx, actor: &Actor, by: OtherProof) -> Result<User, AppError> {
        let ways = self.ways_to_reauthenticate(tx, actor, "").await?;
        if ways.other == Some(by) { Ok(ways.user) } else { Err(AppError::ProveAgain) }
    }
}

/// `next`, or the account's front page.
fn onward(caller: &Caller, next: &str) -> String {
    paths::local_or(next, &paths::account(caller.account.as_str()))
}

/// The page that asks, with where to go on afterwards.
fn page(caller: &Caller, next: &str) -> String {
    paths::reauthenticate(caller.account.as_str(), &paths::local_or(next, ""))
}
