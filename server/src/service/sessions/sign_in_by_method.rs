//! Signing in through an account's provider: it opens that account and nothing else (R45, OA-08, OA-12).

use crate::{
    context::Services,
    metrics::{Proved, SignInResult},
    service::login_methods::finish_oauth::{Authentication, Callback, without_cookies},
    storage::{
        AccountScope, StorageError, Tx, accounts,
        audit::{self, AuditActor, AuditTarget, Event},
        identities, login_methods, members,
        sessions::{self, Proof},
        users,
    },
};
use app::{
    domain::{
        ids::{LoginMethodId, SessionId, UserId},
        member::MemberState,
        oauth::{Fault, Person},
        time::Timestamp,
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};

impl Services {
    /// Begins a session for the member whom the provider named; a stranger, a removed and a suspended member get the same answer. The session
    /// of another user stays as it is, and the person is told to sign out first (R14).
    pub(in crate::service) async fn sign_in_by_method(
        &self,
        visitor: &Visitor,
        callback: Callback,
    ) -> Result<WithCookies<String>, AppError> {
        let slug = callback.account.slug.as_str();
        let person = match callback.claims.person(&callback.configuration.configuration) {
            Ok(person) => person,
            Err(fault) => {
                self.metrics().signed_in(Proved::Provider, SignInResult::Failed);
                return self.failed(&callback.account, &callback.attempt, fault).await;
            }
        };
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, callback.account.scope).await?;
        if !login_methods::is_in_force(&mut tx, callback.account.scope, callback.attempt.configuration).await? {
            // Switched off or set up anew while the person was at the provider (OA-19, R45).
            return Ok(without_cookies(paths::with_problem(&paths::login(slug), Fault::Attempt.key())));
        }
        let Some(user) = member_named(&mut tx, visitor, &callback, &person, now).await? else {
            let method = callback.attempt.method;
            let who = self.keyring.pseudonym(&format!("{method}:{}", person.identifier));
            tracing::info!(account = %slug, %method, who, ip = %visitor.ip, "sign-in by a provider refused: no such member");
            self.metrics().signed_in(Proved::Provider, SignInResult::Wrong);
            return Ok(without_cookies(paths::with_problem(&paths::login(slug), "not-a-member")));
        };
        if visitor.signed_in.as_ref().is_some_and(|present| present.user != user) {
            // Whom this browser belongs to was decided by a person; a provider's word, which an account chose, changes nothing about it.
            tracing::info!(%user, method = %callback.attempt.method, ip = %visitor.ip, "sign-in by a provider refused: somebody else is signed in");
            self.metrics().signed_in(Proved::Provider, SignInResult::Wrong);
            return Ok(without_cookies(paths::with_problem(&paths::login(slug), "signed-in-as-another")));
        }
        self.refund_try(&mut tx, visitor, callback.account.scope).await?;
        let method = callback.attempt.method;
        let other = users::find(&mut tx, user).await?.and_then(|user| self.other_proof(&user));
        let asked_anew = callback.attempt.asked_anew;
        let authenticated =
            self.authentication(&callback.claims, &callback.configuration.configuration, asked_anew, other);
        let by = (callback.account.scope, method);
        let (session, cookie) = self.begin_session_by_method(&mut tx, visitor, user, by, &authenticated).await?;
        tx.commit().await?;
        self.metrics().signed_in(Proved::Provider, SignInResult::Succeeded);
        tracing::info!(%user, %session, method = %callback.attempt.method, ip = %visitor.ip, "signed in");
        let next = paths::local_or(&callback.attempt.next, "");
        let answer = match (asked_anew && authenticated.shortfall.is_some(), next.as_str()) {
            (_, "") => paths::account(slug),
            // Whoever came to prove who they are is told why that was no proof, and what is.
            (true, next) => paths::reauthenticate(slug, next),
            (false, next) => next.to_owned(),
        };
        Ok(WithCookies { answer, cookies: vec![cookie] })
    }

    /// Begins a session for a user whom a provider authenticated; with a second factor, if the account takes the provider's word for one
    /// (LT-09). Answers its id and cookie.
    pub(in crate::service) async fn begin_session_by_method(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
        (scope, method): (AccountScope, LoginMethodId),
        Authentication { at, shortfall, values }: &Authentication,
    ) -> Result<(SessionId, String), StorageError> {
        let (session, cookie) = self.begin_session(tx, visitor, user, Proof::Method { method, at: *at }).await?;
        if let Some(shortfall) = shortfall {
            sessions::set_shortfall(tx, session, method, shortfall).await?;
        }
        let accepted = login_methods::factor_values(tx, scope, method).await?.accepted;
        if values.iter().any(|value| accepted.contains(value)) {
            sessions::add_second_factor_for(tx, session, method, *at).await?;
            identities::note_second_factor(tx, scope, method, user, *at).await?;
        }
        Ok((session, cookie))
    }
}

/// The user of the active member whom the provider named, by the link that there is, or by the identifier that an admin gave the row
/// since (R46).
async fn member_named(
    tx: &mut Tx,
    visitor: &Visitor,
    callback: &Callback,
    person: &Person,
    now: Timestamp,
) -> Result<Option<UserId>, StorageError> {
    let (scope, method) = (callback.account.scope, callback.attempt.method);
    let email = person.email.as_deref();
    let known = identities::find(tx, scope, method, &person.identifier).await?;
    let user = match known {
        Some(user) => user,
        None => {
            let Some(user) = members::find_unlinked(tx, scope, method, &person.identifier).await? else {
                return Ok(None);
            };
            identities::insert(tx, scope, method, user, &person.identifier, email, now).await?;
            user
        }
    };
    let member = members::find_by_user(tx, scope, user).await?;
    if known.is_none()
        && let Some(row) = &member
    {
        let actor =
            AuditActor { member: Some(row.id), name: Some(row.label().to_owned()), ip: Some(visitor.ip), key: None };
        let target = AuditTarget { member: row.id, email: row.email.key().to_owned() };
        audit::record(tx, scope, &actor, Some(&target), &Event::IdentityLinked { method }, now).await?;
    }
    let is_in = member.is_some_and(|row| row.state == MemberState::Active && row.method.id == method);
    if is_in {
        identities::note_use(tx, scope, method, &person.identifier, email, now).await?;
    }
    Ok(is_in.then_some(user))
}
