//! Joining through an account's provider: identifier and address are compared with the invited ones (R42 to R44), and what fits is taken
//! up by one more step of the person's own (R9).

use super::{accept_invitation::Accepted, invitation_facts::Held, sign_up::lock_accounts};
use crate::{
    context::Services,
    oauth::Claims,
    secrets::Token,
    service::{
        actors::is_fresh,
        login_methods::finish_oauth::{Outcome, ProvedAt, Returned, without_cookies},
    },
    storage::{
        Tx, accounts,
        audit::{self, By, Event},
        decisions::{self, Decision},
        identities, invitations, login_methods,
        oauth_attempts::{self, Attempt, AttemptPurpose},
        outbox::MailKind,
        rate_buckets::{self, Limit},
        retried,
        sessions::{self, Proof},
        users::{self, User},
    },
};
use app::{
    api::joining::{JoinByMethodForm, Joined},
    backend::JoinByMethod,
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        ids::{AttemptId, DecisionId, InvitationId, UserId},
        invitation::InvitationState,
        name::parse_name,
        oauth::{Configuration, EmailPolicy, Fault, Person},
        time::Timestamp,
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;
use uuid::Uuid;

/// Mails to admins about one invitation's decisions.
const DECISION_MAILS: Limit = Limit { burst: 3, per_day: 3 };

/// Is the person whom the provider named the one invited?
enum Comparison {
    /// Yes (R42).
    Same,
    /// By the identifier, but not by the address (R43).
    OtherAddress,
    /// No (R44).
    OtherIdentifier,
}

/// What came back from the provider for an invitation, and waits for the person's last word.
pub(in crate::service) struct Arrival {
    pub(in crate::service) attempt: Attempt,
    pub(in crate::service) person: Person,
    /// What the provider said, by this configuration.
    claims: Claims,
    configuration: Configuration,
}

#[async_trait]
impl JoinByMethod for Services {
    /// Takes the invitation up as the person whom the provider named, signed in right after.
    async fn join_by_method(&self, visitor: &Visitor, form: JoinByMethodForm) -> Result<WithCookies<Joined>, AppError> {
        retried(|| async {
            let id: InvitationId = form.invitation.parse().map_err(|_| AppError::OpenTheLinkAgain)?;
            let attempt: AttemptId = form.attempt.parse().map_err(|_| AppError::OpenTheLinkAgain)?;
            let mut tx = self.database.begin_read().await?;
            let held = self.held_as(&mut tx, visitor, id).await?;
            drop(tx);
            if self.needs_code(&held) {
                self.count_code_try(visitor, id).await?;
            }
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            lock_accounts(&mut tx, &held).await?;
            let held = self.held_as(&mut tx, visitor, id).await?;
            if self.has_joined(&mut tx, visitor, &held, attempt).await? {
                return Ok(self.joined(&held, Vec::new()));
            }
            if !held.is_open(now) || !held.member.method_enabled {
                return Err(AppError::OpenTheLinkAgain);
            }
            let arrival =
                self.arrival(&mut tx, visitor, &held, Some(attempt)).await?.ok_or(AppError::OpenTheLinkAgain)?;
            let mailbox_proved = self.prove_mailbox(&mut tx, &held, &form.code, now).await?;
            if !self.sponsor_still_may(&mut tx, &held, now).await? {
                tx.commit().await?;
                return Ok(WithCookies { answer: Joined::AwaitingApproval, cookies: Vec::new() });
            }
            let user = match self.linkable(&mut tx, visitor, &held, mailbox_proved).await? {
                Linkable::Is(user) => user,
                Linkable::New => {
                    self.make_user_without_password(&mut tx, visitor, &held, &form, mailbox_proved, now).await?
                }
                Linkable::ProveFirst => return Ok(WithCookies { answer: Joined::SignInFirst, cookies: Vec::new() }),
            };
            let method = held.member.method.id;
            identities::delete_of_user_here(&mut tx, held.scope, method, user.id).await?;
            let (identifier, email) = (&arrival.person.identifier, arrival.person.email.as_deref());
            let linked = identities::insert(&mut tx, held.scope, method, user.id, identifier, email, now).await;
            // The identifier is another member's already: an admin has to see to it.
            linked.map_err(|error| error.or_taken(|| AppError::OpenTheLinkAgain))?;
            match self.accept(&mut tx, visitor, &held, &user, now).await? {
                Accepted::Joined => {}
                Accepted::TooLate => return Err(AppError::OpenTheLinkAgain),
            }
            decisions::supersede(&mut tx, held.scope, held.member.id, now).await?;
            // Only a way that ends in joining is put back, and there is one for each invitation: coming back alone may be done without end.
            self.forget_try(&mut tx, visitor, held.scope).await?;
            oauth_attempts::use_up(&mut tx, &arrival.attempt, now).await?;
            let other = self.other_proof(&user);
            let ProvedAt { at, shortfall } = self.proved_at(&arrival.claims, &arrival.configuration, false, other);
            let (session, cookie) = self.begin_session(&mut tx, visitor, user.id, Proof::Method { method, at }).await?;
            if let Some(shortfall) = shortfall {
                sessions::note_shortfall(&mut tx, session, method, &shortfall).await?;
            }
            tx.commit().await?;
            tracing::info!(user = %user.id, %session, invitation = %id, %method, "joined");
            Ok(self.joined(&held, vec![cookie]))
        })
        .await
    }
}

impl Services {
    /// Takes the return of somebody who wants to join: on to the last step, or to the page that says what an admin must decide.
    pub(in crate::service) async fn return_to_join(
        &self,
        visitor: &Visitor,
        returned: Returned,
    ) -> Result<WithCookies<String>, AppError> {
        let id = returned.attempt.invitation.ok_or(AppError::NotFound)?;
        let page = paths::invitation(id);
        let person = match returned.claims.person(&returned.configuration.configuration) {
            Ok(person) => person,
            Err(fault) => return self.failed(&returned.place, &returned.attempt, fault).await,
        };
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, returned.place.scope).await?;
        let Ok(held) = self.held_as(&mut tx, visitor, id).await else {
            return Ok(without_cookies(page));
        };
        if !held.is_open(now) || held.member.method.id != returned.attempt.method {
            return Ok(without_cookies(page));
        }
        if !login_methods::is_in_force(&mut tx, held.scope, returned.attempt.configuration).await? {
            return Ok(without_cookies(paths::with_problem(&page, Fault::Attempt.key())));
        }
        let comparison = compare(&mut tx, &held, &returned.configuration.configuration, &person).await?;
        match comparison {
            Comparison::Same => {
                drop(tx);
                let outcome = Outcome::Person { claims: returned.claims.without_person(), person };
                self.keep(&returned.attempt, Some(&outcome), None).await?;
                Ok(without_cookies(paths::returned(id, returned.attempt.id)))
            }
            Comparison::OtherAddress => {
                self.open_decision(&mut tx, &held, &person, now).await?;
                invitations::answer(&mut tx, held.scope, id, InvitationState::AwaitingApproval, now).await?;
                tx.commit().await?;
                Ok(without_cookies(page))
            }
            Comparison::OtherIdentifier => {
                self.open_decision(&mut tx, &held, &person, now).await?;
                tx.commit().await?;
                Ok(without_cookies(paths::with_problem(&page, "somebody-else")))
            }
        }
    }

    /// Opens a decision and tells those who can take it.
    async fn open_decision(&self, tx: &mut Tx, held: &Held, person: &Person, now: Timestamp) -> Result<(), AppError> {
        let known = decisions::find_open(tx, held.scope, held.member.id).await?;
        let decision = Decision {
            id: DecisionId(Uuid::now_v7()),
            invitation: held.invitation.id,
            method: held.member.method.id,
            identifier: person.identifier.clone(),
            email: person.email.clone(),
            at: now,
        };
        // Who tries again as the same other person asks for nothing new.
        if known.is_some_and(|known| known.identifier == decision.identifier && known.email == decision.email) {
            return Ok(());
        }
        decisions::open(tx, held.scope, held.member.id, &decision).await?;
        let event = Event::DecisionOpened { invitation: held.invitation.id };
        audit::record(tx, held.scope, &By::default(), Some(&super::accept_invitation::to(held)), &event, now).await?;
        // Who comes back now as this and now as that person does not fill the admins' mailboxes (R52).
        let key = format!("decision:{}", held.invitation.id);
        if rate_buckets::take(tx, &key, DECISION_MAILS, now).await?.is_ok() {
            self.tell_admins(tx, MailKind::Decision, held, now).await?;
        }
        Ok(())
    }

    /// What this browser brought back from the provider for this invitation.
    pub(in crate::service) async fn arrival(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        held: &Held,
        attempt: Option<AttemptId>,
    ) -> Result<Option<Arrival>, AppError> {
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let Some((id, browser)) = attempt.zip(browser) else { return Ok(None) };
        let Some(attempt) = oauth_attempts::find(tx, id, &browser.hash(), self.now()).await? else { return Ok(None) };
        let fits = attempt.purpose == AttemptPurpose::Join
            && attempt.scope == held.scope
            && attempt.invitation == Some(held.invitation.id)
            && attempt.method == held.member.method.id
            && attempt.sealed.is_some()
            && login_methods::is_in_force(tx, held.scope, attempt.configuration).await?;
        if !fits {
            return Ok(None);
        }
        let by = login_methods::configuration_by_id(tx, held.scope, attempt.configuration).await?;
        let configuration = by.ok_or(AppError::OpenTheLinkAgain)?.configuration;
        let Outcome::Person { person, claims } = self.outcome(&attempt)? else { return Ok(None) };
        // Everything is looked at again: row and decision may have changed since the return (R16).
        match compare(tx, held, &configuration, &person).await? {
            Comparison::Same => Ok(Some(Arrival { attempt, person, claims, configuration })),
            Comparison::OtherAddress | Comparison::OtherIdentifier => Ok(None),
        }
    }

    /// R19: the second of two clicks finds its work done, by the person who is signed in or by the way of this browser.
    async fn has_joined(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        held: &Held,
        attempt: AttemptId,
    ) -> Result<bool, AppError> {
        if let Some(signed_in) = &visitor.signed_in {
            return Ok(held.was_taken_up_by(signed_in.user));
        }
        let Some(browser) = visitor.oauth.as_deref().and_then(Token::parse) else { return Ok(false) };
        let used = oauth_attempts::used_for(tx, attempt, &browser.hash()).await?;
        Ok(held.invitation.state == InvitationState::Accepted && used == Some(held.invitation.id))
    }

    /// Whose login the provider's word is linked to (R17, OA-11): a user who has a password proves it first, freshly; one without proves
    /// the mailbox by the invitation that names the identifier.
    async fn linkable(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        held: &Held,
        mailbox_proved: bool,
    ) -> Result<Linkable, AppError> {
        let signed_in = visitor.signed_in.as_ref();
        let Some(user) = users::find_by_email(tx, held.member.email.key()).await? else {
            // Somebody else's session ends only where the person says so (R14).
            return if signed_in.is_none() { Ok(Linkable::New) } else { Err(AppError::OpenTheLinkAgain) };
        };
        if signed_in.is_some_and(|signed_in| signed_in.user != user.id) {
            return Err(AppError::OpenTheLinkAgain);
        }
        if user.verified.is_none() && mailbox_proved && signed_in.is_none() {
            // R13: the mailbox outranks somebody who never proved it.
            return Ok(Linkable::New);
        }
        let has_password = user.phc.is_some();
        let proved = match signed_in {
            Some(signed_in) if has_password => sessions::password_proved(tx, signed_in.session).await?,
            Some(signed_in) => sessions::anything_proved(tx, signed_in.session).await?,
            None => None,
        };
        let fresh = proved.is_some_and(|at| is_fresh(at, self.config.sessions.step_up_minutes, self.now()));
        if !fresh && (has_password || !mailbox_proved) {
            return Ok(Linkable::ProveFirst);
        }
        if !mailbox_proved || user.verified.is_some() {
            return Ok(Linkable::Is(user));
        }
        // The present login and the mail together prove person and mailbox: nothing has to make way, unlike in R13.
        let now = self.now();
        users::verify(tx, user.id, now).await?;
        Ok(Linkable::Is(User { verified: Some(now), ..user }))
    }

    /// The new user, whose name is the typed one (R50). Whoever had the address unproved makes way (R13).
    async fn make_user_without_password(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        held: &Held,
        form: &JoinByMethodForm,
        mailbox_proved: bool,
        now: Timestamp,
    ) -> Result<User, AppError> {
        let name = parse_name(&form.name).map_err(|problem| FieldErrors::one(Field::Name, problem))?;
        let verified = mailbox_proved.then_some(now);
        if let Some(earlier) = users::find_by_email(tx, held.member.email.key()).await? {
            return self.replace_user(tx, earlier, name, None, now).await;
        }
        let user = User {
            id: UserId(Uuid::now_v7()),
            email: held.member.email.clone(),
            name,
            language: Some(visitor.language),
            verified,
            phc: None,
        };
        // Somebody with the address was made meanwhile, in another account.
        users::insert(tx, &user, now).await.map_err(|error| error.or_taken(|| AppError::OpenTheLinkAgain))?;
        Ok(user)
    }
}

/// What an identity can be linked to.
enum Linkable {
    /// The user with the invited address.
    Is(User),
    /// Nobody yet.
    New,
    /// A user who has to prove to be that user first.
    ProveFirst,
}

/// Compares whom the provider named with whom the account invited: identifiers byte by byte (R42), addresses by the method's policy and
/// by what an admin decided (R43).
async fn compare(
    tx: &mut Tx,
    held: &Held,
    configuration: &Configuration,
    person: &Person,
) -> Result<Comparison, AppError> {
    if held.member.identifier.as_deref() != Some(person.identifier.as_str()) {
        return Ok(Comparison::OtherIdentifier);
    }
    let Some(email) = &person.email else { return Ok(Comparison::Same) };
    let same = Email::parse_exactly(email).as_ref() == Ok(&held.member.email);
    let counts = match configuration.email_policy {
        EmailPolicy::Strict => true,
        EmailPolicy::Identifier => false,
    };
    if same || !counts {
        return Ok(Comparison::Same);
    }
    let allowed = decisions::is_allowed(tx, held.scope, held.invitation.id, &person.identifier, email).await?;
    Ok(if allowed { Comparison::Same } else { Comparison::OtherAddress })
}
