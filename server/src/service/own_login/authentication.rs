//! What changes of one's own login ask of a session: that it proved the user's own password, and that this, or a second factor, was proved
//! within the last minutes (AZ-16).

use super::require_own_password_session;
use crate::{
    context::Services,
    secrets::Token,
    service::actors::is_recent,
    storage::{
        StorageError, Tx,
        second_factors::{self, FactorsOf},
        sessions, users,
    },
};
use app::{domain::ids::SessionId, error::AppError, request::SignedIn};

impl Services {
    /// Refuses a session that did not prove the user's own password, or proved nothing of the user's own in the last minutes.
    ///
    /// # Errors
    /// Those of [`require_own_password_session`]; [`AppError::ReauthenticationRequired`].
    pub(in crate::service) async fn require_recent_own_authentication(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
    ) -> Result<(), AppError> {
        require_own_password_session(tx, signed_in).await?;
        if self.is_recently_authenticated(tx, signed_in).await? {
            Ok(())
        } else {
            Err(AppError::ReauthenticationRequired)
        }
    }

    /// Begins to change what lets the signed-in user in. The user's row is locked first, so that whoever takes a change of address back finds
    /// what was added, and whatever comes after that finds its session ended (PW-11).
    ///
    /// # Errors
    /// Those of [`Self::require_recent_own_authentication`].
    pub(super) async fn begin_login_change(&self, signed_in: &SignedIn) -> Result<Tx, AppError> {
        let mut tx = self.database.begin_write().await?;
        users::lock(&mut tx, signed_in.user).await?;
        self.require_recent_own_authentication(&mut tx, signed_in).await?;
        Ok(tx)
    }

    /// Has the session proved the user's password or a second factor in the last minutes? Somebody who has a second factor must have proved
    /// one at all, though the browser be remembered (LT-09).
    pub(super) async fn is_recently_authenticated(
        &self,
        tx: &mut Tx,
        signed_in: &SignedIn,
    ) -> Result<bool, StorageError> {
        if lacks_second_factor(tx, signed_in).await? {
            return Ok(false);
        }
        let at = sessions::own_proved(tx, signed_in.session).await?;
        Ok(at.is_some_and(|at| is_recent(at, self.config.sessions.step_up_minutes, self.now())))
    }

    /// Gives the session another cookie, after something was proved in it (SE-02).
    pub(in crate::service) async fn renew_cookie(
        &self,
        tx: &mut Tx,
        session: SessionId,
    ) -> Result<String, StorageError> {
        let token = Token::new();
        sessions::renew_cookie(tx, session, &token.hash()).await?;
        Ok(self.cookies.session(token.reveal()))
    }
}

/// Does the user have a second factor that the session did not prove, as in a remembered browser?
pub(super) async fn lacks_second_factor(tx: &mut Tx, signed_in: &SignedIn) -> Result<bool, StorageError> {
    Ok(second_factors::has_any(tx, FactorsOf::user(signed_in.user)).await?
        && sessions::second_factor_proved(tx, signed_in.session).await?.is_none())
}
