//! Remembering a browser, so that the next sign-ins there ask for the password alone. It proves nothing: what asks for a second factor, a
//! reauthentication or an account that demands one, asks for it in such a browser as well (LT-09).

use crate::{
    context::Services,
    secrets::Token,
    storage::{StorageError, Tx, remembered_browsers},
};
use app::{
    domain::{ids::UserId, second_factor::REMEMBERED_BROWSER_DAYS, time::Span},
    request::Visitor,
};

impl Services {
    /// Does this browser sign this user in by the password alone?
    pub(super) async fn is_remembered(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
    ) -> Result<bool, StorageError> {
        match visitor.remembered_browser.as_deref().and_then(Token::parse) {
            Some(token) => remembered_browsers::is_live(tx, &token.hash(), user, self.now()).await,
            None => Ok(false),
        }
    }

    /// Remembers this browser for a user who has just proved a second factor; answers its cookie.
    pub(super) async fn remember_browser(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
    ) -> Result<String, StorageError> {
        let (token, now) = (Token::new(), self.now());
        let expires = now + Span::days(REMEMBERED_BROWSER_DAYS);
        remembered_browsers::insert(tx, &token.hash(), user, &visitor.user_agent, now, expires).await?;
        Ok(self.cookies.remembered_browser(token.reveal()))
    }
}
