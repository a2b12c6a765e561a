//! What people change of their own login. It reaches further than any account, so a session that proved nothing but providers of accounts
//! changes nothing here (R49).

mod add_passkey;
mod ask_for_address_change;
pub(super) mod ask_for_password_reset;
mod authentication;
mod begin_passkey;
mod begin_passkey_reauthentication;
mod begin_totp;
mod change_password;
mod change_profile;
mod confirm_address_change;
mod confirm_totp;
mod decline_own_invitation;
pub(super) mod delete_login;
mod drop_address_change;
mod end_other_sessions;
mod end_session;
mod forget_browser;
mod join_own_invitation;
mod keep_login;
mod list_own_events;
mod list_own_invitations;
mod list_second_factors;
mod list_sessions;
mod make_recovery_codes;
pub(super) mod notify;
mod own_invitation;
mod reauthenticate_by_passkey;
mod reauthenticate_own_login;
mod remove_second_factor;
pub(super) mod reset_password;
mod show_own_login;
mod show_totp;
mod undo_address_change;
mod view_address_change;
mod view_own_reauthentication;
pub(super) mod view_password_reset;

use crate::{
    context::Services,
    service::sessions::sign_in::VerifiedPassword,
    storage::{
        StorageError, Tx, accounts,
        audit::{self, AuditActor, AuditTarget, Event},
        members, sessions,
        users::{self, User},
    },
};
use app::{
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::UserId,
        policy::Refusal,
        time::Timestamp,
    },
    error::AppError,
    request::{SignedIn, Visitor},
};
use authentication::lacks_second_factor;

/// The signed-in user of a request.
pub(in crate::service) fn signed_in(visitor: &Visitor) -> Result<&SignedIn, AppError> {
    visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)
}

/// Refuses a session that did not prove the person's own password.
///
/// # Errors
/// [`Refusal::OwnPasswordNeeded`].
pub(in crate::service) async fn require_own_password_session(
    tx: &mut Tx,
    signed_in: &SignedIn,
) -> Result<(), AppError> {
    match sessions::password_proved(tx, signed_in.session).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::OwnPasswordNeeded.into()),
    }
}

/// That the present password is another.
fn wrong_password() -> AppError {
    FieldErrors::one(Field::PresentPassword, Problem::WrongPassword).into()
}

impl Services {
    /// The signed-in user, in a session that proved the user's own password, and a second factor if the user has one: what asks for the
    /// password once more takes no remembered browser for the factor (LT-09).
    async fn require_own_password(&self, signed_in: &SignedIn) -> Result<User, AppError> {
        let mut tx = self.database.begin_read().await?;
        require_own_password_session(&mut tx, signed_in).await?;
        if lacks_second_factor(&mut tx, signed_in).await? {
            return Err(AppError::ReauthenticationRequired);
        }
        users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)
    }

    /// Checks the password that the person typed once more, as at signing in and under the same limits (PW-08, EN-04).
    async fn verify_present_password(
        &self,
        visitor: &Visitor,
        user: &User,
        password: &str,
    ) -> Result<VerifiedPassword, AppError> {
        match self.verify_password(visitor, Some(&user.email), password).await {
            // The address is another user's now: it was changed since it was read.
            Ok(proved) if proved.user.id != user.id => Err(wrong_password()),
            Err(AppError::WrongCredentials) => Err(wrong_password()),
            other => other,
        }
    }

    /// Rewrites the copies of what a user is called in all accounts, each with its event (R48). [`lock_copies`] comes before it; whoever joins
    /// another account meanwhile waits for the user's row, and copies what is new.
    pub(in crate::service) async fn rewrite_copies(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: &User,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for scope in members::accounts_with_copy(tx, user.id).await? {
            let Some(member) = members::rewrite_copy(tx, scope, user, now).await? else { continue };
            let actor =
                AuditActor { member: Some(member), name: Some(user.name.clone()), ip: Some(visitor.ip), key: None };
            let target = AuditTarget { member, email: user.email.key().to_owned() };
            audit::record(tx, scope, &actor, Some(&target), event, now).await?;
        }
        Ok(())
    }
}

/// Locks the accounts that hold copies of what a user is called, in the order that all follow, and then the user.
/// `None` if there is no such user any more.
pub(in crate::service) async fn lock_copies(tx: &mut Tx, user: UserId) -> Result<Option<User>, StorageError> {
    for scope in members::accounts_with_copy(tx, user).await? {
        accounts::lock(tx, scope).await?;
    }
    users::lock(tx, user).await?;
    users::find(tx, user).await
}
