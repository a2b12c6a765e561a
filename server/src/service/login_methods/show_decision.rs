//! The person whom the provider named, or who asks to be invited by another address, beside the person who was invited (R14, R43, R44).

use crate::{
    context::Services,
    service::actors,
    storage::{decisions, users},
};
use app::{
    api::login_methods::{DecisionAbout, DecisionView},
    backend::ShowDecision,
    domain::{ids::MemberId, permission::Gate, policy::can_handle_invitation},
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ShowDecision for Services {
    /// The person whom the provider named, beside the one who was invited.
    async fn show_decision(&self, caller: &Caller, member: MemberId) -> Result<Option<DecisionView>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let row = actors::find_member(&mut tx, &actor, member).await?;
        let open = decisions::find_open(&mut tx, actor.scope(), member).await?;
        let Some(open) = open else { return Ok(None) };
        let invited = row.email.typed().to_owned();
        let about = match open.asked_by {
            Some(user) => {
                let asker = users::find(&mut tx, user).await?.ok_or(AppError::NotFound)?;
                DecisionAbout::Request { name: asker.name, email: (invited, asker.email.typed().to_owned()) }
            }
            None => DecisionAbout::Provider {
                method: row.method.name.clone().unwrap_or_default(),
                email: (invited, open.email),
                identifier: (row.identifier.clone(), open.identifier),
            },
        };
        Ok(Some(DecisionView {
            member,
            decision: open.id,
            label: row.label().to_owned(),
            about,
            at: open.at,
            verdict: can_handle_invitation(&actor.effective, &row.grant, &actor.roles),
        }))
    }
}
