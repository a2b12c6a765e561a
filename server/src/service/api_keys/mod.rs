//! Settings → API keys, and who asks by one (LT-01, LT-02, R37).

mod answer_again;
mod authenticate_key;
mod list_api_keys;
mod make_api_key;
mod revoke_api_key;
mod show_account_of_key;
mod take_over_api_key;

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        StorageError, Tx, members,
        outbox::{ApiKeyMail, MailKind, NewMail},
        users,
    },
};
pub(in crate::service) use answer_again::ANSWER_TTL;
pub use answer_again::{Answer, Claim};
pub use authenticate_key::{Acts, Allowance, Authenticated, KeyRefusal, KeyUse, OperatorUse};
pub use show_account_of_key::AccountOfKey;

use app::domain::{ids::MemberId, member::MemberState};

impl Services {
    /// Tells an active member what happened to a key of theirs. Whoever has no access any more is told nothing of the account.
    async fn tell_of_key(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        member: MemberId,
        what: ApiKeyMail,
    ) -> Result<(), StorageError> {
        let row = members::find(tx, actor.scope(), member).await?.filter(|row| row.state == MemberState::Active);
        let Some((user, member)) = row.and_then(|row| Some((row.user?, row.id))) else { return Ok(()) };
        let Some(user) = users::find(tx, user).await? else { return Ok(()) };
        let mail =
            NewMail::about(MailKind::ApiKey(what), member, user.language.unwrap_or(actor.language), user.email.key());
        self.queue(tx, actor.scope(), mail, self.now()).await?;
        Ok(())
    }
}
