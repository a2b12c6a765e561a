//! Shows what an account's owners settle for it.

use crate::{
    context::Services,
    service::{actors, ownership::seen_by_owner},
    storage::{accounts, ownership_offers},
};
use app::{api::account_settings::AccountSettingsView, backend::ShowAccountSettings, error::AppError, request::Caller};
use async_trait::async_trait;

#[async_trait]
impl ShowAccountSettings for Services {
    /// Name, language, and what invitations begin with.
    async fn show_account_settings(&self, caller: &Caller) -> Result<AccountSettingsView, AppError> {
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_owner(self, &mut tx, caller).await?;
        let settings = accounts::settings(&mut tx, actor.scope()).await?;
        let offer = ownership_offers::of_owner(&mut tx, actor.scope(), actor.member, self.now()).await?;
        let deletion = accounts::deletion(&mut tx, actor.scope()).await?.map(super::shown);
        Ok(AccountSettingsView {
            deletion,
            offer: offer.map(seen_by_owner),
            recently_authenticated: actor.is_recently_authenticated(self),
            slug: actor.slug,
            name: settings.name,
            language: settings.language,
            invitations: settings.invitations,
            reminders: settings.reminders,
            replies: settings.replies,
            roles: actor.roles,
            version: settings.version,
        })
    }
}
