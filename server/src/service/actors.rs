//! Who acts in an account, and with what right, by a session or by an API key: read inside the transaction, so that policy never runs on stale facts.

use super::best_effort::best_effort;
use crate::{
    context::Services,
    storage::{
        AccountScope, StorageError, Tx, accounts,
        audit::AuditActor,
        login_methods,
        members::{self, CallerMembership, HostVisitor, LatestInvitation, Member},
        operator_keys,
    },
};
use app::{
    api::members::AccountFacts,
    domain::{
        audit::AccountDefaults,
        ids::{LoginMethodId, MemberId, SessionId, UserId},
        invitation::InvitationDefaults,
        language::Language,
        member::{MemberState, ShownState},
        name::Slug,
        permission::{Gate, Permissions},
        policy::{Whose, can_change_account, can_handle_invitation, can_pass},
        role::{Effective, Grant, RoleKey, Roles},
        time::{Span, Timestamp},
    },
    error::AppError,
    request::{Caller, Credential, SignedIn},
};
use std::net::IpAddr;
use uuid::Uuid;

/// Last activity is written at most this often.
const ACTIVITY_INTERVAL: Span = Span::minutes(5);

/// An active member of an account, in a session that proved the member's login method, or by a key that acts for the member.
#[derive(Clone, Debug)]
pub struct Actor {
    scope: AccountScope,
    /// The row; of nobody, if it is a key of the host's operator: [`Actor::row`] is what can be written.
    pub member: MemberId,
    /// Role and extras.
    pub grant: Grant,
    /// The permissions that they amount to.
    pub effective: Effective,
    /// The account's roles and catalogue.
    pub roles: Roles,
    /// The name to show.
    pub label: String,
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub account_name: String,
    /// The account's language.
    pub language: Language,
    /// What the account's invitations begin with.
    pub invitations: InvitationDefaults,
    /// The login method by which the member signs in.
    pub method: LoginMethodId,
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The name of the key, if a program acts for the member; then `effective` is what the key may do of it.
    key: Option<String>,
    is_operator: bool,
    ip: Option<IpAddr>,
    in_background: bool,
    last_active: Option<Timestamp>,
    authenticated_at: Timestamp,
    lacks_second_factor: bool,
    /// From when on the account requires a second factor of the member.
    pub second_factor_from: Option<Timestamp>,
    /// Did the session prove one that counts in the account?
    pub has_proved_second_factor: bool,
}

impl Actor {
    /// The proof of the right to the account's data.
    pub const fn scope(&self) -> AccountScope {
        self.scope
    }

    /// The actor as audit events name it.
    pub fn audit_actor(&self) -> AuditActor {
        let name = (!self.is_operator).then(|| self.label.clone());
        AuditActor { member: self.row(), name, ip: self.ip, key: self.key.clone() }
    }

    /// The actor's row in the account, as what others' rows say of who changed them; the host's operator has none.
    pub fn row(&self) -> Option<MemberId> {
        (!self.is_operator).then_some(self.member)
    }

    /// When the session last proved the member's login method.
    pub const fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// Has the session proved the member's login method recently enough for the most dangerous operations (AZ-16)? Where a browser is
    /// remembered, the password alone is no such proof of somebody who has a second factor (LT-09).
    pub fn is_recently_authenticated(&self, services: &Services) -> bool {
        !self.lacks_second_factor
            && is_recent(self.authenticated_at, services.config.sessions.step_up_minutes, services.now())
    }

    /// Refuses an operation that needs a recent authentication (AZ-16).
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`].
    pub fn require_recent_authentication(&self, services: &Services) -> Result<(), AppError> {
        if self.is_recently_authenticated(services) { Ok(()) } else { Err(AppError::ReauthenticationRequired) }
    }

    /// Refuses a session that did not prove a second factor where the account requires one by now. A remembered browser is no proof (LT-09).
    ///
    /// # Errors
    /// [`AppError::SecondFactorRequired`].
    fn require_second_factor(&self, now: Timestamp) -> Result<(), AppError> {
        let proved = has_required_factor(self.second_factor_from, self.has_proved_second_factor, now);
        if proved { Ok(()) } else { Err(AppError::SecondFactorRequired) }
    }

    /// What the account begins things with.
    pub fn account_defaults(&self) -> AccountDefaults {
        AccountDefaults { language: self.language, invitations: self.invitations.clone() }
    }

    /// Is this row the actor's own?
    pub fn whose(&self, member: MemberId) -> Whose {
        if member == self.member { Whose::Own } else { Whose::Others }
    }
}

/// The actor of a call, active and with a session that proves it (AZ-05, AZ-06, R36).
///
/// # Errors
/// [`AppError::NotFound`] without a row in the account, as for an unknown slug; [`AppError::NoLongerAMember`] unless active;
/// [`AppError::Unauthenticated`] if the session did not prove the member's login method, or the key is not live; [`AppError::SecondFactorRequired`] if the account
/// requires a second factor that the session did not prove (LT-09).
pub async fn load(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    let actor = load_before_second_factor(services, tx, caller).await?;
    actor.require_second_factor(services.now())?;
    Ok(actor)
}

/// The actor of what leads to a second factor, whether the session proved one or not. Nothing else may go by it.
///
/// # Errors
/// As [`load`], without the last.
pub async fn load_before_second_factor(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    let Standing { membership, authenticated_at, user, session, key } =
        active_membership(tx, caller, services.now()).await?;
    let roles = if membership.has_own_roles {
        accounts::roles(tx, membership.scope, &services.catalogue).await?
    } else {
        Roles::built_in(services.catalogue.clone())
    };
    let of_member = Effective::of(&membership.grant, &roles);
    let is_program = key.is_some();
    let (key, effective) = match key {
        None => (None, of_member),
        Some(key) => (Some(key.name), of_member.within(&key.limit)),
    };
    Ok(Actor {
        scope: membership.scope,
        member: membership.member,
        effective,
        grant: membership.grant,
        roles,
        label: membership.label,
        slug: membership.slug,
        account_name: membership.account_name,
        language: membership.language,
        invitations: membership.invitations,
        method: membership.method,
        user,
        session,
        key,
        is_operator: false,
        ip: Some(caller.ip),
        // What a program does is no activity of the person.
        in_background: caller.in_background || is_program,
        last_active: membership.last_active,
        authenticated_at,
        lacks_second_factor: membership.lacks_second_factor,
        second_factor_from: membership.second_factor_from,
        has_proved_second_factor: membership.has_proved_second_factor,
    })
}

/// A member whose login is deleted, as the one who acts in leaving; the account is locked. `None` if the user has no line there any more.
///
/// # Errors
/// The database's.
pub async fn load_deleted(
    services: &Services,
    tx: &mut Tx,
    scope: AccountScope,
    user: UserId,
) -> Result<Option<Actor>, StorageError> {
    let row = members::find_by_user(tx, scope, user).await?;
    let row = row.filter(|row| matches!(row.state, MemberState::Active | MemberState::Suspended));
    let (Some(row), Some(account)) = (row, accounts::find(tx, scope).await?) else { return Ok(None) };
    let roles = accounts::roles(tx, scope, &services.catalogue).await?;
    Ok(Some(Actor {
        scope,
        member: row.id,
        effective: Effective::of(&row.grant, &roles),
        label: row.label().to_owned(),
        grant: row.grant,
        roles,
        slug: account.slug,
        account_name: account.name,
        language: account.language,
        invitations: InvitationDefaults::default(),
        method: row.method.id,
        user,
        session: SessionId(Uuid::nil()),
        key: None,
        is_operator: false,
        ip: None,
        in_background: true,
        last_active: row.last_active_at,
        authenticated_at: Timestamp(0),
        lacks_second_factor: false,
        second_factor_from: None,
        has_proved_second_factor: false,
    }))
}

/// The actor of what a key of the host's operator can do as well as a member: the key has the permissions that it was given, is never an owner,
/// and has no row in the account. Whatever loads its actor by another function is refused to such a key.
///
/// # Errors
/// As [`load_with`].
pub async fn load_with_or_operator(
    services: &Services,
    tx: &mut Tx,
    caller: &Caller,
    gate: Gate,
) -> Result<Actor, AppError> {
    let Credential::OperatorKey { hash, account } = &caller.credential else {
        return load_with(services, tx, caller, gate).await;
    };
    let key = operator_keys::live(tx, hash, services.now()).await?.ok_or(AppError::Unauthenticated)?;
    let (account, scope) = accounts::of_operator_key(tx, *account).await?.ok_or(AppError::NotFound)?;
    let actor = Actor {
        scope,
        member: MemberId(Uuid::nil()),
        grant: Grant { role: RoleKey::new(String::new()), extras: Permissions::new() },
        effective: Effective { permissions: key.permissions, is_owner: false },
        roles: accounts::roles(tx, scope, &services.catalogue).await?,
        label: key.name.clone(),
        slug: account.slug,
        account_name: account.name,
        language: account.language,
        invitations: InvitationDefaults::default(),
        method: LoginMethodId(Uuid::nil()),
        user: UserId(Uuid::nil()),
        session: SessionId(Uuid::nil()),
        key: Some(key.name),
        is_operator: true,
        ip: Some(caller.ip),
        in_background: true,
        last_active: None,
        authenticated_at: Timestamp(0),
        lacks_second_factor: false,
        second_factor_from: None,
        has_proved_second_factor: false,
    };
    can_pass(&actor.effective, gate).or_refuse()?;
    Ok(actor)
}

/// The actor of a change that a key of the host's operator can make as well as a member; the account's row is locked as by [`load_to_change`].
///
/// # Errors
/// As [`load_with_or_operator`].
pub async fn load_to_change_or_operator(
    services: &Services,
    tx: &mut Tx,
    caller: &Caller,
    gate: Gate,
) -> Result<Actor, AppError> {
    if caller.is_operator() {
        let actor = load_with_or_operator(services, tx, caller, gate).await?;
        accounts::lock(tx, actor.scope).await?;
        return load_with_or_operator(services, tx, caller, gate).await;
    }
    load_to_change(services, tx, caller, gate).await
}

/// The actor of a call that needs a permission.
///
/// # Errors
/// As [`load`], and the policy's refusal.
pub async fn load_with(services: &Services, tx: &mut Tx, caller: &Caller, gate: Gate) -> Result<Actor, AppError> {
    let actor = load(services, tx, caller).await?;
    can_pass(&actor.effective, gate).or_refuse()?;
    Ok(actor)
}

/// The actor of what owners alone see of an account.
///
/// # Errors
/// As [`load`], and the policy's refusal.
pub async fn load_owner(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    let actor = load(services, tx, caller).await?;
    can_change_account(&actor.effective).or_refuse()?;
    Ok(actor)
}

/// The actor of a change that owners alone make; the account's row is locked as by [`load_to_change`].
///
/// # Errors
/// As [`load_owner`].
pub async fn load_owner_to_change(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<Actor, AppError> {
    lock_for_member(services, tx, caller).await?;
    load_owner(services, tx, caller).await
}

/// The actor of a change that needs a permission: changes to one account come one after the other, so that none rests on what
/// another is about to undo (R33, R38). Whoever is no member keeps nobody waiting: the account's row is locked for members alone, and
/// everything is read again once it is.
///
/// # Errors
/// As [`load_with`].
pub async fn load_to_change(services: &Services, tx: &mut Tx, caller: &Caller, gate: Gate) -> Result<Actor, AppError> {
    lock_for_member(services, tx, caller).await?;
    load_with(services, tx, caller, gate).await
}

/// Locks the account's row for one of its active members. What a session or a key proved is looked at afterwards.
///
/// # Errors
/// As [`load`].
pub async fn lock_for_member(services: &Services, tx: &mut Tx, caller: &Caller) -> Result<(), AppError> {
    if let Credential::Session(signed_in) = &caller.credential
        && members::lock_for_user(tx, &caller.account, signed_in.user).await?
    {
        return Ok(());
    }
    let standing = active_membership(tx, caller, services.now()).await?;
    accounts::lock(tx, standing.membership.scope).await?;
    Ok(())
}

/// How a caller stands to the account.
struct Standing {
    membership: CallerMembership,
    /// When the caller last proved the member's login method; a program never did.
    authenticated_at: Timestamp,
    user: UserId,
    session: SessionId,
    key: Option<ActingKey>,
}

/// The key by which a program acts.
struct ActingKey {
    name: String,
    limit: Permissions,
}

/// The caller's membership, if it is active and the session proved its login method, or the key is live.
async fn active_membership(tx: &mut Tx, caller: &Caller, now: Timestamp) -> Result<Standing, AppError> {
    match &caller.credential {
        Credential::Session(signed_in) => membership_of_session(tx, caller, signed_in).await,
        Credential::ApiKey(hash) => {
            let found = members::key_membership(tx, hash, now).await?.ok_or(AppError::Unauthenticated)?;
            if found.membership.slug != caller.account {
                return Err(AppError::NotFound);
            }
            Ok(Standing {
                membership: found.membership,
                authenticated_at: Timestamp(0),
                user: found.user,
                session: SessionId(Uuid::nil()),
                key: Some(ActingKey { name: found.key_name, limit: found.limit }),
            })
        }
        // What it can do, `load_with_or_operator` loads.
        Credential::OperatorKey { .. } => Err(AppError::NotFound),
    }
}

async fn membership_of_session(tx: &mut Tx, caller: &Caller, user: &SignedIn) -> Result<Standing, AppError> {
    let membership =
        members::caller_membership(tx, &caller.account, user.user, user.session).await?.ok_or(AppError::NotFound)?;
    match membership.state {
        MemberState::Active => {}
        MemberState::Invited | MemberState::Suspended | MemberState::Removed => {
            return Err(AppError::NoLongerAMember { account: membership.account_name });
        }
    }
    let authenticated_at = membership.authenticated_at.ok_or(AppError::Unauthenticated)?;
    Ok(Standing { membership, authenticated_at, user: user.user, session: user.session, key: None })
}

/// Did the session prove a second factor, or is none required by now?
fn has_required_factor(required_from: Option<Timestamp>, proved: bool, now: Timestamp) -> bool {
    proved || required_from.is_none_or(|from| from > now)
}

/// Who has this cookie at a host, with what they may do, if session, membership and second factor still open the account; `None` if one of them
/// does not. The decisions are those of [`load`], on facts that one statement reads.
///
/// # Errors
/// The database's.
pub async fn load_host_visitor(
    services: &Services,
    tx: &mut Tx,
    host: &str,
    cookie_hash: &[u8],
) -> Result<Option<(HostVisitor, Permissions)>, StorageError> {
    let (oldest, idlest) = services.session_bounds();
    let Some(found) = members::host_visitor(tx, cookie_hash, host, oldest, idlest).await? else { return Ok(None) };
    let membership = &found.membership;
    let opens = match membership.state {
        MemberState::Active => membership.authenticated_at.is_some(),
        MemberState::Invited | MemberState::Suspended | MemberState::Removed => false,
    };
    let (from, proved) = (membership.second_factor_from, membership.has_proved_second_factor);
    if !opens || !has_required_factor(from, proved, services.now()) {
        return Ok(None);
    }
    let catalogue = &services.catalogue;
    let grant = &membership.grant;
    let mut permissions = found.own_role.clone().unwrap_or_else(|| catalogue.held_by(&grant.role));
    permissions.extend(grant.extras.iter().cloned());
    permissions.retain(|key| catalogue.knows(key));
    Ok(Some((found, permissions)))
}

/// What a page needs to explain with the policy.
pub async fn facts(services: &Services, tx: &mut Tx, actor: &Actor) -> Result<AccountFacts, StorageError> {
    Ok(AccountFacts {
        slug: actor.slug.clone(),
        name: actor.account_name.clone(),
        language: actor.language,
        me: actor.member,
        my: actor.effective.clone(),
        invitations: actor.invitations.clone(),
        methods: login_methods::ready(tx, actor.scope).await?,
        roles: actor.roles.clone(),
        mail_server: services.config.smtp.is_some(),
    })
}

/// A row of the actor's account.
///
/// # Errors
/// [`AppError::NotFound`], for a row of another account as for none (AZ-03).
pub async fn find_member(tx: &mut Tx, actor: &Actor, id: MemberId) -> Result<Member, AppError> {
    members::find(tx, actor.scope, id).await?.ok_or(AppError::NotFound)
}

/// A row with an invitation in such a state, which the actor may resend or copy the link of.
///
/// # Errors
/// [`AppError::NotFound`] without one, and the policy's refusal (R30).
pub async fn find_invited(
    tx: &mut Tx,
    actor: &Actor,
    id: MemberId,
    fits: impl FnOnce(ShownState) -> bool,
    now: Timestamp,
) -> Result<(Member, LatestInvitation), AppError> {
    let row = find_member(tx, actor, id).await?;
    can_handle_invitation(&actor.effective, &row.grant, &actor.roles).or_refuse()?;
    let latest = row.invitation.clone().filter(|_| fits(row.shown(now))).ok_or(AppError::NotFound)?;
    Ok((row, latest))
}

/// Is an authentication at this time recent enough for what needs a recent one (AZ-16)?
pub(in crate::service) fn is_recent(authenticated_at: Timestamp, minutes: u32, now: Timestamp) -> bool {
    authenticated_at + Span::minutes(i64::from(minutes)) > now
}

impl Services {
    /// Notes the actor's activity, in a transaction of its own and at most every five minutes. What the page asks by itself is none.
    pub(in crate::service) async fn note_activity(&self, actor: &Actor) {
        let now = self.now();
        if actor.in_background || actor.last_active.is_some_and(|at| now < at + ACTIVITY_INTERVAL) {
            return;
        }
        best_effort("activity of a member", async {
            let mut tx = self.database.begin_write().await?;
            members::touch(&mut tx, actor.scope, actor.member, now).await?;
            tx.commit().await
        })
        .await;
    }
}
