//! Joining through an account's provider: identifier and address are compared with the invited ones (R42 to R44), and if they match, the
//! person accepts with a form of ours (R9).

use super::{accept_invitation::Accepted, presented_invitation::PresentedInvitation, sign_up::lock_accounts};
use crate::{
    context::Services,
    oauth::Claims,
    secrets::Token,
    service::{
        actors::is_recent,
        login_methods::finish_oauth::{AttemptResult, Callback, without_cookies},
    },
    storage::{
        Tx, accounts,
        audit::{self, AuditActor, Event},
        decisions::{self, Decision},
        identities, invitations, login_methods, members,
        oauth_attempts::{self, Attempt, AttemptPurpose},
        outbox::MailKind,
        rate_buckets::{self, Limit},
        retried, sessions,
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
        invitation::{Channel, InvitationState},
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
    /// Nobody can say, as there is no identifier and what would fix one is missing (R67).
    Unknown,
}

/// A callback that matches the invitation; the person has not accepted yet.
pub(in crate::service) struct VerifiedCallback {
    pub(in crate::service) attempt: Attempt,
    pub(in crate::service) person: Person,
    /// What the provider said, by this configuration.
    claims: Claims,
    configuration: Configuration,
}

#[async_trait]
impl JoinByMethod for Services {
    /// Accepts the invitation as the person whom the provider named, and signs them in.
    async fn join_by_method(&self, visitor: &Visitor, form: JoinByMethodForm) -> Result<WithCookies<Joined>, AppError> {
        retried(|| async {
            let id: InvitationId = form.invitation.parse().map_err(|_| AppError::OpenTheLinkAgain)?;
            let attempt: AttemptId = form.attempt.parse().map_err(|_| AppError::OpenTheLinkAgain)?;
            let mut tx = self.database.begin_read().await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            drop(tx);
            if self.needs_code(&presented) {
                self.count_code_try(visitor, id).await?;
            }
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            lock_accounts(&mut tx, &presented).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if self.has_joined(&mut tx, visitor, &presented, attempt).await? {
                return Ok(self.joined(visitor, &presented, Vec::new()));
            }
            if !presented.is_open(now) || !presented.member.method_enabled {
                return Err(AppError::OpenTheLinkAgain);
            }
            let callback = self
                .verified_callback(&mut tx, visitor, &presented, Some(attempt))
                .await?
                .ok_or(AppError::OpenTheLinkAgain)?;
            let mailbox_proved = self.prove_mailbox(&mut tx, &presented, &form.code, now).await?;
            if !self.sponsor_can_still_invite(&mut tx, &presented, now).await? {
                tx.commit().await?;
                return Ok(WithCookies { answer: Joined::AwaitingApproval, cookies: Vec::new() });
            }
            let user = match self.link_target(&mut tx, visitor, &presented, mailbox_proved).await? {
                LinkTarget::Existing(user) => user,
                LinkTarget::New => {
                    self.make_user_without_password(&mut tx, visitor, &presented, &form, mailbox_proved, now).await?
                }
                LinkTarget::ReauthenticateFirst => {
                    return Ok(WithCookies { answer: Joined::SignInFirst, cookies: Vec::new() });
                }
            };
            if presented.member.identifier.is_none() {
                fix_identifier(&mut tx, visitor, &presented, &callback.person, now).await?;
            }
            link_identity(&mut tx, &presented, &user, &callback.person, now).await?;
            match self.accept(&mut tx, visitor, &presented, &user, now).await? {
                Accepted::Joined => {}
                Accepted::TooLate => return Err(AppError::OpenTheLinkAgain),
            }
            decisions::supersede(&mut tx, presented.scope, presented.member.id, now).await?;
            // Only an attempt that ends in joining is refunded: each invitation has one of those, but any number of callbacks.
            self.refund_try(&mut tx, visitor, presented.scope).await?;
            oauth_attempts::mark_used(&mut tx, &callback.attempt, now).await?;
            let (method, other) = (presented.member.method.id, self.other_proof(&user));
            let authenticated = self.authentication(&callback.claims, &callback.configuration, false, other);
            let (session, cookie) = self
                .begin_session_by_method(&mut tx, visitor, user.id, (presented.scope, method), &authenticated)
                .await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, %session, invitation = %id, %method, "joined");
            Ok(self.joined(visitor, &presented, vec![cookie]))
        })
        .await
    }
}

impl Services {
    /// Handles the callback of somebody who wants to join: on to the form that accepts, or to the page that says what an admin must decide.
    pub(in crate::service) async fn handle_join_callback(
        &self,
        visitor: &Visitor,
        callback: Callback,
    ) -> Result<WithCookies<String>, AppError> {
        let id = callback.attempt.invitation.ok_or(AppError::NotFound)?;
        let page = paths::invitation(id);
        let person = match callback.claims.person(&callback.configuration.configuration) {
            Ok(person) => person,
            Err(fault) => return self.failed(&callback.account, &callback.attempt, fault).await,
        };
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        accounts::lock(&mut tx, callback.account.scope).await?;
        let Ok(presented) = self.require_invitation(&mut tx, visitor, id).await else {
            return Ok(without_cookies(page));
        };
        if !presented.is_open(now) || presented.member.method.id != callback.attempt.method {
            return Ok(without_cookies(page));
        }
        if !login_methods::is_in_force(&mut tx, presented.scope, callback.attempt.configuration).await? {
            return Ok(without_cookies(paths::with_problem(&page, Fault::Attempt.key())));
        }
        let comparison = compare(&mut tx, &presented, &callback.configuration.configuration, &person).await?;
        match comparison {
            Comparison::Same => {
                drop(tx);
                let result = AttemptResult::Person { claims: callback.claims.without_person(), person };
                self.store_result(&callback.attempt, Some(&result), None).await?;
                Ok(without_cookies(paths::returned(id, callback.attempt.id)))
            }
            Comparison::OtherAddress => {
                self.open_decision(&mut tx, &presented, &person, now).await?;
                invitations::answer(&mut tx, presented.scope, id, InvitationState::AwaitingApproval, now).await?;
                tx.commit().await?;
                Ok(without_cookies(page))
            }
            Comparison::OtherIdentifier | Comparison::Unknown => {
                self.open_decision(&mut tx, &presented, &person, now).await?;
                tx.commit().await?;
                let problem = match comparison {
                    Comparison::Unknown => "admin-confirms",
                    Comparison::Same | Comparison::OtherAddress | Comparison::OtherIdentifier => "somebody-else",
                };
                Ok(without_cookies(paths::with_problem(&page, problem)))
            }
        }
    }

    /// Opens a decision and tells those who can take it.
    async fn open_decision(
        &self,
        tx: &mut Tx,
        presented: &PresentedInvitation,
        person: &Person,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let known = decisions::find_open(tx, presented.scope, presented.member.id).await?;
        let decision = Decision {
            member: presented.member.id,
            id: DecisionId(Uuid::now_v7()),
            invitation: presented.invitation.id,
            method: presented.member.method.id,
            identifier: person.identifier.clone(),
            email: person.email.clone(),
            at: now,
            asked_by: None,
        };
        // Another try with the same identity asks for nothing new.
        if known.is_some_and(|known| known.identifier == decision.identifier && known.email == decision.email) {
            return Ok(());
        }
        decisions::open(tx, presented.scope, &decision).await?;
        let event = Event::DecisionOpened { invitation: presented.invitation.id };
        audit::record(tx, presented.scope, &AuditActor::default(), Some(&presented.audit_target()), &event, now)
            .await?;
        self.tell_of_decision(tx, presented, now).await
    }

    /// Mails the one who is answerable that there is something to decide. Callbacks with ever other identities do not fill the admins'
    /// mailboxes (R52).
    pub(super) async fn tell_of_decision(
        &self,
        tx: &mut Tx,
        presented: &PresentedInvitation,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let key = format!("decision:{}", presented.invitation.id);
        if rate_buckets::take(tx, &key, DECISION_MAILS, now).await?.is_ok() {
            self.tell_answerable(tx, MailKind::Decision, presented, now).await?;
        }
        Ok(())
    }

    /// The callback that this browser has for this invitation, if it still matches.
    pub(in crate::service) async fn verified_callback(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        attempt: Option<AttemptId>,
    ) -> Result<Option<VerifiedCallback>, AppError> {
        let browser = visitor.oauth.as_deref().and_then(Token::parse);
        let Some((id, browser)) = attempt.zip(browser) else { return Ok(None) };
        let Some(attempt) = oauth_attempts::find(tx, id, &browser.hash(), self.now()).await? else { return Ok(None) };
        let fits = attempt.purpose == AttemptPurpose::Join
            && attempt.scope == presented.scope
            && attempt.invitation == Some(presented.invitation.id)
            && attempt.method == presented.member.method.id
            && attempt.sealed.is_some()
            && login_methods::is_in_force(tx, presented.scope, attempt.configuration).await?;
        if !fits {
            return Ok(None);
        }
        let by = login_methods::configuration_by_id(tx, presented.scope, attempt.configuration).await?;
        let configuration = by.ok_or(AppError::OpenTheLinkAgain)?.configuration;
        let AttemptResult::Person { person, claims } = self.stored_result(&attempt)? else { return Ok(None) };
        // Everything is looked at again: row and decision may have changed since the return (R16).
        match compare(tx, presented, &configuration, &person).await? {
            Comparison::Same => Ok(Some(VerifiedCallback { attempt, person, claims, configuration })),
            Comparison::OtherAddress | Comparison::OtherIdentifier | Comparison::Unknown => Ok(None),
        }
    }

    /// R19: the second of two clicks finds its work done, by the person who is signed in or with the attempt of this browser.
    async fn has_joined(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        attempt: AttemptId,
    ) -> Result<bool, AppError> {
        if let Some(signed_in) = &visitor.signed_in {
            return Ok(presented.was_taken_up_by(signed_in.user));
        }
        let Some(browser) = visitor.oauth.as_deref().and_then(Token::parse) else { return Ok(false) };
        let used = oauth_attempts::invitation_joined_by(tx, attempt, &browser.hash()).await?;
        Ok(presented.invitation.state == InvitationState::Accepted && used == Some(presented.invitation.id))
    }

    /// The user to whom the identity is linked (R17, OA-11): somebody who has a password must have entered it recently; somebody without one
    /// proves the mailbox by the invitation that names the identifier.
    async fn link_target(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        mailbox_proved: bool,
    ) -> Result<LinkTarget, AppError> {
        let signed_in = visitor.signed_in.as_ref();
        let Some(user) = users::find_by_email(tx, presented.member.email.key()).await? else {
            // Somebody else's session ends only where the person says so (R14).
            return if signed_in.is_none() { Ok(LinkTarget::New) } else { Err(AppError::OpenTheLinkAgain) };
        };
        if signed_in.is_some_and(|signed_in| signed_in.user != user.id) {
            return Err(AppError::OpenTheLinkAgain);
        }
        if user.verified.is_none() && mailbox_proved && signed_in.is_none() {
            // R13: the mailbox outranks somebody who never proved it.
            return Ok(LinkTarget::New);
        }
        let has_password = user.phc.is_some();
        let proved = match signed_in {
            Some(signed_in) if has_password => sessions::password_proved(tx, signed_in.session).await?,
            Some(signed_in) => sessions::anything_proved(tx, signed_in.session).await?,
            None => None,
        };
        let fresh = proved.is_some_and(|at| is_recent(at, self.config.sessions.step_up_minutes, self.now()));
        if !fresh && (has_password || !mailbox_proved) {
            return Ok(LinkTarget::ReauthenticateFirst);
        }
        if !mailbox_proved || user.verified.is_some() {
            return Ok(LinkTarget::Existing(user));
        }
        // The present login and the mail together prove person and mailbox: nothing has to make way, unlike in R13.
        let now = self.now();
        users::verify(tx, user.id, now).await?;
        Ok(LinkTarget::Existing(User { verified: Some(now), ..user }))
    }

    /// The new user, whose name is the typed one (R50). Whoever had the address unproved makes way (R13).
    async fn make_user_without_password(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        form: &JoinByMethodForm,
        mailbox_proved: bool,
        now: Timestamp,
    ) -> Result<User, AppError> {
        let name = parse_name(&form.name).map_err(|problem| FieldErrors::one(Field::Name, problem))?;
        let verified = mailbox_proved.then_some(now);
        if let Some(earlier) = users::find_by_email(tx, presented.member.email.key()).await? {
            return self.replace_user(tx, earlier, name, None, now).await;
        }
        let user = User {
            id: UserId(Uuid::now_v7()),
            email: presented.member.email.clone(),
            name,
            language: Some(visitor.language),
            time_zone: None,
            theme: None,
            delete_at: None,
            verified,
            phc: None,
        };
        // Somebody with the address was made meanwhile, in another account.
        users::insert(tx, &user, now).await.map_err(|error| error.or_taken(|| AppError::OpenTheLinkAgain))?;
        Ok(user)
    }
}

/// Links the identity that the provider named to the user, in place of an earlier one.
async fn link_identity(
    tx: &mut Tx,
    presented: &PresentedInvitation,
    user: &User,
    person: &Person,
    now: Timestamp,
) -> Result<(), AppError> {
    let (scope, method) = (presented.scope, presented.member.method.id);
    identities::delete_of_user_at_method(tx, scope, method, user.id).await?;
    let email = person.email.as_deref();
    let linked = identities::insert(tx, scope, method, user.id, &person.identifier, email, now).await;
    // The identifier is another member's already: an admin has to see to it.
    linked.map_err(|error| error.or_taken(|| AppError::OpenTheLinkAgain))
}

/// Whom an identity is linked to.
enum LinkTarget {
    /// The user with the invited address.
    Existing(User),
    /// Nobody yet.
    New,
    /// A user who has to reauthenticate first.
    ReauthenticateFirst,
}

/// Compares whom the provider named with whom the account invited: identifiers byte by byte (R42), addresses by the method's policy and
/// by what an admin decided (R43).
async fn compare(
    tx: &mut Tx,
    presented: &PresentedInvitation,
    configuration: &Configuration,
    person: &Person,
) -> Result<Comparison, AppError> {
    let Some(expected) = presented.member.identifier.as_deref() else {
        return compare_first_sign_in(tx, presented, configuration, person).await;
    };
    if expected != person.identifier {
        return Ok(Comparison::OtherIdentifier);
    }
    let Some(email) = &person.email else { return Ok(Comparison::Same) };
    let same = Email::parse_exactly(email).as_ref() == Ok(&presented.member.email);
    let counts = match configuration.email_policy {
        EmailPolicy::Strict => true,
        EmailPolicy::Identifier => false,
    };
    if same || !counts {
        return Ok(Comparison::Same);
    }
    let allowed =
        decisions::is_allowed(tx, presented.scope, presented.invitation.id, &person.identifier, email).await?;
    Ok(if allowed { Comparison::Same } else { Comparison::OtherAddress })
}

/// Compares whom the provider named with somebody who was invited without an identifier, where the method's owner allows that (R67): the link
/// must be the mailed one, the provider must have checked exactly the invited address, and the identifier must be nobody else's.
async fn compare_first_sign_in(
    tx: &mut Tx,
    presented: &PresentedInvitation,
    configuration: &Configuration,
    person: &Person,
) -> Result<Comparison, AppError> {
    let is_mailed = match presented.channel {
        Channel::Mailed => true,
        Channel::Copied => false,
    };
    let (scope, member) = (presented.scope, &presented.member);
    let taken = members::is_identifier_taken(tx, scope, member.method.id, &person.identifier, Some(member.id)).await?;
    let taken = taken
        || identities::find(tx, scope, member.method.id, &person.identifier)
            .await?
            .is_some_and(|user| Some(user) != member.user);
    if taken {
        return Ok(Comparison::OtherIdentifier);
    }
    if !configuration.first_sign_in || !is_mailed {
        return Ok(Comparison::Unknown);
    }
    let same = person.email.as_deref().is_some_and(|email| Email::parse_exactly(email).as_ref() == Ok(&member.email));
    Ok(if same && person.email_verified { Comparison::Same } else { Comparison::OtherAddress })
}

/// Fixes the identifier that came with the first sign-in: from now on the member is known by it (R67).
async fn fix_identifier(
    tx: &mut Tx,
    visitor: &Visitor,
    presented: &PresentedInvitation,
    person: &Person,
    now: Timestamp,
) -> Result<(), AppError> {
    members::set_identifier(tx, presented.scope, presented.member.id, &person.identifier).await?;
    let event = Event::IdentityLinked { method: presented.member.method.id };
    Ok(presented.record_by_invitee(tx, visitor, &event, now).await?)
}
