//! Members: the lines of an account's Users list.

use super::{
    AccountScope, StorageError, Tx, accounts, changed, login_methods, on, outbox::Delivery, platform_sign_ins, run,
    statements,
};
use crate::collation::Keys;
use app::domain::{
    email::Email,
    ids::{InvitationId, LoginMethodId, MemberId, UserId},
    invitation::InvitationState,
    language::Language,
    member::{LoginMethod, MemberState, ShownState},
    permission::Permissions,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The columns of [`Member`] `m`, with the login method `l`, the latest invitation `i` and its mail `o`. People who are named are looked up by
/// subqueries and not joined: PostgreSQL takes longer to find an order for nine tables than to read a page of them.
macro_rules! member_columns {
    () => {
        "m.id, m.user_id, m.email, m.email_key, m.name, m.name_sort, m.state, m.role_key, m.login_method_id, m.identifier,
               m.invited_at, m.joined_at, m.removed_at, m.last_active_at, m.version, m.changed_at,
               CASE WHEN m.state = 'removed' AND m.removed_by <> m.id AND m.user_id IS NOT NULL THEN m.removed_from END AS removed_from,
               CASE WHEN m.has_extras
                    THEN (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) END AS extras,
               l.kind AS method_kind, l.name AS method_name, l.enabled AS method_enabled, l.first_sign_in,
               (SELECT CASE WHEN d.asked_by IS NULL THEN 'provider' ELSE 'asked' END FROM decisions d
                 WHERE d.member_id = m.id AND d.outcome IS NULL AND d.invitation_id = i.id AND d.login_method_id = m.login_method_id
                   AND m.state = 'invited' AND i.state IN ('pending', 'held')) AS decision,
               i.id AS invitation_id, i.state AS invitation_state, i.expires_at, i.asked_at, i.sponsor_id,
               (SELECT COALESCE(n.name, n.email) FROM members n WHERE n.id = i.sponsor_id) AS sponsor,
               (SELECT COALESCE(n.name, n.email) FROM members n WHERE n.id = m.vouched_by) AS vouched_by,
               (SELECT COALESCE(n.name, n.email) FROM members n WHERE n.id = m.removed_by) AS removed_by,
               (SELECT COALESCE(n.name, n.email) FROM members n WHERE n.id = m.changed_by) AS changed_by,
               o.state AS mail_state, o.next_at AS mail_next_at, o.done_at AS mail_done_at, o.last_answer AS mail_answer,
               o.unanswered_at AS mail_unanswered_at, o.lease_until AS mail_lease_until"
    };
}

/// What the columns of a member `m` come from beside its own row.
macro_rules! join_member {
    () => {
        "
          JOIN login_methods l ON l.id = m.login_method_id
          LEFT JOIN invitations i ON i.id = m.invitation_id
          LEFT JOIN outbox o ON o.id = (SELECT x.id FROM outbox x
                                         WHERE x.invitation_id = m.invitation_id AND x.kind = 'invitation'
                                         ORDER BY x.id DESC LIMIT 1)"
    };
}

/// The columns of [`Member`]; `$1` is the account.
macro_rules! select_members {
    ($rest:expr) => {
        concat!(
            "SELECT ",
            member_columns!(),
            " FROM members m",
            join_member!(),
            " WHERE m.account_id = $1 AND m.purged_at IS NULL ",
            $rest
        )
    };
}

pub(super) mod access;
pub(super) mod keys;
pub(super) mod list;
pub(super) mod login;
pub(super) mod numbers;
pub(super) mod person;
mod view;

pub use access::{
    CallerMembership, Inviter, KeyMembership, Owner, SuspendedMembership, active_owners, can_sign_in, holders,
    inviters, other_owners, owners_without, reactivate,
};
pub(crate) use access::{
    HostVisitor, accounts_of, caller_membership, host_visitor, key_membership, lock_for_user, suspend_all_of_user,
};
pub(in crate::storage) use access::{proved_at, proved_factors};
pub use keys::{RowPosition, StoredKeys};
pub(crate) use keys::{rewritten, set_keys, with_keys};
pub use list::{Page, Place, Position, SortValue, View, count_before, page};
pub use login::{
    find_unlinked, forget_identifiers, invited_with_identifier, is_identifier_taken, set_identifier, set_method,
};
pub use numbers::{Numbers, expire, has_lapsed, numbers};
pub(crate) use person::{accounts_with_copy, correct_address, release_invited, rewrite_copy};

statements! {
    FIND = select_members!("AND m.id = $2");
    // A removed member's line is only that person's: once the address is somebody else's, it is invited anew (AZ-15).
    FIND_BY_EMAIL = select_members!("AND m.email_key = $2
           AND (m.user_id IS NULL OR m.state <> 'removed'
                OR EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND u.email_key = m.email_key))
         ORDER BY CASE WHEN m.state = 'removed' THEN 1 ELSE 0 END LIMIT 1");
    ANSWERABLE = "
        SELECT m.state, m.role_key, (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras,
               u.id AS user_id, u.email_key, u.language
          FROM members m LEFT JOIN users u ON u.id = m.user_id
         WHERE m.account_id = $1 AND m.id = $2";
    COUNT_BY_EMAIL = "SELECT COUNT(*) FROM members WHERE account_id = $1 AND email_key = $2";
    FIND_BY_USER = select_members!("AND m.user_id = $2");
    INSERT = "
        INSERT INTO members (id, account_id, user_id, email, email_key, name, name_key, state, role_key, login_method_id, identifier,
                             invited_at, version, changed_at, changed_by, name_sort, search_key)
        VALUES ($1, $2, NULL, $3, $4, $5, COALESCE($6, $4), 'invited', $7, $8, $9, $10, 1, $10, $11, $12, $13)";
    INSERT_ACTIVE = "
        INSERT INTO members (id, account_id, user_id, email, email_key, name, name_key, state, role_key, login_method_id,
                             invited_at, joined_at, last_active_at, version, changed_at, name_sort, search_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, $10, $10, $10, 1, $10, $11, $12)";
    REVIVE = "
        UPDATE members SET state = 'invited', role_key = $3, login_method_id = $4, identifier = $5, name = COALESCE($6, name),
                           name_key = COALESCE($7, name_key), invited_at = $8, removed_at = NULL, removed_by = NULL,
                           removed_from = NULL, vouched_by = NULL, version = version + 1, changed_at = $8, changed_by = $9, name_sort = $10, search_key = $11
         WHERE account_id = $1 AND id = $2";
    SET_INVITATION = "UPDATE members SET invitation_id = $3 WHERE account_id = $1 AND id = $2";
    SET_GRANT = "
        UPDATE members SET role_key = $3, version = version + 1, changed_at = $4, changed_by = $5
         WHERE account_id = $1 AND id = $2 AND version = $6";
    CLEAR_EXTRAS = "DELETE FROM member_permissions WHERE account_id = $1 AND member_id = $2";
    ADD_EXTRA = "INSERT INTO member_permissions (account_id, member_id, permission) VALUES ($1, $2, $3)";
    REMOVE = "
        UPDATE members SET removed_from = state, state = 'removed', removed_at = $3, removed_by = $4, version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND version = $5 AND state <> 'removed'";
    UNDO_REMOVAL = "
        UPDATE members SET state = removed_from, removed_from = NULL, removed_at = NULL, removed_by = NULL, readmitted_at = $3,
                           version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND state = 'removed' AND removed_at > $5 AND (removed_by IS NULL OR removed_by <> id) AND user_id IS NOT NULL
           AND removed_from IN ('active', 'suspended')";
    SUSPEND = "
        UPDATE members SET state = 'suspended', version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND version = $5 AND state = 'active'";
    JOIN = "
        UPDATE members SET state = 'active', user_id = $3, email = $4, email_key = $5, name = $6, name_key = $7, joined_at = $8,
                           last_active_at = $8, vouched_by = $9, version = version + 1, changed_at = $8, changed_by = $2,
                           name_sort = $10, search_key = $11
         WHERE account_id = $1 AND id = $2 AND state = 'invited' AND (user_id IS NULL OR user_id = $3)";
    TOUCH = "UPDATE members SET last_active_at = $3 WHERE account_id = $1 AND id = $2";
}

fn state(key: &str) -> Result<MemberState, StorageError> {
    MemberState::from_key(key).ok_or(StorageError::inconsistent("members", "state"))
}

/// A member, with the latest invitation and its mail.
#[derive(Clone, Debug)]
pub struct Member {
    /// The id.
    pub id: MemberId,
    /// The user, once somebody accepted.
    pub user: Option<UserId>,
    /// The address.
    pub email: Email,
    /// The name, once there is one.
    pub name: Option<String>,
    /// The state.
    pub state: MemberState,
    /// Role and extras.
    pub grant: Grant,
    /// The login method.
    pub method: LoginMethod,
    /// Is it switched on (R27)?
    pub method_enabled: bool,
    /// Can people be invited by it without an identifier (R67)?
    pub first_sign_in: bool,
    /// The User identifier that the person is invited by (R42).
    pub identifier: Option<String>,
    /// Must an admin decide on who came back from the provider (R43, R44), or asks to be invited by another address (R14)?
    pub awaits_decision: bool,
    /// Is it the latter?
    pub asked_as_another: bool,
    /// When the latest invitation was made.
    pub invited_at: Timestamp,
    /// When the person joined.
    pub joined_at: Option<Timestamp>,
    /// When removed.
    pub removed_at: Option<Timestamp>,
    /// What the member was before somebody else removed them, where there is a user to give access to again (R64).
    pub removed_from: Option<MemberState>,
    /// Last activity.
    pub last_active_at: Option<Timestamp>,
    /// The optimistic lock: it counts the changes, and a change of an older version is refused (R66).
    pub version: i64,
    /// The last change.
    pub changed_at: Timestamp,
    /// Who made it.
    pub changed_by: Option<String>,
    /// Who removed the member.
    pub removed_by: Option<String>,
    /// Who answers for the mailbox.
    pub vouched_by: Option<String>,
    /// The sort key of the name.
    pub name_sort: Vec<u8>,
    /// The latest invitation.
    pub invitation: Option<LatestInvitation>,
}

/// The latest invitation of a member.
#[derive(Clone, Debug)]
pub struct LatestInvitation {
    /// The id.
    pub id: InvitationId,
    /// The state.
    pub state: InvitationState,
    /// When it ends.
    pub expires: Timestamp,
    /// When a new link was last asked for.
    pub asked: Option<Timestamp>,
    /// The member who answers for the invitation.
    pub sponsor: MemberId,
    /// The sponsor's name.
    pub sponsor_name: Option<String>,
    /// The newest mail of it, as the outbox has it.
    pub mail: Option<Delivery>,
}

impl Member {
    /// The state that the list shows.
    pub fn shown(&self, now: Timestamp) -> ShownState {
        match self.state {
            MemberState::Active => ShownState::Active,
            MemberState::Suspended => ShownState::Suspended,
            MemberState::Removed => ShownState::Removed,
            MemberState::Invited => match &self.invitation {
                Some(invitation) => match invitation.state {
                    InvitationState::Declined => ShownState::Declined,
                    InvitationState::AwaitingApproval => ShownState::AwaitingApproval,
                    InvitationState::Pending | InvitationState::Accepted | InvitationState::Revoked => {
                        if invitation.expires <= now { ShownState::Expired } else { ShownState::Invited }
                    }
                },
                None => ShownState::Expired,
            },
        }
    }

    /// The name, or the address while there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.email.typed())
    }
}

/// Somebody who answers for an invitation: what they may do, and how they are reached.
#[derive(Clone, Debug)]
pub struct Answerable {
    /// The state.
    pub state: MemberState,
    /// Role and extras.
    pub grant: Grant,
    /// The user, with the canonical address and the language, once there is one.
    pub user: Option<(UserId, String, Option<Language>)>,
}

#[derive(FromRow)]
struct AnswerableRow {
    state: String,
    role_key: String,
    extras: Option<String>,
    user_id: Option<Uuid>,
    email_key: Option<String>,
    language: Option<String>,
}

/// The member who answers for an invitation.
pub async fn answerable(tx: &mut Tx, scope: AccountScope, id: MemberId) -> Result<Option<Answerable>, StorageError> {
    let row: Option<AnswerableRow> =
        on!(tx, c => sqlx::query_as(ANSWERABLE).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    row.map(|row| {
        let language = row.language.as_deref().and_then(Language::from_tag);
        Ok(Answerable {
            state: state(&row.state)?,
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
            user: row.user_id.zip(row.email_key).map(|(user, email_key)| (UserId(user), email_key, language)),
        })
    })
    .transpose()
}

#[derive(FromRow)]
struct MemberRow {
    id: Uuid,
    user_id: Option<Uuid>,
    email: String,
    email_key: String,
    name: Option<String>,
    name_sort: Vec<u8>,
    state: String,
    role_key: String,
    login_method_id: Uuid,
    identifier: Option<String>,
    invited_at: i64,
    joined_at: Option<i64>,
    removed_at: Option<i64>,
    removed_from: Option<String>,
    last_active_at: Option<i64>,
    version: i64,
    changed_at: i64,
    extras: Option<String>,
    method_kind: String,
    method_name: Option<String>,
    method_enabled: bool,
    first_sign_in: bool,
    decision: Option<String>,
    invitation_id: Option<Uuid>,
    invitation_state: Option<String>,
    expires_at: Option<i64>,
    asked_at: Option<i64>,
    sponsor_id: Option<Uuid>,
    sponsor: Option<String>,
    vouched_by: Option<String>,
    removed_by: Option<String>,
    changed_by: Option<String>,
    mail_state: Option<String>,
    mail_next_at: Option<i64>,
    mail_done_at: Option<i64>,
    mail_answer: Option<String>,
    mail_unanswered_at: Option<i64>,
    mail_lease_until: Option<i64>,
}

impl TryFrom<MemberRow> for Member {
    type Error = StorageError;

    fn try_from(row: MemberRow) -> Result<Self, StorageError> {
        let mail = row.mail_state.map(|state| Delivery {
            state,
            next: Timestamp(row.mail_next_at.unwrap_or_default()),
            done: row.mail_done_at.map(Timestamp),
            answer: row.mail_answer,
            unanswered: row.mail_unanswered_at.map(Timestamp),
            leased: row.mail_lease_until.is_some(),
        });
        let invitation = match (row.invitation_id, row.invitation_state, row.expires_at, row.sponsor_id) {
            (Some(id), Some(state), Some(expires), Some(sponsor)) => Some(LatestInvitation {
                id: InvitationId(id),
                state: InvitationState::from_key(&state).ok_or(StorageError::inconsistent("invitations", "state"))?,
                expires: Timestamp(expires),
                asked: row.asked_at.map(Timestamp),
                sponsor: MemberId(sponsor),
                sponsor_name: row.sponsor,
                mail,
            }),
            _ => None,
        };
        Ok(Self {
            id: MemberId(row.id),
            user: row.user_id.map(UserId),
            email: Email::from_storage(row.email, row.email_key),
            name: row.name,
            name_sort: row.name_sort,
            state: state(&row.state)?,
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
            method: login_methods::login_method(row.login_method_id, &row.method_kind, row.method_name)?,
            method_enabled: row.method_enabled,
            first_sign_in: row.first_sign_in,
            identifier: row.identifier,
            awaits_decision: row.decision.is_some(),
            asked_as_another: row.decision.as_deref() == Some("asked"),
            invited_at: Timestamp(row.invited_at),
            joined_at: row.joined_at.map(Timestamp),
            removed_at: row.removed_at.map(Timestamp),
            removed_from: row.removed_from.as_deref().map(state).transpose()?,
            last_active_at: row.last_active_at.map(Timestamp),
            version: row.version,
            changed_at: Timestamp(row.changed_at),
            changed_by: row.changed_by,
            removed_by: row.removed_by,
            vouched_by: row.vouched_by,
            invitation,
        })
    }
}

/// The member with this id.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: MemberId) -> Result<Option<Member>, StorageError> {
    let row: Option<MemberRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    row.map(Member::try_from).transpose()
}

/// The member of this address in any state, tombstones included: one look-up answers R2 to R5.
pub async fn find_by_email(tx: &mut Tx, scope: AccountScope, email: &Email) -> Result<Option<Member>, StorageError> {
    let row: Option<MemberRow> =
        on!(tx, c => sqlx::query_as(FIND_BY_EMAIL).bind(scope.id().0).bind(email.key()).fetch_optional(c).await)?;
    row.map(Member::try_from).transpose()
}

/// Is there any row of this address? It costs much less than [`find_by_email`], and most of many people are new.
pub async fn is_address_known(tx: &mut Tx, scope: AccountScope, email: &Email) -> Result<bool, StorageError> {
    let count: i64 =
        on!(tx, c => sqlx::query_scalar(COUNT_BY_EMAIL).bind(scope.id().0).bind(email.key()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// The row of this user.
pub async fn find_by_user(tx: &mut Tx, scope: AccountScope, user: UserId) -> Result<Option<Member>, StorageError> {
    let row: Option<MemberRow> =
        on!(tx, c => sqlx::query_as(FIND_BY_USER).bind(scope.id().0).bind(user.0).fetch_optional(c).await)?;
    row.map(Member::try_from).transpose()
}

/// What somebody is offered, and how they will sign in.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Role and extras.
    pub grant: &'a Grant,
    /// The login method.
    pub method: LoginMethodId,
    /// Who the person is at the provider, where the method has one (R42).
    pub identifier: Option<&'a str>,
    /// The name, as far as the inviter knows it (R50).
    pub name: Option<&'a str>,
}

/// Makes a row for somebody invited.
///
/// # Errors
/// [`StorageError::Taken`] if the address has a row without a user already.
pub async fn insert_invited(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    email: &Email,
    offer: Offer<'_>,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let keys = Keys::of(offer.name, email);
    run!(
        tx,
        INSERT,
        id.0,
        scope.id().0,
        email.typed(),
        email.key(),
        offer.name,
        offer.name.map(str::to_lowercase),
        offer.grant.role.as_str(),
        offer.method.0,
        offer.identifier,
        now.0,
        by.map(|by| by.0),
        &keys.name_sort,
        &keys.search
    )?;
    add_extras(tx, scope, id, &offer.grant.extras).await
}

/// Makes the row of an account's first owner.
pub async fn insert_owner(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    user: &super::users::User,
    grant: &Grant,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let keys = Keys::of(Some(&user.name), &user.email);
    run!(
        tx,
        INSERT_ACTIVE,
        id.0,
        scope.id().0,
        user.id.0,
        user.email.typed(),
        user.email.key(),
        &user.name,
        user.name.to_lowercase(),
        grant.role.as_str(),
        method.0,
        now.0,
        &keys.name_sort,
        &keys.search
    )
}

/// Resets a member to `invited`: after removal (R4), after declining (R63), or, by `roster owner grant`, when they cannot sign in (R33).
pub async fn revive(
    tx: &mut Tx,
    scope: AccountScope,
    known: &Member,
    offer: Offer<'_>,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let keys = Keys::of(offer.name.or(known.name.as_deref()), &known.email);
    run!(
        tx,
        REVIVE,
        scope.id().0,
        known.id.0,
        offer.grant.role.as_str(),
        offer.method.0,
        offer.identifier,
        offer.name,
        offer.name.map(str::to_lowercase),
        now.0,
        by.map(|by| by.0),
        &keys.name_sort,
        &keys.search
    )?;
    replace_extras(tx, scope, known.id, &offer.grant.extras).await
}

/// Sets the latest invitation of a member.
pub async fn set_invitation(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    invitation: InvitationId,
) -> Result<(), StorageError> {
    run!(tx, SET_INVITATION, scope.id().0, id.0, invitation.0)
}

/// Changes role and extras, if the row is still at `version` (R66); `false` if it is not.
pub async fn set_grant(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    grant: &Grant,
    by: Option<MemberId>,
    version: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, SET_GRANT, scope.id().0, id.0, grant.role.as_str(), now.0, by.map(|by| by.0), version)?;
    if changed == 0 {
        return Ok(false);
    }
    replace_extras(tx, scope, id, &grant.extras).await?;
    // A second factor may be required of the role.
    platform_sign_ins::end_closed_of_member(tx, scope, id, now).await?;
    Ok(true)
}

async fn replace_extras(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    extras: &Permissions,
) -> Result<(), StorageError> {
    run!(tx, CLEAR_EXTRAS, scope.id().0, id.0)?;
    add_extras(tx, scope, id, extras).await
}

async fn add_extras(tx: &mut Tx, scope: AccountScope, id: MemberId, extras: &Permissions) -> Result<(), StorageError> {
    for key in extras {
        run!(tx, ADD_EXTRA, scope.id().0, id.0, key.as_str())?;
    }
    Ok(())
}

/// Makes a row a tombstone, if it is still at `version` (R39, R66); `false` if it is not.
pub async fn remove(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: Option<MemberId>,
    version: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, REMOVE, scope.id().0, id.0, now.0, by.map(|by| by.0), version)?;
    platform_sign_ins::end_of_member(tx, scope, id).await?;
    Ok(changed == 1)
}

/// Undoes a removal that somebody else than the member did after `since` (R64); `false` if it cannot be undone any more.
pub async fn undo_removal(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: MemberId,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, UNDO_REMOVAL, scope.id().0, id.0, now.0, by.0, since.0)? == 1)
}

/// Suspends an active member, if the row is still at `version` (R41, R66); `false` if it is not.
pub async fn suspend(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: Option<MemberId>,
    version: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, SUSPEND, scope.id().0, id.0, now.0, by.map(|by| by.0), version)?;
    platform_sign_ins::end_of_member(tx, scope, id).await?;
    Ok(changed == 1)
}

/// Links an invited row to the user who accepted (R19); `false` if somebody was faster.
///
/// # Errors
/// [`StorageError::Taken`] if the user has another row in the account.
pub async fn join(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    user: &super::users::User,
    vouched_by: Option<MemberId>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let keys = Keys::of(Some(&user.name), &user.email);
    let changed = changed!(
        tx,
        JOIN,
        scope.id().0,
        id.0,
        user.id.0,
        user.email.typed(),
        user.email.key(),
        &user.name,
        user.name.to_lowercase(),
        now.0,
        vouched_by.map(|by| by.0),
        &keys.name_sort,
        &keys.search
    )?;
    Ok(changed == 1)
}

/// Notes that a member is active.
pub async fn touch(tx: &mut Tx, scope: AccountScope, id: MemberId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, TOUCH, scope.id().0, id.0, now.0)
}
