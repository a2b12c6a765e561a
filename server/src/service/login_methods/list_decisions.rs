//! The open decisions of an account, for programs; people see them at the rows of the Users list (R43, R44).

use crate::{
    context::Services,
    service::actors,
    storage::decisions::{self, Decision},
};
use app::{
    domain::{
        ids::{DecisionId, MemberId},
        permission::Gate,
    },
    error::AppError,
    request::Caller,
};

impl Services {
    /// Some open decisions after this one, oldest first, and whether there are more. Needs `users.invite`.
    ///
    /// # Errors
    /// As [`actors::load_with`].
    pub async fn list_some_decisions(
        &self,
        caller: &Caller,
        after: DecisionId,
        most: i64,
    ) -> Result<(Vec<Decision>, bool), AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let mut found = decisions::open_after(&mut tx, actor.scope(), after, most + 1).await?;
        let more = found.len() as i64 > most;
        found.truncate(most as usize);
        Ok((found, more))
    }

    /// The row that an open decision is about. Needs `users.invite`.
    ///
    /// # Errors
    /// As [`actors::load_with`]; [`AppError::NotFound`].
    pub async fn member_of_decision(&self, caller: &Caller, decision: DecisionId) -> Result<MemberId, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let found = decisions::find(&mut tx, actor.scope(), decision).await?;
        found.map(|found| found.member).ok_or(AppError::NotFound)
    }
}
