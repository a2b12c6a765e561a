//! Members: the lines of an account's Users list, and the actor of a request.

use super::{
    AccountScope, StorageError, Tx, accounts, changed, containing, login_methods, on, outbox::Delivery, statements,
};
use crate::collation::{Keys, MAX_SEARCH_WORDS, MAX_SORT_KEY_BYTES, search_words};
use app::domain::{
    email::Email,
    ids::{AccountId, InvitationId, LoginMethodId, MemberId, SessionId, UserId},
    invitation::InvitationState,
    language::Language,
    list::{Count, ListQuery, MOST_COUNTED, PAGE, Sort},
    member::{LoginMethod, MemberState, ShownState},
    name::Slug,
    permission::Permissions,
    role::{Grant, RoleKey},
    time::Timestamp,
};
use sqlx::FromRow;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// The columns of [`Member`], with the latest invitation and its mail; `$1` is the account.
macro_rules! select_members {
    ($rest:expr) => {
        concat!(
            "
        SELECT m.id, m.user_id, m.email, m.email_key, m.name, m.name_sort, m.state, m.role_key, m.login_method_id, m.identifier,
               m.invited_at, m.joined_at, m.removed_at, m.last_active_at, m.version, m.changed_at,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras,
               l.kind AS method_kind, l.name AS method_name, l.enabled AS method_enabled,
               (SELECT COUNT(*) FROM decisions d
                 WHERE d.member_id = m.id AND d.outcome IS NULL AND d.invitation_id = i.id AND d.login_method_id = m.login_method_id
                   AND m.state = 'invited' AND i.state IN ('pending', 'held')) AS decisions,
               i.id AS invitation_id, i.state AS invitation_state, i.expires_at, i.sponsor_id,
               COALESCE(s.name, s.email) AS sponsor, COALESCE(v.name, v.email) AS vouched_by,
               COALESCE(r.name, r.email) AS removed_by, COALESCE(k.name, k.email) AS changed_by,
               o.state AS mail_state, o.next_at AS mail_next_at, o.done_at AS mail_done_at, o.last_answer AS mail_answer,
               o.unanswered_at AS mail_unanswered_at, o.lease_until AS mail_lease_until
          FROM members m
          JOIN login_methods l ON l.id = m.login_method_id
          LEFT JOIN invitations i ON i.id = m.invitation_id
          LEFT JOIN members s ON s.id = i.sponsor_id
          LEFT JOIN members v ON v.id = m.vouched_by
          LEFT JOIN members r ON r.id = m.removed_by
          LEFT JOIN members k ON k.id = m.changed_by
          LEFT JOIN outbox o ON o.id = (SELECT x.id FROM outbox x
                                         WHERE x.invitation_id = m.invitation_id AND x.kind = 'invitation'
                                         ORDER BY x.id DESC LIMIT 1)
         WHERE m.account_id = $1 AND m.purged_at IS NULL ",
            $rest
        )
    };
}

/// Does this text hold every word that is looked for? They are `$5` to `$12`; `%` stands in for those that there are not.
macro_rules! holds_each_word {
    ($text:literal) => {
        holds_each_word!($text, "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12")
    };
    ($text:literal, $first:literal $($other:literal)*) => {
        concat!($text, " LIKE ", $first, " ESCAPE '\\'" $(, " AND ", $text, " LIKE ", $other, " ESCAPE '\\'")*)
    };
}

/// The rows that a view of the list matches: `$2` now, `$3` role, `$4` shown state, `$5` to `$12` patterns of the words looked for. Rows
/// without keys, which the job has not come to yet, are looked through as they were before there were keys.
macro_rules! matching {
    () => {
        concat!(
            "
           AND ($5 = '%' OR ",
            holds_each_word!("m.search_key"),
            " OR m.search_key = '' AND ",
            holds_each_word!("(m.name_key || ' ' || m.email_key)"),
            ")
           AND ($3 = '' OR m.role_key = $3)
           AND CASE WHEN $4 = '' THEN m.state <> 'removed'
                    WHEN $4 IN ('active', 'suspended', 'removed') THEN m.state = $4
                    ELSE m.state = 'invited' AND $4 = CASE WHEN i.state = 'declined' THEN 'declined'
                                                           WHEN i.state = 'held' THEN 'held'
                                                           WHEN i.expires_at <= $2 THEN 'expired'
                                                           ELSE 'invited' END END "
        )
    };
}

/// Has the row's user a working way in (R33): a password while Email & password is on, or a link to a method that is on and has passed?
macro_rules! has_way_in {
    () => {
        "l.enabled
           AND (l.kind = 'password' AND EXISTS (SELECT 1 FROM password_credentials c WHERE c.user_id = m.user_id)
                OR EXISTS (SELECT 1 FROM identities i JOIN login_method_configurations c ON c.login_method_id = i.login_method_id
                            WHERE i.login_method_id = l.id AND i.user_id = m.user_id AND c.stage = 'live'))"
    };
}

/// One page: `$13` and `$14` the value and the id that the page before ended with, `$15` how many.
#[rustfmt::skip]
macro_rules! page {
    ($value:literal, $follows:literal, $direction:literal) => {
        select_members!(concat!(
            matching!(), "
           AND (", $value, ", m.id) ", $follows, " ($13, $14)
         ORDER BY ", $value, " ", $direction, ", m.id ", $direction, "
         LIMIT $15"
        ))
    };
}

statements! {
    ACTOR = "
        SELECT m.id, m.account_id, m.login_method_id, m.state, m.role_key, COALESCE(m.name, m.email) AS label, m.last_active_at,
               a.name AS account_name, a.language,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras,
               (SELECT MAX(s.proved_at) FROM session_proofs s JOIN login_methods l ON l.id = m.login_method_id
                 WHERE s.session_id = $3 AND l.enabled
                   AND (l.kind = 'password' AND s.kind = 'password' OR s.login_method_id = l.id)) AS proved_at
          FROM members m JOIN accounts a ON a.id = m.account_id
         WHERE a.slug = $1 AND m.user_id = $2";
    FIND = select_members!("AND m.id = $2");
    FIND_BY_EMAIL = select_members!("AND m.email_key = $2 ORDER BY CASE WHEN m.state = 'removed' THEN 1 ELSE 0 END LIMIT 1");
    FIND_BY_USER = select_members!("AND m.user_id = $2");
    BY_NAME_UP = page!("m.name_sort", ">", "ASC");
    BY_NAME_DOWN = page!("m.name_sort", "<", "DESC");
    BY_ACTIVITY_UP = page!("COALESCE(m.last_active_at, 0)", ">", "ASC");
    BY_ACTIVITY_DOWN = page!("COALESCE(m.last_active_at, 0)", "<", "DESC");
    BY_INVITED_DOWN = page!("m.invited_at", "<", "DESC");
    COUNT = concat!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM members m LEFT JOIN invitations i ON i.id = m.invitation_id
          WHERE m.account_id = $1 AND m.purged_at IS NULL ", matching!(), " LIMIT $13) counted");
    OTHERS = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE account_id = $1 AND id <> $2 AND state <> 'removed' LIMIT 1) m";
    INSERT = "
        INSERT INTO members (id, account_id, user_id, email, email_key, name, name_key, state, role_key, login_method_id, identifier,
                             invited_at, version, changed_at, changed_by, name_sort, search_key)
        VALUES ($1, $2, NULL, $3, $4, $5, COALESCE($6, $4), 'invited', $7, $8, $9, $10, 1, $10, $11, $12, $13)";
    SET_METHOD = "UPDATE members SET login_method_id = $3, identifier = $4 WHERE account_id = $1 AND id = $2";
    IDENTIFIER_TAKEN = "
        SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE account_id = $1 AND login_method_id = $2 AND identifier = $3 AND id <> $4
                                                      AND state <> 'removed' LIMIT 1) m";
    SET_IDENTIFIER = "UPDATE members SET identifier = $3 WHERE account_id = $1 AND id = $2";
    UNLINKED = "
        SELECT m.user_id FROM members m
         WHERE m.account_id = $1 AND m.login_method_id = $2 AND m.identifier = $3 AND m.state = 'active' AND m.user_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.login_method_id = m.login_method_id AND i.user_id = m.user_id)";
    FORGET_IDENTIFIERS = "UPDATE members SET identifier = NULL WHERE account_id = $1 AND login_method_id = $2";
    INSERT_ACTIVE = "
        INSERT INTO members (id, account_id, user_id, email, email_key, name, name_key, state, role_key, login_method_id,
                             invited_at, joined_at, last_active_at, version, changed_at, name_sort, search_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, $10, $10, $10, 1, $10, $11, $12)";
    REVIVE = "
        UPDATE members SET state = 'invited', role_key = $3, login_method_id = $4, identifier = $5, name = COALESCE($6, name),
                           name_key = COALESCE($7, name_key), invited_at = $8, removed_at = NULL, removed_by = NULL,
                           vouched_by = NULL, version = version + 1, changed_at = $8, changed_by = $9, name_sort = $10, search_key = $11
         WHERE account_id = $1 AND id = $2";
    WITH_KEYS = "
        SELECT id, name, email, email_key, name_sort, search_key, version, invited_at FROM members
         WHERE account_id = $1 AND purged_at IS NULL AND (invited_at, id) > ($2, $3) ORDER BY invited_at, id LIMIT $4";
    SET_KEYS = "
        UPDATE members SET name = $4, email = $5, name_sort = $6, search_key = $7 WHERE account_id = $1 AND id = $2 AND version = $3";
    SET_INVITATION = "UPDATE members SET invitation_id = $3 WHERE account_id = $1 AND id = $2";
    SET_GRANT = "
        UPDATE members SET role_key = $3, version = version + 1, changed_at = $4, changed_by = $5
         WHERE account_id = $1 AND id = $2 AND version = $6";
    CLEAR_EXTRAS = "DELETE FROM member_permissions WHERE account_id = $1 AND member_id = $2";
    ADD_EXTRA = "INSERT INTO member_permissions (account_id, member_id, permission) VALUES ($1, $2, $3)";
    REMOVE = "
        UPDATE members SET state = 'removed', removed_at = $3, removed_by = $4, version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND version = $5 AND state <> 'removed'";
    JOIN = "
        UPDATE members SET state = 'active', user_id = $3, email = $4, email_key = $5, name = $6, name_key = $7, joined_at = $8,
                           last_active_at = $8, vouched_by = $9, version = version + 1, changed_at = $8, changed_by = $2,
                           name_sort = $10, search_key = $11
         WHERE account_id = $1 AND id = $2 AND state = 'invited' AND (user_id IS NULL OR user_id = $3)";
    HOLD = "
        UPDATE members SET state = 'suspended', version = version + 1, changed_at = $2, changed_by = NULL
         WHERE user_id = $1 AND state = 'active'
        RETURNING account_id, id, email_key, role_key";
    ACCOUNTS_OF = "SELECT account_id FROM members WHERE user_id = $1 AND state = 'active'";
    REACTIVATE = "
        UPDATE members SET state = 'active', version = version + 1, changed_at = $3, changed_by = $4
         WHERE account_id = $1 AND id = $2 AND state = 'suspended'";
    OWNERS = concat!("
        SELECT COUNT(*)
          FROM members m
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE m.account_id = $1 AND m.state = 'active' AND m.role_key = 'owner' AND m.id <> $2 AND l.id <> $3 AND ", has_way_in!());
    HAS_WAY_IN = concat!("
        SELECT COUNT(*)
          FROM members m
          JOIN login_methods l ON l.id = m.login_method_id
         WHERE m.account_id = $1 AND m.id = $2 AND ", has_way_in!());
    TOUCH = "UPDATE members SET last_active_at = $3 WHERE account_id = $1 AND id = $2";
    WITH_PERMISSION = "
        SELECT m.id, u.email_key, u.id AS user_id, u.language, m.role_key,
               (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id) AS extras
          FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.account_id = $1 AND m.state = 'active'
           AND (m.role_key IN ('owner', 'admin') OR EXISTS (SELECT 1 FROM member_permissions p
                                                             WHERE p.member_id = m.id AND p.permission = 'users.invite')
                OR EXISTS (SELECT 1 FROM role_permissions r
                            WHERE r.account_id = m.account_id AND r.role_key = m.role_key AND r.permission = 'users.invite'))
         ORDER BY CASE WHEN m.role_key = 'owner' THEN 0 ELSE 1 END, m.id LIMIT 50";
}

/// The signed-in user's place in an account, as the database has it now.
#[derive(Clone, Debug)]
pub struct Place {
    /// The proof of the right to the account's data; good only together with what the caller checks of the rest.
    pub scope: AccountScope,
    /// The user's row.
    pub member: MemberId,
    /// The login method by which the member signs in.
    pub method: LoginMethodId,
    /// The row's state.
    pub state: MemberState,
    /// Role and extras.
    pub grant: Grant,
    /// The name to show.
    pub label: String,
    /// Last activity.
    pub last_active: Option<Timestamp>,
    /// The account's name.
    pub account_name: String,
    /// The account's language.
    pub language: Language,
    /// When this session last proved the member's login method; `None` if it did not.
    pub proved: Option<Timestamp>,
}

#[derive(FromRow)]
struct PlaceRow {
    id: Uuid,
    account_id: Uuid,
    login_method_id: Uuid,
    state: String,
    role_key: String,
    label: String,
    last_active_at: Option<i64>,
    account_name: String,
    language: String,
    extras: Option<String>,
    proved_at: Option<i64>,
}

/// The place of a user in the account with this slug, if there is a row at all. For `service::actors` alone.
pub(crate) async fn place(
    tx: &mut Tx,
    slug: &Slug,
    user: UserId,
    session: SessionId,
) -> Result<Option<Place>, StorageError> {
    let row: Option<PlaceRow> = on!(tx, c => sqlx::query_as(ACTOR)
        .bind(slug.as_str())
        .bind(user.0)
        .bind(session.0)
        .fetch_optional(c).await)?;
    row.map(|row| {
        Ok(Place {
            scope: AccountScope::established(AccountId(row.account_id)),
            member: MemberId(row.id),
            method: LoginMethodId(row.login_method_id),
            state: state(&row.state)?,
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
            label: row.label,
            last_active: row.last_active_at.map(Timestamp),
            account_name: row.account_name,
            language: Language::from_tag(&row.language).unwrap_or_default(),
            proved: row.proved_at.map(Timestamp),
        })
    })
    .transpose()
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
    /// The User identifier that the person is invited by (R42).
    pub identifier: Option<String>,
    /// Must an admin decide on who came back from the provider (R43, R44)?
    pub awaits_decision: bool,
    /// When the latest invitation was made.
    pub invited_at: Timestamp,
    /// When the person joined.
    pub joined_at: Option<Timestamp>,
    /// When removed.
    pub removed_at: Option<Timestamp>,
    /// Last activity.
    pub last_active_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
    /// The last change.
    pub changed_at: Timestamp,
    /// Who made it.
    pub changed_by: Option<String>,
    /// Who removed the member.
    pub removed_by: Option<String>,
    /// Who answers for the mailbox.
    pub vouched_by: Option<String>,
    /// What the list sorts by where it is in the order of names.
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
    /// Who answers for it.
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
                    InvitationState::Held => ShownState::Held,
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
    last_active_at: Option<i64>,
    version: i64,
    changed_at: i64,
    extras: Option<String>,
    method_kind: String,
    method_name: Option<String>,
    method_enabled: bool,
    decisions: i64,
    invitation_id: Option<Uuid>,
    invitation_state: Option<String>,
    expires_at: Option<i64>,
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
            identifier: row.identifier,
            awaits_decision: row.decisions > 0,
            invited_at: Timestamp(row.invited_at),
            joined_at: row.joined_at.map(Timestamp),
            removed_at: row.removed_at.map(Timestamp),
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

/// The row of this user.
pub async fn find_by_user(tx: &mut Tx, scope: AccountScope, user: UserId) -> Result<Option<Member>, StorageError> {
    let row: Option<MemberRow> =
        on!(tx, c => sqlx::query_as(FIND_BY_USER).bind(scope.id().0).bind(user.0).fetch_optional(c).await)?;
    row.map(Member::try_from).transpose()
}

/// A place in the order of the list: the value that it sorts by, and the id. It stays where it is whatever becomes of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The value.
    pub value: SortValue,
    /// The id of the row that had it.
    pub id: MemberId,
}

/// What the list sorts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// The key of the name.
    Name(Vec<u8>),
    /// A time; 0 for somebody who never was active.
    Time(i64),
}

impl Position {
    /// The place of a row in this order.
    fn of(member: &Member, sort: Sort) -> Self {
        let value = match sort {
            Sort::NameUp | Sort::NameDown => SortValue::Name(member.name_sort.clone()),
            Sort::LastActiveUp | Sort::LastActiveDown => SortValue::Time(member.last_active_at.map_or(0, |at| at.0)),
            Sort::InvitedDown => SortValue::Time(member.invited_at.0),
        };
        Self { value, id: member.id }
    }

    /// Before the first row of this order. There is always a place to go on from, so that the databases use their index for it.
    fn start(sort: Sort) -> Self {
        let (first, last) = (MemberId(Uuid::nil()), MemberId(Uuid::max()));
        match sort {
            Sort::NameUp => Self { value: SortValue::Name(Vec::new()), id: first },
            // Longer than any key.
            Sort::NameDown => Self { value: SortValue::Name(vec![u8::MAX; MAX_SORT_KEY_BYTES + 1]), id: last },
            Sort::LastActiveUp => Self { value: SortValue::Time(i64::MIN), id: first },
            Sort::LastActiveDown | Sort::InvitedDown => Self { value: SortValue::Time(i64::MAX), id: last },
        }
    }
}

/// The patterns of the words of a search, `%` for those that there are not.
fn patterns(search: &str) -> [String; MAX_SEARCH_WORDS] {
    let mut words = search_words(search).into_iter();
    std::array::from_fn(|_| words.next().map_or_else(|| "%".to_owned(), |word| containing(&word)))
}

/// Binds what the rows of a view match by, to a query of the list.
macro_rules! bind_view {
    ($sql:expr, $scope:expr, $query:expr, $now:expr) => {{
        let mut bound = $sql
            .bind($scope.id().0)
            .bind($now.0)
            .bind($query.role.as_ref().map_or("", RoleKey::as_str))
            .bind($query.state.map_or("", ShownState::key));
        for pattern in patterns(&$query.search) {
            bound = bound.bind(pattern);
        }
        bound
    }};
}

/// One page of the list, from this place or the beginning on, with the place that the next page follows.
pub async fn page(
    tx: &mut Tx,
    scope: AccountScope,
    query: &ListQuery,
    from: Option<Position>,
    now: Timestamp,
) -> Result<(Vec<Member>, Option<Position>), StorageError> {
    let sql = match query.sort {
        Sort::NameUp => BY_NAME_UP,
        Sort::NameDown => BY_NAME_DOWN,
        Sort::LastActiveUp => BY_ACTIVITY_UP,
        Sort::LastActiveDown => BY_ACTIVITY_DOWN,
        Sort::InvitedDown => BY_INVITED_DOWN,
    };
    let from = from.unwrap_or_else(|| Position::start(query.sort));
    let rows: Vec<MemberRow> = on!(tx, c => {
        let bound = bind_view!(sqlx::query_as(sql), scope, query, now);
        let bound = match from.value {
            SortValue::Name(key) => bound.bind(key),
            SortValue::Time(at) => bound.bind(at),
        };
        bound.bind(from.id.0).bind(PAGE as i64 + 1).fetch_all(c).await
    })?;
    let mut members: Vec<Member> = rows.into_iter().map(Member::try_from).collect::<Result<_, _>>()?;
    let more = members.len() > PAGE;
    members.truncate(PAGE);
    let next = members.last().filter(|_| more).map(|last| Position::of(last, query.sort));
    Ok((members, next))
}

/// How many rows a view of the list matches.
pub async fn count(tx: &mut Tx, scope: AccountScope, query: &ListQuery, now: Timestamp) -> Result<Count, StorageError> {
    let counted: i64 = on!(tx, c => bind_view!(sqlx::query_scalar(COUNT), scope, query, now)
        .bind(i64::try_from(MOST_COUNTED).unwrap_or(i64::MAX) + 1)
        .fetch_one(c).await)?;
    let counted = counted.unsigned_abs();
    Ok(if counted > MOST_COUNTED { Count::Many } else { Count::Exactly(counted) })
}

/// Is there nobody else in the list, removed members not counted?
pub async fn is_alone(tx: &mut Tx, scope: AccountScope, me: MemberId) -> Result<bool, StorageError> {
    let others: i64 = on!(tx, c => sqlx::query_scalar(OTHERS).bind(scope.id().0).bind(me.0).fetch_one(c).await)?;
    Ok(others == 0)
}

/// What somebody is invited to, and how the person comes in.
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
    on!(tx, c => sqlx::query(INSERT)
        .bind(id.0)
        .bind(scope.id().0)
        .bind(email.typed())
        .bind(email.key())
        .bind(offer.name)
        .bind(offer.name.map(str::to_lowercase))
        .bind(offer.grant.role.as_str())
        .bind(offer.method.0)
        .bind(offer.identifier)
        .bind(now.0)
        .bind(by.map(|by| by.0))
        .bind(&keys.name_sort)
        .bind(&keys.search)
        .execute(c).await.map(|_| ()))?;
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
    on!(tx, c => sqlx::query(INSERT_ACTIVE)
        .bind(id.0)
        .bind(scope.id().0)
        .bind(user.id.0)
        .bind(user.email.typed())
        .bind(user.email.key())
        .bind(&user.name)
        .bind(user.name.to_lowercase())
        .bind(grant.role.as_str())
        .bind(method.0)
        .bind(now.0)
        .bind(&keys.name_sort)
        .bind(&keys.search)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Makes an invited row again of a tombstone (R4), of the row of somebody who said no (R63), or, for the host's operator, of one without a way
/// in (R33).
pub async fn revive(
    tx: &mut Tx,
    scope: AccountScope,
    known: &Member,
    offer: Offer<'_>,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let keys = Keys::of(offer.name.or(known.name.as_deref()), &known.email);
    on!(tx, c => sqlx::query(REVIVE)
        .bind(scope.id().0)
        .bind(known.id.0)
        .bind(offer.grant.role.as_str())
        .bind(offer.method.0)
        .bind(offer.identifier)
        .bind(offer.name)
        .bind(offer.name.map(str::to_lowercase))
        .bind(now.0)
        .bind(by.map(|by| by.0))
        .bind(&keys.name_sort)
        .bind(&keys.search)
        .execute(c).await.map(|_| ()))?;
    replace_extras(tx, scope, known.id, &offer.grant.extras).await
}

/// Ties a member to its latest invitation.
pub async fn set_invitation(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    invitation: InvitationId,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_INVITATION)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(invitation.0)
        .execute(c).await.map(|_| ()))?;
    Ok(())
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
    let changed = changed!(tx, c => sqlx::query(SET_GRANT)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(grant.role.as_str())
        .bind(now.0)
        .bind(by.map(|by| by.0))
        .bind(version)
        .execute(c).await)?;
    if changed == 0 {
        return Ok(false);
    }
    replace_extras(tx, scope, id, &grant.extras).await?;
    Ok(true)
}

async fn replace_extras(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    extras: &Permissions,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(CLEAR_EXTRAS).bind(scope.id().0).bind(id.0).execute(c).await.map(|_| ()))?;
    add_extras(tx, scope, id, extras).await
}

async fn add_extras(tx: &mut Tx, scope: AccountScope, id: MemberId, extras: &Permissions) -> Result<(), StorageError> {
    for key in extras {
        on!(tx, c => sqlx::query(ADD_EXTRA)
            .bind(scope.id().0)
            .bind(id.0)
            .bind(key.as_str())
            .execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

/// Makes a row a tombstone, if it is still at `version` (R39, R66); `false` if it is not.
pub async fn remove(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: MemberId,
    version: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, c => sqlx::query(REMOVE)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(now.0)
        .bind(by.0)
        .bind(version)
        .execute(c).await)?;
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
    let changed = changed!(tx, c => sqlx::query(JOIN)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(user.id.0)
        .bind(user.email.typed())
        .bind(user.email.key())
        .bind(&user.name)
        .bind(user.name.to_lowercase())
        .bind(now.0)
        .bind(vouched_by.map(|by| by.0))
        .bind(&keys.name_sort)
        .bind(&keys.search)
        .execute(c).await)?;
    Ok(changed == 1)
}

/// A row with its keys as they are stored, for the job that computes them anew.
#[derive(Clone, Debug, FromRow)]
pub struct StoredKeys {
    id: Uuid,
    name: Option<String>,
    email: String,
    email_key: String,
    name_sort: Vec<u8>,
    search_key: String,
    version: i64,
    invited_at: i64,
}

/// How far the job that computes keys has come in an account. A row that moves meanwhile moves forward, and was written with its keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowPosition {
    invited_at: i64,
    id: Uuid,
}

impl StoredKeys {
    /// Where the row stands in the order of the job.
    pub fn position(&self) -> RowPosition {
        RowPosition { invited_at: self.invited_at, id: self.id }
    }
}

/// The next rows of an account with their keys, removed members included.
pub(crate) async fn with_keys(
    tx: &mut Tx,
    scope: AccountScope,
    after: RowPosition,
    most: i64,
) -> Result<Vec<StoredKeys>, StorageError> {
    Ok(on!(tx, c => sqlx::query_as(WITH_KEYS)
        .bind(scope.id().0)
        .bind(after.invited_at)
        .bind(after.id)
        .bind(most)
        .fetch_all(c).await)?)
}

/// The row as it should be, with name and address in the form in which they are written today; `None` if it is so already.
pub(crate) fn rewritten(row: &StoredKeys) -> Option<StoredKeys> {
    let name = row.name.as_deref().map(|name| name.nfc().collect::<String>());
    let email = Email::from_storage(row.email.clone(), row.email_key.clone());
    let keys = Keys::of(name.as_deref(), &email);
    let email = email.typed().to_owned();
    let same =
        (&name, &email, &keys.name_sort, &keys.search) == (&row.name, &row.email, &row.name_sort, &row.search_key);
    (!same).then(|| StoredKeys { name, email, name_sort: keys.name_sort, search_key: keys.search, ..row.clone() })
}

/// Writes a row's keys, name and address, unless it was changed since it was read; whoever changed it wrote them.
pub(crate) async fn set_keys(tx: &mut Tx, scope: AccountScope, row: &StoredKeys) -> Result<bool, StorageError> {
    let changed = changed!(tx, c => sqlx::query(SET_KEYS)
        .bind(scope.id().0)
        .bind(row.id)
        .bind(row.version)
        .bind(&row.name)
        .bind(&row.email)
        .bind(&row.name_sort)
        .bind(&row.search_key)
        .execute(c).await)?;
    Ok(changed == 1)
}

/// A membership that waits for its account's admins.
#[derive(Clone, Debug)]
pub struct HeldMembership {
    /// The account's scope, for the record of it.
    pub scope: AccountScope,
    /// The row.
    pub member: MemberId,
    /// The canonical address.
    pub email_key: String,
    /// The role.
    pub role: RoleKey,
}

/// The accounts of a user's active memberships, for those who lock them before [`hold_of_user`].
pub(crate) async fn accounts_of(tx: &mut Tx, user: UserId) -> Result<Vec<AccountScope>, StorageError> {
    let accounts: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(ACCOUNTS_OF).bind(user.0).fetch_all(c).await)?;
    Ok(accounts.into_iter().map(|account| AccountScope::established(AccountId(account))).collect())
}

/// Suspends every active membership of a user whose mailbox turned out to be somebody else's (R13).
pub(crate) async fn hold_of_user(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<HeldMembership>, StorageError> {
    let rows: Vec<(Uuid, Uuid, String, String)> =
        on!(tx, c => sqlx::query_as(HOLD).bind(user.0).bind(now.0).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(account, member, email_key, role)| HeldMembership {
            scope: AccountScope::established(AccountId(account)),
            member: MemberId(member),
            email_key,
            role: RoleKey::new(role),
        })
        .collect())
}

/// Lets a suspended member in again; `false` if the member is not suspended.
pub async fn reactivate(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = changed!(tx, c => sqlx::query(REACTIVATE)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(now.0)
        .bind(by.map(|by| by.0))
        .execute(c).await)?;
    Ok(changed == 1)
}

/// Active owners with a working way in, `except` not counted (R33).
pub async fn other_owners(tx: &mut Tx, scope: AccountScope, except: MemberId) -> Result<u64, StorageError> {
    owners(tx, scope, except.0, Uuid::nil()).await
}

/// Active owners with a working way in other than this method (R33, OA-19).
pub async fn owners_without(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<u64, StorageError> {
    owners(tx, scope, Uuid::nil(), method.0).await
}

async fn owners(tx: &mut Tx, scope: AccountScope, except: Uuid, method: Uuid) -> Result<u64, StorageError> {
    let owners: i64 = on!(tx, c => sqlx::query_scalar(OWNERS)
        .bind(scope.id().0)
        .bind(except)
        .bind(method)
        .fetch_one(c).await)?;
    Ok(owners.unsigned_abs())
}

/// Could this row's user sign in by the row's method, as far as Roster can tell (R33)?
pub async fn has_way_in(tx: &mut Tx, scope: AccountScope, id: MemberId) -> Result<bool, StorageError> {
    let ways: i64 = on!(tx, c => sqlx::query_scalar(HAS_WAY_IN).bind(scope.id().0).bind(id.0).fetch_one(c).await)?;
    Ok(ways > 0)
}

/// Says by which method somebody comes in, and as whom (R26, R42, R46).
pub async fn set_method(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    method: LoginMethodId,
    identifier: Option<&str>,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_METHOD)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(method.0)
        .bind(identifier)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Is the identifier another row's already? One person at the provider is one line of the list.
pub async fn identifier_taken(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
    except: Option<MemberId>,
) -> Result<bool, StorageError> {
    let others: i64 = on!(tx, c => sqlx::query_scalar(IDENTIFIER_TAKEN)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(identifier)
        .bind(except.map_or(Uuid::nil(), |id| id.0))
        .fetch_one(c).await)?;
    Ok(others > 0)
}

/// The user of the active row to which an admin gave this identifier, while no identity is linked to that user (R46). `None` if several
/// rows have it.
pub async fn unlinked(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    identifier: &str,
) -> Result<Option<UserId>, StorageError> {
    let users: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(UNLINKED)
        .bind(scope.id().0)
        .bind(method.0)
        .bind(identifier)
        .fetch_all(c).await)?;
    Ok(match users.as_slice() {
        [only] => Some(UserId(*only)),
        _ => None,
    })
}

/// Gives a row another User identifier (R44, R46).
pub async fn set_identifier(
    tx: &mut Tx,
    scope: AccountScope,
    id: MemberId,
    identifier: &str,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_IDENTIFIER)
        .bind(scope.id().0)
        .bind(id.0)
        .bind(identifier)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Forgets the identifiers of a method whose provider now means other people by them (R45).
pub async fn forget_identifiers(tx: &mut Tx, scope: AccountScope, method: LoginMethodId) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(FORGET_IDENTIFIERS).bind(scope.id().0).bind(method.0).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Notes that a member is active.
pub async fn touch(tx: &mut Tx, scope: AccountScope, id: MemberId, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(TOUCH).bind(scope.id().0).bind(id.0).bind(now.0).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Somebody who may handle invitations.
#[derive(Clone, Debug)]
pub struct Inviter {
    /// The row.
    pub member: MemberId,
    /// The user.
    pub user: UserId,
    /// The canonical address.
    pub email_key: String,
    /// The language, if one was chosen.
    pub language: Option<Language>,
    /// Role and extras.
    pub grant: Grant,
}

#[derive(FromRow)]
struct InviterRow {
    id: Uuid,
    email_key: String,
    user_id: Uuid,
    language: Option<String>,
    role_key: String,
    extras: Option<String>,
}

/// Members who may handle invitations, owners first, fifty at most.
pub async fn inviters(tx: &mut Tx, scope: AccountScope) -> Result<Vec<Inviter>, StorageError> {
    let rows: Vec<InviterRow> = on!(tx, c => sqlx::query_as(WITH_PERMISSION).bind(scope.id().0).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|row| Inviter {
            member: MemberId(row.id),
            user: UserId(row.user_id),
            email_key: row.email_key,
            language: row.language.as_deref().and_then(Language::from_tag),
            grant: Grant { role: RoleKey::new(row.role_key), extras: accounts::extras(row.extras) },
        })
        .collect())
}
