//! What the page of a reset link shows.

use crate::{
    context::Services,
    secrets::Token,
    storage::{
        StorageError, Tx,
        password_resets::{self, LiveReset},
        users::{self, User},
    },
};
use app::{api::recovery::PasswordResetView, backend::ViewPasswordReset, error::AppError, request::Visitor};
use async_trait::async_trait;

#[async_trait]
impl ViewPasswordReset for Services {
    /// The form, if this browser holds a link that is valid. The link names the address, as whoever has it can read the mailbox, or got it
    /// from the operator.
    async fn view_password_reset(&self, visitor: &Visitor) -> Result<PasswordResetView, AppError> {
        let mut tx = self.database.begin_read().await?;
        Ok(match self.presented_reset(&mut tx, visitor).await? {
            Some((_, user)) => PasswordResetView::Open {
                email: user.email.typed().to_owned(),
                own_words: vec![user.name, user.email.typed().to_owned()],
                shortest_password: self.config.passwords.shortest,
            },
            None => PasswordResetView::Ended,
        })
    }
}

impl Services {
    /// The reset link that this browser holds and its user, if both are still there. A link sets no first password: the accounts of whoever
    /// has none let people in by providers.
    pub(super) async fn presented_reset(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<Option<(LiveReset, User)>, StorageError> {
        let Some(token) = visitor.password_reset.as_deref().and_then(Token::parse) else { return Ok(None) };
        let Some(reset) = password_resets::find_live(tx, &token.hash(), self.now()).await? else { return Ok(None) };
        let user = users::find_by_email(tx, &reset.email_key).await?;
        Ok(user.filter(|user| user.phc.is_some()).map(|user| (reset, user)))
    }
}
