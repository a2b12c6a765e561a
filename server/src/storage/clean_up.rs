//! Deletes data whose retention has ended (CF-08): in batches, so that no transaction is long. `$1` is the time before which data is
//! deleted, `$2` the size of a batch. A job of the system, which has every account's right, calls it.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{AccountId, InvitationId, MemberId},
    time::Timestamp,
};
use uuid::Uuid;

/// Members whose invitation expired or was declined, and was not renewed; `$1` the time.
macro_rules! lapsed {
    () => {
        "m.purged_at IS NULL AND m.state = 'invited'
           AND EXISTS (SELECT 1 FROM invitations i
                        WHERE i.account_id = m.account_id AND i.id = m.invitation_id
                          AND (i.state IN ('pending', 'held') AND i.expires_at <= $1 OR i.state = 'declined' AND i.answered_at <= $1))"
    };
}

/// Members who were removed; `$1` the time.
macro_rules! removed {
    () => {
        "m.purged_at IS NULL AND m.state = 'removed' AND m.removed_at <= $1"
    };
}

/// Invitations before a member's latest; `$1` the time.
macro_rules! earlier {
    () => {
        "i.answered_at <= $1 AND i.state IN ('accepted', 'declined', 'revoked')
           AND EXISTS (SELECT 1 FROM members m
                        WHERE m.account_id = i.account_id AND m.id = i.member_id AND m.invitation_id <> i.id)"
    };
}

/// The rows that depend on the invitations of a member, or on one invitation: `$1` the account, `$2` the invitation.
macro_rules! of_invitation {
    ($table:literal) => {
        concat!("DELETE FROM ", $table, " WHERE account_id = $1 AND invitation_id = $2")
    };
}

/// Deletes the rows of a table whose time in this column is past: `$1` the time, `$2` the size of a batch.
macro_rules! expired {
    ($table:literal, $column:literal) => {
        concat!("DELETE FROM ", $table, " WHERE id IN (SELECT id FROM ", $table, " WHERE ", $column, " <= $1 LIMIT $2)")
    };
}

statements! {
    OLD_SESSIONS = expired!("sessions", "created_at");
    IDLE_SESSIONS = expired!("sessions", "last_seen_at");
    BUCKETS = "
        DELETE FROM rate_buckets WHERE key IN (SELECT key FROM rate_buckets WHERE updated_at <= $1 LIMIT $2) AND updated_at <= $1";
    ONE_TIME_TOKENS = "
        DELETE FROM one_time_tokens
         WHERE id IN (SELECT id FROM one_time_tokens WHERE expires_at <= $1 OR used_at <= $1 LIMIT $2)";
    PASSWORD_RESETS = expired!("password_resets", "expires_at");
    ADDRESS_CHANGES = expired!("address_changes", "expires_at");
    REMEMBERED_BROWSERS = expired!("remembered_browsers", "expires_at");
    PENDING_SIGN_INS = expired!("pending_sign_ins", "expires_at");
    FORMER_SLUGS = "
        DELETE FROM former_slugs WHERE slug IN (SELECT slug FROM former_slugs WHERE until <= $1 LIMIT $2) AND until <= $1";
    OFFERS = expired!("ownership_offers", "COALESCE(ended_at, expires_at)");
    PASSKEY_CHALLENGES = expired!("passkey_challenges", "expires_at");
    UNCONFIRMED_FACTORS = "
        DELETE FROM second_factors
         WHERE id IN (SELECT id FROM second_factors WHERE confirmed_at IS NULL AND created_at <= $1 LIMIT $2)";
    USER_EVENTS = expired!("user_events", "at");
    PLATFORM_TOKENS = expired!("platform_tokens", "expires_at");
    UNUSED_CODES = "
        DELETE FROM platform_sign_ins
         WHERE id IN (SELECT id FROM platform_sign_ins WHERE created_at <= $1 AND code_used_at IS NULL LIMIT $2)";
    UNUSED_HOST_CODES = "
        DELETE FROM forward_auth_sign_ins
         WHERE id IN (SELECT id FROM forward_auth_sign_ins WHERE code_expires_at <= $1 AND cookie_hash IS NULL LIMIT $2)";
    PLATFORM_SIGN_INS = expired!("platform_sign_ins", "told_at");
    // Those that another key of their algorithm has taken the place of.
    SIGNING_KEYS = "
        DELETE FROM signing_keys
         WHERE id IN (SELECT k.id FROM signing_keys k
                       WHERE EXISTS (SELECT 1 FROM signing_keys n
                                      WHERE n.algorithm = k.algorithm AND n.created_at > k.created_at AND n.created_at <= $1)
                       LIMIT $2)";
    ATTEMPTS = expired!("oauth_attempts", "expires_at");
    FLASHES = expired!("flashes", "expires_at");
    API_KEYS = expired!("api_keys", "expires_at");
    API_ANSWERS = "
        DELETE FROM api_answers
         WHERE (key_id, idempotency_key) IN (SELECT key_id, idempotency_key FROM api_answers WHERE created_at <= $1 LIMIT $2)
           AND created_at <= $1";
    WEBHOOK_DELIVERIES = expired!("webhook_deliveries", "done_at");
    WEBHOOK_SECRETS = expired!("webhook_secrets", "valid_until");
    MAIL_TEXTS = "
        UPDATE outbox SET recipient = '', last_answer = NULL, sealed = NULL
         WHERE id IN (SELECT id FROM outbox
                       WHERE state <> 'queued' AND recipient <> '' AND COALESCE(done_at, created_at) <= $1 LIMIT $2)";
    DELIVERY_ANSWERS = "
        UPDATE delivery_events SET answer = NULL
         WHERE id IN (SELECT e.id FROM delivery_events e JOIN outbox o ON o.id = e.outbox_id
                       WHERE e.at <= $1 AND e.answer IS NOT NULL AND o.recipient = '' LIMIT $2)";
    DELIVERY_EVENTS = expired!("delivery_events", "at");
    MAILS = "
        DELETE FROM outbox
         WHERE id IN (SELECT o.id FROM outbox o
                       WHERE o.state <> 'queued' AND COALESCE(o.done_at, o.created_at) <= $1
                         AND NOT EXISTS (SELECT 1 FROM delivery_events e WHERE e.outbox_id = o.id) LIMIT $2)";
    DECISIONS = "
        DELETE FROM decisions
         WHERE id IN (SELECT d.id FROM decisions d JOIN invitations i ON i.account_id = d.account_id AND i.id = d.invitation_id
                       WHERE d.decided_at <= $1 AND d.outcome IS NOT NULL
                         AND (i.state NOT IN ('pending', 'held') OR i.expires_at <= $1) LIMIT $2)";
    CONFIGURATIONS = "
        DELETE FROM login_method_configurations
         WHERE id IN (SELECT c.id FROM login_method_configurations c
                       WHERE c.stage = 'retired' AND c.created_at <= $1
                         AND NOT EXISTS (SELECT 1 FROM oauth_attempts a WHERE a.account_id = c.account_id AND a.configuration_id = c.id)
                       LIMIT $2)";

    LAPSED = concat!("SELECT m.account_id, m.id FROM members m WHERE ", lapsed!(), " LIMIT $2");
    IS_LAPSED = concat!("SELECT COUNT(*) FROM members m WHERE m.account_id = $2 AND m.id = $3 AND ", lapsed!());
    REMOVED = concat!("SELECT m.account_id, m.id FROM members m WHERE ", removed!(), " LIMIT $2");
    IS_REMOVED = concat!("SELECT COUNT(*) FROM members m WHERE m.account_id = $2 AND m.id = $3 AND ", removed!());
    EARLIER = concat!("SELECT i.account_id, i.id FROM invitations i WHERE ", earlier!(), " LIMIT $2");
    IS_EARLIER = concat!("SELECT COUNT(*) FROM invitations i WHERE i.account_id = $2 AND i.id = $3 AND ", earlier!());

    HOLDERS_OF_INVITATION = "
        DELETE FROM invitation_token_holders
         WHERE account_id = $1 AND token_id IN (SELECT id FROM invitation_tokens WHERE account_id = $1 AND invitation_id = $2)";
    TOKENS_OF_INVITATION = of_invitation!("invitation_tokens");
    CODES_OF_INVITATION = "DELETE FROM one_time_tokens WHERE purpose = 'invitation_code' AND subject_id = $1";
    DECISIONS_OF_INVITATION = of_invitation!("decisions");
    ATTEMPTS_OF_INVITATION = of_invitation!("oauth_attempts");
    EVENTS_OF_INVITATION = "
        DELETE FROM delivery_events
         WHERE outbox_id IN (SELECT id FROM outbox WHERE account_id = $1 AND invitation_id = $2)";
    MAILS_OF_INVITATION = of_invitation!("outbox");
    INVITATION = "DELETE FROM invitations WHERE account_id = $1 AND id = $2";

    INVITATIONS_OF_MEMBER = "SELECT id FROM invitations WHERE account_id = $1 AND member_id = $2";
    EVENTS_OF_MEMBER = "
        DELETE FROM delivery_events
         WHERE outbox_id IN (SELECT id FROM outbox WHERE account_id = $1 AND member_id = $2)";
    MAILS_OF_MEMBER = "DELETE FROM outbox WHERE account_id = $1 AND member_id = $2";
    DECISIONS_OF_MEMBER = "DELETE FROM decisions WHERE account_id = $1 AND member_id = $2";
    HELD_BY_MEMBER = "
        DELETE FROM invitation_token_holders
         WHERE account_id = $1 AND member_id = $2
           AND token_id IN (SELECT id FROM invitation_tokens WHERE account_id = $1 AND dead_at IS NOT NULL)";
    API_KEYS_OF_MEMBER = "DELETE FROM api_keys WHERE account_id = $1 AND member_id = $2";
    EXTRAS_OF_MEMBER = "DELETE FROM member_permissions WHERE account_id = $1 AND member_id = $2";
    MENTIONS = "
        SELECT (SELECT COUNT(*) FROM members WHERE account_id = $1 AND id <> $2 AND (removed_by = $2 OR vouched_by = $2 OR changed_by = $2))
             + (SELECT COUNT(*) FROM invitations WHERE account_id = $1 AND sponsor_id = $2)
             + (SELECT COUNT(*) FROM invitation_token_holders WHERE account_id = $1 AND member_id = $2)
             + (SELECT COUNT(*) FROM login_method_configurations WHERE account_id = $1 AND created_by = $2)
             + (SELECT COUNT(*) FROM decisions WHERE account_id = $1 AND decided_by = $2)
             + (SELECT COUNT(*) FROM roles WHERE account_id = $1 AND changed_by = $2)";
    FORGET_OWN_MENTIONS = "
        UPDATE members SET removed_by = NULL, vouched_by = NULL, changed_by = NULL WHERE account_id = $1 AND id = $2";
    DELETE_MEMBER = "DELETE FROM members WHERE account_id = $1 AND id = $2";
    // Other rows name this one as their sponsor or as who changed them: the name stays for them, and nothing else.
    BLANK_MEMBER = "
        UPDATE members SET user_id = NULL, email = '', email_key = $3, name_key = '', search_key = '', identifier = NULL, invitation_id = NULL,
                           last_active_at = NULL, purged_at = $4
         WHERE account_id = $1 AND id = $2";
}

/// Data that one statement deletes in batches, without checking anything beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum Rows {
    OldSessions,
    IdleSessions,
    Buckets,
    OneTimeTokens,
    PasswordResets,
    AddressChanges,
    PendingSignIns,
    FormerSlugs,
    Offers,
    RememberedBrowsers,
    PasskeyChallenges,
    UnconfirmedFactors,
    UserEvents,
    PlatformTokens,
    UnusedCodes,
    UnusedHostCodes,
    PlatformSignIns,
    SigningKeys,
    Attempts,
    Flashes,
    ApiKeys,
    ApiAnswers,
    WebhookDeliveries,
    WebhookSecrets,
    MailTexts,
    DeliveryAnswers,
    DeliveryEvents,
    Mails,
    Decisions,
    Configurations,
}

impl Rows {
    const fn statement(self) -> &'static str {
        match self {
            Self::OldSessions => OLD_SESSIONS,
            Self::IdleSessions => IDLE_SESSIONS,
            Self::Buckets => BUCKETS,
            Self::OneTimeTokens => ONE_TIME_TOKENS,
            Self::PasswordResets => PASSWORD_RESETS,
            Self::AddressChanges => ADDRESS_CHANGES,
            Self::PendingSignIns => PENDING_SIGN_INS,
            Self::Offers => OFFERS,
            Self::FormerSlugs => FORMER_SLUGS,
            Self::RememberedBrowsers => REMEMBERED_BROWSERS,
            Self::PasskeyChallenges => PASSKEY_CHALLENGES,
            Self::UnconfirmedFactors => UNCONFIRMED_FACTORS,
            Self::UserEvents => USER_EVENTS,
            Self::PlatformTokens => PLATFORM_TOKENS,
            Self::UnusedCodes => UNUSED_CODES,
            Self::UnusedHostCodes => UNUSED_HOST_CODES,
            Self::PlatformSignIns => PLATFORM_SIGN_INS,
            Self::SigningKeys => SIGNING_KEYS,
            Self::Attempts => ATTEMPTS,
            Self::Flashes => FLASHES,
            Self::ApiKeys => API_KEYS,
            Self::ApiAnswers => API_ANSWERS,
            Self::WebhookDeliveries => WEBHOOK_DELIVERIES,
            Self::WebhookSecrets => WEBHOOK_SECRETS,
            Self::MailTexts => MAIL_TEXTS,
            Self::DeliveryAnswers => DELIVERY_ANSWERS,
            Self::DeliveryEvents => DELIVERY_EVENTS,
            Self::Mails => MAILS,
            Self::Decisions => DECISIONS,
            Self::Configurations => CONFIGURATIONS,
        }
    }
}

/// Deletes, or blanks, at most one batch of these rows that are older; answers how many.
pub async fn delete(tx: &mut Tx, rows: Rows, before: Timestamp, most: i64) -> Result<u64, StorageError> {
    Ok(changed!(tx, rows.statement(), before.0, most)?)
}

/// Data with dependent rows, which is deleted one by one under its account's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependent {
    /// Members whose invitation expired or was declined.
    LapsedMembers,
    /// Members who were removed.
    RemovedMembers,
    /// Invitations of members who have a later one.
    EarlierInvitations,
}

/// So many of these at most that are older, each with the scope of its account.
pub async fn find(
    tx: &mut Tx,
    dependent: Dependent,
    before: Timestamp,
    most: i64,
) -> Result<Vec<(AccountScope, Uuid)>, StorageError> {
    let statement = match dependent {
        Dependent::LapsedMembers => LAPSED,
        Dependent::RemovedMembers => REMOVED,
        Dependent::EarlierInvitations => EARLIER,
    };
    let rows: Vec<(Uuid, Uuid)> = on!(tx, c => sqlx::query_as(statement).bind(before.0).bind(most).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(account, id)| (AccountScope::established(AccountId(account)), id)).collect())
}

/// Is it still due, now that the account is locked?
pub async fn is_due(
    tx: &mut Tx,
    scope: AccountScope,
    dependent: Dependent,
    id: Uuid,
    before: Timestamp,
) -> Result<bool, StorageError> {
    let statement = match dependent {
        Dependent::LapsedMembers => IS_LAPSED,
        Dependent::RemovedMembers => IS_REMOVED,
        Dependent::EarlierInvitations => IS_EARLIER,
    };
    let found: i64 = on!(tx, c => sqlx::query_scalar(statement)
        .bind(before.0)
        .bind(scope.id().0)
        .bind(id)
        .fetch_one(c).await)?;
    Ok(found > 0)
}

/// Deletes an invitation with its tokens, codes, mails and decisions.
pub async fn delete_invitation(tx: &mut Tx, scope: AccountScope, id: InvitationId) -> Result<(), StorageError> {
    run!(tx, CODES_OF_INVITATION, id.0)?;
    for statement in [
        HOLDERS_OF_INVITATION,
        TOKENS_OF_INVITATION,
        DECISIONS_OF_INVITATION,
        ATTEMPTS_OF_INVITATION,
        EVENTS_OF_INVITATION,
        MAILS_OF_INVITATION,
        INVITATION,
    ] {
        execute(tx, statement, scope, id.0).await?;
    }
    Ok(())
}

/// Deletes a member with all that is the member's own. Where others' rows name the member, the row stays with the name alone, and is shown
/// nowhere.
pub async fn delete_member(tx: &mut Tx, scope: AccountScope, id: MemberId, now: Timestamp) -> Result<(), StorageError> {
    let invitations: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(INVITATIONS_OF_MEMBER)
        .bind(scope.id().0)
        .bind(id.0)
        .fetch_all(c).await)?;
    for invitation in invitations {
        delete_invitation(tx, scope, InvitationId(invitation)).await?;
    }
    for statement in [
        EVENTS_OF_MEMBER,
        MAILS_OF_MEMBER,
        DECISIONS_OF_MEMBER,
        HELD_BY_MEMBER,
        API_KEYS_OF_MEMBER,
        EXTRAS_OF_MEMBER,
        FORGET_OWN_MENTIONS,
    ] {
        execute(tx, statement, scope, id.0).await?;
    }
    let mentions: i64 = on!(tx, c => sqlx::query_scalar(MENTIONS).bind(scope.id().0).bind(id.0).fetch_one(c).await)?;
    if mentions == 0 {
        return execute(tx, DELETE_MEMBER, scope, id.0).await;
    }
    run!(tx, BLANK_MEMBER, scope.id().0, id.0, format!("purged {id}"), now.0)
}

async fn execute(tx: &mut Tx, statement: &'static str, scope: AccountScope, id: Uuid) -> Result<(), StorageError> {
    run!(tx, statement, scope.id().0, id)
}
