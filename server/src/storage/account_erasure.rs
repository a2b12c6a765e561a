//! Deletes an account with everything that is its own (CF-08): a new table of accounts has its statement here, or goes with the account's row. Users stay, as what they are
//! elsewhere.

use super::{AccountScope, StorageError, Tx, accounts, platform_sign_ins, run, statements};
use app::domain::time::Timestamp;

statements! {
    // Whoever came by this account's providers alone is signed in for nothing any more.
    SESSIONS = "
        DELETE FROM sessions
         WHERE id IN (SELECT p.session_id FROM session_proofs p JOIN login_methods l ON l.id = p.login_method_id WHERE l.account_id = $1)
           AND NOT EXISTS (SELECT 1 FROM session_proofs o
                            WHERE o.session_id = sessions.id
                              AND (o.login_method_id IS NULL
                                   OR o.login_method_id NOT IN (SELECT k.id FROM login_methods k WHERE k.account_id = $1)))";
    PROOFS = "DELETE FROM session_proofs WHERE login_method_id IN (SELECT l.id FROM login_methods l WHERE l.account_id = $1)";
    CODES = "
        DELETE FROM one_time_tokens
         WHERE purpose = 'invitation_code' AND subject_id IN (SELECT i.id FROM invitations i WHERE i.account_id = $1)";
    LINK_HOLDERS = "DELETE FROM invitation_token_holders WHERE account_id = $1";
    TOKENS = "DELETE FROM invitation_tokens WHERE account_id = $1";
    DECISIONS = "DELETE FROM decisions WHERE account_id = $1";
    ATTEMPTS = "DELETE FROM oauth_attempts WHERE account_id = $1";
    DELIVERY_EVENTS = "DELETE FROM delivery_events WHERE outbox_id IN (SELECT o.id FROM outbox o WHERE o.account_id = $1)";
    MAILS = "DELETE FROM outbox WHERE account_id = $1";
    OFFERS = "DELETE FROM ownership_offers WHERE account_id = $1";
    IDENTITIES = "DELETE FROM identities WHERE account_id = $1";
    SECOND_FACTORS = "DELETE FROM second_factors WHERE account_id = $1";
    REQUIRED_OF_ROLES = "DELETE FROM second_factor_roles WHERE account_id = $1";
    REQUIREMENTS = "DELETE FROM second_factor_requirements WHERE account_id = $1";
    CONFIGURATIONS = "DELETE FROM login_method_configurations WHERE account_id = $1";
    INVITATIONS = "DELETE FROM invitations WHERE account_id = $1";
    EXTRAS = "DELETE FROM member_permissions WHERE account_id = $1";
    ROLE_CHANGERS = "UPDATE roles SET changed_by = NULL WHERE account_id = $1 AND changed_by IS NOT NULL";
    MEMBERS = "DELETE FROM members WHERE account_id = $1";
    LOGIN_METHODS = "DELETE FROM login_methods WHERE account_id = $1";
    ROLE_PERMISSIONS = "DELETE FROM role_permissions WHERE account_id = $1";
    ROLES = "DELETE FROM roles WHERE account_id = $1";
    AUDIT_DETAILS = "DELETE FROM audit_details WHERE account_id = $1";
    AUDIT_EVENTS = "DELETE FROM audit_events WHERE account_id = $1";
    REFUSALS = "DELETE FROM invitation_refusals WHERE account_id = $1";
    // They stay bound to it, so that they serve nobody: not whoever gets the address next.
    PLATFORMS = "UPDATE platform_client_accounts SET account_id = NULL WHERE account_id = $1";
    ACCOUNT = "DELETE FROM accounts WHERE id = $1";
}

/// The order in which nothing is deleted before what names it.
const IN_ORDER: [&str; 27] = [
    SESSIONS,
    PROOFS,
    CODES,
    LINK_HOLDERS,
    TOKENS,
    DECISIONS,
    ATTEMPTS,
    DELIVERY_EVENTS,
    MAILS,
    OFFERS,
    IDENTITIES,
    SECOND_FACTORS,
    REQUIRED_OF_ROLES,
    REQUIREMENTS,
    CONFIGURATIONS,
    INVITATIONS,
    EXTRAS,
    ROLE_CHANGERS,
    MEMBERS,
    LOGIN_METHODS,
    ROLE_PERMISSIONS,
    ROLES,
    AUDIT_DETAILS,
    AUDIT_EVENTS,
    REFUSALS,
    PLATFORMS,
    ACCOUNT,
];

/// Deletes the account, which is locked. Platforms hear of the end of its sign-ins. Nobody gets its addresses before `slugs_kept_until`.
pub(crate) async fn erase(tx: &mut Tx, scope: AccountScope, slugs_kept_until: Timestamp) -> Result<(), StorageError> {
    platform_sign_ins::end_of_account(tx, scope).await?;
    accounts::reserve_slugs(tx, scope, slugs_kept_until).await?;
    for sql in IN_ORDER {
        run!(tx, sql, scope.id().0)?;
    }
    tx.note_change(scope.id());
    Ok(())
}
