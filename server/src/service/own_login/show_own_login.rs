//! Who the signed-in person is to Roster, for the pages at `/me`.

use super::signed_in;
use crate::{
    context::Services,
    storage::{address_changes, sessions, users},
};
use app::{
    api::own_login::OwnLogin, backend::ShowOwnLogin, domain::time_zone::TimeZone, error::AppError, request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ShowOwnLogin for Services {
    /// The login, and whether this session may change it.
    async fn show_own_login(&self, visitor: &Visitor) -> Result<OwnLogin, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        let user = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
        let may_change = sessions::password_proved(&mut tx, signed_in.session).await?.is_some();
        let awaited = match may_change {
            true => address_changes::pending(&mut tx, user.id, self.now()).await?,
            false => None,
        };
        Ok(OwnLogin {
            name: user.name,
            email: user.email.typed().to_owned(),
            // The choice in this browser is the later one, and what the page is in.
            language: user.language.map(|_| visitor.language),
            time_zone: user.time_zone,
            theme: user.theme,
            time_zones: if may_change { TimeZone::all() } else { Vec::new() },
            awaited_email: awaited.map(|change| (change.new.typed().to_owned(), change.expires)),
            delete_at: user.delete_at,
            may_change,
            shortest_password: self.config.passwords.shortest,
        })
    }
}
