//! The browsers that somebody is signed in with (SE-08).

use super::signed_in;
use crate::{context::Services, storage::sessions, user_agent::UserAgent};
use app::{
    api::own_login::{OwnSession, OwnSessions},
    backend::ListSessions,
    domain::{
        ids::SessionId,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ListSessions for Services {
    /// The sessions of the signed-in user, the latest used first. A session that a provider began sees itself alone.
    async fn list_sessions(&self, visitor: &Visitor) -> Result<OwnSessions, AppError> {
        let signed_in = signed_in(visitor)?;
        let (now, limits) = (self.now(), &self.config.sessions);
        let oldest = now - Span::days(i64::from(limits.absolute_days));
        let idlest = now - Span::days(i64::from(limits.idle_days));
        let mut tx = self.database.begin_read().await?;
        let may_change = sessions::password_proved(&mut tx, signed_in.session).await?.is_some();
        let sessions = sessions::of_user(&mut tx, signed_in.user, oldest, idlest).await?;
        let sessions = sessions
            .into_iter()
            .map(|session| {
                let UserAgent { browser, system } = UserAgent::read(&session.user_agent);
                OwnSession {
                    id: SessionId(session.id),
                    browser: browser.map(str::to_owned),
                    system: system.map(str::to_owned),
                    ip: session.ip,
                    began: Timestamp(session.created_at),
                    last_used: Timestamp(session.last_seen_at),
                    present: session.id == signed_in.session.0,
                }
            })
            .filter(|session| may_change || session.present)
            .collect();
        Ok(OwnSessions { sessions, may_change })
    }
}
