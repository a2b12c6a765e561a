//! The person's own log.

use super::signed_in;
use crate::{
    context::Services,
    storage::{sessions, user_events},
    user_agent::UserAgent,
};
use app::{
    api::own_login::{OwnActivity, OwnEvent},
    backend::ListOwnEvents,
    domain::{ids::UserEventId, time::Timestamp},
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// The events of one page.
const PAGE_EVENTS: i64 = 50;

#[async_trait]
impl ListOwnEvents for Services {
    /// The events before this one, the latest first. None in a session that did not prove the user's own password: they tell where the
    /// person was.
    async fn list_own_events(&self, visitor: &Visitor, before: Option<UserEventId>) -> Result<OwnActivity, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        if sessions::password_proved(&mut tx, signed_in.session).await?.is_none() {
            return Ok(OwnActivity { events: Vec::new(), next: None, may_change: false });
        }
        let before = before.map(|before| before.0);
        let recorded = user_events::list(&mut tx, signed_in.user, before, PAGE_EVENTS).await?;
        let full = recorded.len() == usize::try_from(PAGE_EVENTS).unwrap_or_default();
        let next = recorded.last().filter(|_| full).map(|last| UserEventId(last.id));
        let events = recorded
            .into_iter()
            .filter_map(|recorded| {
                // While instances are updated one after the other, another may write what this one does not know yet.
                let event = serde_json::from_str(&recorded.data).ok()?;
                let UserAgent { browser, system } = UserAgent::read(recorded.user_agent.as_deref().unwrap_or_default());
                Some(OwnEvent {
                    at: Timestamp(recorded.at),
                    event,
                    ip: recorded.ip,
                    browser: browser.map(str::to_owned),
                    system: system.map(str::to_owned),
                })
            })
            .collect();
        Ok(OwnActivity { events, next, may_change: true })
    }
}
