//! Invitations and their tokens.

use super::{AccountScope, StorageError, Tx, changed, invitation_refusals::AddressDigest, on, run, statements};
use app::domain::{
    email::Email,
    ids::{AccountId, InvitationId, MemberId},
    invitation::{Channel, InvitationState},
    language::Language,
    member::MemberState,
    name::Slug,
    role::{Grant, RoleKey},
    time::{Span, Timestamp},
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The live copied links that something is asked about, the latest handed out first; `$1` the account. Two ways to them are two look-ups, so
/// that no database goes through all links of the account; who is found by both is told of once.
macro_rules! copied_links {
    ($first:literal, $second:literal) => {
        concat!(copied_links!($first), " UNION ", copied_links!($second), " ORDER BY held_at DESC, member_id")
    };
    ($about:literal) => {
        concat!(
            "
        SELECT t.invitation_id, h.member_id AS member_id, h.held_at AS held_at, s.state, s.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = s.id) AS extras,
               m.role_key AS offered_role,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS offered_extras
          FROM invitation_token_holders h
          JOIN invitation_tokens t ON t.id = h.token_id
          JOIN invitations i ON i.id = t.invitation_id
          JOIN members s ON s.id = h.member_id
          JOIN members m ON m.id = i.member_id
         WHERE t.dead_at IS NULL AND ",
            $about
        )
    };
}

statements! {
    INSERT = "
        INSERT INTO invitations (id, account_id, member_id, email_key, state, sponsor_id, language, lifetime_ms, created_at, expires_at,
                                 mailed_at, resends)
        VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $8, 0)";
    FIND = "
        SELECT id, account_id, member_id, state, sponsor_id, language, lifetime_ms, created_at, expires_at, mailed_at, asked_at,
               answered_at, resends
          FROM invitations WHERE account_id = $1 AND id = $2";
    OF_MEMBER = "
        SELECT i.created_at, i.state, i.expires_at, i.answered_at, i.resends,
               CASE WHEN s.id <> i.member_id THEN COALESCE(s.name, s.email) END AS sponsor
          FROM invitations i JOIN members s ON s.id = i.sponsor_id
         WHERE i.account_id = $1 AND i.member_id = $2 ORDER BY i.created_at DESC, i.id DESC LIMIT $3";
    SPONSORED = "
        SELECT i.id, i.member_id, m.email, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM invitations i JOIN members m ON m.id = i.member_id
         WHERE i.account_id = $1 AND i.sponsor_id = $2 AND i.state IN ('pending', 'held') AND m.id <> $2
         ORDER BY i.id";
    SET_ADDRESS = "UPDATE invitations SET email_key = $3, reminded_at = NULL WHERE account_id = $1 AND id = $2";
    SET_SPONSOR = "UPDATE invitations SET sponsor_id = $3 WHERE account_id = $1 AND id = $2";
    ANSWER = "
        UPDATE invitations SET state = $3, answered_at = $4
         WHERE account_id = $1 AND id = $2 AND state = 'pending' AND expires_at > $4";
    DECLINE = "
        UPDATE invitations SET state = 'declined', answered_at = $3, asked_at = NULL
         WHERE account_id = $1 AND id = $2 AND (state = 'held' OR state = 'pending' AND expires_at > $3)";
    END = "
        UPDATE invitations SET state = 'revoked', answered_at = $3
         WHERE account_id = $1 AND id = $2 AND state IN ('pending', 'held', 'declined')";
    RENEW = "
        UPDATE invitations SET state = 'pending', expires_at = $3, mailed_at = $4, answered_at = NULL, sponsor_id = $5,
                               resends = resends + 1
         WHERE account_id = $1 AND id = $2 AND state IN ('pending', 'held', 'declined')";
    ASK = "
        UPDATE invitations SET asked_at = $3
         WHERE account_id = $1 AND id = $2 AND state IN ('pending', 'declined') AND (asked_at IS NULL OR asked_at <= $4)";
    // One whose mail was not taken by the mail server needs something else than another mail.
    TO_REMIND = "
        SELECT i.account_id, i.id
          FROM invitations i
          JOIN accounts a ON a.id = i.account_id
          JOIN members m ON m.id = i.member_id
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE i.state = 'pending' AND i.reminded_at IS NULL AND i.expires_at > $1 AND i.expires_at <= $2 AND i.lifetime_ms >= $3
           AND i.id > $4 AND m.state = 'invited' AND m.invitation_id = i.id AND l.enabled AND a.invitation_reminders AND a.delete_at IS NULL
           AND EXISTS (SELECT 1 FROM outbox o
                        WHERE o.invitation_id = i.id AND o.kind = 'invitation' AND o.recipient = i.email_key AND o.state = 'accepted')
         ORDER BY i.id LIMIT 1";
    SET_REMINDED = "
        UPDATE invitations SET reminded_at = $3
         WHERE account_id = $1 AND id = $2 AND state = 'pending' AND reminded_at IS NULL AND expires_at > $3 AND expires_at <= $4
           AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = $1 AND a.invitation_reminders AND a.delete_at IS NULL)";
    INSERT_TOKEN = "
        INSERT INTO invitation_tokens (id, account_id, invitation_id, channel, hash, sealed, created_at, address_digest)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LIVE_TOKEN = "
        SELECT id, sealed FROM invitation_tokens
         WHERE account_id = $1 AND invitation_id = $2 AND channel = $3 AND dead_at IS NULL";
    RECORD_HOLDER = "
        INSERT INTO invitation_token_holders (token_id, account_id, member_id, held_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (token_id, member_id) DO UPDATE SET held_at = excluded.held_at";
    COPIED_LINKS = copied_links!("h.account_id = $1 AND h.member_id = $2", "i.account_id = $1 AND i.member_id = $2");
    COPIED_LINKS_ABOUT_ROLE = concat!(
        copied_links!("h.account_id = $1 AND (s.role_key = $2 OR m.role_key = $2)"), " ORDER BY h.held_at DESC, h.member_id");
    KILL_TOKENS = "
        UPDATE invitation_tokens SET dead_at = $3, sealed = NULL
         WHERE account_id = $1 AND invitation_id = $2 AND dead_at IS NULL AND ($4 = '' OR channel = $4)";
    OFFERED_TO = "
        SELECT i.id, a.name AS account, a.slug, m.role_key,
               (SELECT r.name FROM roles r WHERE r.account_id = m.account_id AND r.key = m.role_key) AS role_name,
               l.kind AS method_kind, l.enabled AS method_enabled, i.expires_at,
               CASE WHEN s.id <> m.id THEN COALESCE(s.name, s.email) END AS sponsor,
               CASE WHEN s.id <> m.id THEN s.email END AS sponsor_email
          FROM invitations i
          JOIN accounts a ON a.id = i.account_id
          JOIN members m ON m.id = i.member_id
          JOIN members s ON s.id = i.sponsor_id
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE i.email_key = $1 AND i.state = 'pending' AND i.expires_at > $2 AND a.delete_at IS NULL
         ORDER BY i.created_at DESC, i.id DESC LIMIT $3";
    ACCOUNT_OFFERED = "SELECT account_id FROM invitations WHERE id = $1 AND email_key = $2 AND state = 'pending'";
    FIND_TOKEN = "
        SELECT t.account_id, t.invitation_id, t.channel, t.created_at, t.dead_at, t.address_digest FROM invitation_tokens t WHERE t.hash = $1";
}

/// An invitation.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The id.
    pub id: InvitationId,
    /// Whom it invites.
    pub member: MemberId,
    /// The state.
    pub state: InvitationState,
    /// The member who answers for the invitation.
    pub sponsor: MemberId,
    /// The language of its mail.
    pub language: Language,
    /// How long it lives from each sending.
    pub lifetime: Span,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When its latest mail was written.
    pub mailed: Option<Timestamp>,
    /// When a new link was last asked for.
    pub asked: Option<Timestamp>,
    /// When it was accepted, declined or withdrawn.
    pub answered: Option<Timestamp>,
    /// How often it was sent again.
    pub resends: i64,
}

#[derive(FromRow)]
struct InvitationRow {
    id: Uuid,
    member_id: Uuid,
    state: String,
    sponsor_id: Uuid,
    language: String,
    lifetime_ms: i64,
    created_at: i64,
    expires_at: i64,
    mailed_at: Option<i64>,
    asked_at: Option<i64>,
    answered_at: Option<i64>,
    resends: i64,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StorageError;

    fn try_from(row: InvitationRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: InvitationId(row.id),
            member: MemberId(row.member_id),
            state: InvitationState::from_key(&row.state).ok_or(StorageError::inconsistent("invitations", "state"))?,
            sponsor: MemberId(row.sponsor_id),
            language: Language::from_tag(&row.language).unwrap_or_default(),
            lifetime: Span(row.lifetime_ms),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            mailed: row.mailed_at.map(Timestamp),
            asked: row.asked_at.map(Timestamp),
            answered: row.answered_at.map(Timestamp),
            resends: row.resends,
        })
    }
}

/// An invitation about to be made, or to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct NewInvitation<'a> {
    /// Its id.
    pub id: InvitationId,
    /// Whom it invites.
    pub member: MemberId,
    /// The address.
    pub email: &'a Email,
    /// Who answers for it: the invited row itself where the host's operator does.
    pub sponsor: MemberId,
    /// The language of its mail.
    pub language: Language,
    /// How long it lives.
    pub lifetime: Span,
    /// Can there be links of it already, which the next one kills?
    pub has_links: bool,
}

impl Invitation {
    /// The same offer once more, to this address and answered for by `sponsor`.
    pub fn again<'a>(&self, email: &'a Email, sponsor: MemberId) -> NewInvitation<'a> {
        let Self { id, member, language, lifetime, .. } = *self;
        NewInvitation { id, member, email, sponsor, language, lifetime, has_links: true }
    }
}

/// Makes an invitation.
///
/// # Errors
/// [`StorageError::Taken`] if one is pending for the address (INV-14).
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: NewInvitation<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(
        tx,
        INSERT,
        new.id.0,
        scope.id().0,
        new.member.0,
        new.email.key(),
        new.sponsor.0,
        new.language.tag(),
        new.lifetime.0,
        now.0,
        (now + new.lifetime).0
    )
}

/// The invitation with this id.
pub async fn find(tx: &mut Tx, scope: AccountScope, id: InvitationId) -> Result<Option<Invitation>, StorageError> {
    let row: Option<InvitationRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(scope.id().0).bind(id.0).fetch_optional(c).await)?;
    row.map(Invitation::try_from).transpose()
}

/// An invitation as the person whom it is for sees it.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The invitation.
    pub id: InvitationId,
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// The role.
    pub role: RoleKey,
    /// Its name, if it is the account's own.
    pub role_name: Option<String>,
    /// Is it by Email & password, and that switched on? Else only its own link leads in.
    pub by_password: bool,
    /// When it ends.
    pub expires: Timestamp,
    /// Who invites: name and address; nobody for the host's operator.
    pub sponsor: Option<(String, String)>,
}

#[derive(FromRow)]
struct OfferedRow {
    id: Uuid,
    account: String,
    slug: String,
    role_key: String,
    role_name: Option<String>,
    method_kind: String,
    method_enabled: bool,
    expires_at: i64,
    sponsor: Option<String>,
    sponsor_email: Option<String>,
}

/// The open invitations to an address that the caller has proved, the latest first.
pub(crate) async fn offered_to(
    tx: &mut Tx,
    email_key: &str,
    most: i64,
    now: Timestamp,
) -> Result<Vec<Offered>, StorageError> {
    let rows: Vec<OfferedRow> =
        on!(tx, c => sqlx::query_as(OFFERED_TO).bind(email_key).bind(now.0).bind(most).fetch_all(c).await)?;
    rows.into_iter()
        .map(|row| {
            Ok(Offered {
                id: InvitationId(row.id),
                account: row.account,
                slug: Slug::parse(&row.slug).map_err(|_| StorageError::inconsistent("accounts", "slug"))?,
                role: RoleKey::new(row.role_key),
                role_name: row.role_name,
                by_password: row.method_kind == "password" && row.method_enabled,
                expires: Timestamp(row.expires_at),
                sponsor: row.sponsor.zip(row.sponsor_email),
            })
        })
        .collect()
}

/// The account of a pending invitation to an address that the caller has proved: whoever owns the mailbox may answer the invitation.
pub(crate) async fn account_offered(
    tx: &mut Tx,
    id: InvitationId,
    email_key: &str,
) -> Result<Option<AccountScope>, StorageError> {
    let account: Option<Uuid> =
        on!(tx, c => sqlx::query_scalar(ACCOUNT_OFFERED).bind(id.0).bind(email_key).fetch_optional(c).await)?;
    Ok(account.map(|account| AccountScope::established(AccountId(account))))
}

/// An invitation of a member, as the page of that person tells of it.
#[derive(Clone, Debug)]
pub struct InvitationOfMember {
    /// When it was made.
    pub created: Timestamp,
    /// The state.
    pub state: InvitationState,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was accepted, declined or withdrawn.
    pub answered: Option<Timestamp>,
    /// How often it was sent again.
    pub resends: i64,
    /// Who answers for it; `None` for the host's operator.
    pub sponsor: Option<String>,
}

#[derive(FromRow)]
struct InvitationOfMemberRow {
    created_at: i64,
    state: String,
    expires_at: i64,
    answered_at: Option<i64>,
    resends: i64,
    sponsor: Option<String>,
}

/// The newest invitations of a member, newest first.
pub async fn of_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    most: i64,
) -> Result<Vec<InvitationOfMember>, StorageError> {
    let rows: Vec<InvitationOfMemberRow> =
        on!(tx, c => sqlx::query_as(OF_MEMBER).bind(scope.id().0).bind(member.0).bind(most).fetch_all(c).await)?;
    rows.into_iter()
        .map(|row| {
            Ok(InvitationOfMember {
                created: Timestamp(row.created_at),
                state: InvitationState::from_key(&row.state)
                    .ok_or(StorageError::inconsistent("invitations", "state"))?,
                expires: Timestamp(row.expires_at),
                answered: row.answered_at.map(Timestamp),
                resends: row.resends,
                sponsor: row.sponsor,
            })
        })
        .collect()
}

/// A pending invitation that a member answers for.
#[derive(Clone, Debug)]
pub struct SponsoredInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// Whom it invites.
    pub member: MemberId,
    /// The address.
    pub email: String,
    /// What is offered.
    pub grant: Grant,
}

#[derive(FromRow)]
struct SponsoredRow {
    id: Uuid,
    member_id: Uuid,
    email: String,
    role_key: String,
    extras: Option<String>,
}

/// The pending invitations that a member answers for (R29).
pub async fn sponsored_by(
    tx: &mut Tx,
    scope: AccountScope,
    sponsor: MemberId,
) -> Result<Vec<SponsoredInvitation>, StorageError> {
    let rows: Vec<SponsoredRow> =
        on!(tx, c => sqlx::query_as(SPONSORED).bind(scope.id().0).bind(sponsor.0).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|row| SponsoredInvitation {
            id: InvitationId(row.id),
            member: MemberId(row.member_id),
            email: row.email,
            grant: Grant { role: RoleKey::new(row.role_key), extras: super::accounts::extras(row.extras) },
        })
        .collect())
}

/// Offers an invitation to another address (R25): whoever owns the earlier one finds it no more.
pub async fn set_address(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    email: &Email,
) -> Result<(), StorageError> {
    run!(tx, SET_ADDRESS, scope.id().0, id.0, email.key())
}

/// Makes another member answer for an invitation (R29).
pub async fn set_sponsor(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    sponsor: MemberId,
) -> Result<(), StorageError> {
    run!(tx, SET_SPONSOR, scope.id().0, id.0, sponsor.0)
}

/// Accepts a pending invitation that has not expired, or holds it for a decision; `false` if it is not pending or has expired
/// (INV-04, R19). Its tokens are killed unless it is held.
pub async fn answer(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    state: InvitationState,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, ANSWER, scope.id().0, id.0, state.key(), now.0)?;
    if changed == 1 && state != InvitationState::AwaitingApproval {
        kill_tokens(tx, scope, id, None, now).await?;
    }
    Ok(changed == 1)
}

/// Declines an invitation that awaits an answer or a decision, with its tokens; `false` if it is over (R20, R51).
pub async fn decline(tx: &mut Tx, scope: AccountScope, id: InvitationId, now: Timestamp) -> Result<bool, StorageError> {
    let changed = changed!(tx, DECLINE, scope.id().0, id.0, now.0)?;
    if changed == 1 {
        kill_tokens(tx, scope, id, None, now).await?;
    }
    Ok(changed == 1)
}

/// Withdraws an invitation, with its tokens (R22, INV-11); `false` if it was answered.
pub async fn revoke(tx: &mut Tx, scope: AccountScope, id: InvitationId, now: Timestamp) -> Result<bool, StorageError> {
    let changed = changed!(tx, END, scope.id().0, id.0, now.0)?;
    if changed == 1 {
        kill_tokens(tx, scope, id, None, now).await?;
    }
    Ok(changed == 1)
}

/// Renews an unanswered invitation for another lifetime, under a new sponsor (R23); `false` if it was accepted or withdrawn.
pub async fn renew(
    tx: &mut Tx,
    scope: AccountScope,
    invitation: &Invitation,
    sponsor: MemberId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, RENEW, scope.id().0, invitation.id.0, (now + invitation.lifetime).0, now.0, sponsor.0)?;
    Ok(changed == 1)
}

/// Notes that a new link is asked for, once since `since` (R20); `false` if that was done.
pub async fn ask(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, ASK, scope.id().0, id.0, now.0, since.0)?;
    Ok(changed == 1)
}

/// Which invitations are to be reminded of.
#[derive(Clone, Copy, Debug)]
pub struct DueReminders {
    /// They expire by then.
    pub expiring_by: Timestamp,
    /// They live at least so long.
    pub min_lifetime: Span,
}

/// The next invitation after `after`, of whichever account, that is to be reminded of, for the job that does it.
pub(crate) async fn to_remind(
    tx: &mut Tx,
    after: InvitationId,
    due: DueReminders,
    now: Timestamp,
) -> Result<Option<(AccountScope, InvitationId)>, StorageError> {
    let next: Option<(Uuid, Uuid)> = on!(tx, c => sqlx::query_as(TO_REMIND)
        .bind(now.0)
        .bind(due.expiring_by.0)
        .bind(due.min_lifetime.0)
        .bind(after.0)
        .fetch_optional(c).await)?;
    Ok(next.map(|(account, id)| (AccountScope::established(AccountId(account)), InvitationId(id))))
}

/// Notes that the invited person is reminded, once ever; `false` if that was done, or is not to be done any more.
pub async fn set_reminded(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    due: DueReminders,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, SET_REMINDED, scope.id().0, id.0, now.0, due.expiring_by.0)? == 1)
}

/// Makes the live token of a channel, sealed for this row; there must be none.
#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub async fn insert_token(
    tx: &mut Tx,
    scope: AccountScope,
    row: Uuid,
    id: InvitationId,
    channel: Channel,
    hash: &[u8],
    sealed: &[u8],
    address: Option<&AddressDigest>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let address = address.map(|digest| digest.0.as_slice());
    run!(tx, INSERT_TOKEN, row, scope.id().0, id.0, channel.key(), hash, sealed, now.0, address)
}

/// The live token of a channel: its id, and the token sealed.
pub async fn live_token(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    channel: Channel,
) -> Result<Option<(Uuid, Vec<u8>)>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(LIVE_TOKEN)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(channel.key())
        .fetch_optional(c).await)?)
}

/// Records that a member was given the copied link just now.
pub async fn record_holder(
    tx: &mut Tx,
    scope: AccountScope,
    token: Uuid,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, RECORD_HOLDER, token, scope.id().0, member.0, now.0)
}

/// A live copied link that a member was given.
#[derive(Clone, Debug)]
pub struct CopiedLink {
    /// Its invitation.
    pub invitation: InvitationId,
    /// Who holds it.
    pub holder: MemberId,
    /// The holder's state.
    pub state: MemberState,
    /// What the holder has.
    pub grant: Grant,
    /// What the link offers.
    pub offered: Grant,
}

#[derive(FromRow)]
struct CopiedLinkRow {
    invitation_id: Uuid,
    member_id: Uuid,
    state: String,
    role_key: String,
    extras: Option<String>,
    offered_role: String,
    offered_extras: Option<String>,
}

impl TryFrom<CopiedLinkRow> for CopiedLink {
    type Error = StorageError;

    fn try_from(row: CopiedLinkRow) -> Result<Self, StorageError> {
        let grant = |role, extras| Grant { role: RoleKey::new(role), extras: super::accounts::extras(extras) };
        Ok(Self {
            invitation: InvitationId(row.invitation_id),
            holder: MemberId(row.member_id),
            state: MemberState::from_key(&row.state).ok_or(StorageError::inconsistent("members", "state"))?,
            grant: grant(row.role_key, row.extras),
            offered: grant(row.offered_role, row.offered_extras),
        })
    }
}

/// The live copied links that a member holds, and those that invite this member; the latest handed out first.
pub async fn copied_links_about(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
) -> Result<Vec<CopiedLink>, StorageError> {
    let rows: Vec<CopiedLinkRow> =
        on!(tx, c => sqlx::query_as(COPIED_LINKS).bind(scope.id().0).bind(member.0).fetch_all(c).await)?;
    rows.into_iter().map(CopiedLink::try_from).collect()
}

/// The live copied links whose holders have this role, and those that offer it.
pub async fn copied_links_about_role(
    tx: &mut Tx,
    scope: AccountScope,
    role: &RoleKey,
) -> Result<Vec<CopiedLink>, StorageError> {
    let rows: Vec<CopiedLinkRow> = on!(tx, c => sqlx::query_as(COPIED_LINKS_ABOUT_ROLE)
        .bind(scope.id().0)
        .bind(role.as_str())
        .fetch_all(c).await)?;
    rows.into_iter().map(CopiedLink::try_from).collect()
}

/// Kills the tokens of an invitation, of one channel or all (INV-11); their sealed forms are erased.
pub async fn kill_tokens(
    tx: &mut Tx,
    scope: AccountScope,
    id: InvitationId,
    channel: Option<Channel>,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, KILL_TOKENS, scope.id().0, id.0, now.0, channel.map_or("", Channel::key))
}

/// A token that Roster made, dead or alive.
#[derive(Clone, Debug)]
pub struct FoundToken {
    /// The scope that holding the token establishes.
    pub scope: AccountScope,
    /// Its invitation.
    pub invitation: InvitationId,
    /// How it reached its holder.
    pub channel: Channel,
    /// When it was made.
    pub made: Timestamp,
    /// Is it the live one of its channel?
    pub live: bool,
    /// The address that it was mailed to, if it was.
    pub address: Option<AddressDigest>,
}

#[derive(FromRow)]
struct FoundTokenRow {
    account_id: Uuid,
    invitation_id: Uuid,
    channel: String,
    created_at: i64,
    dead_at: Option<i64>,
    address_digest: Option<Vec<u8>>,
}

/// The token with this hash. Only `service::joining::presented_invitation` calls this.
pub(crate) async fn find_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<FoundToken>, StorageError> {
    let row: Option<FoundTokenRow> = on!(tx, c => sqlx::query_as(FIND_TOKEN).bind(hash).fetch_optional(c).await)?;
    row.map(|row| {
        let channel = Channel::from_key(&row.channel);
        Ok(FoundToken {
            scope: AccountScope::established(AccountId(row.account_id)),
            invitation: InvitationId(row.invitation_id),
            channel: channel.ok_or(StorageError::inconsistent("invitation_tokens", "channel"))?,
            made: Timestamp(row.created_at),
            live: row.dead_at.is_none(),
            address: row.address_digest.map(AddressDigest),
        })
    })
    .transpose()
}
