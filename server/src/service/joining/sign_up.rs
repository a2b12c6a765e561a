//! Signs up with an invitation: makes a login for a new person, and joins the account with it (R9, R11, R12, R13, INV-05, INV-08).

use super::{accept_invitation::Accepted, presented_invitation::PresentedInvitation};
use crate::{
    context::Services,
    secrets,
    service::{invitations::copy_link::kill_links_beyond_rights, sessions::sign_in::ip_key},
    storage::{
        StorageError, Tx, accounts, api_keys,
        audit::{self, AuditActor, AuditTarget, Event},
        identities, members, pending_sign_ins, platform_sign_ins, rate_buckets, remembered_browsers, retried,
        second_factors::{self, FactorsOf},
        sessions::{self, Proof},
        tokens::{self, Purpose},
        users::{self, User},
    },
};
use app::{
    api::joining::{Joined, SignUpForm},
    backend::SignUp,
    domain::{
        email::Email,
        fields::{Field, FieldErrors, Problem},
        ids::{InvitationId, UserId},
        invitation::Channel,
        member::LoginMethodKind,
        name::{Slug, parse_name},
        permission::Permissions,
        role::Grant,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl SignUp for Services {
    /// Makes a login for the invited address and joins with it, signed in right after.
    async fn sign_up(&self, visitor: &Visitor, form: SignUpForm) -> Result<WithCookies<Joined>, AppError> {
        retried(|| async {
            let id: InvitationId = form.invitation.parse().map_err(|_| AppError::OpenTheLinkAgain)?;
            let mut tx = self.database.begin_read().await?;
            if let Some(joined) = self.joined_in_another_tab(&mut tx, visitor, id).await? {
                return Ok(joined);
            }
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            drop(tx);
            if let Some(signed_in) = &visitor.signed_in {
                // R19: the second of two clicks finds its work done.
                if presented.was_taken_up_by(signed_in.user) {
                    return Ok(self.joined(visitor, &presented, Vec::new()));
                }
                self.check_sets_password(&presented, signed_in.user).await?;
            }
            if presented.member.method.kind != LoginMethodKind::Password || !presented.member.method_enabled {
                return Err(AppError::OpenTheLinkAgain);
            }
            if !presented.is_open(self.now()) {
                return self.finish_late(visitor, &presented, &form).await;
            }
            // The cheap refusals come before what costs much, and that is counted (EN-04).
            let name = self.read_form(&presented, &form)?;
            let attempt = self.count_attempt(visitor).await?;
            if self.needs_code(&presented) {
                self.count_code_try(visitor, id).await?;
                self.check_code(&presented, &form.code).await?;
            }
            let words = [form.name.as_str(), presented.member.email.typed(), presented.account.name.as_str()];
            self.check_password(&form.password, &words).await?;
            let phc = self.hasher.hash(&form.password).await?;

            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            lock_accounts(&mut tx, &presented).await?;
            let presented = self.require_invitation(&mut tx, visitor, id).await?;
            if !presented.is_open(now) {
                drop(tx);
                return self.finish_late(visitor, &presented, &form).await;
            }
            let mailbox_proved = self.prove_mailbox(&mut tx, &presented, &form.code, now).await?;
            if !self.sponsor_can_still_invite(&mut tx, &presented, now).await? {
                tx.commit().await?;
                return Ok(WithCookies { answer: Joined::AwaitingApproval, cookies: Vec::new() });
            }
            let user = self.make_user(&mut tx, visitor, &presented, name, phc, mailbox_proved, now).await?;
            match self.accept(&mut tx, visitor, &presented, &user, now).await? {
                Accepted::Joined => {}
                Accepted::TooLate => return Err(AppError::OpenTheLinkAgain),
            }
            let (session, cookie) = self.begin_session(&mut tx, visitor, user.id, Proof::Password).await?;
            attempt.refund(&mut tx).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, %session, invitation = %id, "signed up");
            Ok(self.joined(visitor, &presented, vec![cookie]))
        })
        .await
    }
}

impl Services {
    /// Somebody who is signed in signs out first (R14), except the invited person who has signed in only with providers so far and sets a
    /// password (R17).
    async fn check_sets_password(&self, presented: &PresentedInvitation, user: UserId) -> Result<(), AppError> {
        let mut tx = self.database.begin_read().await?;
        let user = users::find(&mut tx, user).await?;
        let sets_one = |user: User| user.phc.is_none() && user.email == presented.member.email;
        if presented.channel == Channel::Mailed && user.is_some_and(sets_one) {
            Ok(())
        } else {
            Err(AppError::OpenTheLinkAgain)
        }
    }

    fn read_form(&self, presented: &PresentedInvitation, form: &SignUpForm) -> Result<String, AppError> {
        let mut errors = FieldErrors::default();
        if Email::parse(&form.email).as_ref() != Ok(&presented.member.email) {
            errors.keep::<()>(Field::Email, Err(Problem::NotTheInvitedAddress));
        }
        let name = errors.keep(Field::Name, parse_name(&form.name));
        errors.keep(Field::Password, self.check_length(&form.password));
        if self.needs_code(presented) && form.code.trim().is_empty() {
            errors.keep::<()>(Field::Code, Err(Problem::Required));
        }
        match name {
            Some(name) if errors == FieldErrors::default() => Ok(name),
            _ => Err(errors.into()),
        }
    }

    /// R58: wrong codes are throttled by invitation and address; they never harm the invitation.
    pub(in crate::service) async fn count_code_try(&self, visitor: &Visitor, id: InvitationId) -> Result<(), AppError> {
        let key = ip_key(&format!("code:{id}"), visitor.ip);
        let mut tx = self.database.begin_write().await?;
        let mut taken = rate_buckets::take(&mut tx, &key, CODE_TRIES_PER_ADDRESS, self.now()).await?;
        if taken.is_ok() {
            taken = rate_buckets::take(&mut tx, &format!("code:{id}"), CODE_TRIES_PER_INVITATION, self.now()).await?;
        }
        tx.commit().await?;
        taken.map_err(|wait| AppError::RateLimited { retry_after_s: wait.as_seconds() })
    }

    /// Is the mailbox proved, by the link or by the mailed code (R12)?
    pub(in crate::service) async fn prove_mailbox(
        &self,
        tx: &mut Tx,
        presented: &PresentedInvitation,
        code: &str,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        if presented.channel == Channel::Mailed {
            return Ok(true);
        }
        if !self.needs_code(presented) {
            return Ok(false);
        }
        if tokens::use_up(tx, Purpose::InvitationCode, &code_hash(presented, code), now).await? {
            Ok(true)
        } else {
            Err(FieldErrors::one(Field::Code, Problem::WrongCode).into())
        }
    }

    /// Is this the mailed code? Looked at before anything expensive; [`Self::prove_mailbox`] uses it up.
    async fn check_code(&self, presented: &PresentedInvitation, code: &str) -> Result<(), AppError> {
        let mut tx = self.database.begin_read().await?;
        if tokens::is_live(&mut tx, Purpose::InvitationCode, &code_hash(presented, code), self.now()).await? {
            Ok(())
        } else {
            Err(FieldErrors::one(Field::Code, Problem::WrongCode).into())
        }
    }

    /// The new user; or the one who had the address without ever proving it, who makes way for the mailbox's owner (R13).
    #[allow(clippy::too_many_arguments, reason = "the facts of one step of one operation")]
    async fn make_user(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        name: String,
        phc: String,
        mailbox_proved: bool,
        now: Timestamp,
    ) -> Result<User, AppError> {
        let verified = mailbox_proved.then_some(now);
        match users::find_by_email(tx, presented.member.email.key()).await? {
            Some(user) if !mailbox_proved || user.verified.is_some() && user.phc.is_some() => {
                Err(FieldErrors::one(Field::Email, Problem::SignInInstead).into())
            }
            // R17: somebody who came by providers alone so far sets a password with the mailed link.
            Some(user) if user.phc.is_none() && user.verified.is_some() => {
                users::set_password(tx, user.id, &phc, now).await?;
                // The login gets a new credential: the sessions elsewhere end, so that they reauthenticate (SE-07).
                let present = visitor.signed_in.as_ref().map(|signed_in| signed_in.session);
                sessions::delete_others(tx, user.id, present).await?;
                let actor = AuditActor {
                    member: Some(presented.member.id),
                    name: Some(user.name.clone()),
                    ip: Some(visitor.ip),
                    key: None,
                };
                audit::record(tx, presented.scope, &actor, Some(&presented.audit_target()), &Event::PasswordSet, now)
                    .await?;
                Ok(User { phc: Some(phc), ..user })
            }
            Some(user) => self.replace_user(tx, user, name, Some(phc), now).await,
            None => {
                let user = User {
                    id: UserId(Uuid::now_v7()),
                    email: presented.member.email.clone(),
                    name,
                    language: Some(visitor.language),
                    time_zone: None,
                    theme: None,
                    delete_at: None,
                    verified,
                    phc: Some(phc),
                };
                let taken = || FieldErrors::one(Field::Email, Problem::SignInInstead).into();
                users::insert(tx, &user, now).await.map_err(|error| error.or_taken::<AppError>(taken))?;
                Ok(user)
            }
        }
    }

    /// Replaces a user who never proved the mailbox by the owner of the mailbox: the earlier credentials are deleted, and the memberships that
    /// they opened are suspended (R13).
    pub(in crate::service) async fn replace_user(
        &self,
        tx: &mut Tx,
        earlier: User,
        name: String,
        phc: Option<String>,
        now: Timestamp,
    ) -> Result<User, AppError> {
        // The password first: a sign-in with the earlier one waits here, and then finds it gone.
        match &phc {
            Some(phc) => users::set_password(tx, earlier.id, phc, now).await?,
            None => users::delete_password(tx, earlier.id).await?,
        }
        second_factors::remove_all(tx, earlier.id).await?;
        pending_sign_ins::delete_of_user(tx, earlier.id).await?;
        remembered_browsers::delete_of_user(tx, earlier.id).await?;
        sessions::delete_of_user(tx, earlier.id).await?;
        identities::delete_of_user(tx, earlier.id).await?;
        platform_sign_ins::forget_subjects(tx, earlier.id).await?;
        api_keys::revoke_of_user(tx, earlier.id).await?;
        self.suspend_memberships(tx, earlier.id, now).await?;
        users::prove_mailbox(tx, earlier.id, &name, now).await?;
        Ok(User { name, verified: Some(now), phc, ..earlier })
    }

    /// Suspends the memberships of a user who is replaced, so that the accounts decide anew. Proof of the mailbox outranks everything, so an
    /// account may be left without an owner; then only the host's operator can help, and the log says so (R13, R33).
    async fn suspend_memberships(&self, tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), AppError> {
        for membership in members::suspend_all_of_user(tx, user, now).await? {
            let (scope, member) = (membership.scope, membership.member);
            let roles = accounts::roles(tx, scope, &self.catalogue).await?;
            kill_links_beyond_rights(tx, scope, member, &roles, now).await?;
            let was_owner = Grant { role: membership.role, extras: Permissions::new() }.makes_owner();
            let last_owner = was_owner && members::other_owners(tx, scope, member).await? == 0;
            if last_owner && let Some(account) = accounts::find(tx, scope).await? {
                tracing::warn!(account = %account.slug, "no owner is left: `roster owner grant` is the way back in");
            }
            let target = AuditTarget { member, email: membership.email_key };
            audit::record(tx, scope, &AuditActor::default(), Some(&target), &Event::HeldForReview { last_owner }, now)
                .await?;
        }
        Ok(())
    }

    /// R19: of two parallel clicks, the slower one finds the user made with its own password, and is signed in just the same. Only for
    /// a moment, and under the limits of signing in: an old link is no way to try passwords.
    async fn finish_late(
        &self,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        form: &SignUpForm,
    ) -> Result<WithCookies<Joined>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let user = users::find_by_email(&mut tx, presented.member.email.key()).await?;
        drop(tx);
        let just_now = presented.invitation.answered.is_some_and(|at| self.now() <= at + SECOND_CLICK_WINDOW);
        if !just_now || !user.is_some_and(|user| presented.was_taken_up_by(user.id)) {
            return Err(AppError::OpenTheLinkAgain);
        }
        let proved = match self.verify_password(visitor, Some(&presented.member.email), &form.password).await {
            Err(AppError::WrongCredentials) => return Err(AppError::OpenTheLinkAgain),
            other => other?,
        };
        let mut tx = self.database.begin_write().await?;
        // Hashing takes its time: the password may be another one by now.
        if !users::confirm_password(&mut tx, proved.user.id, &proved.verified, &proved.rehashed).await? {
            return Err(AppError::OpenTheLinkAgain);
        }
        if second_factors::has_any(&mut tx, FactorsOf::user(proved.user.id)).await? {
            // Signing in asks for it; an old link does not (LT-09).
            return Err(AppError::OpenTheLinkAgain);
        }
        proved.attempt.refund(&mut tx).await?;
        let (_, cookie) = self.begin_session(&mut tx, visitor, proved.user.id, Proof::Password).await?;
        tx.commit().await?;
        Ok(self.joined(visitor, presented, vec![cookie]))
    }

    pub(in crate::service) fn joined(
        &self,
        visitor: &Visitor,
        presented: &PresentedInvitation,
        cookies: Vec<String>,
    ) -> WithCookies<Joined> {
        self.joined_account(visitor, &presented.account.slug, cookies)
    }

    /// What is answered to a tab whose invitation was taken up in another tab of this browser (R19); `None` if it was not.
    pub(in crate::service) async fn joined_in_another_tab(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        id: InvitationId,
    ) -> Result<Option<WithCookies<Joined>>, StorageError> {
        if visitor.invitation.is_some() {
            return Ok(None);
        }
        let account = self.account_joined_with(tx, visitor, id).await?;
        Ok(account.map(|account| self.joined_account(visitor, &account.slug, Vec::new())))
    }

    fn joined_account(&self, visitor: &Visitor, slug: &Slug, mut cookies: Vec<String>) -> WithCookies<Joined> {
        cookies.push(self.cookies.clear_invitation());
        let slug = slug.clone();
        let goes_on = self.path_back_to_platform(visitor, &slug);
        if goes_on.is_some() {
            cookies.push(self.cookies.clear_authorization());
        }
        WithCookies { answer: Joined::In { slug, goes_on }, cookies }
    }
}

/// Locks the account, and with it those of a user who may have to make way (R13): all in one order, so that no two sign-ups wait for each
/// other.
pub(in crate::service) async fn lock_accounts(
    tx: &mut Tx,
    presented: &PresentedInvitation,
) -> Result<(), StorageError> {
    let mut scopes = vec![presented.scope];
    if let Some(user) = users::find_by_email(tx, presented.member.email.key()).await?
        && user.verified.is_none()
    {
        scopes.extend(members::accounts_of(tx, user.id).await?);
    }
    scopes.sort_by_key(|scope| scope.id().0);
    scopes.dedup();
    for scope in scopes {
        accounts::lock(tx, scope).await?;
    }
    Ok(())
}

/// The hash by which a mailed code is known. People type codes in groups.
fn code_hash(presented: &PresentedInvitation, code: &str) -> Vec<u8> {
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    secrets::code_hash(presented.invitation.id.0, &code)
}

/// How long after an invitation was accepted a further click on its form counts as the same click (R19).
const SECOND_CLICK_WINDOW: Span = Span::minutes(1);
/// Tries with the mailed codes of one invitation from everywhere: many addresses do not guess more. The mailed link needs no code.
const CODE_TRIES_PER_INVITATION: rate_buckets::Limit = rate_buckets::Limit { burst: 50, per_day: 100 };
/// Tries with a mailed code: ten, then one a minute.
const CODE_TRIES_PER_ADDRESS: rate_buckets::Limit = rate_buckets::Limit { burst: 10, per_day: 1440 };
