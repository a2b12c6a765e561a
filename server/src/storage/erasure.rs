//! Erases what belongs to a user alone (CF-08): a login that its owner deleted.

use super::{
    StorageError, Tx, decisions, identities, pending_sign_ins, platform_sign_ins, run, sessions, statements, users,
};
use app::domain::{ids::UserId, time::Timestamp};

statements! {
    PASSWORD = "DELETE FROM password_credentials WHERE user_id = $1";
    SECOND_FACTORS = "DELETE FROM second_factors WHERE user_id = $1";
    RECOVERY_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
    ADDRESS_CHANGES = "DELETE FROM address_changes WHERE user_id = $1";
    PASSWORD_RESETS = "
        DELETE FROM password_resets WHERE email_key = (SELECT u.email_key FROM users u WHERE u.id = $1)";
    EVENTS = "DELETE FROM user_events WHERE user_id = $1";
    // Mails about the login: what waits is not sent any more, and nothing tells to whom the others went.
    MAILS = "
        UPDATE outbox SET recipient = '', last_answer = NULL, sealed = NULL, lease_until = NULL,
                          state = CASE WHEN state = 'queued' THEN 'dropped' ELSE state END
         WHERE user_id = $1";
}

/// Erases a user's credentials, sessions, identities, log and mails, and what the user's own row tells. The memberships were ended before.
pub(crate) async fn erase(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StorageError> {
    sessions::delete_of_user(tx, user).await?;
    pending_sign_ins::delete_of_user(tx, user).await?;
    identities::delete_of_user(tx, user).await?;
    platform_sign_ins::forget_subjects(tx, user).await?;
    decisions::supersede_of_asker(tx, user, now).await?;
    for sql in [PASSWORD, SECOND_FACTORS, RECOVERY_CODES, ADDRESS_CHANGES, PASSWORD_RESETS, EVENTS, MAILS] {
        run!(tx, sql, user.0)?;
    }
    users::erase(tx, user).await
}
